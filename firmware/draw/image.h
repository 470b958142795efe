// SPDX-License-Identifier: Apache-2.0
// A bitmap made ready for blending onto frames of one pixel format: BT.709 limited range, chroma of each 2 x
// 2 pixels weighed by their alpha, opacity and alpha multiplied in. Made once, blended any number of times,
// by any number of threads.
#ifndef DRAW_IMAGE_H
#define DRAW_IMAGE_H

#include <stddef.h>

#include "draw/bitmap.h"
#include "hal/frame.h"

// What of a row is not transparent, in samples.
struct image_span {
    uint16_t first, end;
};

// One plane; what blend.c adds up for each sample, row after row.
struct image_plane {
    uint32_t columns, rows;  // samples of a row (interleaved U and V count as two), rows
    uint16_t *colour;        // sample times alpha: of 255 for 8 bit, in the high bits of 16 for P010
    uint16_t *keep;          // how much stays of what was there: of 255, for P010 of 65535
    struct image_span *span; // a row
};

struct image {
    uint32_t pixel;               // enum castor_pixel_format
    uint32_t width_px, height_px; // even: an odd bitmap is given a transparent edge to the right or below
    uint32_t plane_count;
    struct image_plane plane[CASTOR_PLANES_MAX];
};

// What: converts. `opacity_percent` 0..100 (asserted). Owner: the caller, until image_destroy(); the bitmap
// is not needed any more. Blocks: up to a quarter of a second for the largest bitmap. Errors: NO_MEMORY,
// INVALID (no pixel format). Source: Recommendation ITU-R BT.709-6, 3.2 to 3.5.
CASTOR_MUST_USE int image_create(const struct bitmap *bitmap, uint32_t pixel, uint32_t opacity_percent,
                                 struct image **out);

void image_destroy(struct image *image); // accepts NULL

#endif
