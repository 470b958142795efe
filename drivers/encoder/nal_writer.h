// SPDX-License-Identifier: Apache-2.0
// Writes NAL units of H.264 (ITU-T Rec. H.264) bit by bit as a byte stream: start codes (Annex B), syntax
// elements (7.2, 9.1), emulation prevention (7.4.1).
#ifndef DRIVERS_ENCODER_NAL_WRITER_H
#define DRIVERS_ENCODER_NAL_WRITER_H

#include <stddef.h>
#include <stdint.h>

struct nal_writer {
    uint8_t *bytes; // set by the user, as is the capacity, which must do; all else is zero
    size_t capacity_bytes;
    size_t size_bytes; // written so far
    unsigned zeros;    // zero bytes in a row
    uint8_t begun;     // the byte that is not complete yet
    unsigned begun_bits;
};

// A start code of `zeros` zero bytes and a one, and the NAL unit's header.
void nal_writer_begin(struct nal_writer *writer, unsigned zeros, uint8_t header);

// Appends the `count` (at most 32) low bits of `value`, the highest first: u(n).
void nal_writer_put(struct nal_writer *writer, unsigned count, uint32_t value);

// Exp-Golomb codes; `value` below 2^32 - 1, and its magnitude below 2^31 for se(v).
void nal_writer_put_ue(struct nal_writer *writer, uint32_t value);
void nal_writer_put_se(struct nal_writer *writer, int32_t value);

// rbsp_trailing_bits(), 7.3.2.11: ends on a byte.
void nal_writer_end(struct nal_writer *writer);

// Ends where it is, what is missing of the last byte being zero. Returns how many bits were written, that
// byte counted only as far as it was.
size_t nal_writer_cut(struct nal_writer *writer);

#endif
