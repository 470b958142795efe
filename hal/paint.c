// SPDX-License-Identifier: Apache-2.0
#include "hal/paint.h"

#include <string.h>

struct castor_colour castor_bar(uint32_t index)
{
    static const struct castor_colour bars[CASTOR_BARS] = {
        {720, 512, 512}, {672, 176, 544}, {580, 588, 176}, {532, 252, 208},
        {252, 772, 816}, {204, 436, 848}, {112, 848, 480},
    };

    return bars[index % CASTOR_BARS];
}

void castor_paint_samples(uint8_t *row, uint32_t pixel, uint32_t x, uint32_t count, uint16_t even,
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

void castor_paint_box(const struct castor_format *format, const struct castor_frame *frame, uint32_t x,
                      uint32_t y, uint32_t width, uint32_t height, struct castor_colour colour)
{
    const uint32_t pixel = format->pixel;

    for (uint32_t line = y; line < y + height; line++)
        castor_paint_samples(frame->plane[0] + (size_t)line * frame->stride_bytes[0], pixel, x, width,
                             colour.y, colour.y);
    for (uint32_t line = y / 2; line < (y + height) / 2; line++) {
        uint8_t *first = frame->plane[1] + (size_t)line * frame->stride_bytes[1];
        if (pixel == CASTOR_PIXEL_I420) {
            uint8_t *second = frame->plane[2] + (size_t)line * frame->stride_bytes[2];
            castor_paint_samples(first, pixel, x / 2, width / 2, colour.u, colour.u);
            castor_paint_samples(second, pixel, x / 2, width / 2, colour.v, colour.v);
        } else {
            castor_paint_samples(first, pixel, x, width, colour.u, colour.v);
        }
    }
}

void castor_paint_bars(const struct castor_format *format, const struct castor_frame *frame)
{
    uint32_t width = format->width_px, height = format->height_px;
    uint32_t upper = height * 67 / 100 & ~1u, middle = height * 75 / 100 & ~1u;

    for (uint32_t i = 0; i < CASTOR_BARS; i++) {
        uint32_t x = width * i / CASTOR_BARS & ~1u;
        uint32_t end = i == CASTOR_BARS - 1 ? width : width * (i + 1) / CASTOR_BARS & ~1u;
        castor_paint_box(format, frame, x, 0, end - x, upper, castor_bar(i));
        castor_paint_box(format, frame, x, upper, end - x, middle - upper,
                         i % 2 ? CASTOR_BLACK : castor_bar(CASTOR_BARS - 1 - i));
    }
    for (uint32_t x = 0; x < width; x += 2) { // luma ramp over the whole range
        struct castor_colour grey = {(uint16_t)(64 + 876 * x / width), 512, 512};
        castor_paint_box(format, frame, x, middle, 2, height - middle, grey);
    }
}
