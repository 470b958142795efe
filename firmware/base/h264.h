// SPDX-License-Identifier: Apache-2.0
// What only H.264 has of what coded.h tells: its NAL unit types and its SPS. Pure and bounded, as nal.h.
// Source: Rec. ITU-T H.264, clauses 7.3 (syntax), 7.4.1 (NAL units), Annex B.
#ifndef BASE_H264_H
#define BASE_H264_H

#include <stddef.h>
#include <stdint.h>

#include "base/nal.h"

// nal_unit_type, H.264 table 7-1.
enum h264_nal_type {
    H264_NAL_SLICE = 1,
    H264_NAL_IDR = 5,
    H264_NAL_SEI = 6,
    H264_NAL_SPS = 7,
    H264_NAL_PPS = 8,
    H264_NAL_AUD = 9,
    H264_NAL_PREFIX = 14,
};

// The traits (enum nal_trait) of the NAL unit whose header is at `nal`. Reads at most 2 bytes; `size_bytes`,
// at least 1, may reach beyond its end.
uint32_t h264_classify(const uint8_t *nal, size_t size_bytes);

// Parses an SPS NAL unit (7.3.2.1.1), header byte first, emulation prevention still in. Returns
// CASTOR_ERR_INVALID when it is not an SPS, ends early, or holds values that the standard forbids.
CASTOR_MUST_USE int h264_parse_sps(const uint8_t *nal, size_t size_bytes, struct nal_sps *out);

#endif
