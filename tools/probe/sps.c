// SPDX-License-Identifier: Apache-2.0
// The sequence parameter set, ITU-T H.264 7.3.2.1.1 and E.1.1.
#include "probe/bits.h"
#include "probe/h264.h"

#include <string.h>

#define SPS_MAX_BYTES 1024
#define SIZE_MAX_MBS 1024U // 16384 samples; level 6.2 ends far below

static void skip_scaling_list(struct bits *b, unsigned size)
{
    int32_t last = 8;
    int32_t next = 8;
    for (unsigned i = 0; i < size && !b->broken; i++) {
        if (next != 0) {
            int32_t delta = bits_read_se(b);
            if (delta < -128 || delta > 127)
                b->broken = true;
            else
                next = (last + delta + 256) % 256;
        }
        if (next != 0)
            last = next;
    }
}

static bool is_high(unsigned profile_idc)
{
    static const unsigned high[] = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};
    for (size_t i = 0; i < sizeof high / sizeof high[0]; i++) {
        if (high[i] == profile_idc)
            return true;
    }
    return false;
}

// Returns chroma_format_idc, or 0 where the planes are coded separately (ChromaArrayType).
static unsigned parse_high(struct bits *b, struct h264_sps *sps)
{
    unsigned chroma = bits_read_ue_max(b, 3);
    bool separate = chroma == 3 && bits_read(b, 1);
    sps->bit_depth = 8 + bits_read_ue_max(b, 6);
    bits_read_ue_max(b, 6); // bit_depth_chroma_minus8
    bits_read(b, 1);        // qpprime_y_zero_transform_bypass_flag
    if (bits_read(b, 1)) {
        for (unsigned i = 0; i < (chroma == 3 ? 12U : 8U); i++) {
            if (bits_read(b, 1))
                skip_scaling_list(b, i < 6 ? 16 : 64);
        }
    }
    return separate ? 0 : chroma;
}

static void skip_order_count(struct bits *b)
{
    unsigned type = bits_read_ue_max(b, 2);
    if (type == 0) {
        bits_read_ue_max(b, 12); // log2_max_pic_order_cnt_lsb_minus4
    } else if (type == 1) {
        bits_read(b, 1); // delta_pic_order_always_zero_flag
        bits_read_se(b);
        bits_read_se(b);
        unsigned cycle = bits_read_ue_max(b, 255);
        for (unsigned i = 0; i < cycle && !b->broken; i++)
            bits_read_se(b);
    }
}

static void parse_size(struct bits *b, unsigned chroma, struct h264_sps *sps)
{
    unsigned width_mbs = bits_read_ue_max(b, SIZE_MAX_MBS - 1) + 1;
    unsigned height_units = bits_read_ue_max(b, SIZE_MAX_MBS - 1) + 1;
    bool frames_only = bits_read(b, 1);
    if (!frames_only)
        bits_read(b, 1); // mb_adaptive_frame_field_flag
    bits_read(b, 1);     // direct_8x8_inference_flag
    sps->width_px = width_mbs * 16;
    sps->height_px = height_units * 16 * (frames_only ? 1 : 2);
    if (!bits_read(b, 1))
        return;
    unsigned unit_x = chroma == 1 || chroma == 2 ? 2 : 1;
    unsigned unit_y = (chroma == 1 ? 2 : 1) * (frames_only ? 1 : 2);
    uint32_t crop[4];
    for (unsigned i = 0; i < 4; i++)
        crop[i] = bits_read_ue_max(b, 16 * SIZE_MAX_MBS);
    uint32_t cut_x = (crop[0] + crop[1]) * unit_x;
    uint32_t cut_y = (crop[2] + crop[3]) * unit_y;
    if (cut_x >= sps->width_px || cut_y >= sps->height_px) {
        b->broken = true;
        return;
    }
    sps->width_px -= cut_x;
    sps->height_px -= cut_y;
}

static void parse_vui(struct bits *b, struct h264_sps *sps)
{
    if (bits_read(b, 1) && bits_read(b, 8) == 255) // Extended_SAR
        bits_read(b, 32);
    if (bits_read(b, 1)) // overscan_info_present_flag
        bits_read(b, 1);
    if (bits_read(b, 1)) { // video_signal_type_present_flag
        bits_read(b, 4);
        if (bits_read(b, 1))
            bits_read(b, 24);
    }
    if (bits_read(b, 1)) { // chroma_loc_info_present_flag
        bits_read_ue_max(b, 5);
        bits_read_ue_max(b, 5);
    }
    sps->has_timing = bits_read(b, 1);
    if (sps->has_timing) {
        sps->num_units_in_tick = bits_read(b, 32);
        sps->time_scale = bits_read(b, 32);
    }
}

int h264_parse_sps(const uint8_t *nal, size_t bytes, struct h264_sps *sps)
{
    if (bytes < 5 || (nal[0] & 0x1F) != H264_SPS)
        return CASTOR_ERR_INVALID;
    uint8_t rbsp[SPS_MAX_BYTES];
    size_t rbsp_bytes = h264_unescape(nal + 1, bytes - 1, rbsp, sizeof rbsp);
    struct bits b = {.data = rbsp, .count = rbsp_bytes * 8};
    struct h264_sps found = {.bit_depth = 8};
    found.profile_idc = bits_read(&b, 8);
    found.constraints = bits_read(&b, 8);
    found.level_idc = bits_read(&b, 8);
    found.id = bits_read_ue_max(&b, 31);
    unsigned chroma = is_high(found.profile_idc) ? parse_high(&b, &found) : 1;
    bits_read_ue_max(&b, 12); // log2_max_frame_num_minus4
    skip_order_count(&b);
    bits_read_ue_max(&b, 16); // max_num_ref_frames
    bits_read(&b, 1);         // gaps_in_frame_num_value_allowed_flag
    parse_size(&b, chroma, &found);
    if (bits_read(&b, 1))
        parse_vui(&b, &found);
    if (b.broken)
        return CASTOR_ERR_INVALID;
    *sps = found;
    return CASTOR_OK;
}
