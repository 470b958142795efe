// SPDX-License-Identifier: Apache-2.0
// HEVC in the stand-in: libx265, set up as the client asked NVENC to be.
#include <string.h>

#include "../hevc.h"
#include "session.h"

// Rec. H.265, tables A.8 and A.9: NV_ENC_LEVEL_HEVC, pictures, samples a second, and kbit both of a second
// and of the CPB (the same, but for level 1), in the Main and in the High tier.
static const struct level {
    uint32_t idc;
    uint64_t picture_px, px_per_s, main_kbit, high_kbit;
} levels[] = {
    {NV_ENC_LEVEL_HEVC_1, 36864, 552960, 128, 0},
    {NV_ENC_LEVEL_HEVC_2, 122880, 3686400, 1500, 0},
    {NV_ENC_LEVEL_HEVC_21, 245760, 7372800, 3000, 0},
    {NV_ENC_LEVEL_HEVC_3, 552960, 16588800, 6000, 0},
    {NV_ENC_LEVEL_HEVC_31, 983040, 33177600, 10000, 0},
    {NV_ENC_LEVEL_HEVC_4, 2228224, 66846720, 12000, 30000},
    {NV_ENC_LEVEL_HEVC_41, 2228224, 133693440, 20000, 50000},
    {NV_ENC_LEVEL_HEVC_5, 8912896, 267386880, 25000, 100000},
    {NV_ENC_LEVEL_HEVC_51, 8912896, 534773760, 40000, 160000},
    {NV_ENC_LEVEL_HEVC_52, 8912896, 1069547520, 60000, 240000},
    {NV_ENC_LEVEL_HEVC_6, 35651584, 1069547520, 60000, 240000},
    {NV_ENC_LEVEL_HEVC_61, 35651584, 2139095040, 120000, 480000},
    {NV_ENC_LEVEL_HEVC_62, 35651584, 4278190080, 240000, 800000},
};
#define LEVELS (sizeof levels / sizeof levels[0])

static const NV_ENC_CONFIG_HEVC *hevc_of(const NV_ENC_CONFIG *config)
{
    return &config->encodeCodecConfig.hevcConfig;
}

static uint32_t depth(const NV_ENC_CONFIG *config)
{
    return 8u + hevc_of(config)->pixelBitDepthMinus8;
}

static uint32_t profiles(const struct session *session, GUID out[LIST_MAX])
{
    out[0] = NV_ENC_HEVC_PROFILE_MAIN_GUID;
    out[1] = NV_ENC_HEVC_PROFILE_MAIN10_GUID;
    return session->faults.without_10bit ? 1 : 2;
}

static uint32_t formats(const struct session *session, NV_ENC_BUFFER_FORMAT out[LIST_MAX])
{
    out[0] = NV_ENC_BUFFER_FORMAT_NV12;
    out[1] = NV_ENC_BUFFER_FORMAT_YV12;
    out[2] = NV_ENC_BUFFER_FORMAT_IYUV;
    out[3] = NV_ENC_BUFFER_FORMAT_YUV420_10BIT;
    return session->faults.without_10bit ? 3 : 4;
}

static void fill_preset(NV_ENC_CONFIG *config)
{
    NV_ENC_CONFIG_HEVC *hevc = &config->encodeCodecConfig.hevcConfig;

    hevc->idrPeriod = config->gopLength;
    hevc->chromaFormatIDC = 1;
    hevc->sliceMode = 3;
    hevc->sliceModeData = 1;
}

static bool fits(const struct level *level, const NV_ENC_INITIALIZE_PARAMS *params)
{
    const NV_ENC_CONFIG *config = params->encodeConfig;
    const NV_ENC_RC_PARAMS *rc = &config->rcParams;
    uint64_t width = params->encodeWidth, height = params->encodeHeight;
    uint64_t kbit = hevc_of(config)->tier == NV_ENC_TIER_HEVC_HIGH ? level->high_kbit : level->main_kbit;

    return width * height <= level->picture_px && width * width <= 8 * level->picture_px &&
           height * height <= 8 * level->picture_px &&
           width * height * params->frameRateNum <= level->px_per_s * params->frameRateDen &&
           rc->averageBitRate <= kbit * 1000 && rc->vbvBufferSize <= kbit * 1000;
}

// The level that was asked for, or else the lowest that fits. NULL: there is none, or it is too low.
static const struct level *find_level(const NV_ENC_INITIALIZE_PARAMS *params)
{
    uint32_t wanted = hevc_of(params->encodeConfig)->level;

    for (size_t i = 0; i < LEVELS; i++) {
        if ((wanted == NV_ENC_LEVEL_AUTOSELECT || wanted == levels[i].idc) && fits(&levels[i], params))
            return &levels[i];
    }
    return NULL;
}

