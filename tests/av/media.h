// SPDX-License-Identifier: Apache-2.0
// A received stream, decoded by libavcodec: pictures and sound in the order in which they come, each with its
// time. Shares nothing with the firmware.
#ifndef AV_MEDIA_H
#define AV_MEDIA_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdbool.h>
#include <stdint.h>

struct media {
    AVFormatContext *input;
    AVPacket *packet;
    AVFrame *frame;
    AVCodecContext *video, *sound;
    int video_index, sound_index;
    uint32_t errors; // packets that could not be decoded
    bool flushing;   // no more packets come
};

// url: a file, "-" for standard input, or what libavformat opens besides. track: which of the streams with
// sound, from 0. Returns 0 or a negative error of libav*, of which *what tells the step; media_close() is due
// in any case.
int media_open(struct media *media, const char *url, int track, const char **what);

// The next decoded frame in media->frame, until the next call. Returns AVMEDIA_TYPE_VIDEO or
// AVMEDIA_TYPE_AUDIO, AVERROR_EOF at the end, or another negative error.
int media_next(struct media *media);

// When the frame is to be shown, or its first sample to be heard. AV_NOPTS_VALUE when the stream does not
// tell.
int64_t media_frame_ns(const struct media *media, int type);

// The loudest of the frame's channels at a sample: 1 is full scale. Negative: a sample format that is not
// known.
float media_level(const AVFrame *frame, int sample);

// The mean luma of a part of the picture, bounds in 16ths of width and height: 0 black, 1 white (of limited
// range). Negative: a pixel format that has no luma plane.
float media_luma(const AVFrame *frame, const int bounds[4]);

void media_close(struct media *media);

#endif
