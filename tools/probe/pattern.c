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
static bool cell_is_set(const struct pattern_luma *luma, unsigned left_px, unsigned top_px, unsigned width_px,
                        unsigned height_px)
{
    const size_t sample_bytes = luma->bits > 8 ? 2 : 1;
    uint32_t sum = 0;
    uint32_t count = 0;
    for (unsigned y = height_px / 4; y < height_px - height_px / 4; y++) {
        const uint8_t *row = luma->data + (top_px + y) * luma->stride_bytes;
        for (unsigned x = width_px / 4; x < width_px - width_px / 4; x++) {
            const uint8_t *sample = row + (left_px + x) * sample_bytes;
            sum += sample_bytes == 2 ? sample[0] | (uint32_t)sample[1] << 8 : sample[0];
            count++;
        }
    }
    return sum > count * (LUMA_THRESHOLD << (luma->bits - 8));
}

int pattern_read(const struct pattern_luma *luma, uint64_t *number)
{
    unsigned cell_px = luma->width_px / CELLS & ~1U;
    if (cell_px < CELL_MIN_PX)
        cell_px = CELL_MIN_PX;
    unsigned row_px = cell_px < CELL_HEIGHT_MAX_PX ? cell_px : CELL_HEIGHT_MAX_PX;
    if (cell_px * CELLS > luma->width_px || 2 * row_px > luma->height_px ||
        luma->stride_bytes / (luma->bits > 8 ? 2 : 1) < luma->width_px)
        return CASTOR_ERR_UNSUPPORTED;

    uint64_t bits = 0;
    for (unsigned row = 0; row < 2; row++) {
        for (unsigned i = 0; i < CELLS; i++) {
            if (cell_is_set(luma, i * cell_px, row * row_px, cell_px, row_px))
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
