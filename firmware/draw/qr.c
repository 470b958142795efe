// SPDX-License-Identifier: Apache-2.0
#include "draw/qr.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <qrencode.h>

#define ECI_UTF8 26 // AIM's number for it

static void paint(const QRcode *code, struct qr_style style, struct bitmap *bitmap)
{
    const uint32_t modules = (uint32_t)code->width;

    memset(bitmap->rgba, 255, (size_t)bitmap->width_px * bitmap->height_px * 4);
    for (uint32_t y = 0; y < modules * style.module_px; y++)
        for (uint32_t x = 0; x < modules * style.module_px; x++) {
            uint32_t row = style.quiet * style.module_px + y;
            uint32_t column = style.quiet * style.module_px + x;

            if (code->data[y / style.module_px * modules + x / style.module_px] & 1) // bit 0: black
                memset(bitmap->rgba + 4 * ((size_t)row * bitmap->width_px + column), 0, 3);
        }
}

// Bytes are ISO 8859-1 by the standard, and readers guess; so what is more than ASCII is said to be UTF-8.
static QRcode *encode(const char *text, size_t size_bytes, uint32_t level)
{
    static const QRecLevel levels[] = {QR_ECLEVEL_L, QR_ECLEVEL_M, QR_ECLEVEL_Q, QR_ECLEVEL_H};
    QRinput *input = QRinput_new2(0, levels[level < 3 ? level : 3]);
    QRcode *code = NULL;
    bool ascii = true;

    for (const char *at = text; *at; at++)
        ascii = ascii && (unsigned char)*at < 0x80;
    if (input && (ascii || QRinput_appendECIheader(input, ECI_UTF8) == 0) &&
        QRinput_append(input, QR_MODE_8, (int)size_bytes, (const unsigned char *)text) == 0)
        code = QRcode_encodeInput(input);
    if (input)
        QRinput_free(input);
    return code;
}

int qr_render(const char *text, struct qr_style style, struct bitmap **out, struct draw_reason *why)
{
    size_t size_bytes = strlen(text);
    QRcode *code;
    uint32_t side_px;
    int error;

    if (size_bytes == 0)
        return draw_reason_set(why, CASTOR_ERR_INVALID, "a QR code needs a text");
    errno = 0;
    code = encode(text, size_bytes, style.level);
    if (!code && errno != ENOMEM)
        return draw_reason_set(
            why, CASTOR_ERR_INVALID,
            "the text of %zu bytes is too long for a QR code: shorten it, or lower its level", size_bytes);
    if (!code)
        return draw_reason_set(why, CASTOR_ERR_NO_MEMORY, "no QR code: %s", strerror(errno));
    side_px = ((uint32_t)code->width + 2 * style.quiet) * style.module_px;
    error = bitmap_create(side_px, side_px, out, why);
    if (!error)
        paint(code, style, *out);
    QRcode_free(code);
    return error;
}
