// SPDX-License-Identifier: Apache-2.0
// Text as a bitmap: one line, left to right, glyph after glyph with the font's kerning. No shaping: scripts
// that need it (Arabic, Devanagari) come out as single letters. What the font lacks shows as its empty box.
#ifndef DRAW_TEXT_H
#define DRAW_TEXT_H

#include "draw/font.h"

#define TEXT_MAX_CHARACTERS 256

// What keeps text legible on any picture.
enum text_edge {
    TEXT_EDGE_NONE = 0,
    TEXT_EDGE_OUTLINE = 1, // a black line around each glyph
    TEXT_EDGE_SHADOW = 2,  // a black shadow to the lower right
    TEXT_EDGE_END          // one past the last
};

struct text_style {
    uint32_t rgb; // 0xRRGGBB
    enum text_edge edge;
};

// What: draws UTF-8. Shape: all texts of one font and edge have one height (ascender to descender, and the
// edge), and the base line on one row; glyphs begin text_margin_px() from the left and end as far from the
// right, so that bitmaps of pieces join when laid over each other by twice that. Owner: the caller. Errors:
// INVALID (no UTF-8, a control character, nothing in it, too many characters, too wide for a bitmap),
// NO_MEMORY; *why says it. Source: RFC 3629 for UTF-8.
CASTOR_MUST_USE int text_render(const struct font *font, const char *utf8, struct text_style style,
                                struct bitmap **out, struct draw_reason *why);

// What the edge takes on each side.
uint32_t text_margin_px(const struct font *font, enum text_edge edge);

// The height of all its texts.
uint32_t text_height_px(const struct font *font, enum text_edge edge);

#endif
