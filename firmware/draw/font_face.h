// SPDX-License-Identifier: Apache-2.0
// The inside of a font, for text.c.
#ifndef DRAW_FONT_FACE_H
#define DRAW_FONT_FACE_H

#include <ft2build.h>
#include FT_FREETYPE_H

#include "draw/font.h"

struct font {
    FT_Library library;
    FT_Face face;
    uint32_t size_px;
};

#endif
