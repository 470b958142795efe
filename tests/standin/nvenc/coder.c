// SPDX-License-Identifier: Apache-2.0
// The encoder behind the stand-in: libx264, set up as the client asked NVENC to be.
#include "session.h"

#include <stdlib.h>
#include <string.h>

static void set_rate(const struct session *session, x264_param_t *param)
{
    const NV_ENC_RC_PARAMS *rc = &session->config.rcParams;
    uint32_t rate_bps = rc->averageBitRate ? rc->averageBitRate : 2000000;
    uint32_t peak_bps =
        rc->rateControlMode == NV_ENC_PARAMS_RC_VBR && rc->maxBitRate ? rc->maxBitRate : rate_bps;
    uint32_t vbv_bits = session->faults.without_vbv ? 0 : rc->vbvBufferSize;

    if (rc->rateControlMode == NV_ENC_PARAMS_RC_CONSTQP) {
        param->rc.i_rc_method = X264_RC_CQP;
        param->rc.i_qp_constant = (int)rc->constQP.qpInterP;
        return;
    }
    param->rc.i_rc_method = X264_RC_ABR;
    param->rc.i_bitrate = (int)(rate_bps / 1000);
    param->rc.i_vbv_max_bitrate = (int)(peak_bps / 1000);
    param->rc.i_vbv_buffer_size = vbv_bits ? (int)(vbv_bits / 1000) : param->rc.i_vbv_max_bitrate;
    if (param->rc.i_vbv_buffer_size < 1)
        param->rc.i_vbv_buffer_size = 1;
}

static void set_stream(const struct session *session, x264_param_t *param)
{
    const NV_ENC_CONFIG_H264 *h264 = &session->config.encodeCodecConfig.h264Config;
    const NV_ENC_CONFIG_H264_VUI_PARAMETERS *vui = &h264->h264VUIParameters;

    param->i_keyint_max = session->config.gopLength == NVENC_INFINITE_GOPLENGTH
                              ? X264_KEYINT_MAX_INFINITE
                              : (int)session->config.gopLength;
    if (param->i_keyint_max < 1)
        param->i_keyint_max = 1;
    param->i_bframe = 0;
    param->i_scenecut_threshold = 0;
    param->b_repeat_headers = 1;
    param->b_annexb = 1;
    param->b_stitchable = 1;
    param->b_aud = (int)h264->outputAUD;
    param->i_level_idc = h264->level ? (int)h264->level : -1;
    param->b_cabac = h264->entropyCodingMode != NV_ENC_H264_ENTROPY_CODING_MODE_CAVLC;
    param->i_frame_reference = h264->maxNumRefFrames ? (int)h264->maxNumRefFrames : 1;
    param->vui.i_sar_width = param->vui.i_sar_height = 1;
    if (vui->videoSignalTypePresentFlag) {
        param->vui.i_vidformat = (int)vui->videoFormat;
        param->vui.b_fullrange = (int)vui->videoFullRangeFlag;
    }
    if (vui->colourDescriptionPresentFlag) {
        param->vui.i_colorprim = (int)vui->colourPrimaries;
        param->vui.i_transfer = (int)vui->transferCharacteristics;
        param->vui.i_colmatrix = (int)vui->colourMatrix;
    }
}

static const char *profile_of(const GUID *guid)
{
    if (guid_is(guid, &NV_ENC_H264_PROFILE_BASELINE_GUID))
        return "baseline";
    return guid_is(guid, &NV_ENC_H264_PROFILE_MAIN_GUID) ? "main" : "high";
}

bool coder_open(struct session *session)
{
    x264_param_t *param = &session->param;

    if (x264_param_default_preset(param, "superfast", "zerolatency") != 0)
        return false;
    param->i_width = (int)session->init.encodeWidth;
    param->i_height = (int)session->init.encodeHeight;
    param->i_csp = X264_CSP_I420; // pictures may come in any of the 4:2:0 layouts
    param->i_threads = 1;         // one slice
    param->b_sliced_threads = 0;
    param->i_fps_num = param->i_timebase_den = session->init.frameRateNum;
    param->i_fps_den = param->i_timebase_num = session->init.frameRateDen;
    param->b_vfr_input = 0;
    param->i_log_level = X264_LOG_ERROR;
    set_stream(session, param);
    set_rate(session, param);
    if (x264_param_apply_profile(param, profile_of(&session->config.profileGUID)) != 0)
        return false;
    session->coder = x264_encoder_open(param);
    return session->coder != NULL;
}

