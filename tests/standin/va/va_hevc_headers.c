// SPDX-License-Identifier: Apache-2.0
#include "va_hevc_headers.h"

#define REFERENCES_MAX 4
#define GET(member, count) (out->member = reader_get(reader, (count)))
#define UE(member) (out->member = reader_ue(reader))
#define SE(member) (out->member = reader_se(reader))

static void read_profile(struct reader *reader, struct hevc_profile *out)
{
    GET(profile_space, 2);
    GET(tier_flag, 1);
    GET(profile_idc, 5);
    GET(compatibility, 32);
    GET(progressive_source, 1);
    GET(interlaced_source, 1);
    GET(non_packed, 1);
    GET(frame_only, 1);
    GET(reserved, 32);
    out->reserved |= reader_get(reader, 12);
    GET(level_idc, 8);
}

static void read_ordering(struct reader *reader, struct hevc_ordering *out)
{
    (void)reader_get(reader, 1); // one sub-layer: the same, whatever this says
    UE(max_dec_pic_buffering_minus1);
    UE(max_num_reorder_pics);
    UE(max_latency_increase_plus1);
}

bool hevc_read_vps(struct reader *reader, struct hevc_vps *out)
{
    // An id, two flags, one layer, one sub-layer, nesting, 16 ones.
    if (reader_get(reader, 16) != 0x0C01 || reader_get(reader, 16) != 0xFFFF)
        return false;
    read_profile(reader, &out->profile);
    read_ordering(reader, &out->ordering);
    if (reader_get(reader, 6) != 0 || reader_ue(reader) != 0)
        return false;
    if (reader_get(reader, 1)) { // vps_timing_info_present_flag
        (void)reader_get(reader, 32);
        (void)reader_get(reader, 32);
        if (reader_get(reader, 1))
            (void)reader_ue(reader);
        if (reader_ue(reader) != 0) // vps_num_hrd_parameters
            return false;
    }
    return reader_get(reader, 1) == 0 && reader_is_trailing(reader);
}

static void read_signal(struct reader *reader, struct hevc_vui *out)
{
    if (GET(aspect_ratio_info_present, 1) && GET(aspect_ratio_idc, 8) == 255) {
        GET(sar_width, 16);
        GET(sar_height, 16);
    }
    if (reader_get(reader, 1)) // overscan_info_present_flag
        (void)reader_get(reader, 1);
    if (GET(video_signal_type_present, 1)) {
        GET(video_format, 3);
        GET(full_range, 1);
        if (GET(colour_description_present, 1)) {
            GET(primaries, 8);
            GET(transfer, 8);
            GET(matrix, 8);
        }
    }
    if (reader_get(reader, 1)) { // chroma_loc_info_present_flag
        (void)reader_ue(reader);
        (void)reader_ue(reader);
    }
}

static bool read_vui(struct reader *reader, struct hevc_vui *out)
{
    read_signal(reader, out);
    GET(neutral_chroma_indication, 1);
    GET(field_seq, 1);
    if (reader_get(reader, 1) || reader_get(reader, 1)) // frame_field_info, default_display_window
        return false;
    if (GET(timing_info_present, 1)) {
        GET(num_units_in_tick, 32);
        GET(time_scale, 32);
        if (reader_get(reader, 1))
            (void)reader_ue(reader);
        if (GET(hrd_parameters_present, 1))
            return false;
    }
    if (!GET(bitstream_restriction, 1))
        return true;
    GET(tiles_fixed_structure, 1);
    GET(motion_vectors_over_pic_boundaries, 1);
    GET(restricted_ref_pic_lists, 1);
    UE(min_spatial_segmentation_idc);
    UE(max_bytes_per_pic_denom);
    UE(max_bits_per_min_cu_denom);
    UE(log2_max_mv_length_horizontal);
    UE(log2_max_mv_length_vertical);
    return true;
}

