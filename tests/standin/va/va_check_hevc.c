// SPDX-License-Identifier: Apache-2.0
// Whether what the client says of an HEVC picture fits together, with what it said before, and with its own
// headers: every element of these is compared with the parameter that speaks of it.
#include "va_standin.h"

#include <string.h>

#define WRONG STANDIN_WRONG
// Of a header, `what` is `is`; it has to be `wanted`.
#define SAME(what, is, wanted)                                                                               \
    do {                                                                                                     \
        if ((long long)(is) != (long long)(wanted))                                                          \
            return WRONG("%s is %lld, the parameters say %lld", what, (long long)(is), (long long)(wanted)); \
    } while (0)

static VAStatus check_profile(const struct context *context, const struct hevc_profile *profile)
{
    const VAEncSequenceParameterBufferHEVC *sequence = &context->hevc_sequence;

    SAME("general_profile_space", profile->profile_space, 0);
    SAME("general_profile_idc", profile->profile_idc, sequence->general_profile_idc);
    SAME("general_tier_flag", profile->tier_flag, sequence->general_tier_flag);
    SAME("general_level_idc", profile->level_idc, sequence->general_level_idc);
    SAME("general_profile_compatibility_flag", profile->compatibility >> (31 - profile->profile_idc) & 1, 1);
    SAME("general_progressive_source_flag", profile->progressive_source, 1);
    SAME("general_interlaced_source_flag", profile->interlaced_source, 0);
    SAME("general_non_packed_constraint_flag", profile->non_packed, 1);
    SAME("general_frame_only_constraint_flag", profile->frame_only, 1);
    SAME("general_reserved_zero_43bits", profile->reserved, 0);
    return VA_STATUS_SUCCESS;
}

static VAStatus check_vui(const struct context *context, const struct hevc_sps *sps)
{
    const VAEncSequenceParameterBufferHEVC *sequence = &context->hevc_sequence;
    const struct hevc_vui *vui = &sps->vui;

    if (!sequence->vui_parameters_present_flag) // optional; ffmpeg says nothing here
        return VA_STATUS_SUCCESS;
    SAME("vui_parameters_present_flag", sps->vui_parameters_present, 1);
#define VUI(name) SAME(#name, vui->name, sequence->vui_fields.bits.name)
    SAME("aspect_ratio_info_present_flag", vui->aspect_ratio_info_present,
         sequence->vui_fields.bits.aspect_ratio_info_present_flag);
    if (vui->aspect_ratio_info_present)
        SAME("aspect_ratio_idc", vui->aspect_ratio_idc, sequence->aspect_ratio_idc);
    SAME("neutral_chroma_indication_flag", vui->neutral_chroma_indication,
         sequence->vui_fields.bits.neutral_chroma_indication_flag);
    SAME("field_seq_flag", vui->field_seq, sequence->vui_fields.bits.field_seq_flag);
    SAME("vui_timing_info_present_flag", vui->timing_info_present,
         sequence->vui_fields.bits.vui_timing_info_present_flag);
    if (vui->timing_info_present) {
        SAME("vui_num_units_in_tick", vui->num_units_in_tick, sequence->vui_num_units_in_tick);
        SAME("vui_time_scale", vui->time_scale, sequence->vui_time_scale);
    }
    SAME("bitstream_restriction_flag", vui->bitstream_restriction,
         sequence->vui_fields.bits.bitstream_restriction_flag);
    SAME("tiles_fixed_structure_flag", vui->tiles_fixed_structure,
         sequence->vui_fields.bits.tiles_fixed_structure_flag);
    SAME("motion_vectors_over_pic_boundaries_flag", vui->motion_vectors_over_pic_boundaries,
         sequence->vui_fields.bits.motion_vectors_over_pic_boundaries_flag);
    SAME("restricted_ref_pic_lists_flag", vui->restricted_ref_pic_lists,
         sequence->vui_fields.bits.restricted_ref_pic_lists_flag);
    SAME("min_spatial_segmentation_idc", vui->min_spatial_segmentation_idc,
         sequence->min_spatial_segmentation_idc);
    SAME("max_bytes_per_pic_denom", vui->max_bytes_per_pic_denom, sequence->max_bytes_per_pic_denom);
    SAME("max_bits_per_min_cu_denom", vui->max_bits_per_min_cu_denom, sequence->max_bits_per_min_cu_denom);
    VUI(log2_max_mv_length_horizontal);
    VUI(log2_max_mv_length_vertical);
#undef VUI
    return VA_STATUS_SUCCESS;
}

