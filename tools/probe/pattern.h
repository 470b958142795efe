// SPDX-License-Identifier: Apache-2.0
// Reads the frame number that the test pattern draws into the picture.
#ifndef PROBE_PATTERN_H
#define PROBE_PATTERN_H

#include "hal/error.h"

#include <stddef.h>
#include <stdint.h>

#define PATTERN_NUMBER_MASK ((UINT64_C(1) << 48) - 1)

// A luma plane; of more than 8 bits a sample takes two bytes, the low one first, and fills the low bits.
struct pattern_luma {
    const uint8_t *data;
    size_t stride_bytes;
    unsigned width_px, height_px;
    unsigned bits; // of a sample, 8 to 16
};

// Two rows of 32 cells at the top left of the luma plane: row 0 holds bits 0 to 31 of the number, least
// significant first; row 1 bits 32 to 47 and then a CRC-16/CCITT-FALSE over the six number bytes, big endian.
// Never blocks. Errors: UNSUPPORTED for a picture too small for the cells; NOT_FOUND if the checksum does not
// match.
int CASTOR_MUST_USE pattern_read(const struct pattern_luma *luma, uint64_t *number);

#endif
