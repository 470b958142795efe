// SPDX-License-Identifier: Apache-2.0
// Reads parameter sets bit by bit. Emulation prevention is out already. Pure.
#ifndef PROBE_BITS_H
#define PROBE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// `broken` is set once the reader runs past the end or meets a value out of range; what follows is then zero.
struct bits {
    const uint8_t *data;
    size_t count; // bits in data
    size_t pos;
    bool broken;
};

uint32_t bits_read(struct bits *b, unsigned n); // n at most 32

// ue(v) and se(v), ITU-T H.264 9.1, H.265 9.2.
uint32_t bits_read_ue(struct bits *b);
uint32_t bits_read_ue_max(struct bits *b, uint32_t max); // more breaks it
int32_t bits_read_se(struct bits *b);

#endif
