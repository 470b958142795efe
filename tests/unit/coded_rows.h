// SPDX-License-Identifier: Apache-2.0
// What the tests of either codec do with their access units and parameter sets.
#ifndef CODED_ROWS_H
#define CODED_ROWS_H

#include "base/coded.h"
#include "base/nal.h"

// An access unit, and the verdict on it.
struct coded_row {
    enum coded_verdict verdict;
    const struct castor_format *format;
    uint32_t scan;
    uint32_t size_bytes;
    uint8_t bytes[128];
};

#define ROW(verdict, format, scan, ...)                                                                      \
    {                                                                                                        \
        verdict, format, scan, sizeof((uint8_t[]){__VA_ARGS__}),                                             \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }

// Fails at the first row on which the verdict is another; and if nothing at all is not CODED_EMPTY.
void coded_rows_check(enum encoder_codec codec, const struct coded_row *rows, size_t count);

// An SPS of which `used_bytes` are read: cut anywhere before, it is malformed, and what was there stays.
void coded_cuts_check(int (*parse_sps)(const uint8_t *nal, size_t size_bytes, struct nal_sps *out),
                      const uint8_t *nal, size_t used_bytes);

#endif
