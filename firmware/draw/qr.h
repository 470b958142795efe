// SPDX-License-Identifier: Apache-2.0
// QR codes (ISO/IEC 18004), through libqrencode.
#ifndef DRAW_QR_H
#define DRAW_QR_H

#include "draw/bitmap.h"

struct qr_style {
    uint32_t level;     // 0 L, 1 M, 2 Q, 3 H: about 7, 15, 25, 30 % of it may be destroyed
    uint32_t module_px; // side of a module, 1 or more
    uint32_t quiet;     // clear modules around it; the standard demands 4
};

// What: black on white, the quiet zone white too, in the smallest version that holds `text` as bytes. Owner:
// the caller. Errors: INVALID (nothing in it, too long, too large for a bitmap), NO_MEMORY; *why says it.
CASTOR_MUST_USE int qr_render(const char *text, struct qr_style style, struct bitmap **out,
                              struct draw_reason *why);

#endif
