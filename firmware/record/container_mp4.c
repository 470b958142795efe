// SPDX-License-Identifier: Apache-2.0
// Fragmented MP4 (ISO/IEC 14496-12 8.8) by libavformat: the header says what there is, each fragment can be
// played by itself, so that a file that was cut off can be played up to its last whole fragment. Times in a
// file begin with 0; which frames they are says the SEI that the multiplexer would have put in.
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <stdlib.h>
#include <string.h>

#include "base/coded.h"
#include "base/nal.h"
#include "hal/time.h"
#include "record/access_unit.h"
#include "record/container.h"

#define IO_BYTES (64 << 10)
#define HEADERS_BYTES_MAX 4096u
#define TICKS 90000
#define SOUND_HZ 48000
#define ADTS_BYTES 7
#define OPUS_HEAD_BYTES_MAX 27
#define OPUS_PRE_SKIP 312 // RFC 7845 4.2; what the encoder holds back is in the times already
// Sound comes later than the picture that it belongs to: the picture of a file with sound begins at this
// time, so that the sound of its first moments, which stands in the file too, has a time that is not
// negative.
#define SOUND_LEAD_NS (250 * CASTOR_NS_PER_MS)
// libavformat cuts a fragment only where it is told to: at each settle(); tracks keep the times they are
// given, and do not all begin with 0.
#define MUX_FLAGS "+frag_custom+empty_moov+default_base_moof+frag_discont"

struct container {
    struct container_config config;
    struct container_host *host;
    AVFormatContext *file; // of the open segment
    AVPacket *packet;
    uint8_t *unit; // an access unit with its SEI
    size_t unit_capacity;
    int64_t first_capture_ns, last_ticks;
    int64_t last_sound_ticks[MESSAGE_SOUND_TRACKS_MAX];
    int host_error; // libavformat only knows its own
};

static int64_t ticks_of(int64_t ns)
{
    return (int64_t)(((castor_uint128)ns * TICKS + CASTOR_NS_PER_S / 2) / CASTOR_NS_PER_S);
}

static int take_bytes(void *context, uint8_t *data, int size_bytes)
{
    struct container *c = context;

    if (c->host_error == CASTOR_OK)
        c->host_error = c->host->write(c->host, data, (size_t)size_bytes);
    return c->host_error == CASTOR_OK ? size_bytes : AVERROR_EXTERNAL;
}

static int result_of(const struct container *c, int av_error)
{
    if (c->host_error != CASTOR_OK)
        return c->host_error;
    return av_error >= 0                 ? CASTOR_OK
           : av_error == AVERROR(ENOMEM) ? CASTOR_ERR_NO_MEMORY
                                         : CASTOR_ERR_INVALID;
}

static void close_file(struct container *c)
{
    if (!c->file)
        return;
    if (c->file->pb)
        av_freep((void *)&c->file->pb->buffer);
    avio_context_free(&c->file->pb);
    avformat_free_context(c->file);
    c->file = NULL;
}

static void destroy(struct container *c)
{
    if (!c)
        return;
    c->host_error = CASTOR_ERR_LOST; // whatever is still buffered goes nowhere
    close_file(c);
    av_packet_free(&c->packet);
    free(c->unit);
    free(c);
}

static int create(const struct container_config *config, struct container_host *host, struct container **out)
{
    struct container *c = calloc(1, sizeof *c);

    if (!c)
        return CASTOR_ERR_NO_MEMORY;
    c->config = *config;
    c->host = host;
    c->packet = av_packet_alloc();
    if (!c->packet) {
        destroy(c);
        return CASTOR_ERR_NO_MEMORY;
    }
    *out = c;
    return CASTOR_OK;
}

// The parameter sets before the first slice, with start codes: libavformat makes avcC or hvcC of them.
static size_t gather_headers(const struct container *c, const uint8_t *data, size_t size_bytes,
                             uint8_t out[HEADERS_BYTES_MAX])
{
    struct nal_span nal;
    size_t position = 0, used = 0;

    while (nal_next(data, size_bytes, &position, &nal)) {
        uint32_t traits = coded_classify(c->config.codec, nal.data, nal.size_bytes);
        if (!(traits & (NAL_IS_VPS | NAL_IS_SPS | NAL_IS_PPS)) ||
            used + NAL_START_CODE_BYTES + 1 + nal.size_bytes > HEADERS_BYTES_MAX)
            continue;
        memcpy(out + used, "\0\0\0\1", NAL_START_CODE_BYTES + 1);
        memcpy(out + used + NAL_START_CODE_BYTES + 1, nal.data, nal.size_bytes);
        used += NAL_START_CODE_BYTES + 1 + nal.size_bytes;
    }
    return used;
}