static VAStatus check_tools(const struct context *context, const struct hevc_sps *sps)
{
    const VAEncSequenceParameterBufferHEVC *sequence = &context->hevc_sequence;

    SAME("log2_min_luma_coding_block_size_minus3", sps->log2_min_cb_minus3,
         sequence->log2_min_luma_coding_block_size_minus3);
    SAME("log2_diff_max_min_luma_coding_block_size", sps->log2_diff_cb,
         sequence->log2_diff_max_min_luma_coding_block_size);
    SAME("log2_min_luma_transform_block_size_minus2", sps->log2_min_tb_minus2,
         sequence->log2_min_transform_block_size_minus2);
    SAME("log2_diff_max_min_luma_transform_block_size", sps->log2_diff_tb,
         sequence->log2_diff_max_min_transform_block_size);
    SAME("max_transform_hierarchy_depth_inter", sps->depth_inter,
         sequence->max_transform_hierarchy_depth_inter);
    SAME("max_transform_hierarchy_depth_intra", sps->depth_intra,
         sequence->max_transform_hierarchy_depth_intra);
    SAME("scaling_list_enabled_flag", sps->scaling_list_enabled,
         sequence->seq_fields.bits.scaling_list_enabled_flag);
    SAME("amp_enabled_flag", sps->amp_enabled, sequence->seq_fields.bits.amp_enabled_flag);
    SAME("sample_adaptive_offset_enabled_flag", sps->sao_enabled,
         sequence->seq_fields.bits.sample_adaptive_offset_enabled_flag);
    SAME("pcm_enabled_flag", sps->pcm_enabled, sequence->seq_fields.bits.pcm_enabled_flag);
    SAME("sps_temporal_mvp_enabled_flag", sps->temporal_mvp_enabled,
         sequence->seq_fields.bits.sps_temporal_mvp_enabled_flag);
    SAME("strong_intra_smoothing_enabled_flag", sps->strong_intra_smoothing_enabled,
         sequence->seq_fields.bits.strong_intra_smoothing_enabled_flag);
    return VA_STATUS_SUCCESS;
}

static VAStatus check_sps(struct standin *standin, const struct context *context, const struct hevc_sps *sps)
{
    const VAEncSequenceParameterBufferHEVC *sequence = &context->hevc_sequence;
    const struct surface *input = standin_find(standin, KIND_SURFACE, context->picture.input);

    SAME("sps_seq_parameter_set_id", sps->id, 0);
    SAME("chroma_format_idc", sps->chroma_format_idc, sequence->seq_fields.bits.chroma_format_idc);
    SAME("pic_width_in_luma_samples", sps->width, sequence->pic_width_in_luma_samples);
    SAME("pic_height_in_luma_samples", sps->height, sequence->pic_height_in_luma_samples);
    SAME("bit_depth_luma_minus8", sps->bit_depth_luma_minus8,
         sequence->seq_fields.bits.bit_depth_luma_minus8);
    SAME("bit_depth_chroma_minus8", sps->bit_depth_chroma_minus8,
         sequence->seq_fields.bits.bit_depth_chroma_minus8);
    SAME("conf_win_left_offset", sps->win_left, 0);
    SAME("conf_win_top_offset", sps->win_top, 0);
    if (sps->width - sps->win_right * 2 > input->width || sps->height - sps->win_bottom * 2 > input->height)
        return WRONG("the input is smaller than the picture");
    SAME("sps_max_num_reorder_pics", sps->ordering.max_num_reorder_pics, 0);
    if (sps->ordering.max_dec_pic_buffering_minus1 < 1)
        return WRONG("no room for a reference picture");
    VAStatus status = check_profile(context, &sps->profile);
    if (status == VA_STATUS_SUCCESS)
        status = check_tools(context, sps);
    return status == VA_STATUS_SUCCESS ? check_vui(context, sps) : status;
}

