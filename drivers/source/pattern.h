// SPDX-License-Identifier: Apache-2.0
// Colour bars with the frame's number (number.h), a box that moves across the middle, and a flash: a box from
// 12/16 to 15/16 of the width and from 4/16 to 7/16 of the height, each bound rounded down to even. It is
// white (luma 235) in frames whose sequence is a multiple of the frame rate rounded up to a whole number (30
// at 30000/1001), black (16) in all others; chroma is 128; four times that in 10 bit.
#ifndef SOURCE_PATTERN_H
#define SOURCE_PATTERN_H

#include "hal/source.h"

extern const struct source_driver source_pattern;

#endif
