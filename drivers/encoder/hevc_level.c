// SPDX-License-Identifier: Apache-2.0
#include "hevc_level.h"

#include <stddef.h>

// Tables A.8 and A.9. In both a rate and a buffer have the same number, each tier its own. Below level 4.1
// nothing holds the least bitrate that levels are chosen for, but for level 4 in the High tier, which 4.1 in
// the Main tier comes before.
static const struct {
    uint8_t idc;
    uint32_t picture_px;
    uint64_t px_per_s;
    uint32_t rate_max[2]; // Main tier, High tier
} levels[] = {
    {123, 2228224, 133693440, {20000, 50000}},     {150, 8912896, 267386880, {25000, 100000}},
    {153, 8912896, 534773760, {40000, 160000}},    {156, 8912896, 1069547520, {60000, 240000}},
    {180, 35651584, 1069547520, {60000, 240000}},  {183, 35651584, 2139095040, {120000, 480000}},
    {186, 35651584, 4278190080, {240000, 800000}},
};

bool hevc_level_choose(const struct castor_format *format, uint32_t bitrate_bps, uint64_t vbv_bits,
                       struct hevc_level *out)
{
    uint64_t width = format->width_px, height = format->height_px;
    uint64_t px_per_s = (width * height * format->rate.num + format->rate.den - 1) / format->rate.den;
    uint64_t rate_bps = bitrate_bps > HEVC_LEVEL_BITRATE_MIN_BPS ? bitrate_bps : HEVC_LEVEL_BITRATE_MIN_BPS;
    uint64_t most = rate_bps > vbv_bits ? rate_bps : vbv_bits;

    for (int tier = 0; tier < 2; tier++) {
        for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
            uint64_t side_squared = (uint64_t)levels[i].picture_px * 8; // A.4.1: neither side is longer
            uint32_t rate_max = levels[i].rate_max[tier];
            if (width * height > levels[i].picture_px || px_per_s > levels[i].px_per_s ||
                width * width > side_squared || height * height > side_squared ||
                most > (uint64_t)rate_max * HEVC_LEVEL_FACTOR)
                continue;
            *out = (struct hevc_level){levels[i].idc, tier == 1, rate_max, rate_max};
            return true;
        }
    }
    return false;
}
