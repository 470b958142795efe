// SPDX-License-Identifier: Apache-2.0
#include "base/hevc.h"

#include <assert.h>

#define SUB_LAYERS_MAX 7  // sps_max_sub_layers_minus1 is at most 6 (7.4.3.2.1)
#define SIDE_PX_MAX 16888 // A.4.1: the square root of 8 times MaxLumaPs of level 6.2

static_assert(HEVC_PROFILE_BYTES <= NAL_PROFILE_BYTES_MAX, "struct nal_sps has room for it");

// nal_unit_type of a NAL unit of the base layer; of another layer, a type that nobody here knows.
static uint32_t type_of(const uint8_t *header, size_t left_bytes)
{
    const uint32_t unspecified = 63;
    if (left_bytes < HEVC_NAL_HEADER_BYTES || (header[0] & 1) != 0 || header[1] >> 3 != 0)
        return unspecified;
    return header[0] >> 1 & 0x3fu;
}

static bool is_slice(uint32_t type)
{
    return type <= HEVC_NAL_RASL_R || (type >= HEVC_NAL_BLA_W_LP && type <= HEVC_NAL_CRA);
}

static uint32_t classify_slice(uint32_t type, const uint8_t *nal, size_t size_bytes)
{
    uint32_t traits = NAL_IS_SLICE;
    if (type == HEVC_NAL_IDR_W_RADL || type == HEVC_NAL_IDR_N_LP)
        traits |= NAL_IS_IDR;
    if (type >= HEVC_NAL_BLA_W_LP)
        traits |= NAL_IS_RANDOM_ACCESS;
    // first_slice_segment_in_pic_flag is the first bit behind the NAL unit header.
    if (size_bytes > HEVC_NAL_HEADER_BYTES && (nal[HEVC_NAL_HEADER_BYTES] & 0x80) != 0)
        traits |= NAL_IS_FIRST_SLICE;
    return traits;
}

uint32_t hevc_classify(const uint8_t *nal, size_t size_bytes)
{
    uint32_t type = type_of(nal, size_bytes);
    switch (type) {
    case HEVC_NAL_VPS:
        return NAL_IS_VPS;
    case HEVC_NAL_SPS:
        return NAL_IS_SPS;
    case HEVC_NAL_PPS:
        return NAL_IS_PPS;
    case HEVC_NAL_AUD:
        return NAL_IS_AUD;
    default:
        return is_slice(type) ? classify_slice(type, nal, size_bytes) : 0;
    }
}

// 7.3.3. `profile` gets the general part.
static void read_profile_tier_level(struct nal_bits *r, uint32_t sub_layers, uint8_t *profile)
{
    bool has_profile[SUB_LAYERS_MAX];
    bool has_level[SUB_LAYERS_MAX];
    for (uint32_t i = 0; i < HEVC_PROFILE_BYTES; i++)
        profile[i] = (uint8_t)nal_read_bits(r, 8);
    for (uint32_t i = 0; i + 1 < sub_layers; i++) {
        has_profile[i] = nal_read_bit(r) != 0;
        has_level[i] = nal_read_bit(r) != 0;
    }
    if (sub_layers > 1)
        nal_read_bits(r, 2 * (9 - sub_layers)); // reserved_zero_2bits, up to eight layers
    for (uint32_t i = 0; i + 1 < sub_layers; i++) {
        for (uint32_t byte = 0; byte < (has_profile[i] ? 11u : 0u) + (has_level[i] ? 1u : 0u); byte++)
            nal_read_bits(r, 8);
    }
}

int hevc_parse_sps(const uint8_t *nal, size_t size_bytes, struct nal_sps *out)
{
    if (size_bytes < HEVC_NAL_HEADER_BYTES || (nal[0] & 0x80) != 0 ||
        type_of(nal, size_bytes) != HEVC_NAL_SPS)
        return CASTOR_ERR_INVALID;
    struct nal_bits r = {.data = nal, .size_bytes = size_bytes, .at_bytes = HEVC_NAL_HEADER_BYTES};
    struct nal_sps sps = {0};
    nal_read_bits(&r, 4); // sps_video_parameter_set_id
    uint32_t sub_layers = 1 + nal_read_bits(&r, 3);
    nal_read_bit(&r); // sps_temporal_id_nesting_flag
    if (sub_layers > SUB_LAYERS_MAX)
        return CASTOR_ERR_INVALID;
    read_profile_tier_level(&r, sub_layers, sps.profile);
    nal_read_ue_limited(&r, 15); // sps_seq_parameter_set_id
    uint32_t chroma = nal_read_ue_limited(&r, 3);
    if (chroma == 3)
        nal_read_bit(&r); // separate_colour_plane_flag; the window counts alike either way
    sps.width_px = nal_read_ue_limited(&r, SIDE_PX_MAX);
    sps.height_px = nal_read_ue_limited(&r, SIDE_PX_MAX);
    if (nal_read_bit(&r) != 0)
        nal_read_cropping(&r, chroma, false, &sps);
    sps.luma_bits = 8 + nal_read_ue_limited(&r, 8);
    sps.chroma_bits = 8 + nal_read_ue_limited(&r, 8);
    if (r.broken || sps.width_px == 0 || sps.height_px == 0)
        return CASTOR_ERR_INVALID;
    *out = sps;
    return CASTOR_OK;
}