static int add_video(struct container *c, const uint8_t *headers, size_t headers_bytes)
{
    AVStream *stream = avformat_new_stream(c->file, NULL);

    if (!stream)
        return AVERROR(ENOMEM);
    AVCodecParameters *parameters = stream->codecpar;
    parameters->extradata = av_mallocz(headers_bytes + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!parameters->extradata)
        return AVERROR(ENOMEM);
    memcpy(parameters->extradata, headers, headers_bytes);
    parameters->extradata_size = (int)headers_bytes;
    parameters->codec_type = AVMEDIA_TYPE_VIDEO;
    parameters->codec_id = c->config.codec == ENCODER_CODEC_HEVC ? AV_CODEC_ID_HEVC : AV_CODEC_ID_H264;
    if (c->config.codec == ENCODER_CODEC_HEVC)
        parameters->codec_tag = MKTAG('h', 'v', 'c', '1'); // what the players of one large house insist on
    parameters->width = (int)c->config.format.width_px;
    parameters->height = (int)c->config.format.height_px;
    stream->time_base = (AVRational){1, TICKS};
    stream->avg_frame_rate = (AVRational){(int)c->config.format.rate.num, (int)c->config.format.rate.den};
    return 0;
}

// AudioSpecificConfig of AAC-LC at 48 kHz (14496-3 1.6.2.1), or OpusHead (RFC 7845 5.1).
static size_t sound_header(const struct message_egress_track *track, uint8_t out[OPUS_HEAD_BYTES_MAX])
{
    if (track->codec != MESSAGE_SOUND_OPUS) {
        out[0] = 0x11; // object type 2, first bits of frequency index 3
        out[1] = (uint8_t)(0x80 | track->channels << 3);
        return 2;
    }
    memcpy(out, "OpusHead\1", 9);
    out[9] = (uint8_t)track->channels;
    out[10] = OPUS_PRE_SKIP & 0xff;
    out[11] = OPUS_PRE_SKIP >> 8;
    memcpy(out + 12, "\x80\xbb\0\0\0\0\0", 7); // 48,000 Hz, no gain, mapping family 0
    if (track->channels <= 2)
        return 19;
    memcpy(out + 18, "\1\4\2\0\4\1\2\3\5", 9); // family 1: 5.1 as four streams, two of them coupled (5.1.1.2)
    return OPUS_HEAD_BYTES_MAX;
}

static int add_sound(struct container *c, const struct message_egress_track *track)
{
    uint8_t header[OPUS_HEAD_BYTES_MAX];
    size_t header_bytes = sound_header(track, header);
    AVStream *stream = avformat_new_stream(c->file, NULL);

    if (!stream)
        return AVERROR(ENOMEM);
    AVCodecParameters *parameters = stream->codecpar;
    parameters->extradata = av_mallocz(header_bytes + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!parameters->extradata)
        return AVERROR(ENOMEM);
    memcpy(parameters->extradata, header, header_bytes);
    parameters->extradata_size = (int)header_bytes;
    parameters->codec_type = AVMEDIA_TYPE_AUDIO;
    parameters->codec_id = track->codec == MESSAGE_SOUND_OPUS ? AV_CODEC_ID_OPUS : AV_CODEC_ID_AAC;
    parameters->sample_rate = SOUND_HZ;
    parameters->frame_size = (int)track->samples_per_unit;
    av_channel_layout_default(&parameters->ch_layout, (int)track->channels);
    stream->time_base = (AVRational){1, SOUND_HZ};
    return track->language[0] ? av_dict_set(&stream->metadata, "language", track->language, 0) : 0;
}

static int open_file(struct container *c, const uint8_t *headers, size_t headers_bytes)
{
    AVDictionary *options = NULL;
    uint8_t *buffer = av_malloc(IO_BYTES);
    int error = avformat_alloc_output_context2(&c->file, NULL, "mp4", NULL);

    if (error < 0 || !buffer) {
        av_free(buffer);
        return error < 0 ? error : AVERROR(ENOMEM);
    }
    c->file->pb = avio_alloc_context(buffer, IO_BYTES, 1, c, NULL, take_bytes, NULL);
    if (!c->file->pb) {
        av_free(buffer);
        return AVERROR(ENOMEM);
    }
    c->file->avoid_negative_ts = AVFMT_AVOID_NEG_TS_DISABLED; // tracks are not moved against each other
    c->file->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_FLUSH_PACKETS | AVFMT_FLAG_BITEXACT;
    error = add_video(c, headers, headers_bytes);
    for (uint32_t i = 0; i < c->config.track_count && error >= 0; i++)
        error = add_sound(c, &c->config.tracks[i]);
    if (error >= 0)
        error = av_dict_set(&options, "movflags", MUX_FLAGS, 0);
    if (error >= 0)
        error = av_dict_set(&options, "use_editlist", "0", 0);
    if (error >= 0)
        error = avformat_write_header(c->file, &options);
    av_dict_free(&options);
    if (error >= 0)
        avio_flush(c->file->pb);
    return error;
}

static int settle(struct container *c)
{
    if (!c->file)
        return CASTOR_OK;
    int error = av_write_frame(c->file, NULL);
    avio_flush(c->file->pb);
    return result_of(c, error);
}

static int end(struct container *c)
{
    if (!c->file)
        return CASTOR_OK;
    int error = av_write_trailer(c->file);
    avio_flush(c->file->pb);
    close_file(c);
    return result_of(c, error);
}

