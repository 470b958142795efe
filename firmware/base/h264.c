// SPDX-License-Identifier: Apache-2.0
#include "base/h264.h"

#include <string.h>

#define PROFILE_BYTES 3 // profile_idc, the constraint flags, level_idc

uint32_t h264_classify(const uint8_t *nal, size_t size_bytes)
{
    // first_mb_in_slice is the first ue(v) of the slice header; 0 is coded as the single bit 1.
    bool first = size_bytes > 1 && (nal[1] & 0x80) != 0;
    uint32_t slice = NAL_IS_SLICE | (first ? NAL_IS_FIRST_SLICE : 0u);
    switch (nal[0] & 0x1f) {
    case H264_NAL_SLICE:
        return slice;
    case H264_NAL_IDR:
        return slice | NAL_IS_IDR | NAL_IS_RANDOM_ACCESS;
    case H264_NAL_PREFIX:
        return NAL_IS_SLICE_PREFIX;
    case H264_NAL_AUD:
        return NAL_IS_AUD;
    case H264_NAL_SPS:
        return NAL_IS_SPS;
    case H264_NAL_PPS:
        return NAL_IS_PPS;
    default:
        return 0;
    }
}

// 7.3.2.1.1.1: only the length matters here.
static void skip_scaling_list(struct nal_bits *r, uint32_t entries)
{
    int32_t last = 8;
    int32_t next = 8;
    for (uint32_t i = 0; i < entries && !r->broken; i++) {
        if (next != 0) {
            int32_t delta = nal_read_se(r);
            if (delta < -128 || delta > 127)
                r->broken = true;
            else
                next = (last + delta + 256) % 256;
        }
        last = next == 0 ? last : next;
    }
}

static bool has_chroma_format(uint8_t profile_idc)
{
    static const uint8_t profiles[] = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};
    return memchr(profiles, profile_idc, sizeof profiles) != NULL;
}

// Returns ChromaArrayType (7.4.2.1.1).
static uint32_t read_high_profile_fields(struct nal_bits *r, struct nal_sps *sps)
{
    uint32_t format = nal_read_ue_limited(r, 3);
    bool separate_planes = format == 3 && nal_read_bit(r) != 0;
    sps->luma_bits = 8 + nal_read_ue_limited(r, 6);
    sps->chroma_bits = 8 + nal_read_ue_limited(r, 6);
    nal_read_bit(r); // qpprime_y_zero_transform_bypass_flag
    bool has_scaling_lists = nal_read_bit(r) != 0;
    for (uint32_t i = 0; has_scaling_lists && i < (format == 3 ? 12u : 8u) && !r->broken; i++) {
        if (nal_read_bit(r) != 0)
            skip_scaling_list(r, i < 6 ? 16 : 64);
    }
    return separate_planes ? 0 : format;
}

static void skip_picture_order_fields(struct nal_bits *r)
{
    nal_read_ue_limited(r, 12); // log2_max_frame_num_minus4
    uint32_t type = nal_read_ue_limited(r, 2);
    if (type == 0) {
        nal_read_ue_limited(r, 12); // log2_max_pic_order_cnt_lsb_minus4
    } else if (type == 1) {
        nal_read_bit(r); // delta_pic_order_always_zero_flag
        nal_read_se(r);  // offset_for_non_ref_pic
        nal_read_se(r);  // offset_for_top_to_bottom_field
        uint32_t cycle = nal_read_ue_limited(r, 255);
        for (uint32_t i = 0; i < cycle && !r->broken; i++)
            nal_read_se(r);
    }
}

int h264_parse_sps(const uint8_t *nal, size_t size_bytes, struct nal_sps *out)
{
    const uint32_t side_mbs_max = 1024; // 16384 px; level 6.2 allows 1055 macroblocks a side
    if (size_bytes < 5 || (nal[0] & 0x9f) != H264_NAL_SPS)
        return CASTOR_ERR_INVALID;
    struct nal_bits r = {.data = nal, .size_bytes = size_bytes, .at_bytes = 1};
    struct nal_sps sps = {.luma_bits = 8, .chroma_bits = 8}; // where the profile has no choice
    for (uint32_t i = 0; i < PROFILE_BYTES; i++)
        sps.profile[i] = (uint8_t)nal_read_bits(&r, 8);
    nal_read_ue_limited(&r, 31); // seq_parameter_set_id
    uint32_t chroma = has_chroma_format(sps.profile[0]) ? read_high_profile_fields(&r, &sps) : 1;
    skip_picture_order_fields(&r);
    nal_read_ue_limited(&r, 16); // max_num_ref_frames
    nal_read_bit(&r);            // gaps_in_frame_num_value_allowed_flag
    uint32_t width_mbs = 1 + nal_read_ue_limited(&r, side_mbs_max - 1);
    uint32_t height_units = 1 + nal_read_ue_limited(&r, side_mbs_max - 1);
    bool fields = nal_read_bit(&r) == 0; // frame_mbs_only_flag
    if (fields)
        nal_read_bit(&r); // mb_adaptive_frame_field_flag
    nal_read_bit(&r);     // direct_8x8_inference_flag
    sps.width_px = 16 * width_mbs;
    sps.height_px = 16 * height_units * (fields ? 2 : 1);
    if (nal_read_bit(&r) != 0)
        nal_read_cropping(&r, chroma, fields, &sps);
    if (r.broken)
        return CASTOR_ERR_INVALID;
    *out = sps;
    return CASTOR_OK;
}