static void read_size(struct reader *reader, struct hevc_sps *out)
{
    UE(chroma_format_idc);
    UE(width);
    UE(height);
    if (reader_get(reader, 1)) {
        UE(win_left);
        UE(win_right);
        UE(win_top);
        UE(win_bottom);
    }
    UE(bit_depth_luma_minus8);
    UE(bit_depth_chroma_minus8);
}

bool hevc_read_sps(struct reader *reader, struct hevc_sps *out)
{
    *out = (struct hevc_sps){0};
    if (reader_get(reader, 8) != 1) // VPS 0, one sub-layer, nesting
        return false;
    read_profile(reader, &out->profile);
    UE(id);
    read_size(reader, out);
    UE(poc_lsb_bits);
    out->poc_lsb_bits += 4;
    read_ordering(reader, &out->ordering);
    UE(log2_min_cb_minus3);
    UE(log2_diff_cb);
    UE(log2_min_tb_minus2);
    UE(log2_diff_tb);
    UE(depth_inter);
    UE(depth_intra);
    if (GET(scaling_list_enabled, 1))
        return false;
    GET(amp_enabled, 1);
    GET(sao_enabled, 1);
    if (GET(pcm_enabled, 1) || UE(num_short_term_ref_pic_sets) || GET(long_term_ref_pics_present, 1))
        return false;
    GET(temporal_mvp_enabled, 1);
    GET(strong_intra_smoothing_enabled, 1);
    if (GET(vui_parameters_present, 1) && !read_vui(reader, &out->vui))
        return false;
    return reader_get(reader, 1) == 0 && reader_is_trailing(reader); // sps_extension_present_flag
}

bool hevc_read_pps(struct reader *reader, struct hevc_pps *out)
{
    *out = (struct hevc_pps){0};
    UE(id);
    UE(sps_id);
    GET(dependent_slice_segments_enabled, 1);
    GET(output_flag_present, 1);
    GET(num_extra_slice_header_bits, 3);
    GET(sign_data_hiding_enabled, 1);
    GET(cabac_init_present, 1);
    UE(num_ref_idx_l0_minus1);
    UE(num_ref_idx_l1_minus1);
    SE(init_qp_minus26);
    GET(constrained_intra_pred, 1);
    GET(transform_skip_enabled, 1);
    if (GET(cu_qp_delta_enabled, 1))
        UE(diff_cu_qp_delta_depth);
    SE(cb_qp_offset);
    SE(cr_qp_offset);
    GET(slice_chroma_qp_offsets_present, 1);
    GET(weighted_pred, 1);
    GET(weighted_bipred, 1);
    GET(transquant_bypass_enabled, 1);
    if (GET(tiles_enabled, 1))
        return false;
    GET(entropy_coding_sync_enabled, 1);
    GET(loop_filter_across_slices_enabled, 1);
    if (GET(deblocking_control_present, 1)) {
        GET(deblocking_override_enabled, 1);
        if (!GET(deblocking_disabled, 1)) {
            SE(beta_offset_div2);
            SE(tc_offset_div2);
        }
    }
    if (GET(scaling_list_data_present, 1))
        return false;
    GET(lists_modification_present, 1);
    UE(log2_parallel_merge_level_minus2);
    GET(slice_header_extension_present, 1);
    return reader_get(reader, 1) == 0 && reader_is_trailing(reader); // pps_extension_present_flag
}

// slice_pic_order_cnt_lsb and the slice's own st_ref_pic_set(0); of the pictures before, the last is told of.
static bool read_references(struct reader *reader, const struct hevc_sps *sps, struct hevc_slice *out)
{
    GET(poc_lsb, sps->poc_lsb_bits);
    if (reader_get(reader, 1)) // short_term_ref_pic_set_sps_flag
        return false;
    if (UE(num_negative_pics) > REFERENCES_MAX || UE(num_positive_pics) != 0)
        return false;
    for (uint32_t i = 0; i < out->num_negative_pics; i++) {
        uint32_t delta_minus1 = reader_ue(reader), is_used = reader_get(reader, 1);
        if (i == 0) {
            out->delta_poc_s0_minus1 = delta_minus1;
            out->used_by_curr_pic_s0 = is_used;
        }
    }
    if (sps->temporal_mvp_enabled)
        GET(temporal_mvp_enabled, 1);
    return true;
}

