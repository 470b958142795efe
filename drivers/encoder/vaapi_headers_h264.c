// SPDX-License-Identifier: Apache-2.0
// H.264: clauses are those of ITU-T Rec. H.264.
#include "h264_level.h"
#include "nal_writer.h"
#include "vaapi_headers.h"

enum { NAL_SLICE = 0x61, NAL_IDR = 0x65, NAL_SPS = 0x67, NAL_PPS = 0x68 }; // nal_ref_idc 3
enum { SLICE_P = 5, SLICE_I = 7 };                                         // all slices of the picture

// Annex E.1.1.
static void put_vui(struct nal_writer *nal, const struct castor_format *format)
{
    bool has_timing = format->rate.num <= UINT32_MAX / 2;

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
    nal_writer_put(nal, 1, has_timing);
    if (has_timing) {
        nal_writer_put(nal, 32, format->rate.den);     // num_units_in_tick
        nal_writer_put(nal, 32, format->rate.num * 2); // time_scale: a frame is two ticks (E.2.1)
        nal_writer_put(nal, 1, 1);                     // fixed_frame_rate_flag
    }
    nal_writer_put(nal, 1, 0);  // nal_hrd_parameters_present_flag
    nal_writer_put(nal, 1, 0);  // vcl_hrd_parameters_present_flag
    nal_writer_put(nal, 1, 0);  // pic_struct_present_flag
    nal_writer_put(nal, 1, 1);  // bitstream_restriction_flag
    nal_writer_put(nal, 1, 1);  // motion_vectors_over_pic_boundaries_flag
    nal_writer_put_ue(nal, 0);  // max_bytes_per_pic_denom
    nal_writer_put_ue(nal, 0);  // max_bits_per_mb_denom
    nal_writer_put_ue(nal, 15); // log2_max_mv_length_horizontal
    nal_writer_put_ue(nal, 15); // log2_max_mv_length_vertical
    nal_writer_put_ue(nal, 0);  // max_num_reorder_frames
    nal_writer_put_ue(nal, 1);  // max_dec_frame_buffering
}

static void put_sps(struct nal_writer *nal, const struct vaapi_stream *stream)
{
    uint32_t columns = h264_macroblocks(stream->format.width_px);
    uint32_t rows = h264_macroblocks(stream->format.height_px);
    uint32_t crop_right = (columns * 16 - stream->format.width_px) / 2; // in chroma samples
    uint32_t crop_bottom = (rows * 16 - stream->format.height_px) / 2;

    nal_writer_put(nal, 8, stream->cabac ? 77 : 66);     // profile_idc
    nal_writer_put(nal, 8, stream->cabac ? 0x40 : 0xC0); // constraint_set1_flag, in 66 set0 too
    nal_writer_put(nal, 8, stream->level_idc);
    nal_writer_put_ue(nal, 0); // seq_parameter_set_id
    nal_writer_put_ue(nal, VAAPI_FRAME_NUM_BITS - 4);
    nal_writer_put_ue(nal, 0); // pic_order_cnt_type
    nal_writer_put_ue(nal, VAAPI_POC_LSB_BITS - 4);
    nal_writer_put_ue(nal, 1); // max_num_ref_frames
    nal_writer_put(nal, 1, 0); // gaps_in_frame_num_value_allowed_flag
    nal_writer_put_ue(nal, columns - 1);
    nal_writer_put_ue(nal, rows - 1);
    nal_writer_put(nal, 1, 1); // frame_mbs_only_flag
    nal_writer_put(nal, 1, 1); // direct_8x8_inference_flag
    nal_writer_put(nal, 1, crop_right || crop_bottom);
    if (crop_right || crop_bottom) {
        nal_writer_put_ue(nal, 0);
        nal_writer_put_ue(nal, crop_right);
        nal_writer_put_ue(nal, 0);
        nal_writer_put_ue(nal, crop_bottom);
    }
    nal_writer_put(nal, 1, 1); // vui_parameters_present_flag
    put_vui(nal, &stream->format);
    nal_writer_end(nal);
}

