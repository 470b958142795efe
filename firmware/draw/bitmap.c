// SPDX-License-Identifier: Apache-2.0
#include "draw/bitmap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int draw_reason_set(struct draw_reason *why, int error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(why->text, sizeof why->text, format, arguments);
    va_end(arguments);
    return error;
}

int bitmap_create(uint32_t width_px, uint32_t height_px, struct bitmap **out, struct draw_reason *why)
{
    struct bitmap *bitmap;

    if (width_px == 0 || height_px == 0 || width_px > BITMAP_WIDTH_MAX_PX || height_px > BITMAP_HEIGHT_MAX_PX)
        return draw_reason_set(why, CASTOR_ERR_INVALID, "it would be %u x %u; 1 x 1 to %d x %d is possible",
                               width_px, height_px, BITMAP_WIDTH_MAX_PX, BITMAP_HEIGHT_MAX_PX);
    bitmap = calloc(1, sizeof *bitmap);
    if (bitmap)
        bitmap->rgba = calloc((size_t)width_px * height_px, 4);
    if (!bitmap || !bitmap->rgba) {
        free(bitmap);
        return draw_reason_set(why, CASTOR_ERR_NO_MEMORY, "no memory for %u x %u pixels", width_px,
                               height_px);
    }
    bitmap->width_px = width_px;
    bitmap->height_px = height_px;
    *out = bitmap;
    return CASTOR_OK;
}

void bitmap_destroy(struct bitmap *bitmap)
{
    if (!bitmap)
        return;
    free(bitmap->rgba);
    free(bitmap);
}