static void read_prediction(struct reader *reader, const struct hevc_pps *pps, struct hevc_slice *out)
{
    out->num_ref_idx_l0_minus1 = pps->num_ref_idx_l0_minus1;
    out->num_ref_idx_l1_minus1 = pps->num_ref_idx_l1_minus1;
    if (GET(num_ref_idx_override, 1)) {
        UE(num_ref_idx_l0_minus1);
        if (out->type == HEVC_B)
            UE(num_ref_idx_l1_minus1);
    }
    if (out->type == HEVC_B)
        GET(mvd_l1_zero, 1);
    if (pps->cabac_init_present)
        GET(cabac_init, 1);
    out->collocated_from_l0 = 1;
    if (out->temporal_mvp_enabled && out->type == HEVC_B)
        GET(collocated_from_l0, 1);
    UE(five_minus_max_num_merge_cand);
}

bool hevc_read_slice(struct reader *reader, unsigned nal_type, const struct hevc_sps *sps,
                     const struct hevc_pps *pps, struct hevc_slice *out)
{
    bool is_idr = nal_type == HEVC_IDR_W_RADL || nal_type == HEVC_IDR_N_LP;

    *out = (struct hevc_slice){.nal_type = nal_type};
    if (!GET(first_slice_segment_in_pic, 1))
        return false;
    if (nal_type >= 16)
        GET(no_output_of_prior_pics, 1);
    UE(pps_id);
    (void)reader_get(reader, pps->num_extra_slice_header_bits);
    UE(type);
    if (pps->output_flag_present)
        (void)reader_get(reader, 1);
    if (!is_idr && !read_references(reader, sps, out))
        return false;
    if (sps->sao_enabled) {
        GET(sao_luma, 1);
        GET(sao_chroma, 1);
    }
    if (out->type != HEVC_I)
        read_prediction(reader, pps, out);
    out->qp_delta_at = reader->position;
    SE(qp_delta);
    out->qp_delta_end = reader->position;
    if (pps->slice_chroma_qp_offsets_present || pps->deblocking_override_enabled || pps->weighted_pred ||
        pps->entropy_coding_sync_enabled || pps->slice_header_extension_present ||
        pps->lists_modification_present)
        return false;
    bool filters = out->sao_luma || out->sao_chroma || !pps->deblocking_disabled;
    out->loop_filter_across_slices_enabled = pps->loop_filter_across_slices_enabled;
    if (pps->loop_filter_across_slices_enabled && filters)
        GET(loop_filter_across_slices_enabled, 1);
    out->end = reader->position;
    return !reader_is_past_end(reader);
}

bool hevc_read_sets(const uint8_t *bytes, size_t size, struct hevc_sets *out)
{
    unsigned found = 0;

    for (size_t at = reader_next_nal(bytes, size, 0); at + 2 < size; at = reader_next_nal(bytes, size, at)) {
        size_t next = reader_next_nal(bytes, size, at);
        size_t end = next == size ? size : next - 3;
        struct reader reader;
        bool is_read = true;
        while (end > at && bytes[end - 1] == 0)
            end--; // zero_byte of what follows
        reader_open(&reader, bytes + at + 2, end - at - 2, (end - at - 2) * 8, true);
        unsigned type = bytes[at] >> 1;
        if (type == HEVC_VPS)
            is_read = hevc_read_vps(&reader, &out->vps);
        else if (type == HEVC_SPS)
            is_read = hevc_read_sps(&reader, &out->sps);
        else if (type == HEVC_PPS)
            is_read = hevc_read_pps(&reader, &out->pps);
        if (!is_read)
            return false;
        if (type >= HEVC_VPS && type <= HEVC_PPS)
            found |= 1u << (type - HEVC_VPS);
    }
    return found == 7;
}
