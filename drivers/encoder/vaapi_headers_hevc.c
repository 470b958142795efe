// SPDX-License-Identifier: Apache-2.0
// HEVC: clauses are those of ITU-T Rec. H.265.
#include "nal_writer.h"
#include "vaapi_headers.h"

enum { NAL_TRAIL_R = 1, NAL_IDR_W_RADL = 19, NAL_VPS = 32, NAL_SPS = 33, NAL_PPS = 34 }; // table 7-1
enum { SLICE_B = 0, SLICE_P = 1, SLICE_I = 2 };                                          // table 7-7

// nal_unit_header() of the base layer, 7.3.1.2.
static void begin(struct nal_writer *nal, unsigned zeros, unsigned type)
{
    nal_writer_begin(nal, zeros, (uint8_t)(type << 1));
    nal_writer_put(nal, 8, 1); // nuh_temporal_id_plus1
}

static bool is_ten_bit(const struct vaapi_stream *stream)
{
    return stream->format.pixel == CASTOR_PIXEL_P010;
}

// profile_tier_level(), 7.3.3.
static void put_profile(struct nal_writer *nal, const struct vaapi_stream *stream)
{
    unsigned profile = is_ten_bit(stream) ? 2 : 1; // A.3.3, A.3.2
    uint32_t compatible = 1u << (31 - 2);          // general_profile_compatibility_flag[2]

    if (profile == 1)
        compatible |= 1u << (31 - 1);
    nal_writer_put(nal, 2, 0); // general_profile_space
    nal_writer_put(nal, 1, stream->high_tier);
    nal_writer_put(nal, 5, profile);
    nal_writer_put(nal, 32, compatible);
    nal_writer_put(nal, 1, 1);  // general_progressive_source_flag
    nal_writer_put(nal, 1, 0);  // general_interlaced_source_flag
    nal_writer_put(nal, 1, 1);  // general_non_packed_constraint_flag
    nal_writer_put(nal, 1, 1);  // general_frame_only_constraint_flag
    nal_writer_put(nal, 32, 0); // general_reserved_zero_43bits, general_reserved_zero_bit
    nal_writer_put(nal, 12, 0);
    nal_writer_put(nal, 8, stream->level_idc);
}

// What the decoded picture buffer holds: the picture and the one before it, none waiting.
static void put_ordering(struct nal_writer *nal)
{
    nal_writer_put(nal, 1, 1); // sub_layer_ordering_info_present_flag
    nal_writer_put_ue(nal, 1); // max_dec_pic_buffering_minus1
    nal_writer_put_ue(nal, 0); // max_num_reorder_pics
    nal_writer_put_ue(nal, 0); // max_latency_increase_plus1: no limit given
}

// 7.3.2.1.
static void put_vps(struct nal_writer *nal, const struct vaapi_stream *stream)
{
    nal_writer_put(nal, 4, 0);       // vps_video_parameter_set_id
    nal_writer_put(nal, 2, 3);       // vps_base_layer_internal_flag, vps_base_layer_available_flag
    nal_writer_put(nal, 6, 0);       // vps_max_layers_minus1
    nal_writer_put(nal, 3, 0);       // vps_max_sub_layers_minus1
    nal_writer_put(nal, 1, 1);       // vps_temporal_id_nesting_flag
    nal_writer_put(nal, 16, 0xFFFF); // vps_reserved_0xffff_16bits
    put_profile(nal, stream);
    put_ordering(nal);
    nal_writer_put(nal, 6, 0); // vps_max_layer_id
    nal_writer_put_ue(nal, 0); // vps_num_layer_sets_minus1
    nal_writer_put(nal, 1, 0); // vps_timing_info_present_flag: it is in the VUI
    nal_writer_put(nal, 1, 0); // vps_extension_flag
    nal_writer_end(nal);
}