// Depth, profile and the capability belong together.
static NVENCSTATUS check_depth(struct session *session, const NV_ENC_CONFIG *config)
{
    const GUID *profile = &config->profileGUID;
    bool is_auto = guid_is(profile, &NV_ENC_CODEC_PROFILE_AUTOSELECT_GUID);
    bool is_main10 = guid_is(profile, &NV_ENC_HEVC_PROFILE_MAIN10_GUID);
    uint32_t bits = depth(config);

    if (bits != 8 && bits != 10)
        return session_refuse(session, NV_ENC_ERR_INVALID_PARAM, "pixelBitDepthMinus8 is %u, not 0 or 2",
                              (unsigned)bits - 8);
    if (bits == 10 && session->faults.without_10bit)
        return session_refuse(session, NV_ENC_ERR_UNSUPPORTED_PARAM,
                              "10 bit, which the capabilities exclude");
    if (!is_auto && is_main10 != (bits == 10))
        return session_refuse(session, NV_ENC_ERR_INVALID_PARAM, "%u bit in profile %s", (unsigned)bits,
                              is_main10 ? "Main 10" : "Main");
    if (hevc_of(config)->chromaFormatIDC != 1)
        return session_refuse(session, NV_ENC_ERR_UNSUPPORTED_PARAM, "chromaFormatIDC is %u, not 1 for 4:2:0",
                              (unsigned)hevc_of(config)->chromaFormatIDC);
    return NV_ENC_SUCCESS;
}

static bool is_reserved_zero(const NV_ENC_CONFIG_HEVC *hevc)
{
    bool zero = hevc->reserved == 0;

    for (size_t i = 0; i < sizeof hevc->reserved1 / sizeof hevc->reserved1[0]; i++)
        zero = zero && hevc->reserved1[i] == 0;
    for (size_t i = 0; i < sizeof hevc->reserved2 / sizeof hevc->reserved2[0]; i++)
        zero = zero && hevc->reserved2[i] == NULL;
    return zero;
}

static NVENCSTATUS check(struct session *session, const NV_ENC_INITIALIZE_PARAMS *params)
{
    const NV_ENC_CONFIG *config = params->encodeConfig;
    const NV_ENC_CONFIG_HEVC *hevc = hevc_of(config);
    NVENCSTATUS status = check_depth(session, config);

    if (status != NV_ENC_SUCCESS)
        return status;
    if (!is_reserved_zero(hevc))
        return session_refuse(session, NV_ENC_ERR_INVALID_PARAM,
                              "NV_ENC_CONFIG_HEVC: reserved members are not zero");
    if (hevc->maxCUSize != NV_ENC_HEVC_CUSIZE_AUTOSELECT && hevc->maxCUSize != NV_ENC_HEVC_CUSIZE_32x32)
        return session_refuse(session, NV_ENC_ERR_UNSUPPORTED_PARAM, "maxCUSize is 32x32 or left alone");
    if (hevc->enableLTR || hevc->ltrTrustMode || hevc->ltrNumFrames || hevc->enableAlphaLayerEncoding ||
        hevc->enableIntraRefresh || hevc->enableConstrainedEncoding || hevc->useBFramesAsRef ||
        hevc->maxTemporalLayersMinus1)
        return session_refuse(session, NV_ENC_ERR_UNSUPPORTED_PARAM,
                              "long-term references, alpha, refresh, constrained encoding, B frames as "
                              "references or layers, which the capabilities exclude");
    if (hevc->repeatSPSPPS && hevc->disableSPSPPS)
        return session_refuse(session, NV_ENC_ERR_INVALID_PARAM, "parameter sets both repeated and disabled");
    if (hevc->sliceMode > 3)
        return session_refuse(session, NV_ENC_ERR_INVALID_PARAM, "sliceMode is 0 to 3");
    if (hevc->tier > NV_ENC_TIER_HEVC_HIGH)
        return session_refuse(session, NV_ENC_ERR_INVALID_PARAM, "no tier %u", (unsigned)hevc->tier);
    if (!find_level(params))
        return session_refuse(session, NV_ENC_ERR_INVALID_PARAM,
                              "there is no level %u in tier %u, or size and rate are more than it allows",
                              (unsigned)hevc->level, (unsigned)hevc->tier);
    return NV_ENC_SUCCESS;
}

static bool has_headers(const NV_ENC_CONFIG *config, bool asked)
{
    return !hevc_of(config)->disableSPSPPS && (hevc_of(config)->repeatSPSPPS || asked);
}

