// SPDX-License-Identifier: Apache-2.0
// Plain surfaces in raw pictures: what test patterns and slates are made of. Colours are BT.709 limited range
// in steps of 10 bit; planes of 8 bit get the upper eight.
#ifndef HAL_PAINT_H
#define HAL_PAINT_H

#include "hal/frame.h"

struct castor_colour {
    uint16_t y, u, v;
};
#define CASTOR_BLACK ((struct castor_colour){64, 512, 512})
#define CASTOR_WHITE ((struct castor_colour){940, 512, 512})

// 75 % bars, from grey over yellow, cyan, green, magenta, red to blue (SMPTE RP 219 in outline).
#define CASTOR_BARS 7
struct castor_colour castor_bar(uint32_t index); // 0..CASTOR_BARS - 1, from left to right

// Writes `count` samples of a row of pixel format `pixel`, from sample `x` on: even ones and odd ones, for
// planes of interleaved chroma. Never blocks or fails.
void castor_paint_samples(uint8_t *row, uint32_t pixel, uint32_t x, uint32_t count, uint16_t even,
                          uint16_t odd);

// Fills a rectangle inside the picture; x, y, width and height even. Never blocks or fails.
void castor_paint_box(const struct castor_format *format, const struct castor_frame *frame, uint32_t x,
                      uint32_t y, uint32_t width, uint32_t height, struct castor_colour colour);

// Fills the picture with the bars, their reverse below them, and a ramp of grey over the whole range. Never
// blocks or fails.
void castor_paint_bars(const struct castor_format *format, const struct castor_frame *frame);

#endif
