// SPDX-License-Identifier: Apache-2.0
// Codes with libx264, which writes its own headers, as some devices do.
#include "va_standin.h"

#include <x264.h>

static void set_rate(const struct context *context, const struct config *config, x264_param_t *param)
{
    if (config->rate_control == VA_RC_CQP) {
        param->rc.i_rc_method = X264_RC_CQP;
        param->rc.i_qp_constant =
            context->picture.parameters.pic_init_qp + context->picture.slice.slice_qp_delta;
        return;
    }
    uint32_t vbv_bits = context->vbv_bits ? context->vbv_bits : context->bits_per_second;
    param->rc.i_rc_method = X264_RC_ABR;
    param->rc.i_bitrate = (int)(context->bits_per_second / 1000);
    param->rc.i_vbv_max_bitrate = param->rc.i_bitrate;
    param->rc.i_vbv_buffer_size = vbv_bits >= 1000 ? (int)(vbv_bits / 1000) : 1;
}

static x264_t *open_coder(const struct context *context, const struct config *config, x264_param_t *param)
{
    const VAEncSequenceParameterBufferH264 *sequence = &context->sequence;
    bool cropped = sequence->frame_cropping_flag;
    unsigned right = cropped ? sequence->frame_crop_right_offset * 2 : 0;
    unsigned bottom = cropped ? sequence->frame_crop_bottom_offset * 2 : 0;

    if (x264_param_default_preset(param, "superfast", "zerolatency") != 0)
        return NULL;
    param->i_width = (int)(sequence->picture_width_in_mbs * 16 - right);
    param->i_height = (int)(sequence->picture_height_in_mbs * 16 - bottom);
    param->i_csp = X264_CSP_NV12;
    param->i_threads = 1;
    param->i_keyint_max = X264_KEYINT_MAX_INFINITE;
    param->i_scenecut_threshold = 0;
    param->i_frame_reference = 1;
    param->b_repeat_headers = 1;
    param->b_annexb = 1;
    param->b_stitchable = 1;
    param->b_cabac = (int)context->picture.parameters.pic_fields.bits.entropy_coding_mode_flag;
    param->i_level_idc = sequence->level_idc;
    param->b_vfr_input = 0;
    param->i_fps_num = context->fps_num ? context->fps_num : sequence->time_scale / 2;
    param->i_fps_den = context->fps_num ? context->fps_den : sequence->num_units_in_tick;
    param->i_timebase_num = param->i_fps_den;
    param->i_timebase_den = param->i_fps_num;
    param->i_log_level = X264_LOG_ERROR;
    set_rate(context, config, param);
    if (x264_param_apply_profile(param, param->b_cabac ? "main" : "baseline") != 0)
        return NULL;
    return x264_encoder_open(param);
}

static x264_t *coder_of(struct context *context, const struct config *config)
{
    x264_param_t param;

    if (!context->x264) {
        context->x264 = open_coder(context, config, &param);
        context->rate_changed = false;
    } else if (context->rate_changed) {
        x264_encoder_parameters(context->x264, &param);
        set_rate(context, config, &param);
        (void)x264_encoder_reconfig(context->x264, &param);
        context->rate_changed = false;
    }
    return context->x264;
}

VAStatus standin_code_x264(struct context *context, const struct config *config,
                           const struct surface *surface, bool idr, struct coded *out)
{
    x264_t *coder = coder_of(context, config);
    x264_picture_t picture, coded;
    x264_nal_t *nals;
    int count;

    if (!coder)
        return VA_STATUS_ERROR_ENCODING_ERROR;
    x264_picture_init(&picture);
    picture.img.i_csp = X264_CSP_NV12;
    picture.img.i_plane = 2;
    for (unsigned i = 0; i < 2; i++) {
        picture.img.plane[i] = surface->plane[i];
        picture.img.i_stride[i] = (int)surface->pitch[i];
    }
    picture.i_type = idr ? X264_TYPE_IDR : X264_TYPE_P;
    picture.i_pts = context->coded++;
    int size = x264_encoder_encode(coder, &nals, &count, &picture, &coded);
    if (size <= 0)
        return VA_STATUS_ERROR_ENCODING_ERROR;
    coded_put(out, nals[0].p_payload, (size_t)size); // x264.h: all payloads lie one after the other
    return VA_STATUS_SUCCESS;
}

void standin_x264_close(struct context *context)
{
    if (context->x264)
        x264_encoder_close(context->x264);
    context->x264 = NULL;
}
