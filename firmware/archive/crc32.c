// SPDX-License-Identifier: Apache-2.0
#include "archive/crc32.h"

#define POLYNOMIAL 0xedb88320u

// Index lines are short and few: bit by bit is fast enough.
uint32_t archive_crc32(const void *data, size_t size_bytes)
{
    const uint8_t *bytes = data;
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < size_bytes; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
    }
    return ~crc;
}
