// SPDX-License-Identifier: Apache-2.0
// What byte streams of H.264 and H.265 have in common: NAL units between start codes (Annex B of either),
// bits behind emulation prevention, and what a NAL unit and an SPS say to those who judge access units
// (coded.h).
//
// Pure functions: no allocation, no clock, no I/O. Every read is bounded, so the bytes may come from a broken
// or hostile encoder.
#ifndef BASE_NAL_H
#define BASE_NAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/error.h"

#define NAL_START_CODE_BYTES 3
#define NAL_NOT_FOUND SIZE_MAX

// One NAL unit inside a byte stream.
struct nal_span {
    const uint8_t *data; // the NAL unit header; points into the stream that was searched
    size_t size_bytes;   // header included, trailing zeros not
    size_t start_bytes;  // offset of its start code, leading zero_byte included
};

// Offset of the next 00 00 01 at or after `from`, or NAL_NOT_FOUND. `data` is NULL only with size 0.
size_t nal_find_start_code(const uint8_t *data, size_t size_bytes, size_t from);

// Offset at which a start code found at `start` begins, its zero_byte included.
size_t nal_begin(const uint8_t *data, size_t start);

// Finds the next NAL unit at or after *position and moves *position to the end of it. Costs one pass over the
// unit's bytes. False when there is no further one.
bool nal_next(const uint8_t *data, size_t size_bytes, size_t *position, struct nal_span *out);

// What a NAL unit is, as far as it counts for an access unit; h264_classify() and hevc_classify() say so.
enum nal_trait {
    NAL_IS_SLICE = 1 << 0,
    NAL_IS_FIRST_SLICE = 1 << 1,   // of its picture
    NAL_IS_IDR = 1 << 2,           // a slice of an IDR picture
    NAL_IS_RANDOM_ACCESS = 1 << 3, // a slice of a picture at which a decoder may join: any IDR; CRA and BLA
    NAL_IS_SLICE_PREFIX = 1 << 4,  // belongs to the slice behind it
    NAL_IS_AUD = 1 << 5,
    NAL_IS_VPS = 1 << 6,
    NAL_IS_SPS = 1 << 7,
    NAL_IS_PPS = 1 << 8,
};

#define NAL_PROFILE_BYTES_MAX 12

// Sequence parameter set, as far as anybody here asks.
struct nal_sps {
    uint32_t width_px; // after cropping: what a viewer sees
    uint32_t height_px;
    uint32_t luma_bits, chroma_bits; // of a sample
    // Profile, constraints and level as they stand in the SPS, without emulation prevention: in H.264 3
    // bytes, in H.265 12. The video descriptors of H.222.0 (2.6.64, 2.6.95) repeat them bit by bit.
    uint8_t profile[NAL_PROFILE_BYTES_MAX];
};

// Reads bits of a NAL unit, stepping over emulation prevention bytes. Past the end it yields zeros and
// remembers. Set data, size_bytes and at_bytes (where to begin); the rest is 0.
struct nal_bits {
    const uint8_t *data;
    size_t size_bytes;
    size_t at_bytes;
    uint32_t zeros; // zero bytes in a row before at_bytes
    uint32_t left;  // bits not yet taken of `current`
    uint8_t current;
    bool broken; // the end was passed, or a value out of its range was met
};

uint32_t nal_read_bit(struct nal_bits *r);
uint32_t nal_read_bits(struct nal_bits *r, uint32_t count); // count at most 32

// ue(v) and se(v), clause 9.1 of H.264, 9.2 of H.265. Values of 2^32 - 1 and more break the reader.
uint32_t nal_read_ue(struct nal_bits *r);
int32_t nal_read_se(struct nal_bits *r);

// ue(v) that is at most `max`; a larger one breaks the reader and reads as 0.
uint32_t nal_read_ue_limited(struct nal_bits *r, uint32_t max);

// The four offsets of the frame cropping rectangle or conformance window, which it takes off the size. They
// count chroma samples (table 6-1 of either): `chroma` is the chroma format, 0 when the planes are coded
// apart; in field coding, where `fields` is set, pairs of rows. A window without a picture in it breaks the
// reader.
void nal_read_cropping(struct nal_bits *r, uint32_t chroma, bool fields, struct nal_sps *sps);

// Worst case size of `size_bytes` of RBSP after nal_escape().
#define NAL_ESCAPED_BYTES_MAX(size_bytes) ((size_bytes) + (size_bytes) / 2 + 1)

// Inserts emulation prevention bytes (H.264 7.4.1, H.265 7.4.2). Yields the number of bytes written. Returns
// CASTOR_ERR_FULL when `out_capacity_bytes` is too small; what was written so far is then meaningless. The
// buffers must not overlap.
CASTOR_MUST_USE int nal_escape(const uint8_t *rbsp, size_t size_bytes, uint8_t *out,
                               size_t out_capacity_bytes, size_t *out_size_bytes);

#endif