static int begin(struct container *c, const struct record_unit *unit, size_t headers_end)
{
    uint8_t headers[HEADERS_BYTES_MAX];
    size_t headers_bytes = gather_headers(c, unit->data, headers_end, headers);
    int error = end(c);

    if (error == CASTOR_OK)
        error = c->host->turn(c->host);
    if (error != CASTOR_OK)
        return error;
    c->first_capture_ns = unit->capture_ns - (c->config.track_count > 0 ? SOUND_LEAD_NS : 0);
    c->last_ticks = -1;
    for (uint32_t i = 0; i < MESSAGE_SOUND_TRACKS_MAX; i++)
        c->last_sound_ticks[i] = -1;
    int av_error = open_file(c, headers, headers_bytes);
    error = result_of(c, av_error);
    if (error != CASTOR_OK)
        close_file(c);
    return error;
}

// The access unit with its name before the first slice.
static int gather_unit(struct container *c, const struct record_unit *unit, size_t first_slice_bytes,
                       size_t *size_bytes)
{
    const struct mux_access_unit named = record_access_unit(unit);
    uint8_t sei[MUX_SEI_BYTES_MAX];
    size_t sei_bytes = mux_sei_write(c->config.codec, &named, sei);
    size_t needed = unit->size_bytes + sei_bytes;

    if (needed > c->unit_capacity) { // grows to the largest there is, and stays so
        uint8_t *more = realloc(c->unit, needed * 2);
        if (!more)
            return CASTOR_ERR_NO_MEMORY;
        c->unit = more;
        c->unit_capacity = needed * 2;
    }
    memcpy(c->unit, unit->data, first_slice_bytes);
    memcpy(c->unit + first_slice_bytes, sei, sei_bytes);
    memcpy(c->unit + first_slice_bytes + sei_bytes, unit->data + first_slice_bytes,
           unit->size_bytes - first_slice_bytes);
    *size_bytes = needed;
    return CASTOR_OK;
}

static int write_unit(struct container *c, const struct record_unit *unit, bool first)
{
    struct coded_summary summary;
    size_t size_bytes = 0;

    c->host_error = CASTOR_OK;
    coded_summarize(c->config.codec, unit->data, unit->size_bytes, CODED_SCAN_HEADERS, &summary);
    int error = first ? begin(c, unit, summary.first_slice_bytes) : CASTOR_OK;
    if (error == CASTOR_OK)
        error = gather_unit(c, unit, summary.first_slice_bytes, &size_bytes);
    if (error != CASTOR_OK)
        return error;
    int64_t ticks = ticks_of(unit->capture_ns - c->first_capture_ns);
    if (!c->file || ticks <= c->last_ticks)
        return CASTOR_ERR_INVALID;
    c->last_ticks = ticks;
    c->packet->data = c->unit;
    c->packet->size = (int)size_bytes;
    c->packet->pts = c->packet->dts = ticks;
    c->packet->duration = ticks_of(castor_frame_interval_ns(c->config.format.rate));
    c->packet->flags = unit->idr ? AV_PKT_FLAG_KEY : 0;
    c->packet->stream_index = 0;
    // The muxer may have chosen another time base for the track.
    av_packet_rescale_ts(c->packet, (AVRational){1, TICKS}, c->file->streams[0]->time_base);
    int av_error = av_write_frame(c->file, c->packet);
    av_packet_unref(c->packet);
    return result_of(c, av_error);
}

static int write_sound(struct container *c, const struct record_unit *unit)
{
    // Of ADTS (14496-3 1.A.2.2) the header goes; AAC is made without a checksum behind it.
    uint32_t head_bytes = c->config.tracks[unit->track].codec == MESSAGE_SOUND_OPUS ? 0 : ADTS_BYTES;
    int64_t after_ns = unit->capture_ns - c->first_capture_ns;
    int64_t ticks = after_ns * (SOUND_HZ / 1000) / (CASTOR_NS_PER_S / 1000);

    // Sound of the segment before.
    if (!c->file || after_ns < 0 || unit->size_bytes <= head_bytes ||
        ticks <= c->last_sound_ticks[unit->track])
        return CASTOR_ERR_INVALID;
    c->last_sound_ticks[unit->track] = ticks;
    c->host_error = CASTOR_OK;
    int av_error = av_new_packet(c->packet, (int)(unit->size_bytes - head_bytes));
    if (av_error < 0)
        return CASTOR_ERR_NO_MEMORY;
    memcpy(c->packet->data, unit->data + head_bytes, unit->size_bytes - head_bytes);
    c->packet->pts = c->packet->dts = ticks;
    c->packet->duration = unit->samples;
    c->packet->flags = AV_PKT_FLAG_KEY;
    c->packet->stream_index = 1 + (int)unit->track;
    av_packet_rescale_ts(c->packet, (AVRational){1, SOUND_HZ},
                         c->file->streams[c->packet->stream_index]->time_base);
    av_error = av_write_frame(c->file, c->packet);
    av_packet_unref(c->packet);
    return result_of(c, av_error);
}

const struct container_ops container_mp4 = {
    .headers_apart = true,
    .create = create,
    .destroy = destroy,
    .write = write_unit,
    .sound = write_sound,
    .settle = settle,
    .end = end,
};
