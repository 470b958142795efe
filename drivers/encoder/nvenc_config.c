// SPDX-License-Identifier: Apache-2.0
#include "nvenc_config.h"

#include <assert.h>
#include <string.h>

#include "h264_level.h"
#include "hevc_level.h"

// Of level 6.2, and its High tier.
#define H264_VBV_MAX_BITS (800000u * (uint64_t)H264_FACTOR_HIGH)
#define HEVC_VBV_MAX_BITS (800000u * (uint64_t)HEVC_LEVEL_FACTOR)
static_assert(H264_LEVEL_BITRATE_MIN_BPS == HEVC_LEVEL_BITRATE_MIN_BPS, "the level's VBV is of that rate");
#define TWO_PASS_MAX_MBS_PER_S 522240u // 1080p60 and a little: level 4.2
#define FAST_PRESET_MBS_PER_S 983040u  // 2160p30; above it the fastest preset is the default
#define DEFAULT_VBV_HALF_FRAMES 3u     // one and a half frames

static uint64_t mbs_per_s(const struct encoder_config *config)
{
    uint64_t frame_mbs =
        (uint64_t)h264_macroblocks(config->format.width_px) * h264_macroblocks(config->format.height_px);

    return (frame_mbs * config->format.rate.num + config->format.rate.den - 1) / config->format.rate.den;
}

int nvenc_config_preset(const struct encoder_config *config, GUID *out, struct encoder_text *why)
{
    const GUID presets[] = {NV_ENC_PRESET_P1_GUID, NV_ENC_PRESET_P2_GUID, NV_ENC_PRESET_P3_GUID,
                            NV_ENC_PRESET_P4_GUID, NV_ENC_PRESET_P5_GUID, NV_ENC_PRESET_P6_GUID,
                            NV_ENC_PRESET_P7_GUID};
    const char *name = config->preset ? config->preset : "";

    if (name[0] == '\0')
        name = mbs_per_s(config) > FAST_PRESET_MBS_PER_S ? "p1" : "p3";
    if (strlen(name) != 2 || name[0] != 'p' || name[1] < '1' || name[1] > '7')
        return encoder_text_set(why, CASTOR_ERR_INVALID,
                                "nvenc: unknown preset \"%s\"; known are p1 (fastest) to p7 (best)", name);
    *out = presets[name[1] - '1'];
    return CASTOR_OK;
}

static uint64_t at_most(uint64_t value, uint64_t limit)
{
    return value < limit ? value : limit;
}

// encoder_open() lets nothing pass that is beyond level 6.2.
struct nvenc_level nvenc_config_level(const struct encoder_config *config)
{
    uint32_t rate_bps =
        config->bitrate_bps > H264_LEVEL_BITRATE_MIN_BPS ? config->bitrate_bps : H264_LEVEL_BITRATE_MIN_BPS;
    uint64_t vbv_bits = nvenc_config_vbv_bits(config, rate_bps);

    if (config->codec == ENCODER_CODEC_HEVC) {
        struct hevc_level level = {0};
        bool fits =
            hevc_level_choose(&config->format, rate_bps, at_most(vbv_bits, HEVC_VBV_MAX_BITS), &level);
        assert(fits);
        (void)fits;
        return (struct nvenc_level){level.idc, level.high_tier, (uint64_t)level.rate_max * HEVC_LEVEL_FACTOR,
                                    (uint64_t)level.vbv_max * HEVC_LEVEL_FACTOR};
    }
    const struct h264_level *level =
        h264_level_choose(&config->format, rate_bps, at_most(vbv_bits, H264_VBV_MAX_BITS), H264_FACTOR_HIGH);
    assert(level);
    return (struct nvenc_level){level->idc, false, (uint64_t)level->rate_max * H264_FACTOR_HIGH,
                                (uint64_t)level->vbv_max * H264_FACTOR_HIGH};
}

uint64_t nvenc_config_vbv_bits(const struct encoder_config *config, uint32_t bitrate_bps)
{
    if (config->vbv_ms > 0)
        return (uint64_t)bitrate_bps * config->vbv_ms / 1000;
    return (uint64_t)bitrate_bps * DEFAULT_VBV_HALF_FRAMES * config->format.rate.den /
           (2 * (uint64_t)config->format.rate.num);
}

void nvenc_config_rate(const struct encoder_config *config, const struct nvenc_abilities *abilities,
                       uint32_t bitrate_bps, NV_ENC_RC_PARAMS *rc)
{
    uint64_t vbv_bits = nvenc_config_vbv_bits(config, bitrate_bps);

    if (vbv_bits == 0)
        vbv_bits = 1; // 0 would mean the device's default
    if (vbv_bits > UINT32_MAX)
        vbv_bits = UINT32_MAX;
    rc->averageBitRate = bitrate_bps;
    rc->maxBitRate = bitrate_bps;
    rc->vbvBufferSize = abilities->custom_vbv ? (uint32_t)vbv_bits : 0;
    rc->vbvInitialDelay = rc->vbvBufferSize;
}

const GUID *nvenc_config_codec(enum encoder_codec codec)
{
    return codec == ENCODER_CODEC_HEVC ? &NV_ENC_CODEC_HEVC_GUID : &NV_ENC_CODEC_H264_GUID;
}

const GUID *nvenc_config_profile(enum encoder_codec codec, uint32_t pixel)
{
    if (codec == ENCODER_CODEC_H264)
        return &NV_ENC_H264_PROFILE_HIGH_GUID;
    return castor_pixel_bits(pixel) > 8 ? &NV_ENC_HEVC_PROFILE_MAIN10_GUID : &NV_ENC_HEVC_PROFILE_MAIN_GUID;
}

