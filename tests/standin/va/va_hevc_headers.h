// SPDX-License-Identifier: Apache-2.0
// HEVC's headers (Rec. ITU-T H.265, 7.3), read as far as streams of one layer without tiles need. Members
// carry the names of the syntax, without their prefixes.
#ifndef STANDIN_VA_HEVC_HEADERS_H
#define STANDIN_VA_HEVC_HEADERS_H

#include "va_reader.h"

enum hevc_nal {
    HEVC_TRAIL_R = 1,
    HEVC_IDR_W_RADL = 19,
    HEVC_IDR_N_LP = 20,
    HEVC_VPS = 32,
    HEVC_SPS,
    HEVC_PPS
};
enum hevc_slice_type { HEVC_B = 0, HEVC_P = 1, HEVC_I = 2 };

struct hevc_profile {
    uint32_t profile_space, tier_flag, profile_idc, compatibility, progressive_source, interlaced_source,
        non_packed, frame_only, reserved, level_idc;
};

struct hevc_ordering {
    uint32_t max_dec_pic_buffering_minus1, max_num_reorder_pics, max_latency_increase_plus1;
};

struct hevc_vps {
    struct hevc_profile profile;
    struct hevc_ordering ordering;
};

struct hevc_vui {
    uint32_t aspect_ratio_info_present, aspect_ratio_idc, sar_width, sar_height;
    uint32_t video_signal_type_present, video_format, full_range, colour_description_present, primaries,
        transfer, matrix;
    uint32_t neutral_chroma_indication, field_seq;
    uint32_t timing_info_present, num_units_in_tick, time_scale, hrd_parameters_present;
    uint32_t bitstream_restriction, tiles_fixed_structure, motion_vectors_over_pic_boundaries,
        restricted_ref_pic_lists, min_spatial_segmentation_idc, max_bytes_per_pic_denom,
        max_bits_per_min_cu_denom, log2_max_mv_length_horizontal, log2_max_mv_length_vertical;
};

struct hevc_sps {
    struct hevc_profile profile;
    struct hevc_ordering ordering;
    uint32_t id, chroma_format_idc, width, height, win_left, win_right, win_top, win_bottom;
    uint32_t bit_depth_luma_minus8, bit_depth_chroma_minus8, poc_lsb_bits;
    uint32_t log2_min_cb_minus3, log2_diff_cb, log2_min_tb_minus2, log2_diff_tb, depth_inter, depth_intra;
    uint32_t scaling_list_enabled, amp_enabled, sao_enabled, pcm_enabled, num_short_term_ref_pic_sets,
        long_term_ref_pics_present, temporal_mvp_enabled, strong_intra_smoothing_enabled,
        vui_parameters_present;
    struct hevc_vui vui;
};

struct hevc_pps {
    uint32_t id, sps_id, dependent_slice_segments_enabled, output_flag_present, num_extra_slice_header_bits,
        sign_data_hiding_enabled, cabac_init_present, num_ref_idx_l0_minus1, num_ref_idx_l1_minus1;
    int32_t init_qp_minus26;
    uint32_t constrained_intra_pred, transform_skip_enabled, cu_qp_delta_enabled, diff_cu_qp_delta_depth;
    int32_t cb_qp_offset, cr_qp_offset;
    uint32_t slice_chroma_qp_offsets_present, weighted_pred, weighted_bipred, transquant_bypass_enabled,
        tiles_enabled, entropy_coding_sync_enabled, loop_filter_across_slices_enabled;
    uint32_t deblocking_control_present, deblocking_override_enabled, deblocking_disabled;
    int32_t beta_offset_div2, tc_offset_div2;
    uint32_t scaling_list_data_present, lists_modification_present, log2_parallel_merge_level_minus2,
        slice_header_extension_present;
};

struct hevc_slice {
    uint32_t nal_type, first_slice_segment_in_pic, no_output_of_prior_pics, pps_id, type;
    uint32_t poc_lsb, num_negative_pics, num_positive_pics, delta_poc_s0_minus1, used_by_curr_pic_s0;
    uint32_t temporal_mvp_enabled, sao_luma, sao_chroma;
    uint32_t num_ref_idx_override, num_ref_idx_l0_minus1, num_ref_idx_l1_minus1, mvd_l1_zero, cabac_init,
        collocated_from_l0, five_minus_max_num_merge_cand;
    int32_t qp_delta;
    uint32_t loop_filter_across_slices_enabled;
    size_t qp_delta_at, qp_delta_end; // bits behind the NAL unit header
    size_t end;                       // where byte_alignment() begins
};

// Each reads what is behind the NAL unit header. False: what this reader knows nothing of, or it ends early.
bool hevc_read_vps(struct reader *reader, struct hevc_vps *out);
bool hevc_read_sps(struct reader *reader, struct hevc_sps *out);
bool hevc_read_pps(struct reader *reader, struct hevc_pps *out);
bool hevc_read_slice(struct reader *reader, unsigned nal_type, const struct hevc_sps *sps,
                     const struct hevc_pps *pps, struct hevc_slice *out);

// The parameter sets of a byte stream.
struct hevc_sets {
    struct hevc_vps vps;
    struct hevc_sps sps;
    struct hevc_pps pps;
};
bool hevc_read_sets(const uint8_t *bytes, size_t size, struct hevc_sets *out);

#endif
