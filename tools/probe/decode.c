// SPDX-License-Identifier: Apache-2.0
#include "probe/decode.h"

#include "probe/pattern.h"

#include <libavcodec/avcodec.h>
#include <libavutil/log.h>
#include <libavutil/pixdesc.h>
#include <stdlib.h>

struct decode {
    AVCodecContext *codec;
    bool hevc;   // what `codec` decodes
    bool absent; // libavcodec has no decoder for what came
    AVPacket *packet;
    AVFrame *frame;
    struct decode_counters counters;
};

static int open_codec(bool hevc, AVCodecContext **out)
{
    const AVCodec *decoder = avcodec_find_decoder(hevc ? AV_CODEC_ID_HEVC : AV_CODEC_ID_H264);
    if (decoder == NULL)
        return CASTOR_ERR_UNSUPPORTED;
    AVCodecContext *codec = avcodec_alloc_context3(decoder);
    if (codec == NULL)
        return CASTOR_ERR_NO_MEMORY;
    codec->thread_count = 1;
    codec->flags |= AV_CODEC_FLAG_LOW_DELAY;
    codec->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER;
    if (avcodec_open2(codec, decoder, NULL) < 0) {
        avcodec_free_context(&codec);
        return CASTOR_ERR_UNSUPPORTED;
    }
    *out = codec;
    return CASTOR_OK;
}

int decode_create(struct decode **decode)
{
    av_log_set_level(AV_LOG_QUIET);
    struct decode *d = calloc(1, sizeof *d);
    if (d == NULL)
        return CASTOR_ERR_NO_MEMORY;
    int result = CASTOR_ERR_NO_MEMORY;
    d->packet = av_packet_alloc();
    d->frame = av_frame_alloc();
    if (d->packet == NULL || d->frame == NULL)
        goto fail;
    result = open_codec(false, &d->codec);
    if (result != CASTOR_OK)
        goto fail;
    *decode = d;
    return CASTOR_OK;
fail:
    decode_destroy(d);
    return result;
}

void decode_destroy(struct decode *d)
{
    if (d == NULL)
        return;
    avcodec_free_context(&d->codec);
    av_packet_free(&d->packet);
    av_frame_free(&d->frame);
    free(d);
}

static bool read_number(const AVFrame *frame, uint64_t *number)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);
    if (format == NULL || (format->flags & AV_PIX_FMT_FLAG_BE) || frame->linesize[0] <= 0)
        return false;
    const AVComponentDescriptor *luma = &format->comp[0];
    if (luma->depth < 8 || luma->depth > 16 || luma->shift != 0 || luma->step != (luma->depth > 8 ? 2 : 1))
        return false;
    const struct pattern_luma plane = {.data = frame->data[0],
                                       .stride_bytes = (size_t)frame->linesize[0],
                                       .width_px = (unsigned)frame->width,
                                       .height_px = (unsigned)frame->height,
                                       .bits = (unsigned)luma->depth};
    return pattern_read(&plane, number) == CASTOR_OK;
}

static void take_frame(struct decode *d)
{
    struct decode_counters *c = &d->counters;
    c->pictures++;
    if (d->frame->decode_error_flags != 0 || (d->frame->flags & AV_FRAME_FLAG_CORRUPT))
        c->errors++;
    uint64_t number = 0;
    if (!read_number(d->frame, &number)) {
        c->unreadable += c->numbered > 0;
        return;
    }
    c->numbered++;
    (void)sequence_feed(&c->track, (struct sequence_input){.number = number});
    // The packet's time stamp was the frame's number in the SEI; the decoder carries it along with the
    // picture.
    if (d->frame->pts != AV_NOPTS_VALUE && ((uint64_t)d->frame->pts & PATTERN_NUMBER_MASK) != number)
        c->mismatches++;
}

static void receive_all(struct decode *d)
{
    for (;;) {
        int result = avcodec_receive_frame(d->codec, d->frame);
        if (result == AVERROR(EAGAIN) || result == AVERROR_EOF)
            return;
        if (result < 0) {
            d->counters.errors++;
            return;
        }
        take_frame(d);
        av_frame_unref(d->frame);
    }
}

// The codec of the stream is known with its first picture, and may change with its tables.
static void change_codec(struct decode *d, bool hevc)
{
    decode_finish(d);
    avcodec_free_context(&d->codec);
    d->hevc = hevc;
    d->absent = open_codec(hevc, &d->codec) != CASTOR_OK;
}

void decode_picture(struct decode *d, const struct analysis_picture *picture)
{
    if (picture->hevc != d->hevc)
        change_codec(d, picture->hevc);
    if (d->absent) {
        d->counters.errors++;
        return;
    }
    // The decoder reads ahead, so it needs padded memory of its own.
    if (picture->bytes == 0 || av_new_packet(d->packet, (int)picture->bytes) < 0) {
        d->counters.errors++;
        return;
    }
    memcpy(d->packet->data, picture->data, picture->bytes);
    d->packet->pts =
        picture->has_sequence ? (int64_t)(picture->sequence & PATTERN_NUMBER_MASK) : AV_NOPTS_VALUE;
    if (avcodec_send_packet(d->codec, d->packet) < 0)
        d->counters.errors++;
    av_packet_unref(d->packet);
    receive_all(d);
}

void decode_reconnected(struct decode *d)
{
    sequence_reconnected(&d->counters.track);
}

void decode_finish(struct decode *d)
{
    if (!d->absent && avcodec_send_packet(d->codec, NULL) == 0)
        receive_all(d);
}

const struct decode_counters *decode_get_counters(const struct decode *d)
{
    return &d->counters;
}
