// SPDX-License-Identifier: Apache-2.0
// A text with placeholders, taken apart.
#ifndef DRAW_TEMPLATE_H
#define DRAW_TEMPLATE_H

#include "draw/bitmap.h"
#include "draw/moment.h"

#define TEMPLATE_PIECES_MAX 16
#define TEMPLATE_TEXT_BYTES 512

struct template_piece {
    char text[TEMPLATE_TEXT_BYTES]; // "" = a field
    enum moment_field field;
};

struct template
{
    uint32_t count;
    struct template_piece piece[TEMPLATE_PIECES_MAX];
};

// What: reads a text in which {time}, {date}, {timecode} and {frame} stand for what moment.h tells of a
// frame, {name} for `name`, and {{ for a brace. Errors: INVALID, *why names the placeholder or what else is
// wrong.
CASTOR_MUST_USE int template_parse(const char *text, const char *name, struct template *out,
                                   struct draw_reason *why);

#endif
