// SPDX-License-Identifier: Apache-2.0
#include "nvenc_config.h"

#include <assert.h>
#include <string.h>

#include "h264_level.h"

#define VBV_MAX_BITS (800000u * (uint64_t)H264_FACTOR_HIGH) // of level 6.2
#define TWO_PASS_MAX_MBS_PER_S 522240u                      // 1080p60 and a little: level 4.2
#define FAST_PRESET_MBS_PER_S 983040u // 2160p30; above it the fastest preset is the default
#define DEFAULT_VBV_HALF_FRAMES 3u    // one and a half frames

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

struct nvenc_level nvenc_config_level(const struct encoder_config *config)
{
    uint32_t rate_bps =
        config->bitrate_bps > H264_LEVEL_BITRATE_MIN_BPS ? config->bitrate_bps : H264_LEVEL_BITRATE_MIN_BPS;
    uint64_t vbv_bits = nvenc_config_vbv_bits(config, rate_bps);
    const struct h264_level *level = h264_level_choose(
        &config->format, rate_bps, vbv_bits < VBV_MAX_BITS ? vbv_bits : VBV_MAX_BITS, H264_FACTOR_HIGH);

    assert(level); // encoder_open() lets nothing pass that is beyond level 6.2
    return (struct nvenc_level){level->idc, (uint64_t)level->rate_max * H264_FACTOR_HIGH,
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

static void fill_h264(const struct encoder_config *config, const struct nvenc_abilities *abilities,
                      NV_ENC_CONFIG_H264 *h264)
{
    NV_ENC_CONFIG_H264_VUI_PARAMETERS *vui = &h264->h264VUIParameters;

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
    vui->videoSignalTypePresentFlag = 1;
    vui->videoFormat = 5; // not specified, table E-2
    vui->videoFullRangeFlag = 0;
    vui->colourDescriptionPresentFlag = 1;
    vui->colourPrimaries = vui->transferCharacteristics = vui->colourMatrix = 1; // BT.709
    vui->bitstreamRestrictionFlag = 1; // says max_num_reorder_frames 0
}

void nvenc_config_fill(const struct encoder_config *config, const struct nvenc_abilities *abilities,
                       NV_ENC_CONFIG *out)
{
    NV_ENC_RC_PARAMS *rc = &out->rcParams;

    out->version = NV_ENC_CONFIG_VER;
    out->profileGUID = NV_ENC_H264_PROFILE_HIGH_GUID;
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
    fill_h264(config, abilities, &out->encodeCodecConfig.h264Config);
}
