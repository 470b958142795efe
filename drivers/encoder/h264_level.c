// SPDX-License-Identifier: Apache-2.0
#include "h264_level.h"

#include <stddef.h>

// Table A-1. Below level 3.2 nothing holds the least bitrate that levels are chosen for.
static const struct h264_level levels[] = {
    {32, 216000, 5120, 20000, 20000},      {40, 245760, 8192, 20000, 25000},
    {41, 245760, 8192, 50000, 62500},      {42, 522240, 8704, 50000, 62500},
    {50, 589824, 22080, 135000, 135000},   {51, 983040, 36864, 240000, 240000},
    {52, 2073600, 36864, 240000, 240000},  {60, 4177920, 139264, 240000, 240000},
    {61, 8355840, 139264, 480000, 480000}, {62, 16711680, 139264, 800000, 800000},
};

const struct h264_level *h264_level_choose(const struct castor_format *format, uint32_t bitrate_bps,
                                           uint64_t vbv_bits, uint32_t factor)
{
    uint64_t columns = h264_macroblocks(format->width_px), rows = h264_macroblocks(format->height_px);
    uint64_t mbs_per_s = (columns * rows * format->rate.num + format->rate.den - 1) / format->rate.den;
    uint64_t rate_bps = bitrate_bps > H264_LEVEL_BITRATE_MIN_BPS ? bitrate_bps : H264_LEVEL_BITRATE_MIN_BPS;

    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        const struct h264_level *level = &levels[i];
        uint64_t side_squared = (uint64_t)level->frame_mbs * 8; // A.3.1: neither side is longer
        if (columns * rows <= level->frame_mbs && mbs_per_s <= level->mbs_per_s &&
            columns * columns <= side_squared && rows * rows <= side_squared &&
            rate_bps <= (uint64_t)level->rate_max * factor && vbv_bits <= (uint64_t)level->vbv_max * factor)
            return level;
    }
    return NULL;
}
