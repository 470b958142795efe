// SPDX-License-Identifier: Apache-2.0
// Font files, through FreeType: one face at one size.
#ifndef DRAW_FONT_H
#define DRAW_FONT_H

#include "draw/bitmap.h"

#define FONT_SIZE_MIN_PX 6
#define FONT_SIZE_MAX_PX 500

struct font;

// What: opens a font. `name` is a file ("/..."; TrueType, OpenType, Type 1), or one of the families "sans",
// "sans-bold", "mono", "mono-bold", which are files of Debian's fonts-dejavu-core in CASTOR_FONT_DIR; "" is
// "sans-bold". `size_px` is the em's height, FONT_SIZE_MIN_PX..FONT_SIZE_MAX_PX. Owner: the caller, until
// font_close(). Blocks: for the disk. Errors: NOT_FOUND, INVALID (no font, or of no such size), NO_MEMORY;
// *why says what, why and what to do. One thread at a time.
CASTOR_MUST_USE int font_open(const char *name, uint32_t size_px, struct font **out, struct draw_reason *why);

void font_close(struct font *font); // accepts NULL

#endif