// Annex E.2.1.
static void put_vui(struct nal_writer *nal, const struct castor_format *format)
{
    nal_writer_put(nal, 1, 1); // aspect_ratio_info_present_flag
    nal_writer_put(nal, 8, 1); // aspect_ratio_idc: square
    nal_writer_put(nal, 1, 0); // overscan_info_present_flag
    nal_writer_put(nal, 1, 1); // video_signal_type_present_flag
    nal_writer_put(nal, 3, 5); // video_format: unspecified
    nal_writer_put(nal, 1, 0); // video_full_range_flag
    nal_writer_put(nal, 1, 1); // colour_description_present_flag
    for (unsigned i = 0; i < 3; i++)
        nal_writer_put(nal, 8, 1); // primaries, transfer, matrix: BT.709
    nal_writer_put(nal, 1, 0);     // chroma_loc_info_present_flag
    nal_writer_put(nal, 3,
                   0); // neutral_chroma_indication_flag, field_seq_flag, frame_field_info_present_flag
    nal_writer_put(nal, 1, 0);                 // default_display_window_flag
    nal_writer_put(nal, 1, 1);                 // vui_timing_info_present_flag
    nal_writer_put(nal, 32, format->rate.den); // vui_num_units_in_tick
    nal_writer_put(nal, 32, format->rate.num); // vui_time_scale
    nal_writer_put(nal, 1, 1);                 // vui_poc_proportional_to_timing_flag
    nal_writer_put_ue(nal, 0);                 // vui_num_ticks_poc_diff_one_minus1
    nal_writer_put(nal, 1, 0);                 // vui_hrd_parameters_present_flag
    nal_writer_put(nal, 1, 1);                 // bitstream_restriction_flag
    nal_writer_put(nal, 1, 0);                 // tiles_fixed_structure_flag
    nal_writer_put(nal, 1, 1);                 // motion_vectors_over_pic_boundaries_flag
    nal_writer_put(nal, 1, 1);                 // restricted_ref_pic_lists_flag
    nal_writer_put_ue(nal, 0);                 // min_spatial_segmentation_idc
    nal_writer_put_ue(nal, 0);                 // max_bytes_per_pic_denom
    nal_writer_put_ue(nal, 0);                 // max_bits_per_min_cu_denom
    nal_writer_put_ue(nal, 15);                // log2_max_mv_length_horizontal
    nal_writer_put_ue(nal, 15);                // log2_max_mv_length_vertical
}

static void put_size(struct nal_writer *nal, const struct vaapi_stream *stream)
{
    uint32_t right = (stream->coded_width_px - stream->format.width_px) / 2; // in chroma samples
    uint32_t bottom = (stream->coded_height_px - stream->format.height_px) / 2;

    nal_writer_put_ue(nal, 1); // chroma_format_idc
    nal_writer_put_ue(nal, stream->coded_width_px);
    nal_writer_put_ue(nal, stream->coded_height_px);
    nal_writer_put(nal, 1, right || bottom); // conformance_window_flag
    if (right || bottom) {
        nal_writer_put_ue(nal, 0);
        nal_writer_put_ue(nal, right);
        nal_writer_put_ue(nal, 0);
        nal_writer_put_ue(nal, bottom);
    }
    nal_writer_put_ue(nal, is_ten_bit(stream) ? 2 : 0); // bit_depth_luma_minus8
    nal_writer_put_ue(nal, is_ten_bit(stream) ? 2 : 0); // bit_depth_chroma_minus8
}