static VAStatus check_pps(const struct context *context, const struct hevc_pps *pps)
{
    const VAEncPictureParameterBufferHEVC *picture = &context->picture.hevc;

    SAME("pps_pic_parameter_set_id", pps->id, picture->slice_pic_parameter_set_id);
    SAME("pps_seq_parameter_set_id", pps->sps_id, 0);
    SAME("dependent_slice_segments_enabled_flag", pps->dependent_slice_segments_enabled,
         picture->pic_fields.bits.dependent_slice_segments_enabled_flag);
    SAME("sign_data_hiding_enabled_flag", pps->sign_data_hiding_enabled,
         picture->pic_fields.bits.sign_data_hiding_enabled_flag);
    SAME("num_ref_idx_l0_default_active_minus1", pps->num_ref_idx_l0_minus1,
         picture->num_ref_idx_l0_default_active_minus1);
    SAME("num_ref_idx_l1_default_active_minus1", pps->num_ref_idx_l1_minus1,
         picture->num_ref_idx_l1_default_active_minus1);
    SAME("init_qp_minus26", pps->init_qp_minus26, picture->pic_init_qp - 26);
    SAME("constrained_intra_pred_flag", pps->constrained_intra_pred,
         picture->pic_fields.bits.constrained_intra_pred_flag);
    SAME("transform_skip_enabled_flag", pps->transform_skip_enabled,
         picture->pic_fields.bits.transform_skip_enabled_flag);
    SAME("cu_qp_delta_enabled_flag", pps->cu_qp_delta_enabled,
         picture->pic_fields.bits.cu_qp_delta_enabled_flag);
    SAME("diff_cu_qp_delta_depth", pps->diff_cu_qp_delta_depth, picture->diff_cu_qp_delta_depth);
    SAME("pps_cb_qp_offset", pps->cb_qp_offset, picture->pps_cb_qp_offset);
    SAME("pps_cr_qp_offset", pps->cr_qp_offset, picture->pps_cr_qp_offset);
    SAME("weighted_pred_flag", pps->weighted_pred, picture->pic_fields.bits.weighted_pred_flag);
    SAME("weighted_bipred_flag", pps->weighted_bipred, picture->pic_fields.bits.weighted_bipred_flag);
    SAME("transquant_bypass_enabled_flag", pps->transquant_bypass_enabled,
         picture->pic_fields.bits.transquant_bypass_enabled_flag);
    SAME("tiles_enabled_flag", pps->tiles_enabled, picture->pic_fields.bits.tiles_enabled_flag);
    SAME("entropy_coding_sync_enabled_flag", pps->entropy_coding_sync_enabled,
         picture->pic_fields.bits.entropy_coding_sync_enabled_flag);
    SAME("pps_loop_filter_across_slices_enabled_flag", pps->loop_filter_across_slices_enabled,
         picture->pic_fields.bits.pps_loop_filter_across_slices_enabled_flag);
    SAME("log2_parallel_merge_level_minus2", pps->log2_parallel_merge_level_minus2,
         picture->log2_parallel_merge_level_minus2);
    return VA_STATUS_SUCCESS;
}

static VAStatus check_slice(const struct context *context, const struct hevc_slice *slice)
{
    const VAEncPictureParameterBufferHEVC *picture = &context->picture.hevc;
    const VAEncSliceParameterBufferHEVC *wanted = &context->picture.hevc_slice;
    uint32_t poc = (uint32_t)picture->decoded_curr_pic.pic_order_cnt;

    SAME("nal_unit_type", slice->nal_type, picture->nal_unit_type);
    SAME("no_output_of_prior_pics_flag", slice->no_output_of_prior_pics,
         picture->pic_fields.bits.no_output_of_prior_pics_flag);
    SAME("slice_pic_parameter_set_id", slice->pps_id, wanted->slice_pic_parameter_set_id);
    SAME("slice_type", slice->type, wanted->slice_type);
    SAME("slice_sao_luma_flag", slice->sao_luma, wanted->slice_fields.bits.slice_sao_luma_flag);
    SAME("slice_sao_chroma_flag", slice->sao_chroma, wanted->slice_fields.bits.slice_sao_chroma_flag);
    SAME("slice_qp_delta", slice->qp_delta, wanted->slice_qp_delta);
    SAME("slice_loop_filter_across_slices_enabled_flag", slice->loop_filter_across_slices_enabled,
         wanted->slice_fields.bits.slice_loop_filter_across_slices_enabled_flag);
    SAME("slice_temporal_mvp_enabled_flag", slice->temporal_mvp_enabled,
         wanted->slice_fields.bits.slice_temporal_mvp_enabled_flag);
    if (context->picture.idr)
        return VA_STATUS_SUCCESS;
    SAME("slice_pic_order_cnt_lsb", slice->poc_lsb, poc % (1u << context->hevc_sets.sps.poc_lsb_bits));
    SAME("num_negative_pics", slice->num_negative_pics, 1);
    SAME("delta_poc_s0", slice->delta_poc_s0_minus1 + 1, poc - (uint32_t)context->last_poc);
    SAME("used_by_curr_pic_s0_flag", slice->used_by_curr_pic_s0, 1);
    SAME("num_ref_idx_active_override_flag", slice->num_ref_idx_override,
         wanted->slice_fields.bits.num_ref_idx_active_override_flag);
    SAME("num_ref_idx_l0_active_minus1", slice->num_ref_idx_l0_minus1, wanted->num_ref_idx_l0_active_minus1);
    SAME("mvd_l1_zero_flag", slice->mvd_l1_zero, wanted->slice_fields.bits.mvd_l1_zero_flag);
    SAME("cabac_init_flag", slice->cabac_init, wanted->slice_fields.bits.cabac_init_flag);
    if (slice->temporal_mvp_enabled)
        SAME("collocated_from_l0_flag", slice->collocated_from_l0,
             wanted->slice_fields.bits.collocated_from_l0_flag);
    SAME("MaxNumMergeCand", 5 - slice->five_minus_max_num_merge_cand, wanted->max_num_merge_cand);
    return VA_STATUS_SUCCESS;
}

