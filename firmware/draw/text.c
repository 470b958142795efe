// SPDX-License-Identifier: Apache-2.0
#include "draw/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "draw/font_face.h"
#include "draw/utf8.h"
#include FT_GLYPH_H
#include FT_STROKER_H

#define SHADOW_ALPHA 176u

// One line on its way to a bitmap. Coverage of 8 bit, one byte a pixel.
struct line {
    const struct font *font;
    uint32_t glyph[TEXT_MAX_CHARACTERS];
    int32_t pen_px[TEXT_MAX_CHARACTERS]; // where each begins, from the first
    uint32_t count;
    uint32_t width_px, height_px;
    int32_t base_px; // the base line's row
    uint8_t *fill;
    uint8_t *edge;
};

uint32_t text_margin_px(const struct font *font, enum text_edge edge)
{
    uint32_t px = edge == TEXT_EDGE_OUTLINE ? font->size_px / 14 : font->size_px / 16;

    return edge == TEXT_EDGE_NONE ? 0 : px < 1 ? 1 : px;
}

uint32_t text_height_px(const struct font *font, enum text_edge edge)
{
    const FT_Size_Metrics *metrics = &font->face->size->metrics;

    return (uint32_t)((metrics->ascender - metrics->descender) >> 6) + 2 * text_margin_px(font, edge);
}

static int read_characters(struct line *line, const char *utf8, struct draw_reason *why)
{
    uint32_t character;

    while ((character = utf8_next(&utf8)) != 0) {
        if (character == UTF8_BROKEN)
            return draw_reason_set(why, CASTOR_ERR_INVALID, "the text is not UTF-8");
        if (character < 0x20 || character == 0x7f)
            return draw_reason_set(why, CASTOR_ERR_INVALID, "the text has a control character, 0x%02x",
                                   character);
        if (line->count == TEXT_MAX_CHARACTERS)
            return draw_reason_set(why, CASTOR_ERR_INVALID, "the text is longer than %d characters",
                                   TEXT_MAX_CHARACTERS);
        line->glyph[line->count++] = FT_Get_Char_Index(line->font->face, character);
    }
    if (line->count == 0)
        return draw_reason_set(why, CASTOR_ERR_INVALID, "the text is empty");
    return CASTOR_OK;
}

// Places the glyphs on whole pixels, so that a digit looks the same wherever it stands.
static int place(struct line *line, uint32_t margin_px, struct draw_reason *why)
{
    FT_Face face = line->font->face;
    int64_t pen = 0;

    for (uint32_t i = 0; i < line->count; i++) {
        FT_Vector kerning = {0, 0};

        if (i > 0 && FT_HAS_KERNING(face) &&
            FT_Get_Kerning(face, line->glyph[i - 1], line->glyph[i], FT_KERNING_DEFAULT, &kerning) == 0)
            pen += kerning.x >> 6;
        line->pen_px[i] = (int32_t)pen;
        if (FT_Load_Glyph(face, line->glyph[i], FT_LOAD_NO_BITMAP))
            return draw_reason_set(why, CASTOR_ERR_INVALID, "the font has a broken glyph (character %u)",
                                   i + 1);
        pen += face->glyph->advance.x >> 6;
    }
    if (pen < 1 || pen > BITMAP_WIDTH_MAX_PX)
        return draw_reason_set(why, CASTOR_ERR_INVALID,
                               "the text would be %lld pixels wide, %d are possible: "
                               "shorten it or make it smaller",
                               (long long)pen, BITMAP_WIDTH_MAX_PX);
    line->width_px = (uint32_t)pen + 2 * margin_px;
    line->base_px = (int32_t)(face->size->metrics.ascender >> 6) + (int32_t)margin_px;
    return CASTOR_OK;
}

// Adds a glyph's coverage; what lies outside is cut off.
static void add_coverage(const struct line *line, const FT_Bitmap *bitmap, int32_t left, int32_t top,
                         uint8_t *coverage)
{
    for (int32_t row = 0; row < (int32_t)bitmap->rows; row++) {
        const uint8_t *from = bitmap->buffer + (ptrdiff_t)row * bitmap->pitch;
        int32_t y = top + row;

        if (y < 0 || y >= (int32_t)line->height_px)
            continue;
        for (int32_t column = 0; column < (int32_t)bitmap->width; column++) {
            int32_t x = left + column;
            uint8_t *to = coverage + (size_t)y * line->width_px + x;

            if (x >= 0 && x < (int32_t)line->width_px && from[column] > *to)
                *to = from[column];
        }
    }
}

