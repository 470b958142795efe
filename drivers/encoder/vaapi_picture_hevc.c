// SPDX-License-Identifier: Apache-2.0
// The buffers of HEVC. Structure members carry the names of its syntax.
#include "vaapi_picture.h"

#include <va/va_enc_hevc.h>

enum { SLICE_B = 0, SLICE_P = 1, SLICE_I = 2 };    // table 7-7
enum { NAL_TRAIL_R = 1, NAL_IDR_W_RADL = 19 };     // table 7-1
enum { CODING_I = 1, CODING_P = 2, CODING_B = 3 }; // of va_enc_hevc.h
#define NOT_COLLOCATED 0xFF
#define MERGE_CANDIDATES 5

static int add_sequence(struct vaapi_session *session, struct vaapi_picture *picture, uint32_t bitrate_bps,
                        struct encoder_text *why)
{
    const struct vaapi_stream *stream = &session->stream;
    const struct vaapi_hevc_tools *tools = &stream->hevc;
    bool is_ten_bit = stream->format.pixel == CASTOR_PIXEL_P010;
    VAEncSequenceParameterBufferHEVC sequence = {
        .general_profile_idc = is_ten_bit ? 2 : 1,
        .general_level_idc = stream->level_idc,
        .general_tier_flag = stream->high_tier,
        .intra_period = vaapi_picture_period(session),
        .intra_idr_period = vaapi_picture_period(session),
        .ip_period = 1,
        .bits_per_second = session->choice.rate_control == VA_RC_CQP ? 0 : bitrate_bps,
        .pic_width_in_luma_samples = (uint16_t)stream->coded_width_px,
        .pic_height_in_luma_samples = (uint16_t)stream->coded_height_px,
        .seq_fields.bits = {.chroma_format_idc = 1,
                            .bit_depth_luma_minus8 = is_ten_bit ? 2 : 0,
                            .bit_depth_chroma_minus8 = is_ten_bit ? 2 : 0,
                            .strong_intra_smoothing_enabled_flag = tools->strong_intra_smoothing,
                            .amp_enabled_flag = tools->amp,
                            .sample_adaptive_offset_enabled_flag = tools->sao,
                            .sps_temporal_mvp_enabled_flag = tools->temporal_mvp,
                            .low_delay_seq = 1},
        .log2_min_luma_coding_block_size_minus3 = (uint8_t)(tools->min_cb_log2 - 3),
        .log2_diff_max_min_luma_coding_block_size = (uint8_t)(tools->max_cb_log2 - tools->min_cb_log2),
        .log2_min_transform_block_size_minus2 = (uint8_t)(tools->min_tb_log2 - 2),
        .log2_diff_max_min_transform_block_size = (uint8_t)(tools->max_tb_log2 - tools->min_tb_log2),
        .max_transform_hierarchy_depth_inter = tools->depth_inter,
        .max_transform_hierarchy_depth_intra = tools->depth_intra,
        .vui_parameters_present_flag = 1,
        .vui_fields.bits = {.aspect_ratio_info_present_flag = 1,
                            .vui_timing_info_present_flag = 1,
                            .bitstream_restriction_flag = 1,
                            .motion_vectors_over_pic_boundaries_flag = 1,
                            .restricted_ref_pic_lists_flag = 1,
                            .log2_max_mv_length_horizontal = 15,
                            .log2_max_mv_length_vertical = 15},
        .aspect_ratio_idc = 1,
        .sar_width = 1,
        .sar_height = 1,
        .vui_num_units_in_tick = stream->format.rate.den,
        .vui_time_scale = stream->format.rate.num,
    };
    return vaapi_picture_add(session, picture, VAEncSequenceParameterBufferType, &sequence, sizeof sequence,
                             why);
}

static VAPictureHEVC no_picture(void)
{
    return (VAPictureHEVC){.picture_id = VA_INVALID_SURFACE, .flags = VA_PICTURE_HEVC_INVALID};
}