// 7.3.2.2.
static void put_sps(struct nal_writer *nal, const struct vaapi_stream *stream)
{
    const struct vaapi_hevc_tools *tools = &stream->hevc;

    nal_writer_put(nal, 4, 0); // sps_video_parameter_set_id
    nal_writer_put(nal, 3, 0); // sps_max_sub_layers_minus1
    nal_writer_put(nal, 1, 1); // sps_temporal_id_nesting_flag
    put_profile(nal, stream);
    nal_writer_put_ue(nal, 0); // sps_seq_parameter_set_id
    put_size(nal, stream);
    nal_writer_put_ue(nal, VAAPI_POC_LSB_BITS - 4);
    put_ordering(nal);
    nal_writer_put_ue(nal, tools->min_cb_log2 - 3u);
    nal_writer_put_ue(nal, (uint32_t)(tools->max_cb_log2 - tools->min_cb_log2));
    nal_writer_put_ue(nal, tools->min_tb_log2 - 2u);
    nal_writer_put_ue(nal, (uint32_t)(tools->max_tb_log2 - tools->min_tb_log2));
    nal_writer_put_ue(nal, tools->depth_inter);
    nal_writer_put_ue(nal, tools->depth_intra);
    nal_writer_put(nal, 1, 0); // scaling_list_enabled_flag
    nal_writer_put(nal, 1, tools->amp);
    nal_writer_put(nal, 1, tools->sao);
    nal_writer_put(nal, 1, 0); // pcm_enabled_flag
    nal_writer_put_ue(nal, 0); // num_short_term_ref_pic_sets: each slice has its own
    nal_writer_put(nal, 1, 0); // long_term_ref_pics_present_flag
    nal_writer_put(nal, 1, tools->temporal_mvp);
    nal_writer_put(nal, 1, tools->strong_intra_smoothing);
    nal_writer_put(nal, 1, 1); // vui_parameters_present_flag
    put_vui(nal, &stream->format);
    nal_writer_put(nal, 1, 0); // sps_extension_present_flag
    nal_writer_end(nal);
}

// 7.3.2.3.
static void put_pps(struct nal_writer *nal, const struct vaapi_stream *stream)
{
    const struct vaapi_hevc_tools *tools = &stream->hevc;

    nal_writer_put_ue(nal, 0); // pps_pic_parameter_set_id
    nal_writer_put_ue(nal, 0); // pps_seq_parameter_set_id
    nal_writer_put(nal, 1, 0); // dependent_slice_segments_enabled_flag
    nal_writer_put(nal, 1, 0); // output_flag_present_flag
    nal_writer_put(nal, 3, 0); // num_extra_slice_header_bits
    nal_writer_put(nal, 1, tools->sign_data_hiding);
    nal_writer_put(nal, 1, 0); // cabac_init_present_flag
    nal_writer_put_ue(nal, 0); // num_ref_idx_l0_default_active_minus1
    nal_writer_put_ue(nal, 0); // num_ref_idx_l1_default_active_minus1
    nal_writer_put_se(nal, VAAPI_INIT_QP - 26);
    nal_writer_put(nal, 1, tools->constrained_intra_pred);
    nal_writer_put(nal, 1, tools->transform_skip);
    nal_writer_put(nal, 1, tools->cu_qp_delta);
    if (tools->cu_qp_delta)
        nal_writer_put_ue(nal, 0); // diff_cu_qp_delta_depth
    nal_writer_put_se(nal, 0);     // pps_cb_qp_offset
    nal_writer_put_se(nal, 0);     // pps_cr_qp_offset
    nal_writer_put(nal, 1, 0);     // pps_slice_chroma_qp_offsets_present_flag
    nal_writer_put(nal, 2, 0);     // weighted_pred_flag, weighted_bipred_flag
    nal_writer_put(nal, 1, 0);     // transquant_bypass_enabled_flag
    nal_writer_put(nal, 2, 0);     // tiles_enabled_flag, entropy_coding_sync_enabled_flag
    nal_writer_put(nal, 1, 1);     // pps_loop_filter_across_slices_enabled_flag
    nal_writer_put(nal, 1, 0);     // deblocking_filter_control_present_flag
    nal_writer_put(nal, 1, 0);     // pps_scaling_list_data_present_flag
    nal_writer_put(nal, 1, 0);     // lists_modification_present_flag
    nal_writer_put_ue(nal, 0);     // log2_parallel_merge_level_minus2
    nal_writer_put(nal, 1, 0);     // slice_segment_header_extension_present_flag
    nal_writer_put(nal, 1, 0);     // pps_extension_present_flag
    nal_writer_end(nal);
}

