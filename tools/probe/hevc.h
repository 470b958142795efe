// SPDX-License-Identifier: Apache-2.0
// Looks at H.265 byte streams (ITU-T H.265 Annex B), one access unit at a time. Pure: bytes in, structs out;
// nothing blocks, nothing is allocated, nothing outside the given bytes is read.
#ifndef PROBE_HEVC_H
#define PROBE_HEVC_H

#include "hal/error.h"
#include "probe/h264.h"

#include <stddef.h>
#include <stdint.h>

// nal_unit_type, H.265 table 7-1.
enum hevc_nal_type {
    HEVC_LAST_TRAILING = 9, // slices of pictures that nobody can join at: 0..9
    HEVC_FIRST_IRAP = 16,   // slices of random access points: 16..21
    HEVC_IDR_W_RADL = 19,
    HEVC_IDR_N_LP = 20,
    HEVC_LAST_IRAP = 21,
    HEVC_VPS = 32,
    HEVC_SPS = 33,
    HEVC_PPS = 34,
    HEVC_AUD = 35,
    HEVC_PREFIX_SEI = 39,
};

// Reads a sequence parameter set (7.3.2.2), NAL header included: id, profile_idc, level_idc (30 times the
// level) and the picture size after the conformance window; the rest is 0. Errors: INVALID.
int CASTOR_MUST_USE hevc_parse_sps(const uint8_t *nal, size_t bytes, struct h264_sps *sps);

// Looks at all NAL units of one access unit. `malformed` also tells of slices of different nal_unit_type, of
// two pictures in one access unit, and of NAL units with a forbidden header.
void hevc_inspect(const uint8_t *data, size_t bytes, struct h264_au *au);

#endif