static VAStatus check_slice_header(struct context *context, const struct packed *packed)
{
    size_t at = reader_last_nal(packed->bytes, packed->size);
    struct hevc_slice slice;
    struct reader reader;

    if (at == 0 || at + 2 >= packed->size || packed->bytes[at + 1] != 1)
        return WRONG("the packed slice header is no slice");
    reader_open(&reader, packed->bytes + at + 2, packed->size - at - 2,
                packed->parameters.bit_length - (at + 2) * 8, packed->parameters.has_emulation_bytes);
    if (!hevc_read_slice(&reader, packed->bytes[at] >> 1, &context->hevc_sets.sps, &context->hevc_sets.pps,
                         &slice))
        return WRONG("the packed slice header cannot be read");
    if (!reader_is_trailing(&reader)) // as long, and no longer
        return WRONG("the packed slice header does not end with byte_alignment()");
    return check_slice(context, &slice);
}

static VAStatus check_packed(struct standin *standin, struct context *context, const struct config *config)
{
    const struct picture *picture = &context->picture;
    const struct packed *sequence = NULL, *slice = NULL;
    VAStatus status = VA_STATUS_SUCCESS;

    for (unsigned i = 0; i < picture->packed_count; i++) {
        if (picture->packed[i].parameters.type == VAEncPackedHeaderSequence)
            sequence = &picture->packed[i];
        if (picture->packed[i].parameters.type == VAEncPackedHeaderSlice)
            slice = &picture->packed[i];
    }
    if ((config->packed & VA_ENC_PACKED_HEADER_SEQUENCE) && picture->idr && !sequence)
        return WRONG("packed sequence headers were negotiated, this IDR has none");
    if ((config->packed & VA_ENC_PACKED_HEADER_SLICE) && !slice)
        return WRONG("no packed slice header, though negotiated");
    if (sequence) {
        if (!hevc_read_sets(sequence->bytes, sequence->size, &context->hevc_sets))
            return WRONG("the packed parameter sets cannot be read, or are not all there");
        status = check_profile(context, &context->hevc_sets.vps.profile);
        if (status == VA_STATUS_SUCCESS &&
            memcmp(&context->hevc_sets.vps.ordering, &context->hevc_sets.sps.ordering,
                   sizeof context->hevc_sets.sps.ordering) != 0)
            status = WRONG("VPS and SPS tell of different decoded picture buffers");
        if (status == VA_STATUS_SUCCESS)
            status = check_sps(standin, context, &context->hevc_sets.sps);
    }
    bool has_sets = config->packed & VA_ENC_PACKED_HEADER_SEQUENCE;
    if (status == VA_STATUS_SUCCESS && has_sets)
        status = check_pps(context, &context->hevc_sets.pps);
    return status == VA_STATUS_SUCCESS && slice && has_sets ? check_slice_header(context, slice) : status;
}