static VAPictureHEVC recon(const struct vaapi_session *session, const struct vaapi_ids *ids, unsigned age)
{
    return (VAPictureHEVC){.picture_id = vaapi_picture_recon(session, age),
                           .pic_order_cnt = (int32_t)ids->since_idr,
                           .flags = age ? VA_PICTURE_HEVC_RPS_ST_CURR_BEFORE : 0};
}

static int add_picture(struct vaapi_session *session, const struct vaapi_ids *reference,
                       struct vaapi_picture *picture, struct encoder_text *why)
{
    const struct vaapi_hevc_tools *tools = &session->stream.hevc;
    const struct vaapi_ids *ids = &session->ids;
    unsigned inter = tools->b_for_p ? CODING_B : CODING_P;
    VAEncPictureParameterBufferHEVC parameters = {
        .decoded_curr_pic = recon(session, ids, 0),
        .coded_buf = session->coded[session->issued % VAAPI_INPUTS],
        .collocated_ref_pic_index = tools->temporal_mvp && !ids->idr ? 0 : NOT_COLLOCATED,
        .pic_init_qp = VAAPI_INIT_QP,
        .nal_unit_type = ids->idr ? NAL_IDR_W_RADL : NAL_TRAIL_R,
        .pic_fields.bits = {.idr_pic_flag = ids->idr,
                            .coding_type = ids->idr ? CODING_I : inter,
                            .reference_pic_flag = 1,
                            .sign_data_hiding_enabled_flag = tools->sign_data_hiding,
                            .constrained_intra_pred_flag = tools->constrained_intra_pred,
                            .transform_skip_enabled_flag = tools->transform_skip,
                            .cu_qp_delta_enabled_flag = tools->cu_qp_delta,
                            .pps_loop_filter_across_slices_enabled_flag = 1},
    };

    for (unsigned i = 0; i < 15; i++)
        parameters.reference_frames[i] = i == 0 && !ids->idr ? recon(session, reference, 1) : no_picture();
    return vaapi_picture_add(session, picture, VAEncPictureParameterBufferType, &parameters,
                             sizeof parameters, why);
}

static int add_slice(struct vaapi_session *session, const struct vaapi_ids *reference,
                     struct vaapi_picture *picture, struct encoder_text *why)
{
    const struct vaapi_stream *stream = &session->stream;
    const struct vaapi_hevc_tools *tools = &stream->hevc;
    const struct vaapi_ids *ids = &session->ids;
    uint32_t ctb_px = 1u << tools->max_cb_log2;
    uint8_t inter = tools->b_for_p ? SLICE_B : SLICE_P;
    VAEncSliceParameterBufferHEVC slice = {
        .num_ctu_in_slice = ((stream->coded_width_px + ctb_px - 1) / ctb_px) *
                            ((stream->coded_height_px + ctb_px - 1) / ctb_px),
        .slice_type = ids->idr ? SLICE_I : inter,
        .max_num_merge_cand = MERGE_CANDIDATES,
        .slice_fields.bits = {.last_slice_of_pic_flag = 1,
                              .slice_temporal_mvp_enabled_flag = tools->temporal_mvp && !ids->idr,
                              .slice_sao_luma_flag = tools->sao,
                              .slice_sao_chroma_flag = tools->sao,
                              .slice_loop_filter_across_slices_enabled_flag = 1,
                              .collocated_from_l0_flag = tools->temporal_mvp && !ids->idr},
    };

    for (unsigned i = 0; i < 15; i++) {
        bool is_used = i == 0 && !ids->idr;
        slice.ref_pic_list0[i] = is_used ? recon(session, reference, 1) : no_picture();
        slice.ref_pic_list1[i] = is_used && tools->b_for_p ? recon(session, reference, 1) : no_picture();
    }
    return vaapi_picture_add(session, picture, VAEncSliceParameterBufferType, &slice, sizeof slice, why);
}

const struct vaapi_syntax vaapi_syntax_hevc = {
    .add_sequence = add_sequence, .add_picture = add_picture, .add_slice = add_slice};
