// SPDX-License-Identifier: Apache-2.0
#include "export/writer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define IO_BYTES (256 << 10)
#define STREAMS_MAX 16
#define TICKS 90000
#define WRAP (INT64_C(1) << 33)
// libavformat sets the clock back by twice this, so that a receiver has time to collect a picture.
#define DELAY_US 50000

struct writer {
    int fd;
    int failed; // errno of the first write that failed
    bool mp4;
    int64_t first_pts, last_pts; // unwrapped, from first_pts on
    AVFormatContext *output;
    AVIOContext *io;
    int target[STREAMS_MAX];         // of each stream of the segments; -1 = left out
    int64_t newest_pts[STREAMS_MAX]; // of each, unwrapped; -1 = none yet
};

static int write_bytes(void *context, uint8_t *data, int size_bytes)
{
    struct writer *writer = context;

    for (int done = 0; done < size_bytes;) {
        ssize_t n = write(writer->fd, data + done, (size_t)(size_bytes - done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            writer->failed = writer->failed ? writer->failed : n < 0 ? errno : EIO;
            return AVERROR(writer->failed);
        }
        done += (int)n;
    }
    return size_bytes;
}

static int64_t seek(void *context, int64_t offset, int whence)
{
    struct writer *writer = context;
    off_t at = lseek(writer->fd, offset, whence & (SEEK_SET | SEEK_CUR | SEEK_END));

    return at < 0 ? AVERROR(errno) : at;
}

static int fail(const struct writer *writer, int av_error, struct export_text *why)
{
    bool full = writer->failed == ENOSPC || writer->failed == EDQUOT;

    if (writer->failed)
        snprintf(why->text, sizeof why->text, "the file cannot be written: %s%s", strerror(writer->failed),
                 full ? "; make room, or export to another disk" : "");
    else
        snprintf(why->text, sizeof why->text, "the stream cannot be written in this format: %s",
                 av_err2str(av_error));
    return full                          ? CASTOR_ERR_FULL
           : writer->failed              ? CASTOR_ERR_IO
           : av_error == AVERROR(ENOMEM) ? CASTOR_ERR_NO_MEMORY
                                         : CASTOR_ERR_INVALID;
}

static int add_stream(struct writer *writer, const struct reader *reader, unsigned i)
{
    const AVCodecParameters *parameters = reader_parameters(reader, i);
    const char *language = reader_language(reader, i);

    if (parameters->codec_type != AVMEDIA_TYPE_VIDEO && parameters->codec_type != AVMEDIA_TYPE_AUDIO)
        return 0;
    AVStream *stream = avformat_new_stream(writer->output, NULL);
    if (!stream)
        return AVERROR(ENOMEM);
    writer->target[i] = stream->index;
    stream->time_base = (AVRational){1, TICKS};
    if (!writer->mp4)
        stream->id = reader_stream_id(reader, i);
    int error = avcodec_parameters_copy(stream->codecpar, parameters);
    // As the recorder names it: some players take no other name.
    stream->codecpar->codec_tag =
        writer->mp4 && parameters->codec_id == AV_CODEC_ID_HEVC ? MKTAG('h', 'v', 'c', '1') : 0;
    return error >= 0 && language ? av_dict_set(&stream->metadata, "language", language, 0) : error;
}

static int set_up(struct writer *writer, const struct reader *reader)
{
    uint8_t *buffer = av_malloc(IO_BYTES);
    int error = avformat_alloc_output_context2(&writer->output, NULL, writer->mp4 ? "mp4" : "mpegts", NULL);

    if (buffer)
        writer->io = avio_alloc_context(buffer, IO_BYTES, 1, writer, NULL, write_bytes, seek);
    if (error < 0 || !writer->io) {
        if (!writer->io)
            av_free(buffer);
        return error < 0 ? error : AVERROR(ENOMEM);
    }
    writer->output->pb = writer->io;
    writer->output->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_BITEXACT;
    writer->output->avoid_negative_ts = AVFMT_AVOID_NEG_TS_DISABLED;
    writer->output->max_delay = DELAY_US;
    for (unsigned i = 0; i < reader_stream_count(reader) && error >= 0; i++)
        error = i < STREAMS_MAX ? add_stream(writer, reader, i) : AVERROR(EINVAL);
    AVDictionary *options = NULL;
    if (error >= 0 && !writer->mp4)
        error = av_dict_set(&options, "mpegts_copyts", "1", 0);
    if (error >= 0)
        error = avformat_write_header(writer->output, &options);
    av_dict_free(&options);
    return error;
}

int writer_open(int fd, bool mp4, const struct reader *reader, int64_t first_pts, struct writer **out,
                struct export_text *why)
{
    struct writer *writer = calloc(1, sizeof *writer);

    if (!writer)
        return CASTOR_ERR_NO_MEMORY;
    writer->fd = fd;
    writer->mp4 = mp4;
    writer->first_pts = writer->last_pts = first_pts;
    for (unsigned i = 0; i < STREAMS_MAX; i++) {
        writer->target[i] = -1;
        writer->newest_pts[i] = -1;
    }
    int error = set_up(writer, reader);
    if (error < 0 || writer->failed) {
        error = fail(writer, error, why);
        writer_close(writer);
        return error;
    }
    *out = writer;
    return CASTOR_OK;
}

// Without it players leave out the last one. Of Opus a fragmented MP4 file does not tell it: then it is that
// of the one before.
static int64_t duration_of(const struct writer *writer, const struct reader_unit *unit, int64_t pts)
{
    int64_t before = writer->newest_pts[unit->stream];

    return unit->duration > 0 || before < 0 ? unit->duration : pts - before;
}

int writer_put(struct writer *writer, const struct reader_unit *unit, struct export_text *why)
{
    AVPacket *packet = unit->packet;
    int64_t pts = unit->pts;

    if (unit->stream >= STREAMS_MAX || writer->target[unit->stream] < 0)
        return CASTOR_OK;
    while (pts < writer->last_pts - WRAP / 2)
        pts += WRAP;
    if (unit->video)
        writer->last_pts = pts;
    packet->pts = packet->dts = writer->mp4 ? pts - writer->first_pts : pts;
    packet->stream_index = writer->target[unit->stream];
    packet->flags = !unit->video || unit->idr ? AV_PKT_FLAG_KEY : 0;
    packet->pos = -1;
    packet->duration = duration_of(writer, unit, pts);
    writer->newest_pts[unit->stream] = pts;
    AVRational base = writer->output->streams[packet->stream_index]->time_base;
    av_packet_rescale_ts(packet, (AVRational){1, TICKS}, base);
    int error = av_interleaved_write_frame(writer->output, packet);
    return error < 0 || writer->failed ? fail(writer, error, why) : CASTOR_OK;
}

int writer_finish(struct writer *writer, int64_t *size_bytes, struct export_text *why)
{
    int error = av_write_trailer(writer->output);

    avio_flush(writer->io);
    if (!writer->failed && fsync(writer->fd) != 0)
        writer->failed = errno;
    *size_bytes = lseek(writer->fd, 0, SEEK_END);
    return error < 0 || writer->failed ? fail(writer, error, why) : CASTOR_OK;
}

void writer_close(struct writer *writer)
{
    if (!writer)
        return;
    if (writer->io)
        av_freep((void *)&writer->io->buffer);
    avio_context_free(&writer->io);
    avformat_free_context(writer->output);
    free(writer);
}