void coder_close(struct session *session)
{
    if (session->coder)
        x264_encoder_close(session->coder);
    session->coder = NULL;
    x264_param_cleanup(&session->param);
}

bool coder_set_rate(struct session *session)
{
    set_rate(session, &session->param);
    return x264_encoder_reconfig(session->coder, &session->param) == 0;
}

static bool append(struct output *output, const x264_nal_t *nal)
{
    size_t size_bytes = output->size_bytes + (size_t)nal->i_payload;

    if (size_bytes > output->capacity_bytes) {
        uint8_t *larger = realloc(output->bytes, size_bytes * 2);
        if (!larger)
            return false;
        output->bytes = larger;
        output->capacity_bytes = size_bytes * 2;
    }
    memcpy(output->bytes + output->size_bytes, nal->p_payload, (size_t)nal->i_payload);
    output->size_bytes = size_bytes;
    return true;
}

static void set_planes(const struct input *input, x264_picture_t *picture)
{
    uint32_t pitch_bytes = input->pitch_bytes;
    uint8_t *chroma = input->memory + (size_t)pitch_bytes * input->height_px;

    picture->img.i_csp = input->format == NV_ENC_BUFFER_FORMAT_NV12   ? X264_CSP_NV12
                         : input->format == NV_ENC_BUFFER_FORMAT_YV12 ? X264_CSP_YV12
                                                                      : X264_CSP_I420;
    picture->img.i_plane = input->format == NV_ENC_BUFFER_FORMAT_NV12 ? 2 : 3;
    picture->img.plane[0] = input->memory;
    picture->img.plane[1] = chroma;
    picture->img.plane[2] = chroma + (size_t)(pitch_bytes / 2) * (input->height_px / 2);
    picture->img.i_stride[0] = (int)pitch_bytes;
    picture->img.i_stride[1] =
        input->format == NV_ENC_BUFFER_FORMAT_NV12 ? (int)pitch_bytes : (int)pitch_bytes / 2;
    picture->img.i_stride[2] = (int)pitch_bytes / 2;
}

bool coder_encode(struct session *session, const struct input *input, bool idr, bool headers,
                  struct output *output)
{
    x264_picture_t picture, coded;
    x264_nal_t *nals;
    int count = 0;

    x264_picture_init(&picture);
    set_planes(input, &picture);
    picture.i_type = idr ? X264_TYPE_IDR : X264_TYPE_AUTO;
    picture.i_pts = (int64_t)session->pictures;
    if (x264_encoder_encode(session->coder, &nals, &count, &picture, &coded) <= 0)
        return false;
    output->size_bytes = 0;
    output->type = coded.i_type == X264_TYPE_IDR ? NV_ENC_PIC_TYPE_IDR
                   : coded.i_type == X264_TYPE_I ? NV_ENC_PIC_TYPE_I
                                                 : NV_ENC_PIC_TYPE_P;
    for (int i = 0; i < count; i++) {
        bool is_header = nals[i].i_type == NAL_SPS || nals[i].i_type == NAL_PPS;
        if (nals[i].i_type == NAL_SEI || (is_header && !headers))
            continue;
        if (!append(output, &nals[i]))
            return false;
    }
    return true;
}

bool coder_headers(struct session *session, uint8_t *out, uint32_t capacity_bytes, uint32_t *size_bytes)
{
    x264_nal_t *nals;
    int count = 0;

    *size_bytes = 0;
    if (x264_encoder_headers(session->coder, &nals, &count) < 0)
        return false;
    for (int i = 0; i < count; i++) {
        if (nals[i].i_type != NAL_SPS && nals[i].i_type != NAL_PPS)
            continue;
        if (*size_bytes + (uint32_t)nals[i].i_payload > capacity_bytes)
            return false;
        memcpy(out + *size_bytes, nals[i].p_payload, (size_t)nals[i].i_payload);
        *size_bytes += (uint32_t)nals[i].i_payload;
    }
    return true;
}
