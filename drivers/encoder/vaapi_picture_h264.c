// SPDX-License-Identifier: Apache-2.0
// The buffers of H.264. Structure members carry the names of its syntax.
#include "h264_level.h"
#include "vaapi_picture.h"

static int add_sequence(struct vaapi_session *session, struct vaapi_picture *picture, uint32_t bitrate_bps,
                        struct encoder_text *why)
{
    const struct castor_format *format = &session->stream.format;
    uint32_t columns = h264_macroblocks(format->width_px), rows = h264_macroblocks(format->height_px);
    uint32_t period = vaapi_picture_period(session);
    VAEncSequenceParameterBufferH264 sequence = {
        .level_idc = session->stream.level_idc,
        .intra_period = period,
        .intra_idr_period = period,
        .ip_period = 1,
        .bits_per_second = session->choice.rate_control == VA_RC_CQP ? 0 : bitrate_bps,
        .max_num_ref_frames = 1,
        .picture_width_in_mbs = (uint16_t)columns,
        .picture_height_in_mbs = (uint16_t)rows,
        .seq_fields.bits = {.chroma_format_idc = 1,
                            .frame_mbs_only_flag = 1,
                            .direct_8x8_inference_flag = 1,
                            .log2_max_frame_num_minus4 = VAAPI_FRAME_NUM_BITS - 4,
                            .log2_max_pic_order_cnt_lsb_minus4 = VAAPI_POC_LSB_BITS - 4},
        .frame_cropping_flag = columns * 16 != format->width_px || rows * 16 != format->height_px,
        .frame_crop_right_offset = (columns * 16 - format->width_px) / 2,
        .frame_crop_bottom_offset = (rows * 16 - format->height_px) / 2,
        .vui_parameters_present_flag = 1,
        .vui_fields.bits = {.aspect_ratio_info_present_flag = 1,
                            .timing_info_present_flag = format->rate.num <= UINT32_MAX / 2,
                            .bitstream_restriction_flag = 1,
                            .log2_max_mv_length_horizontal = 15,
                            .log2_max_mv_length_vertical = 15,
                            .fixed_frame_rate_flag = format->rate.num <= UINT32_MAX / 2,
                            .motion_vectors_over_pic_boundaries_flag = 1},
        .aspect_ratio_idc = 1,
        .sar_width = 1,
        .sar_height = 1,
        .num_units_in_tick = format->rate.den,
        .time_scale = format->rate.num * 2,
    };
    return vaapi_picture_add(session, picture, VAEncSequenceParameterBufferType, &sequence, sizeof sequence,
                             why);
}

static VAPictureH264 no_picture(void)
{
    return (VAPictureH264){.picture_id = VA_INVALID_SURFACE, .flags = VA_PICTURE_H264_INVALID};
}

// `age`: 0 the picture being coded, 1 the one before it.
static VAPictureH264 recon(const struct vaapi_session *session, const struct vaapi_ids *ids, unsigned age)
{
    return (VAPictureH264){
        .picture_id = vaapi_picture_recon(session, age),
        .frame_idx = ids->frame_num,
        .flags = age ? VA_PICTURE_H264_SHORT_TERM_REFERENCE : 0,
        .TopFieldOrderCnt = ids->poc,
        .BottomFieldOrderCnt = ids->poc,
    };
}

static int add_picture(struct vaapi_session *session, const struct vaapi_ids *reference,
                       struct vaapi_picture *picture, struct encoder_text *why)
{
    const struct vaapi_ids *ids = &session->ids;
    VAEncPictureParameterBufferH264 parameters = {
        .CurrPic = recon(session, ids, 0),
        .coded_buf = session->coded[session->issued % VAAPI_INPUTS],
        .frame_num = (uint16_t)ids->frame_num,
        .pic_init_qp = VAAPI_INIT_QP,
        .pic_fields.bits = {.idr_pic_flag = ids->idr,
                            .reference_pic_flag = 1,
                            .entropy_coding_mode_flag = session->stream.cabac,
                            .deblocking_filter_control_present_flag = 1},
    };

    for (unsigned i = 0; i < 16; i++)
        parameters.ReferenceFrames[i] = i == 0 && !ids->idr ? recon(session, reference, 1) : no_picture();
    return vaapi_picture_add(session, picture, VAEncPictureParameterBufferType, &parameters,
                             sizeof parameters, why);
}

static int add_slice(struct vaapi_session *session, const struct vaapi_ids *reference,
                     struct vaapi_picture *picture, struct encoder_text *why)
{
    const struct castor_format *format = &session->stream.format;
    const struct vaapi_ids *ids = &session->ids;
    VAEncSliceParameterBufferH264 slice = {
        .num_macroblocks = h264_macroblocks(format->width_px) * h264_macroblocks(format->height_px),
        .macroblock_info = VA_INVALID_ID,
        .slice_type = ids->idr ? 2 : 0, // I or P, table 7-6
        .idr_pic_id = ids->idr_pic_id,
        .pic_order_cnt_lsb = (uint16_t)ids->poc_lsb,
    };

    for (unsigned i = 0; i < 32; i++) {
        slice.RefPicList0[i] = i == 0 && !ids->idr ? recon(session, reference, 1) : no_picture();
        slice.RefPicList1[i] = no_picture();
    }
    return vaapi_picture_add(session, picture, VAEncSliceParameterBufferType, &slice, sizeof slice, why);
}

const struct vaapi_syntax vaapi_syntax_h264 = {
    .add_sequence = add_sequence, .add_picture = add_picture, .add_slice = add_slice};