static bool set_rate(struct session *session)
{
    const NV_ENC_RC_PARAMS *rc = &session->config.rcParams;
    bool is_constant = rc->rateControlMode == NV_ENC_PARAMS_RC_CONSTQP;

    hevc_set_rate(session->coder, rc->averageBitRate ? rc->averageBitRate : 2000000, rc->vbvBufferSize,
                  is_constant ? (int)rc->constQP.qpInterP : 0);
    return true;
}

static bool open(struct session *session)
{
    const NV_ENC_CONFIG_HEVC *hevc = hevc_of(&session->config);
    const NV_ENC_CONFIG_HEVC_VUI_PARAMETERS *vui = &hevc->hevcVUIParameters;
    uint32_t gop_frames = session->config.gopLength;
    struct hevc_settings settings = {
        .width_px = session->init.encodeWidth,
        .height_px = session->init.encodeHeight,
        .rate_num = session->init.frameRateNum,
        .rate_den = session->init.frameRateDen,
        .depth = (int)depth(&session->config),
        .refs = (int)hevc->maxNumRefFramesInDPB,
        .level_idc = (int)find_level(&session->init)->idc,
        .high_tier = hevc->tier == NV_ENC_TIER_HEVC_HIGH,
        .aud = hevc->outputAUD,
        .gop_frames = gop_frames == NVENC_INFINITE_GOPLENGTH ? 0 : gop_frames,
        .has_video_signal = vui->videoSignalTypePresentFlag,
        .video_format = (int)vui->videoFormat,
        .full_range = (int)vui->videoFullRangeFlag,
        .has_colours = vui->colourDescriptionPresentFlag,
        .primaries = (int)vui->colourPrimaries,
        .transfer = (int)vui->transferCharacteristics,
        .matrix = (int)vui->colourMatrix,
    };

    session->coder = hevc_open(&settings);
    return session->coder && set_rate(session);
}

static void close(struct session *session)
{
    hevc_close(session->coder);
    session->coder = NULL;
}

static struct hevc_picture planes_of(const struct input *input)
{
    bool is_planar = input->format == NV_ENC_BUFFER_FORMAT_IYUV || input->format == NV_ENC_BUFFER_FORMAT_YV12;
    uint32_t pitch_bytes = input->pitch_bytes;
    const uint8_t *chroma = input->memory + (size_t)pitch_bytes * input->height_px;
    const uint8_t *second = chroma + (size_t)(pitch_bytes / 2) * (input->height_px / 2);
    bool is_swapped = input->format == NV_ENC_BUFFER_FORMAT_YV12;

    if (!is_planar)
        return (struct hevc_picture){{input->memory, chroma}, {pitch_bytes, pitch_bytes}, true};
    return (struct hevc_picture){
        {input->memory, is_swapped ? second : chroma, is_swapped ? chroma : second},
        {pitch_bytes, pitch_bytes / 2, pitch_bytes / 2},
        false,
    };
}

static bool is_header(const x265_nal *nal)
{
    return nal->type == NAL_UNIT_VPS || nal->type == NAL_UNIT_SPS || nal->type == NAL_UNIT_PPS;
}

static bool encode(struct session *session, const struct input *input, bool idr, bool headers,
                   struct output *output)
{
    struct hevc_picture picture = planes_of(input);
    x265_nal *nals;
    uint32_t count = 0;
    bool is_idr = false;

    if (!hevc_encode(session->coder, &picture, idr, &nals, &count, &is_idr))
        return false;
    output->type = is_idr ? NV_ENC_PIC_TYPE_IDR : NV_ENC_PIC_TYPE_P;
    for (uint32_t i = 0; i < count; i++) {
        if (is_header(&nals[i]) && !headers)
            continue;
        if (!output_append(output, nals[i].payload, nals[i].sizeBytes))
            return false;
    }
    return true;
}

static bool headers(struct session *session, struct codec_headers *out)
{
    x265_nal *nals;
    uint32_t count = 0;

    if (!hevc_headers(session->coder, &nals, &count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (is_header(&nals[i]) && !codec_headers_append(out, nals[i].payload, nals[i].sizeBytes))
            return false;
    }
    return true;
}

const struct codec codec_hevc = {
    CODEC_MEMBERS,
    .guid = &NV_ENC_CODEC_HEVC_GUID,
    .width_min_px = 129,
    .height_min_px = 33,
    .size_max_px = 8192,
    .level_min = NV_ENC_LEVEL_HEVC_1,
    .level_max = NV_ENC_LEVEL_HEVC_62,
    .has_10bit = true,
};
