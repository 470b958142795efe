// SPDX-License-Identifier: Apache-2.0
#include "number.h"

#include <string.h>

#include "hal/paint.h"

// In steps of 10 bit.
#define LUMA_0 64
#define LUMA_1 940
#define CHROMA_NEUTRAL 512

static uint32_t cell_width_px(const struct castor_format *format)
{
    uint32_t width = format->width_px / NUMBER_CELLS_A_ROW & ~1u;

    return width < 10 ? 10 : width;
}

static uint32_t cell_height_px(const struct castor_format *format)
{
    uint32_t height = cell_width_px(format);

    return height > 32 ? 32 : height;
}

uint32_t number_width_px(const struct castor_format *format)
{
    return cell_width_px(format) * NUMBER_CELLS_A_ROW;
}

uint32_t number_height_px(const struct castor_format *format)
{
    return cell_height_px(format) * 2;
}

static uint16_t crc16(uint64_t number)
{
    uint32_t crc = 0xFFFF;

    for (int shift = 40; shift >= 0; shift -= 8) {
        crc ^= (uint32_t)(number >> shift & 0xFF) << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 0x8000 ? (crc << 1 ^ 0x1021) & 0xFFFF : crc << 1;
    }
    return (uint16_t)crc;
}

static void draw_row(const struct castor_format *format, const struct castor_frame *frame, uint32_t row,
                     uint32_t bits)
{
    uint32_t width = cell_width_px(format), height = cell_height_px(format);
    uint8_t *first = frame->plane[0] + (size_t)row * height * frame->stride_bytes[0];

    for (uint32_t i = 0; i < NUMBER_CELLS_A_ROW; i++) {
        uint16_t luma = bits >> i & 1 ? LUMA_1 : LUMA_0;
        castor_paint_samples(first, format->pixel, i * width, width, luma, luma);
    }
    for (uint32_t line = 1; line < height; line++)
        memcpy(first + (size_t)line * frame->stride_bytes[0], first,
               (size_t)number_width_px(format) * castor_pixel_bytes(format->pixel));
}

void number_draw(const struct castor_format *format, const struct castor_frame *frame, uint64_t number)
{
    uint32_t planes = format->pixel == CASTOR_PIXEL_I420 ? 3 : 2;
    uint32_t chroma_samples = number_width_px(format) / (planes == 2 ? 1 : 2);

    draw_row(format, frame, 0, (uint32_t)number);
    draw_row(format, frame, 1, (uint32_t)(number >> 32 & 0xFFFF) | (uint32_t)crc16(number) << 16);
    for (uint32_t plane = 1; plane < planes; plane++)
        for (uint32_t line = 0; line < number_height_px(format) / 2; line++)
            castor_paint_samples(frame->plane[plane] + (size_t)line * frame->stride_bytes[plane],
                                 format->pixel, 0, chroma_samples, CHROMA_NEUTRAL, CHROMA_NEUTRAL);
}
