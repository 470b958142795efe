// SPDX-License-Identifier: Apache-2.0
// Levels of H.264 (ITU-T Rec. H.264, annex A).
#ifndef DRIVERS_ENCODER_H264_LEVEL_H
#define DRIVERS_ENCODER_H264_LEVEL_H

#include <stdint.h>

#include "hal/frame.h"

// Levels are chosen as if the rate was at least this, so that a changed bitrate, or another path's, leaves
// the parameter sets as they are.
#define H264_LEVEL_BITRATE_MIN_BPS 20000000u

// What a bit rate and a buffer size of table A-1 are multiplied by (table A-2).
#define H264_FACTOR_MAIN 1000u // Constrained Baseline too
#define H264_FACTOR_HIGH 1250u

struct h264_level {
    uint8_t idc;
    uint32_t mbs_per_s, frame_mbs; // macroblocks
    uint32_t rate_max, vbv_max;    // times the factor: bit/s, bits
};

// The lowest level that fits picture, frame rate, bitrate and VBV (0: whatever it is). NULL: none does.
const struct h264_level *h264_level_choose(const struct castor_format *format, uint32_t bitrate_bps,
                                           uint64_t vbv_bits, uint32_t factor);

// Macroblocks that so many pixels in a row need.
static inline uint32_t h264_macroblocks(uint32_t pixels)
{
    return (pixels + 15) / 16;
}

#endif
