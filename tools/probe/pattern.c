// SPDX-License-Identifier: Apache-2.0
#include "probe/pattern.h"

#include <stdbool.h>

#define CELLS 32U
#define CELL_MIN_PX 10U
#define CELL_HEIGHT_MAX_PX 32U
#define LUMA_THRESHOLD 125U // halfway between black (16) and white (235)

static uint16_t crc16_ccitt_false(const uint8_t *bytes, size_t count)
{
    uint16_t crc = 0xFFFF;
    for (size_t i = 0; i < count; i++) {
        crc = (uint16_t)(crc ^ (bytes[i] << 8));
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)((crc & 0x8000) ? (crc << 1) ^ 0x1021 : crc << 1);
    }
    return crc;
}

// Only the inner half counts: coding blurs the edges of a cell.
static bool cell_is_set(const uint8_t *cell, size_t stride_bytes, unsigned width_px, unsigned height_px)
{
    uint32_t sum = 0;
    uint32_t count = 0;
    for (unsigned y = height_px / 4; y < height_px - height_px / 4; y++) {
        for (unsigned x = width_px / 4; x < width_px - width_px / 4; x++) {
            sum += cell[y * stride_bytes + x];
            count++;
        }
    }
    return sum > count * LUMA_THRESHOLD;
}

int pattern_read(const uint8_t *luma, size_t stride_bytes, unsigned width_px, unsigned height_px,
                 uint64_t *number)
{
    unsigned cell_px = width_px / CELLS & ~1U;
    if (cell_px < CELL_MIN_PX)
        cell_px = CELL_MIN_PX;
    unsigned row_px = cell_px < CELL_HEIGHT_MAX_PX ? cell_px : CELL_HEIGHT_MAX_PX;
    if (cell_px * CELLS > width_px || 2 * row_px > height_px || stride_bytes < width_px)
        return CASTOR_ERR_UNSUPPORTED;

    uint64_t bits = 0;
    for (unsigned row = 0; row < 2; row++) {
        for (unsigned i = 0; i < CELLS; i++) {
            const uint8_t *cell = luma + row * row_px * stride_bytes + i * cell_px;
            if (cell_is_set(cell, stride_bytes, cell_px, row_px))
                bits |= UINT64_C(1) << (row * CELLS + i);
        }
    }
    uint64_t value = bits & PATTERN_NUMBER_MASK;
    uint8_t bytes[6];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(value >> (40 - 8 * i));
    if (crc16_ccitt_false(bytes, sizeof bytes) != bits >> 48)
        return CASTOR_ERR_NOT_FOUND;
    *number = value;
    return CASTOR_OK;
}
