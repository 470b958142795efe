// SPDX-License-Identifier: Apache-2.0
// The frame number in the picture, robust to coding: 64 cells in two rows of 32 at the top left. Cell width
// is width_px / 32 rounded down to even, at least 10 px; cell height the same, at most 32 px. Row 0 cell i is
// bit i of the number; row 1 cells 0..15 are bits 32..47, cells 16..31 the CRC-16/CCITT-FALSE (polynomial
// 0x1021, start 0xFFFF) of the 6 number bytes, big endian. Luma 16 is 0, 235 is 1; chroma is 128 under the
// block; four times that in 10 bit.
#ifndef SOURCE_NUMBER_H
#define SOURCE_NUMBER_H

#include <stdint.h>

#include "hal/frame.h"

#define NUMBER_CELLS_A_ROW 32

// Draws the low 48 bits of `number` into a frame of that format.
void number_draw(const struct castor_format *format, const struct castor_frame *frame, uint64_t number);

// Size of the block.
uint32_t number_width_px(const struct castor_format *format);
uint32_t number_height_px(const struct castor_format *format);

#endif
