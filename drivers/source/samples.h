// SPDX-License-Identifier: Apache-2.0
// Samples of one brightness or colour, in a plane of either depth.
#ifndef SOURCE_SAMPLES_H
#define SOURCE_SAMPLES_H

#include <string.h>

#include "hal/frame.h"

// Writes `count` samples of a row of pixel format `pixel`, from sample `x` on: even ones and odd ones, for
// planes of interleaved chroma. Both in steps of 10 bit; planes of 8 bit get the upper eight.
static inline void samples_fill(uint8_t *row, uint32_t pixel, uint32_t x, uint32_t count, uint16_t even,
                                uint16_t odd)
{
    uint32_t bytes = castor_pixel_bytes(pixel);
    uint8_t *to = row + (size_t)x * bytes;

    if (bytes == 1 && even == odd) {
        memset(to, even >> 2, count);
        return;
    }
    for (uint32_t i = 0; i < count; i++, to += bytes) {
        uint16_t value = i % 2 ? odd : even;
        to[bytes - 1] = (uint8_t)(value >> 2);
        if (bytes == 2)
            to[0] = (uint8_t)(value << 6); // in the high bits of 16, low byte first
    }
}

#endif
