// SPDX-License-Identifier: Apache-2.0
#include "sound/coder.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/channel_layout.h>
#include <libavutil/log.h>
#include <libavutil/opt.h>

#include "sound/adts.h"

// Silence from here on is what the encoder makes of nothing but silence.
#define SETTLED_UNITS 6

struct coder {
    AVCodecContext *context;
    AVFrame *frame;
    AVPacket *packet;
    struct message_sound_track track;
    struct message_sound_stream stream;
    uint8_t unit[MESSAGE_SOUND_UNIT_MAX_BYTES];
};

static int error_of(int result)
{
    if (result == AVERROR(EAGAIN) || result == AVERROR_EOF)
        return CASTOR_ERR_AGAIN;
    return result == AVERROR(ENOMEM) ? CASTOR_ERR_NO_MEMORY : CASTOR_ERR_INTERNAL;
}

static void set_options(AVCodecContext *context, const struct message_sound_track *track)
{
    context->sample_rate = MESSAGE_SOUND_RATE_HZ;
    context->time_base = (AVRational){1, MESSAGE_SOUND_RATE_HZ};
    context->bit_rate = track->bitrate_bps;
    context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    context->sample_fmt = track->codec == MESSAGE_SOUND_OPUS ? AV_SAMPLE_FMT_FLT : AV_SAMPLE_FMT_FLTP;
    if (track->codec == MESSAGE_SOUND_AAC)
        context->profile = FF_PROFILE_AAC_LOW;
    av_channel_layout_from_mask(&context->ch_layout, track->channels == 1   ? AV_CH_LAYOUT_MONO
                                                     : track->channels == 2 ? AV_CH_LAYOUT_STEREO
                                                                            : AV_CH_LAYOUT_5POINT1_BACK);
}

static int open_context(struct coder *coder, char *why, size_t size)
{
    const bool opus = coder->track.codec == MESSAGE_SOUND_OPUS;
    const AVCodec *codec = avcodec_find_encoder_by_name(opus ? "libopus" : "aac");
    AVDictionary *options = NULL;

    if (!codec) {
        snprintf(why, size, "this libavcodec has no encoder for %s; say another codec for the track",
                 opus ? "Opus (libopus)" : "AAC");
        return CASTOR_ERR_UNSUPPORTED;
    }
    coder->context = avcodec_alloc_context3(codec);
    if (!coder->context)
        return CASTOR_ERR_NO_MEMORY;
    set_options(coder->context, &coder->track);
    if (opus && (av_dict_set(&options, "frame_duration", "20", 0) < 0 ||
                 av_dict_set(&options, "vbr", "constrained", 0) < 0)) {
        av_dict_free(&options);
        return CASTOR_ERR_NO_MEMORY;
    }
    int result = avcodec_open2(coder->context, codec, &options);
    av_dict_free(&options);
    if (result < 0)
        snprintf(why, size, "the encoder for %s refuses %u channels at %u kbit/s; say another bitrate",
                 opus ? "Opus" : "AAC", coder->track.channels, coder->track.bitrate_bps / 1000);
    return result < 0 ? CASTOR_ERR_UNSUPPORTED : CASTOR_OK;
}

static int make_frame(struct coder *coder)
{
    coder->frame = av_frame_alloc();
    coder->packet = av_packet_alloc();
    if (!coder->frame || !coder->packet)
        return CASTOR_ERR_NO_MEMORY;
    coder->frame->format = coder->context->sample_fmt;
    coder->frame->nb_samples = coder->context->frame_size;
    coder->frame->sample_rate = coder->context->sample_rate;
    if (av_channel_layout_copy(&coder->frame->ch_layout, &coder->context->ch_layout) < 0 ||
        av_frame_get_buffer(coder->frame, 0) < 0)
        return CASTOR_ERR_NO_MEMORY;
    return CASTOR_OK;
}

static int describe(struct coder *coder)
{
    struct message_sound_stream *stream = &coder->stream;
    const AVCodecContext *context = coder->context;

    if (context->frame_size <= 0 || context->extradata_size < 0 ||
        (size_t)context->extradata_size > sizeof stream->config)
        return CASTOR_ERR_INTERNAL;
    *stream = (struct message_sound_stream){
        .codec = coder->track.codec,
        .channels = coder->track.channels,
        .rate_hz = MESSAGE_SOUND_RATE_HZ,
        .samples_per_unit = (uint32_t)context->frame_size,
        .bitrate_bps = coder->track.bitrate_bps,
        .config_bytes = (uint32_t)context->extradata_size,
    };
    if (context->extradata_size > 0)
        memcpy(stream->config, context->extradata, (size_t)context->extradata_size);
    return CASTOR_OK;
}

static int open_coder(const struct message_sound_track *track, char *why, size_t size, struct coder **out)
{
    struct coder *coder = calloc(1, sizeof *coder);

    if (!coder)
        return CASTOR_ERR_NO_MEMORY;
    coder->track = *track;
    int error = open_context(coder, why, size);
    if (error == CASTOR_OK)
        error = make_frame(coder);
    if (error == CASTOR_OK)
        error = describe(coder);
    if (error != CASTOR_OK) {
        coder_destroy(coder);
        return error;
    }
    *out = coder;
    return CASTOR_OK;
}

