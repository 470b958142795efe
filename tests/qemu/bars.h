// SPDX-License-Identifier: Apache-2.0
// Compares a captured picture with the picture that the vivid driver's generator makes: eight 75 % colour
// bars of equal width over the whole height.
#ifndef QEMU_BARS_H
#define QEMU_BARS_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/frame.h"

#define BARS_COLUMNS 8

// The largest difference found, in 8-bit steps, and where.
struct bars_error {
    int luma, chroma;
    uint32_t luma_bar, luma_height_percent; // 0 is the first bar from the left
    uint32_t chroma_bar, chroma_height_percent;
};

// BT.709 limited range Y, Cb, Cr of a bar (SMPTE RP 219, ITU-R BT.709 item 3.2 to 3.4).
void bars_expected(uint32_t bar, int out_ycbcr[3]);

// Looks at the middle of every bar near the top, in the middle and near the bottom: a wrong matrix or range
// shows as a wrong colour, a wrong stride as a bar that moves between the heights. Any struct castor_format.
struct bars_error bars_compare(const struct castor_format *format, const struct castor_frame *frame);

#endif
