// SPDX-License-Identifier: Apache-2.0
// Levels of HEVC (ITU-T Rec. H.265, annex A), for Main and Main 10.
#ifndef DRIVERS_ENCODER_HEVC_LEVEL_H
#define DRIVERS_ENCODER_HEVC_LEVEL_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/frame.h"

// Levels are chosen as if the rate was at least this, so that a changed bitrate, or another path's, leaves
// the parameter sets as they are.
#define HEVC_LEVEL_BITRATE_MIN_BPS 20000000u

// What a bit rate and a buffer size of tables A.8 and A.9 are multiplied by (CpbVclFactor, BrVclFactor).
#define HEVC_LEVEL_FACTOR 1000u

struct hevc_level {
    uint8_t idc; // general_level_idc: 30 times the level
    bool high_tier;
    uint32_t rate_max, vbv_max; // times the factor: bit/s, bits
};

// The lowest level that fits picture, frame rate, bitrate and VBV (0: whatever it is), of the Main tier where
// one does. False: none does.
bool hevc_level_choose(const struct castor_format *format, uint32_t bitrate_bps, uint64_t vbv_bits,
                       struct hevc_level *out);

#endif