NV_ENC_BUFFER_FORMAT nvenc_config_buffer_format(uint32_t pixel)
{
    static const NV_ENC_BUFFER_FORMAT formats[CASTOR_PIXEL_END] = {
        [CASTOR_PIXEL_I420] = NV_ENC_BUFFER_FORMAT_IYUV,
        [CASTOR_PIXEL_NV12] = NV_ENC_BUFFER_FORMAT_NV12,
        [CASTOR_PIXEL_P010] = NV_ENC_BUFFER_FORMAT_YUV420_10BIT,
    };

    return formats[pixel];
}

// Tables E-2 to E-5 of Rec. H.264 and E.2 to E.5 of Rec. H.265 are the same here.
static void fill_vui(NV_ENC_CONFIG_H264_VUI_PARAMETERS *vui)
{
    vui->videoSignalTypePresentFlag = 1;
    vui->videoFormat = 5; // not specified
    vui->videoFullRangeFlag = 0;
    vui->colourDescriptionPresentFlag = 1;
    vui->colourPrimaries = vui->transferCharacteristics = vui->colourMatrix = 1; // BT.709
    vui->bitstreamRestrictionFlag = 1; // says max_num_reorder_frames 0 in H.264
}

static void fill_h264(const struct encoder_config *config, const struct nvenc_abilities *abilities,
                      NV_ENC_CONFIG_H264 *h264)
{
    h264->idrPeriod = NVENC_INFINITE_GOPLENGTH;
    h264->repeatSPSPPS = 1;
    h264->disableSPSPPS = 0;
    h264->outputAUD = 1;
    h264->outputBufferingPeriodSEI = 0;
    h264->outputPictureTimingSEI = 0; // it would bring filler data with it
    h264->enableFillerDataInsertion = 0;
    h264->enableIntraRefresh = 0;
    h264->level = nvenc_config_level(config).idc;
    h264->chromaFormatIDC = 1;
    h264->sliceMode = 0; // with 0 macroblocks per slice: one slice
    h264->sliceModeData = 0;
    h264->maxNumRefFrames = 1;
    if (abilities->multiple_refs)
        h264->numRefL0 = NV_ENC_NUM_REF_FRAMES_1;
    h264->entropyCodingMode =
        abilities->cabac ? NV_ENC_H264_ENTROPY_CODING_MODE_CABAC : NV_ENC_H264_ENTROPY_CODING_MODE_CAVLC;
    fill_vui(&h264->h264VUIParameters);
}

static void fill_hevc(const struct encoder_config *config, const struct nvenc_abilities *abilities,
                      NV_ENC_CONFIG_HEVC *hevc)
{
    struct nvenc_level level = nvenc_config_level(config);

    hevc->idrPeriod = NVENC_INFINITE_GOPLENGTH;
    hevc->repeatSPSPPS = 1; // the VPS too
    hevc->disableSPSPPS = 0;
    hevc->outputAUD = 1;
    hevc->outputBufferingPeriodSEI = 0;
    hevc->outputPictureTimingSEI = 0;
    hevc->enableFillerDataInsertion = 0;
    hevc->enableIntraRefresh = 0;
    hevc->enableLTR = 0;
    hevc->useBFramesAsRef = NV_ENC_BFRAME_REF_MODE_DISABLED;
    hevc->level = level.idc; // not AUTOSELECT, which would follow the bitrate: the paths' sets would differ
    hevc->tier = level.high_tier ? NV_ENC_TIER_HEVC_HIGH : NV_ENC_TIER_HEVC_MAIN;
    hevc->chromaFormatIDC = 1;
    hevc->pixelBitDepthMinus8 = castor_pixel_bits(config->format.pixel) > 8 ? 2 : 0;
    hevc->sliceMode = 0; // with 0 coding tree units per slice: one slice
    hevc->sliceModeData = 0;
    hevc->maxNumRefFramesInDPB = 1;
    if (abilities->multiple_refs)
        hevc->numRefL0 = NV_ENC_NUM_REF_FRAMES_1;
    fill_vui(&hevc->hevcVUIParameters);
}

void nvenc_config_fill(const struct encoder_config *config, const struct nvenc_abilities *abilities,
                       NV_ENC_CONFIG *out)
{
    NV_ENC_RC_PARAMS *rc = &out->rcParams;

    out->version = NV_ENC_CONFIG_VER;
    out->profileGUID = *nvenc_config_profile(config->codec, config->format.pixel);
    out->gopLength = NVENC_INFINITE_GOPLENGTH;
    out->frameIntervalP = 1;
    out->frameFieldMode = NV_ENC_PARAMS_FRAME_FIELD_MODE_FRAME;
    rc->version = NV_ENC_RC_PARAMS_VER;
    rc->rateControlMode = NV_ENC_PARAMS_RC_CBR;
    rc->multiPass = mbs_per_s(config) <= TWO_PASS_MAX_MBS_PER_S ? NV_ENC_TWO_PASS_QUARTER_RESOLUTION
                                                                : NV_ENC_MULTI_PASS_DISABLED;
    rc->zeroReorderDelay = 1;
    rc->enableLookahead = 0;
    rc->lookaheadDepth = 0;
    rc->enableNonRefP = 0;
    rc->lowDelayKeyFrameScale = 1;
    nvenc_config_rate(config, abilities, config->bitrate_bps, rc);
    if (config->codec == ENCODER_CODEC_HEVC)
        fill_hevc(config, abilities, &out->encodeCodecConfig.hevcConfig);
    else
        fill_h264(config, abilities, &out->encodeCodecConfig.h264Config);
}
