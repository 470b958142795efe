// SPDX-License-Identifier: Apache-2.0
// H.264 in the stand-in: libx264, set up as the client asked NVENC to be.
#include "session.h"

#include <stdlib.h>
#include <string.h>

#include <x264.h>

struct coder {
    x264_param_t param;
    x264_t *handle;
};

static uint32_t profiles(const struct session *session, GUID out[LIST_MAX])
{
    const GUID all[] = {NV_ENC_H264_PROFILE_BASELINE_GUID, NV_ENC_H264_PROFILE_MAIN_GUID,
                        NV_ENC_H264_PROFILE_HIGH_GUID};

    (void)session;
    memcpy(out, all, sizeof all);
    return sizeof all / sizeof all[0];
}

static uint32_t formats(const struct session *session, NV_ENC_BUFFER_FORMAT out[LIST_MAX])
{
    (void)session;
    out[0] = NV_ENC_BUFFER_FORMAT_NV12;
    out[1] = NV_ENC_BUFFER_FORMAT_YV12;
    out[2] = NV_ENC_BUFFER_FORMAT_IYUV;
    return 3;
}

static void fill_preset(NV_ENC_CONFIG *config)
{
    NV_ENC_CONFIG_H264 *h264 = &config->encodeCodecConfig.h264Config;

    h264->idrPeriod = config->gopLength;
    h264->chromaFormatIDC = 1;
    h264->sliceMode = 3;
    h264->sliceModeData = 1;
}

// Rate and picture must fit the level that was asked for (Rec. H.264, table A-1; High profile).
static NVENCSTATUS check_level(struct session *session, const NV_ENC_INITIALIZE_PARAMS *params)
{
    const NV_ENC_CONFIG *config = params->encodeConfig;
    uint32_t wanted = config->encodeCodecConfig.h264Config.level;
    uint64_t mbs = (uint64_t)((params->encodeWidth + 15) / 16) * ((params->encodeHeight + 15) / 16);

    for (const x264_level_t *level = x264_levels; wanted != 0 && level->level_idc != 0; level++) {
        if (level->level_idc != wanted)
            continue;
        if ((uint64_t)level->frame_size < mbs ||
            (uint64_t)level->mbps * params->frameRateDen < mbs * params->frameRateNum ||
            (uint64_t)level->bitrate * 1250 < config->rcParams.averageBitRate ||
            (uint64_t)level->cpb * 1250 < config->rcParams.vbvBufferSize)
            return session_refuse(session, NV_ENC_ERR_INVALID_PARAM, "more than level %u allows",
                                  (unsigned)wanted);
        return NV_ENC_SUCCESS;
    }
    return wanted == 0 ? NV_ENC_SUCCESS
                       : session_refuse(session, NV_ENC_ERR_INVALID_PARAM, "no level %u", (unsigned)wanted);
}

static NVENCSTATUS check(struct session *session, const NV_ENC_INITIALIZE_PARAMS *params)
{
    if (params->encodeConfig->encodeCodecConfig.h264Config.chromaFormatIDC > 1)
        return session_refuse(session, NV_ENC_ERR_UNSUPPORTED_PARAM, "4:4:4, which the capabilities exclude");
    return check_level(session, params);
}

static uint32_t depth(const NV_ENC_CONFIG *config)
{
    (void)config;
    return 8;
}

static bool has_headers(const NV_ENC_CONFIG *config, bool asked)
{
    const NV_ENC_CONFIG_H264 *h264 = &config->encodeCodecConfig.h264Config;

    return !h264->disableSPSPPS && (h264->repeatSPSPPS || asked);
}

static void put_rate(const struct session *session, x264_param_t *param)
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

static bool open(struct session *session)
{
    struct coder *coder = calloc(1, sizeof *coder);
    session->coder = coder;
    if (!coder)
        return false;
    x264_param_t *param = &coder->param;

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
    put_rate(session, param);
    if (x264_param_apply_profile(param, profile_of(&session->config.profileGUID)) != 0)
        return false;
    coder->handle = x264_encoder_open(param);
    return coder->handle != NULL;
}

static void close(struct session *session)
{
    struct coder *coder = session->coder;

    if (!coder)
        return;
    if (coder->handle)
        x264_encoder_close(coder->handle);
    x264_param_cleanup(&coder->param);
    free(coder);
    session->coder = NULL;
}

static bool set_rate(struct session *session)
{
    struct coder *coder = session->coder;

    put_rate(session, &coder->param);
    return x264_encoder_reconfig(coder->handle, &coder->param) == 0;
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

static bool encode(struct session *session, const struct input *input, bool idr, bool headers,
                   struct output *output)
{
    const struct coder *coder = session->coder;
    x264_picture_t picture, coded;
    x264_nal_t *nals;
    int count = 0;

    x264_picture_init(&picture);
    set_planes(input, &picture);
    picture.i_type = idr ? X264_TYPE_IDR : X264_TYPE_AUTO;
    picture.i_pts = (int64_t)session->pictures;
    if (x264_encoder_encode(coder->handle, &nals, &count, &picture, &coded) <= 0)
        return false;
    output->type = coded.i_type == X264_TYPE_IDR ? NV_ENC_PIC_TYPE_IDR
                   : coded.i_type == X264_TYPE_I ? NV_ENC_PIC_TYPE_I
                                                 : NV_ENC_PIC_TYPE_P;
    for (int i = 0; i < count; i++) {
        bool is_header = nals[i].i_type == NAL_SPS || nals[i].i_type == NAL_PPS;
        if (nals[i].i_type == NAL_SEI || (is_header && !headers))
            continue;
        if (!output_append(output, nals[i].p_payload, (size_t)nals[i].i_payload))
            return false;
    }
    return true;
}

static bool headers(struct session *session, struct codec_headers *out)
{
    const struct coder *coder = session->coder;
    x264_nal_t *nals;
    int count = 0;

    if (x264_encoder_headers(coder->handle, &nals, &count) < 0)
        return false;
    for (int i = 0; i < count; i++) {
        bool is_header = nals[i].i_type == NAL_SPS || nals[i].i_type == NAL_PPS;
        if (is_header && !codec_headers_append(out, nals[i].p_payload, (size_t)nals[i].i_payload))
            return false;
    }
    return true;
}

const struct codec codec_h264 = {
    CODEC_MEMBERS,
    .guid = &NV_ENC_CODEC_H264_GUID,
    .width_min_px = 145,
    .height_min_px = 49,
    .size_max_px = 4096,
    .level_min = NV_ENC_LEVEL_H264_1,
    .level_max = NV_ENC_LEVEL_H264_62,
    .has_cabac = true,
};
