// SPDX-License-Identifier: Apache-2.0
// To the house's colours, BT.709 in limited range, from what cameras and files have: BT.601 (ITU-R BT.601
// item 2.5), which is also JPEG's, and full range.
#ifndef SOURCE_RECOLOUR_H
#define SOURCE_RECOLOUR_H

#include <stdbool.h>
#include <stdint.h>

// In 1/65536. y' = luma * y + y_u * (u - 128) + y_v * (v - 128) + luma_offset, and so on.
struct recolour {
    bool needed; // false: the picture is right as it is
    bool apart;  // true: no sample counts for another, and the tables say it all
    uint8_t luma_table[256], chroma_table[256];
    int32_t luma, luma_offset, y_u, y_v, u_u, u_v, v_u, v_v;
};

// A 4:2:0 picture of even size. chroma_step: 1 for planes of their own, 2 for interleaved U and V.
struct recolour_planes {
    uint8_t *y, *u, *v;
    int y_stride, u_stride, v_stride;
    int chroma_step;
    int width, height;
};

enum recolour_range {
    RECOLOUR_LIMITED,
    RECOLOUR_FULL,
    RECOLOUR_LIMITED_TWICE, // RGB from 16 to 235 taken for RGB from 0 to 255, and made limited once more
};

void recolour_init(struct recolour *colour, bool bt601, enum recolour_range range);

// Converts in place.
void recolour_apply(const struct recolour *colour, const struct recolour_planes *planes);

#endif
