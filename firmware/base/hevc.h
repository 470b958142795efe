// SPDX-License-Identifier: Apache-2.0
// What only H.265 has of what coded.h tells: its NAL unit types and its SPS. Pure and bounded, as nal.h. Only
// the base layer counts (nuh_layer_id 0). Source: Rec. ITU-T H.265, clauses 7.3 (syntax), 7.4.2.2 (NAL unit
// types), Annex B.
#ifndef BASE_HEVC_H
#define BASE_HEVC_H

#include <stddef.h>
#include <stdint.h>

#include "base/nal.h"

#define HEVC_NAL_HEADER_BYTES 2
#define HEVC_PROFILE_BYTES 12 // general_profile_space .. general_level_idc of profile_tier_level()

// nal_unit_type, H.265 table 7-1.
enum hevc_nal_type {
    HEVC_NAL_RASL_R = 9,    // 0..9 are slices of pictures that are no random access points
    HEVC_NAL_BLA_W_LP = 16, // 16..21 are slices of random access points (IRAP)
    HEVC_NAL_IDR_W_RADL = 19,
    HEVC_NAL_IDR_N_LP = 20,
    HEVC_NAL_CRA = 21,
    HEVC_NAL_VPS = 32,
    HEVC_NAL_SPS = 33,
    HEVC_NAL_PPS = 34,
    HEVC_NAL_AUD = 35,
    HEVC_NAL_PREFIX_SEI = 39,
};

// The traits (enum nal_trait) of the NAL unit whose header is at `nal`; none of a unit of another layer.
// Reads at most 3 bytes; `size_bytes`, at least 1, may reach beyond its end.
uint32_t hevc_classify(const uint8_t *nal, size_t size_bytes);

// Parses an SPS NAL unit (7.3.2.2.1), header first, emulation prevention still in. Returns CASTOR_ERR_INVALID
// when it is not an SPS of the base layer, ends early, or holds values that the standard forbids.
CASTOR_MUST_USE int hevc_parse_sps(const uint8_t *nal, size_t size_bytes, struct nal_sps *out);

#endif
