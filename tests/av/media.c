// SPDX-License-Identifier: Apache-2.0
#include "media.h"

#include <libavutil/pixdesc.h>
#include <math.h>
#include <string.h>

static int open_decoder(AVFormatContext *input, int index, AVCodecContext **out)
{
    const AVCodecParameters *parameters = input->streams[index]->codecpar;
    const AVCodec *codec = avcodec_find_decoder(parameters->codec_id);
    AVCodecContext *context = codec ? avcodec_alloc_context3(codec) : NULL;
    int error;

    if (!context)
        return codec ? AVERROR(ENOMEM) : AVERROR_DECODER_NOT_FOUND;
    error = avcodec_parameters_to_context(context, parameters);
    if (!error) {
        context->pkt_timebase = input->streams[index]->time_base;
        error = avcodec_open2(context, codec, NULL);
    }
    if (error)
        avcodec_free_context(&context);
    *out = context;
    return error;
}

static int nth_stream(const AVFormatContext *input, enum AVMediaType type, int number)
{
    for (unsigned i = 0; i < input->nb_streams; i++)
        if (input->streams[i]->codecpar->codec_type == type && number-- == 0)
            return (int)i;
    return AVERROR_STREAM_NOT_FOUND;
}

int media_open(struct media *media, const char *url, int track, const char **what)
{
    int error;

    memset(media, 0, sizeof *media);
    *what = "memory";
    media->packet = av_packet_alloc();
    media->frame = av_frame_alloc();
    if (!media->packet || !media->frame)
        return AVERROR(ENOMEM);
    *what = "opening it";
    error = avformat_open_input(&media->input, strcmp(url, "-") == 0 ? "pipe:0" : url, NULL, NULL);
    if (error)
        return error;
    *what = "finding its streams";
    error = avformat_find_stream_info(media->input, NULL);
    if (error < 0)
        return error;
    *what = "looking for a picture";
    media->video_index = nth_stream(media->input, AVMEDIA_TYPE_VIDEO, 0);
    if (media->video_index < 0)
        return media->video_index;
    *what = "looking for the sound track";
    media->sound_index = nth_stream(media->input, AVMEDIA_TYPE_AUDIO, track);
    if (media->sound_index < 0)
        return media->sound_index;
    *what = "opening the decoder of the picture";
    error = open_decoder(media->input, media->video_index, &media->video);
    if (error)
        return error;
    *what = "opening the decoder of the sound";
    return open_decoder(media->input, media->sound_index, &media->sound);
}

// Gives the decoders what they want: the next packet, or that there are no more.
static int feed(struct media *media)
{
    AVCodecContext *decoder;
    int error = av_read_frame(media->input, media->packet);

    if (error == AVERROR(EAGAIN))
        return 0;
    if (error < 0) {
        avcodec_send_packet(media->video, NULL);
        avcodec_send_packet(media->sound, NULL);
        media->flushing = true;
        return error == AVERROR_EOF ? 0 : error;
    }
    decoder = media->packet->stream_index == media->video_index   ? media->video
              : media->packet->stream_index == media->sound_index ? media->sound
                                                                  : NULL;
    if (decoder && avcodec_send_packet(decoder, media->packet) < 0)
        media->errors++;
    av_packet_unref(media->packet);
    return 0;
}

int media_next(struct media *media)
{
    for (;;) {
        int error = avcodec_receive_frame(media->video, media->frame);
        if (error == 0)
            return AVMEDIA_TYPE_VIDEO;
        error = avcodec_receive_frame(media->sound, media->frame);
        if (error == 0)
            return AVMEDIA_TYPE_AUDIO;
        if (media->flushing)
            return AVERROR_EOF;
        error = feed(media);
        if (error)
            return error;
    }
}

int64_t media_frame_ns(const struct media *media, int type)
{
    const AVStream *stream =
        media->input->streams[type == AVMEDIA_TYPE_VIDEO ? media->video_index : media->sound_index];
    int64_t ticks = media->frame->best_effort_timestamp;

    if (ticks == AV_NOPTS_VALUE)
        return AV_NOPTS_VALUE;
    return av_rescale_q(ticks, stream->time_base, (AVRational){1, 1000000000});
}

float media_level(const AVFrame *frame, int sample)
{
    int channels = frame->ch_layout.nb_channels;
    int planar = av_sample_fmt_is_planar(frame->format);
    float loudest = 0;

    for (int channel = 0; channel < channels; channel++) {
        const uint8_t *plane = frame->extended_data[planar ? channel : 0];
        int at = planar ? sample : sample * channels + channel;
        float level;
        switch (av_get_packed_sample_fmt(frame->format)) {
        case AV_SAMPLE_FMT_FLT:
            level = ((const float *)plane)[at];
            break;
        case AV_SAMPLE_FMT_S16:
            level = (float)((const int16_t *)plane)[at] / 32768.0f;
            break;
        case AV_SAMPLE_FMT_S32:
            level = (float)((const int32_t *)plane)[at] / 2147483648.0f;
            break;
        default:
            return -1;
        }
        loudest = fmaxf(loudest, fabsf(level));
    }
    return loudest;
}

float media_luma(const AVFrame *frame, const int bounds[4])
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);
    int left = frame->width * bounds[0] / 16, right = frame->width * bounds[1] / 16;
    int top = frame->height * bounds[2] / 16, bottom = frame->height * bounds[3] / 16;
    uint64_t sum = 0;
    float mean;

    if (!format || format->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_HWACCEL) ||
        right <= left || bottom <= top)
        return -1;
    for (int y = top; y < bottom; y++) {
        const uint8_t *line = frame->data[0] + (ptrdiff_t)y * frame->linesize[0];
        for (int x = left; x < right; x++) {
            const uint8_t *sample = line + (ptrdiff_t)x * format->comp[0].step;
            sum += format->comp[0].depth > 8 ? (uint32_t)(sample[0] | sample[1] << 8) >> format->comp[0].shift
                                             : sample[0];
        }
    }
    mean = (float)sum / (float)((right - left) * (bottom - top)) / (float)(1 << (format->comp[0].depth - 8));
    return fmaxf((mean - 16) / 219, 0);
}

void media_close(struct media *media)
{
    avcodec_free_context(&media->video);
    avcodec_free_context(&media->sound);
    avformat_close_input(&media->input);
    av_frame_free(&media->frame);
    av_packet_free(&media->packet);
}
