// SPDX-License-Identifier: Apache-2.0
// A picture as it is drawn before it meets video: 8-bit R, G, B, A (sRGB, alpha not multiplied in), rows
// packed, first row on top. Made by text_render(), png_load() and qr_render(); image.h turns it into what is
// blended.
#ifndef DRAW_BITMAP_H
#define DRAW_BITMAP_H

#include <stdint.h>

#include "hal/error.h"

#define BITMAP_WIDTH_MAX_PX 4096
#define BITMAP_HEIGHT_MAX_PX 2304

struct bitmap {
    uint32_t width_px, height_px;
    uint8_t *rgba;
};

// What went wrong, why, what to do: for operators. Always terminated.
struct draw_reason {
    char text[192];
};

// Writes a reason, cut to size. Returns `error`.
int draw_reason_set(struct draw_reason *why, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// A transparent one. Owner: the caller, until bitmap_destroy(). Errors: INVALID (a side of 0 or beyond the
// limits above), NO_MEMORY; *why says it.
CASTOR_MUST_USE int bitmap_create(uint32_t width_px, uint32_t height_px, struct bitmap **out,
                                  struct draw_reason *why);

// A copy scaled to that size, smooth, each edge pixel standing for what would lie beyond it. Errors: as
// bitmap_create().
CASTOR_MUST_USE int bitmap_scale(const struct bitmap *bitmap, uint32_t width_px, uint32_t height_px,
                                 struct bitmap **out, struct draw_reason *why);

void bitmap_destroy(struct bitmap *bitmap); // accepts NULL

#endif