// Draws glyph `i` into a coverage plane, widened by the stroker's radius where there is one.
static int draw_glyph(const struct line *line, uint32_t i, FT_Stroker stroker, uint32_t offset_px,
                      uint8_t *coverage)
{
    FT_Face face = line->font->face;
    FT_Glyph glyph;
    int error = FT_Load_Glyph(face, line->glyph[i], FT_LOAD_NO_BITMAP) || FT_Get_Glyph(face->glyph, &glyph);

    if (error)
        return CASTOR_ERR_INVALID;
    if (stroker)
        error = FT_Glyph_StrokeBorder(&glyph, stroker, false, true);
    if (!error)
        error = FT_Glyph_To_Bitmap(&glyph, FT_RENDER_MODE_NORMAL, NULL, true);
    if (!error) {
        const FT_BitmapGlyphRec *drawn = (const FT_BitmapGlyphRec *)glyph;

        add_coverage(line, &drawn->bitmap, line->pen_px[i] + (int32_t)offset_px + drawn->left,
                     line->base_px - drawn->top + (int32_t)offset_px, coverage);
    }
    FT_Done_Glyph(glyph);
    return error ? CASTOR_ERR_NO_MEMORY : CASTOR_OK;
}

static int draw_all(struct line *line, enum text_edge edge, uint32_t margin_px)
{
    FT_Stroker stroker = NULL;
    int error = CASTOR_OK;

    line->base_px -= (int32_t)margin_px; // draw_glyph() moves both ways
    if (edge == TEXT_EDGE_OUTLINE) {
        if (FT_Stroker_New(line->font->library, &stroker))
            return CASTOR_ERR_NO_MEMORY;
        FT_Stroker_Set(stroker, (FT_Fixed)margin_px * 64, FT_STROKER_LINECAP_ROUND, FT_STROKER_LINEJOIN_ROUND,
                       0);
    }
    for (uint32_t i = 0; i < line->count && !error; i++) {
        error = draw_glyph(line, i, NULL, margin_px, line->fill);
        if (!error && edge == TEXT_EDGE_OUTLINE)
            error = draw_glyph(line, i, stroker, margin_px, line->edge);
        else if (!error && edge == TEXT_EDGE_SHADOW)
            error = draw_glyph(line, i, NULL, 2 * margin_px, line->edge);
    }
    FT_Stroker_Done(stroker);
    return error;
}

// The fill over its edge; the colours are not multiplied with alpha.
static void colour(const struct line *line, struct text_style style, struct bitmap *bitmap)
{
    const uint32_t edge_alpha = style.edge == TEXT_EDGE_SHADOW ? SHADOW_ALPHA : 255;
    size_t pixels = (size_t)line->width_px * line->height_px;

    for (size_t i = 0; i < pixels; i++) {
        uint32_t fill = line->fill[i];
        uint32_t under = (line->edge[i] * edge_alpha / 255 * (255 - fill) + 127) / 255;
        uint32_t alpha = fill + under;
        uint8_t *to = bitmap->rgba + 4 * i;

        for (int c = 0; c < 3 && alpha > 0; c++)
            to[c] = (uint8_t)(((style.rgb >> (16 - 8 * c) & 0xff) * fill + alpha / 2) / alpha);
        to[3] = (uint8_t)alpha;
    }
}

int text_render(const struct font *font, const char *utf8, struct text_style style, struct bitmap **out,
                struct draw_reason *why)
{
    uint32_t margin_px = text_margin_px(font, style.edge);
    struct line line = {.font = font, .height_px = text_height_px(font, style.edge)};
    struct bitmap *bitmap = NULL;
    int error = read_characters(&line, utf8, why);

    if (!error)
        error = place(&line, margin_px, why);
    if (!error)
        error = bitmap_create(line.width_px, line.height_px, &bitmap, why);
    if (error)
        return error;
    line.fill = calloc(2, (size_t)line.width_px * line.height_px);
    error = line.fill ? CASTOR_OK : CASTOR_ERR_NO_MEMORY;
    if (!error) {
        line.edge = line.fill + (size_t)line.width_px * line.height_px;
        error = draw_all(&line, style.edge, margin_px);
    }
    if (error)
        (void)draw_reason_set(why, error, "the text cannot be drawn: %s", castor_error_text(error));
    else
        colour(&line, style, bitmap);
    free(line.fill);
    if (error) {
        bitmap_destroy(bitmap);
        return error;
    }
    *out = bitmap;
    return CASTOR_OK;
}
