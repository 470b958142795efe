// SPDX-License-Identifier: Apache-2.0
#include "draw/utf8.h"

uint32_t utf8_next(const char **at)
{
    const uint8_t *byte = (const uint8_t *)*at;
    uint32_t length = byte[0] < 0x80 ? 1 : byte[0] < 0xc2 ? 0 : byte[0] < 0xe0 ? 2 : byte[0] < 0xf0 ? 3 : 4;
    uint32_t character = length == 1 ? byte[0] : byte[0] & (0x7fu >> length);

    if (length == 0 || byte[0] > 0xf4)
        return UTF8_BROKEN;
    for (uint32_t i = 1; i < length; i++) {
        if ((byte[i] & 0xc0) != 0x80)
            return UTF8_BROKEN;
        character = character << 6 | (byte[i] & 0x3fu);
    }
    // Longer than needed, half of a UTF-16 pair, beyond Unicode.
    if ((length == 3 && character < 0x800) || (length == 4 && character < 0x10000) ||
        (character >= 0xd800 && character < 0xe000) || character > 0x10ffff)
        return UTF8_BROKEN;
    *at += character ? length : 0;
    return character;
}