// What an encoder of the same kind makes of silence.
static int make_silence(const struct message_sound_track *track, struct message_sound_stream *out, char *why,
                        size_t size)
{
    struct coder *coder = NULL;
    struct coder_unit unit = {0};
    float *nothing = calloc((size_t)out->samples_per_unit * out->channels, sizeof *nothing);
    int error = nothing ? open_coder(track, why, size, &coder) : CASTOR_ERR_NO_MEMORY;

    for (uint64_t i = 0, made = 0; error == CASTOR_OK && made < SETTLED_UNITS; i++) {
        uint64_t first = coder_first(coder, 4 * out->samples_per_unit);
        error = coder_put(coder, nothing, first + i * out->samples_per_unit);
        while (error == CASTOR_OK && (error = coder_take(coder, &unit)) == CASTOR_OK)
            made++;
        if (error == CASTOR_ERR_AGAIN)
            error = i < 4 * SETTLED_UNITS ? CASTOR_OK : CASTOR_ERR_INTERNAL;
    }
    if (error == CASTOR_OK && unit.size_bytes > sizeof out->silence)
        error = CASTOR_ERR_INTERNAL;
    if (error == CASTOR_OK) {
        // The last one taken is still in its buffer.
        memcpy(out->silence, coder->unit, unit.size_bytes);
        out->silence_bytes = (uint32_t)unit.size_bytes;
    }
    coder_destroy(coder);
    free(nothing);
    return error;
}

int coder_create(const struct message_sound_track *track, char *why, size_t size, struct coder **out)
{
    struct coder *coder = NULL;

    av_log_set_level(AV_LOG_QUIET); // errors are told by us
    snprintf(why, size, "out of memory for a sound encoder");
    int error = open_coder(track, why, size, &coder);
    if (error == CASTOR_OK)
        error = make_silence(track, &coder->stream, why, size);
    if (error == CASTOR_ERR_INTERNAL)
        snprintf(why, size, "the sound encoder does not work as it should; say another codec for the track");
    if (error != CASTOR_OK) {
        coder_destroy(coder);
        return error;
    }
    *out = coder;
    return CASTOR_OK;
}

void coder_destroy(struct coder *coder)
{
    if (!coder)
        return;
    avcodec_free_context(&coder->context);
    av_frame_free(&coder->frame);
    av_packet_free(&coder->packet);
    free(coder);
}

const struct message_sound_stream *coder_stream(const struct coder *coder)
{
    return &coder->stream;
}

// A packet's pts is that of its input less initial_padding: there its sound is when it is decoded. So input
// that begins initial_padding after the grid gives packets on the grid.
uint64_t coder_first(const struct coder *coder, uint64_t position)
{
    const uint64_t unit = coder->stream.samples_per_unit;
    const uint64_t padding = (uint64_t)coder->context->initial_padding;
    const uint64_t floor = position > padding ? position - padding : 0;

    return (floor + unit - 1) / unit * unit + padding;
}

static void fill_frame(struct coder *coder, const float *samples)
{
    const uint32_t channels = coder->stream.channels, count = coder->stream.samples_per_unit;

    if (coder->context->sample_fmt == AV_SAMPLE_FMT_FLT) {
        memcpy(coder->frame->data[0], samples, sizeof *samples * channels * count);
        return;
    }
    for (uint32_t c = 0; c < channels; c++) {
        float *plane = (float *)(void *)coder->frame->extended_data[c];
        for (uint32_t i = 0; i < count; i++)
            plane[i] = samples[(size_t)i * channels + c];
    }
}

int coder_put(struct coder *coder, const float *samples, uint64_t position)
{
    if (av_frame_make_writable(coder->frame) < 0)
        return CASTOR_ERR_NO_MEMORY;
    fill_frame(coder, samples);
    coder->frame->pts = (int64_t)position;
    int result = avcodec_send_frame(coder->context, coder->frame);
    return result < 0 ? error_of(result) : CASTOR_OK;
}

int coder_take(struct coder *coder, struct coder_unit *out)
{
    const size_t header = coder->stream.codec == MESSAGE_SOUND_AAC ? ADTS_HEADER_BYTES : 0;
    int result = avcodec_receive_packet(coder->context, coder->packet);

    if (result < 0)
        return error_of(result);
    const size_t size_bytes = header + (size_t)coder->packet->size;
    const int64_t pts = coder->packet->pts;
    const bool good = coder->packet->size > 0 && size_bytes <= sizeof coder->unit && pts >= 0 &&
                      pts % coder->stream.samples_per_unit == 0;
    if (good) {
        if (header > 0)
            adts_write_header(coder->stream.channels, (size_t)coder->packet->size, coder->unit);
        memcpy(coder->unit + header, coder->packet->data, (size_t)coder->packet->size);
        *out = (struct coder_unit){coder->unit, size_bytes, (uint64_t)pts / coder->stream.samples_per_unit};
    }
    av_packet_unref(coder->packet);
    return good ? CASTOR_OK : CASTOR_ERR_INTERNAL;
}
