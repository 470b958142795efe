// SPDX-License-Identifier: Apache-2.0
#include "export/reader.h"

#include <errno.h>
#include <libavcodec/bsf.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "export/identity.h"
#include "hal/time.h"

#define IO_BYTES (64 << 10)
#define PTS_MASK ((INT64_C(1) << 33) - 1)
#define TICKS 90000

struct reader {
    struct archive_segment segment;
    int fd;
    int64_t position;
    int64_t pts_offset_ns;
    AVFormatContext *input;
    AVIOContext *io;
    AVBSFContext *annexb; // of MP4
    AVPacket *packet;
    unsigned video;
    int64_t first_picture_ns; // in the file's own time
};

static int read_bytes(void *context, uint8_t *to, int size_bytes)
{
    struct reader *reader = context;
    ssize_t n;

    do {
        n = pread(reader->fd, to, (size_t)size_bytes, reader->position);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return AVERROR(errno);
    reader->position += n;
    return n == 0 ? AVERROR_EOF : (int)n;
}

static int64_t seek(void *context, int64_t offset, int whence)
{
    struct reader *reader = context;
    struct stat info;

    if (fstat(reader->fd, &info) != 0)
        return AVERROR(errno);
    if (whence & AVSEEK_SIZE)
        return info.st_size;
    if (whence == SEEK_CUR)
        offset += reader->position;
    else if (whence == SEEK_END)
        offset += info.st_size;
    if (offset < 0)
        return AVERROR(EINVAL);
    reader->position = offset;
    return offset;
}

static bool is_mp4(const struct reader *reader)
{
    enum archive_container container = ARCHIVE_TS;

    (void)archive_name_is_segment(reader->segment.file, &container, NULL);
    return container == ARCHIVE_MP4;
}

static int open_input(struct reader *reader)
{
    uint8_t *buffer = av_malloc(IO_BYTES);

    reader->input = avformat_alloc_context();
    if (buffer)
        reader->io = avio_alloc_context(buffer, IO_BYTES, 0, reader, read_bytes, NULL, seek);
    if (!reader->input || !reader->io) {
        if (!reader->io)
            av_free(buffer);
        return AVERROR(ENOMEM);
    }
    reader->input->pb = reader->io;
    reader->input->correct_ts_overflow = 0; // times are 33 bits here, as on air
    int error = avformat_open_input(&reader->input, NULL,
                                    av_find_input_format(is_mp4(reader) ? "mp4" : "mpegts"), NULL);
    return error < 0 ? error : avformat_find_stream_info(reader->input, NULL);
}

static int open_annexb(struct reader *reader)
{
    const char *name = reader->segment.codec == ARCHIVE_HEVC ? "hevc_mp4toannexb" : "h264_mp4toannexb";
    int error = av_bsf_alloc(av_bsf_get_by_name(name), &reader->annexb);

    if (error < 0)
        return error;
    error = avcodec_parameters_copy(reader->annexb->par_in, reader->input->streams[reader->video]->codecpar);
    return error < 0 ? error : av_bsf_init(reader->annexb);
}

static int set_up(struct reader *reader)
{
    int error = open_input(reader);

    if (error >= 0)
        error = av_find_best_stream(reader->input, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    if (error < 0)
        return error;
    reader->video = (unsigned)error;
    const AVStream *video = reader->input->streams[reader->video];
    if (video->start_time == AV_NOPTS_VALUE)
        return AVERROR_INVALIDDATA;
    reader->first_picture_ns =
        av_rescale_q(video->start_time, video->time_base, (AVRational){1, CASTOR_NS_PER_S});
    reader->packet = av_packet_alloc();
    if (!reader->packet)
        return AVERROR(ENOMEM);
    return is_mp4(reader) ? open_annexb(reader) : 0;
}

int reader_open(const struct archive_segment *segment, int fd, int64_t pts_offset_ns, struct reader **out,
                struct export_text *why)
{
    struct reader *reader = calloc(1, sizeof *reader);

    if (!reader)
        return CASTOR_ERR_NO_MEMORY;
    reader->segment = *segment;
    reader->fd = fd;
    reader->pts_offset_ns = pts_offset_ns;
    int error = set_up(reader);
    if (error < 0) {
        snprintf(why->text, sizeof why->text, "segment %s cannot be read: %s", segment->file,
                 av_err2str(error));
        reader_close(reader);
        return error == AVERROR(ENOMEM) ? CASTOR_ERR_NO_MEMORY : CASTOR_ERR_INVALID;
    }
    *out = reader;
    return CASTOR_OK;
}

void reader_close(struct reader *reader)
{
    if (!reader)
        return;
    av_packet_free(&reader->packet);
    av_bsf_free(&reader->annexb);
    avformat_close_input(&reader->input);
    if (reader->io)
        av_freep((void *)&reader->io->buffer);
    avio_context_free(&reader->io);
    free(reader);
}

unsigned reader_stream_count(const struct reader *reader)
{
    return reader->input->nb_streams;
}

const AVCodecParameters *reader_parameters(const struct reader *reader, unsigned i)
{
    return reader->annexb && i == reader->video ? reader->annexb->par_out
                                                : reader->input->streams[i]->codecpar;
}

int reader_stream_id(const struct reader *reader, unsigned i)
{
    return reader->input->streams[i]->id;
}

const char *reader_language(const struct reader *reader, unsigned i)
{
    const AVDictionaryEntry *entry = av_dict_get(reader->input->streams[i]->metadata, "language", NULL, 0);

    return entry && strcmp(entry->value, "und") != 0 ? entry->value : NULL;
}

unsigned reader_video(const struct reader *reader)
{
    return reader->video;
}

static int64_t ticks_of(int64_t ns)
{
    return (int64_t)(((castor_uint128)ns * TICKS + CASTOR_NS_PER_S / 2) / CASTOR_NS_PER_S);
}

// In a transport stream they stand as they were on air. In an MP4 file the first picture is the one of which
// the index knows when it was captured; it does not begin with 0 where there is sound, which may begin before
// it.
static int64_t pts_on_air(const struct reader *reader, const AVPacket *packet)
{
    AVRational base = reader->input->streams[packet->stream_index]->time_base;

    if (!is_mp4(reader))
        return av_rescale_q(packet->pts, base, (AVRational){1, TICKS}) & PTS_MASK;
    int64_t ns = av_rescale_q(packet->pts, base, (AVRational){1, CASTOR_NS_PER_S}) - reader->first_picture_ns;
    return (ticks_of(reader->segment.first_capture_ns + ns) + ticks_of(reader->pts_offset_ns)) & PTS_MASK;
}

static int to_annexb(struct reader *reader)
{
    int error = av_bsf_send_packet(reader->annexb, reader->packet);

    return error < 0 ? error : av_bsf_receive_packet(reader->annexb, reader->packet);
}

static int describe_video(const struct reader *reader, struct reader_unit *unit, struct export_text *why)
{
    const AVPacket *packet = unit->packet;
    enum encoder_codec codec =
        reader->segment.codec == ARCHIVE_HEVC ? ENCODER_CODEC_HEVC : ENCODER_CODEC_H264;

    if (!identity_read(packet->data, (size_t)packet->size, &unit->sequence)) {
        snprintf(why->text, sizeof why->text,
                 "segment %s holds a picture without its frame number; it is not one of this recorder, or "
                 "damaged",
                 reader->segment.file);
        return CASTOR_ERR_INVALID;
    }
    unit->idr = identity_is_idr(codec, packet->data, (size_t)packet->size);
    return CASTOR_OK;
}

int reader_next(struct reader *reader, struct reader_unit *out, struct export_text *why)
{
    AVPacket *packet = reader->packet;

    av_packet_unref(packet);
    int error = av_read_frame(reader->input, packet);
    if (error == AVERROR_EOF)
        return CASTOR_ERR_END;
    if (error < 0 || packet->pts == AV_NOPTS_VALUE || packet->pts < 0) {
        snprintf(why->text, sizeof why->text, "segment %s is damaged: %s", reader->segment.file,
                 error < 0 ? av_err2str(error) : "a picture or sound without a time");
        return CASTOR_ERR_INVALID;
    }
    *out = (struct reader_unit){
        .packet = packet,
        .stream = packet->stream_index,
        .video = (unsigned)packet->stream_index == reader->video,
        .pts = pts_on_air(reader, packet),
        .duration = av_rescale_q(packet->duration, reader->input->streams[packet->stream_index]->time_base,
                                 (AVRational){1, TICKS})};
    if (!out->video)
        return CASTOR_OK;
    if (reader->annexb && to_annexb(reader) < 0) {
        snprintf(why->text, sizeof why->text, "segment %s is damaged: a picture cannot be taken apart",
                 reader->segment.file);
        return CASTOR_ERR_INVALID;
    }
    return describe_video(reader, out, why);
}