static VAStatus check_shape(const struct context *context, const struct config *config)
{
    const VAEncSequenceParameterBufferHEVC *sequence = &context->hevc_sequence;
    const VAEncSliceParameterBufferHEVC *slice = &context->picture.hevc_slice;
    unsigned width = sequence->pic_width_in_luma_samples, height = sequence->pic_height_in_luma_samples;
    unsigned min_log2 = sequence->log2_min_luma_coding_block_size_minus3 + 3u;
    unsigned ctb = 1u << (min_log2 + sequence->log2_diff_max_min_luma_coding_block_size);
    bool is_main10 = config->profile == VAProfileHEVCMain10;

    if (width != (unsigned)context->width || height != (unsigned)context->height ||
        width % (1u << min_log2) || height % (1u << min_log2))
        return WRONG("a picture of %ux%u, blocks of %u, in a context of %dx%d", width, height, 1u << min_log2,
                     context->width, context->height);
    if (slice->slice_segment_address != 0 ||
        slice->num_ctu_in_slice != ((width + ctb - 1) / ctb) * ((height + ctb - 1) / ctb) ||
        !slice->slice_fields.bits.last_slice_of_pic_flag)
        return WRONG("the slice has %u blocks, which is not the picture", slice->num_ctu_in_slice);
    SAME("general_profile_idc", sequence->general_profile_idc, is_main10 ? 2 : 1);
    SAME("bit_depth_luma_minus8", sequence->seq_fields.bits.bit_depth_luma_minus8, is_main10 ? 2 : 0);
    SAME("bit_depth_chroma_minus8", sequence->seq_fields.bits.bit_depth_chroma_minus8, is_main10 ? 2 : 0);
    SAME("chroma_format_idc", sequence->seq_fields.bits.chroma_format_idc, 1);
    SAME("ip_period", sequence->ip_period, 1);
    if (config->rate_control != VA_RC_CQP && sequence->bits_per_second == 0)
        return WRONG("rate control, and a sequence without a bitrate");
    return VA_STATUS_SUCCESS;
}

// References and what names the picture.
static VAStatus check_numbers(const struct standin *standin, const struct context *context)
{
    const VAEncPictureParameterBufferHEVC *picture = &context->picture.hevc;
    const VAEncSliceParameterBufferHEVC *slice = &context->picture.hevc_slice;
    bool idr = context->picture.idr;
    unsigned inter = standin->is_gpb ? HEVC_B : HEVC_P;
    int32_t poc = picture->decoded_curr_pic.pic_order_cnt;

    SAME("slice_type", slice->slice_type, idr ? HEVC_I : inter);
    SAME("coding_type", picture->pic_fields.bits.coding_type, idr ? 1 : standin->is_gpb ? 3 : 2);
    if (idr)
        return poc == 0 && picture->nal_unit_type >= HEVC_IDR_W_RADL &&
                       picture->nal_unit_type <= HEVC_IDR_N_LP
                   ? VA_STATUS_SUCCESS
                   : WRONG("an IDR with picture order count %d, NAL unit type %u", poc,
                           picture->nal_unit_type);
    SAME("nal_unit_type", picture->nal_unit_type, HEVC_TRAIL_R);
    if (poc <= context->last_poc)
        return WRONG("picture order count %d after %d", poc, context->last_poc);
    if (picture->reference_frames[0].picture_id != context->last_recon ||
        slice->ref_pic_list0[0].picture_id != context->last_recon ||
        picture->reference_frames[0].pic_order_cnt != context->last_poc)
        return WRONG("the reference is not the picture before");
    if (!(picture->reference_frames[0].flags & VA_PICTURE_HEVC_RPS_ST_CURR_BEFORE))
        return WRONG("the reference has flags %#x", picture->reference_frames[0].flags);
    SAME("collocated_ref_pic_index", picture->collocated_ref_pic_index,
         slice->slice_fields.bits.slice_temporal_mvp_enabled_flag ? 0 : 0xFF);
    if (standin->is_gpb && slice->ref_pic_list1[0].picture_id != context->last_recon)
        return WRONG("the two reference lists differ");
    return VA_STATUS_SUCCESS;
}

VAStatus standin_check_hevc(struct standin *standin, struct context *context)
{
    const struct config *config = standin_find(standin, KIND_CONFIG, context->config);
    VAStatus status = check_shape(context, config);

    if (status == VA_STATUS_SUCCESS)
        status = check_numbers(standin, context);
    return status == VA_STATUS_SUCCESS ? check_packed(standin, context, config) : status;
}
