// SPDX-License-Identifier: Apache-2.0
// HEVC for stand-ins of devices: libx265 without delay, on the caller's thread. Its rate control is not used:
// x265_encoder_reconfig() of libx265 3.5 takes another rate and goes on at the old one. Each picture gets a
// quantizer chosen here instead, so that rate and VBV may change between any two pictures.
#ifndef STANDIN_HEVC_H
#define STANDIN_HEVC_H

#include <stdbool.h>
#include <stdint.h>

#include <x265.h>

struct hevc_settings {
    uint32_t width_px, height_px;
    uint32_t rate_num, rate_den; // frames a second
    int depth;                   // 8 or 10 bits
    int refs;
    int level_idc; // 30 times the level, written as it is; 0: the lowest that the size needs
    bool high_tier;
    bool aud;
    uint32_t gop_frames; // 0: an IDR on request only
    bool has_video_signal, has_colours;
    int video_format, full_range, primaries, transfer, matrix;
    // What else the device would set, last; may be NULL.
    void (*tune)(x265_param *param, const void *context);
    const void *context; // until hevc_open() is done
};

// Samples of 10 bits lie in the high bits of 16.
struct hevc_picture {
    const uint8_t *plane[3];
    uint32_t stride_bytes[3];
    bool interleaved; // plane 1 holds both chroma components
};

struct hevc_coder;

// NULL: libx265 is not there in that depth, or refuses.
struct hevc_coder *hevc_open(const struct hevc_settings *settings);
void hevc_close(struct hevc_coder *coder); // accepts NULL

// From the next picture on. `qp` is for all pictures where it is not 0, and the rate does not matter then.
void hevc_set_rate(struct hevc_coder *coder, uint32_t bitrate_bps, uint32_t vbv_bits, int qp);

// Codes a picture, parameter sets before every IDR. The NAL units are the coder's until the next call. False:
// nothing came out.
bool hevc_encode(struct hevc_coder *coder, const struct hevc_picture *picture, bool idr, x265_nal **nals,
                 uint32_t *count, bool *is_idr);

// VPS, SPS and PPS on their own.
bool hevc_headers(struct hevc_coder *coder, x265_nal **nals, uint32_t *count);

#endif