static void put_pps(struct nal_writer *nal, const struct vaapi_stream *stream)
{
    nal_writer_put_ue(nal, 0);             // pic_parameter_set_id
    nal_writer_put_ue(nal, 0);             // seq_parameter_set_id
    nal_writer_put(nal, 1, stream->cabac); // entropy_coding_mode_flag
    nal_writer_put(nal, 1, 0);             // bottom_field_pic_order_in_frame_present_flag
    nal_writer_put_ue(nal, 0);             // num_slice_groups_minus1
    nal_writer_put_ue(nal, 0);             // num_ref_idx_l0_default_active_minus1
    nal_writer_put_ue(nal, 0);             // num_ref_idx_l1_default_active_minus1
    nal_writer_put(nal, 1, 0);             // weighted_pred_flag
    nal_writer_put(nal, 2, 0);             // weighted_bipred_idc
    nal_writer_put_se(nal, VAAPI_INIT_QP - 26);
    nal_writer_put_se(nal, 0); // pic_init_qs_minus26
    nal_writer_put_se(nal, 0); // chroma_qp_index_offset
    nal_writer_put(nal, 1, 1); // deblocking_filter_control_present_flag
    nal_writer_put(nal, 1, 0); // constrained_intra_pred_flag
    nal_writer_put(nal, 1, 0); // redundant_pic_cnt_present_flag
    nal_writer_end(nal);
}

void vaapi_h264_parameter_sets(const struct vaapi_stream *stream, struct vaapi_header *out)
{
    struct nal_writer nal = {.bytes = out->bytes, .capacity_bytes = sizeof out->bytes};

    nal_writer_begin(&nal, 3, NAL_SPS);
    put_sps(&nal, stream);
    nal_writer_begin(&nal, 3, NAL_PPS);
    put_pps(&nal, stream);
    out->size_bits = nal_writer_cut(&nal);
    out->size_bytes = nal.size_bytes;
}

void vaapi_h264_slice(const struct vaapi_stream *stream, const struct vaapi_ids *ids,
                      struct vaapi_header *out)
{
    struct nal_writer nal = {.bytes = out->bytes, .capacity_bytes = sizeof out->bytes};

    // Without zero_byte, which B.1.2 asks for in front of parameter sets and of an access unit's first NAL
    // unit.
    nal_writer_begin(&nal, 2, ids->idr ? NAL_IDR : NAL_SLICE);
    nal_writer_put_ue(&nal, 0); // first_mb_in_slice
    nal_writer_put_ue(&nal, ids->idr ? SLICE_I : SLICE_P);
    nal_writer_put_ue(&nal, 0); // pic_parameter_set_id
    nal_writer_put(&nal, VAAPI_FRAME_NUM_BITS, ids->frame_num);
    if (ids->idr)
        nal_writer_put_ue(&nal, ids->idr_pic_id);
    nal_writer_put(&nal, VAAPI_POC_LSB_BITS, ids->poc_lsb);
    if (ids->idr) {
        nal_writer_put(&nal, 1, 0); // no_output_of_prior_pics_flag
        nal_writer_put(&nal, 1, 0); // long_term_reference_flag
    } else {
        nal_writer_put(&nal, 1, 0); // num_ref_idx_active_override_flag
        nal_writer_put(&nal, 1, 0); // ref_pic_list_modification_flag_l0
        nal_writer_put(&nal, 1, 0); // adaptive_ref_pic_marking_mode_flag: sliding window, 8.2.5.3
        if (stream->cabac)
            nal_writer_put_ue(&nal, 0); // cabac_init_idc
    }
    nal_writer_put_se(&nal, 0); // slice_qp_delta
    nal_writer_put_ue(&nal, 0); // disable_deblocking_filter_idc
    nal_writer_put_se(&nal, 0); // slice_alpha_c0_offset_div2
    nal_writer_put_se(&nal, 0); // slice_beta_offset_div2
    // What is only begun stays as it is under emulation prevention: every header here has ones in front of
    // it.
    out->size_bits = nal_writer_cut(&nal);
    out->size_bytes = nal.size_bytes;
}
