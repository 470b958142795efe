// SPDX-License-Identifier: Apache-2.0
// A reader of the frame number block, written from its description and sharing no code with the drawer.
#ifndef SOURCE_NUMBER_READER_H
#define SOURCE_NUMBER_READER_H

#include <stdbool.h>
#include <stdint.h>

static inline int number_reader_cell(const uint8_t *luma, uint32_t stride, int x, int y, int w, int h)
{
    uint32_t sum = 0, count = 0;

    for (int j = y + h / 4; j < y + h - h / 4; j++)
        for (int i = x + w / 4; i < x + w - w / 4; i++, count++)
            sum += luma[(uint32_t)j * stride + (uint32_t)i];
    return sum > 125 * count;
}

static inline bool number_read(const uint8_t *luma, uint32_t stride, uint32_t width_px, uint64_t *number)
{
    int w = (int)(width_px / 32 / 2 * 2), h;
    uint64_t value = 0;
    uint32_t check = 0, crc = 0xFFFF;

    if (w < 10)
        w = 10;
    h = w > 32 ? 32 : w;
    for (int i = 0; i < 48; i++)
        value |= (uint64_t)number_reader_cell(luma, stride, i % 32 * w, i / 32 * h, w, h) << i;
    for (int i = 0; i < 16; i++)
        check |= (uint32_t)number_reader_cell(luma, stride, (16 + i) * w, h, w, h) << i;
    for (int bit = 47; bit >= 0; bit--) { // bit by bit, most significant first
        uint32_t top = (crc >> 15 & 1) ^ (uint32_t)(value >> bit & 1);
        crc = (crc << 1 & 0xFFFF) ^ (top ? 0x1021u : 0);
    }
    if (crc != check)
        return false;
    *number = value;
    return true;
}

#endif