void vaapi_hevc_parameter_sets(const struct vaapi_stream *stream, struct vaapi_header *out)
{
    struct nal_writer nal = {.bytes = out->bytes, .capacity_bytes = sizeof out->bytes};

    begin(&nal, 3, NAL_VPS);
    put_vps(&nal, stream);
    begin(&nal, 3, NAL_SPS);
    put_sps(&nal, stream);
    begin(&nal, 3, NAL_PPS);
    put_pps(&nal, stream);
    out->size_bits = nal_writer_cut(&nal);
    out->size_bytes = nal.size_bytes;
}

// The picture before is the only reference: its picture order count is one less.
static void put_references(struct nal_writer *nal, const struct vaapi_stream *stream,
                           const struct vaapi_ids *ids)
{
    nal_writer_put(nal, VAAPI_POC_LSB_BITS, ids->since_idr % (1u << VAAPI_POC_LSB_BITS));
    nal_writer_put(nal, 1, 0); // short_term_ref_pic_set_sps_flag; then st_ref_pic_set(), 7.3.7
    nal_writer_put_ue(nal, 1); // num_negative_pics
    nal_writer_put_ue(nal, 0); // num_positive_pics
    nal_writer_put_ue(nal, 0); // delta_poc_s0_minus1
    nal_writer_put(nal, 1, 1); // used_by_curr_pic_s0_flag
    if (stream->hevc.temporal_mvp)
        nal_writer_put(nal, 1, 1); // slice_temporal_mvp_enabled_flag
}

static void put_prediction(struct nal_writer *nal, const struct vaapi_stream *stream)
{
    nal_writer_put(nal, 1, 0); // num_ref_idx_active_override_flag
    if (stream->hevc.b_for_p)
        nal_writer_put(nal, 1, 0); // mvd_l1_zero_flag
    if (stream->hevc.temporal_mvp && stream->hevc.b_for_p)
        nal_writer_put(nal, 1, 1); // collocated_from_l0_flag
    nal_writer_put_ue(nal, 0);     // five_minus_max_num_merge_cand
}

// slice_segment_header(), 7.3.6.1, of which byte_alignment() is the last part.
void vaapi_hevc_slice(const struct vaapi_stream *stream, const struct vaapi_ids *ids,
                      struct vaapi_header *out)
{
    struct nal_writer nal = {.bytes = out->bytes, .capacity_bytes = sizeof out->bytes};
    unsigned inter = stream->hevc.b_for_p ? SLICE_B : SLICE_P;

    begin(&nal, 2, ids->idr ? NAL_IDR_W_RADL : NAL_TRAIL_R);
    nal_writer_put(&nal, 1, 1); // first_slice_segment_in_pic_flag
    if (ids->idr)
        nal_writer_put(&nal, 1, 0); // no_output_of_prior_pics_flag
    nal_writer_put_ue(&nal, 0);     // slice_pic_parameter_set_id
    nal_writer_put_ue(&nal, ids->idr ? SLICE_I : inter);
    if (!ids->idr)
        put_references(&nal, stream, ids);
    if (stream->hevc.sao)
        nal_writer_put(&nal, 2, 3); // slice_sao_luma_flag, slice_sao_chroma_flag
    if (!ids->idr)
        put_prediction(&nal, stream);
    nal_writer_put_se(&nal, 0); // slice_qp_delta
    nal_writer_put(&nal, 1, 1); // slice_loop_filter_across_slices_enabled_flag
    nal_writer_end(&nal);       // the same bits as byte_alignment()
    out->size_bits = nal_writer_cut(&nal);
    out->size_bytes = nal.size_bytes;
}
