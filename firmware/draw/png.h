// SPDX-License-Identifier: Apache-2.0
// PNG files (ISO/IEC 15948) as bitmaps: grey, palette, colour, with and without alpha, 1 to 16 bit,
// interlaced; other gammas than sRGB's are converted.
#ifndef DRAW_PNG_H
#define DRAW_PNG_H

#include <stddef.h>

#include "draw/bitmap.h"

#define PNG_FILE_MAX_BYTES (32u << 20)

// What: loads a file. Owner: *out is the caller's until bitmap_destroy(). Blocks: for reading and decoding (a
// quarter of a second for the largest, plus the disk's time), so never in a thread that frames wait for.
// Errors: NOT_FOUND, DENIED, IO; INVALID no regular file, no PNG, broken, cut off, or larger than
// PNG_FILE_MAX_BYTES or a bitmap may be; NO_MEMORY. *why says what, why and what to do.
CASTOR_MUST_USE int png_load(const char *path, struct bitmap **out, struct draw_reason *why);

// The same from memory; `name` stands in *why.
CASTOR_MUST_USE int png_decode(const char *name, const void *bytes, size_t size_bytes, struct bitmap **out,
                               struct draw_reason *why);

#endif
