// SPDX-License-Identifier: Apache-2.0
// How the HAL's configuration is said to NVENC.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "encoder/nvenc_bytes.h"
#include "encoder/nvenc_config.h"

static struct encoder_config config_of(uint32_t width_px, uint32_t height_px, uint32_t fps,
                                       uint32_t bitrate_bps)
{
    return (struct encoder_config){
        .codec = ENCODER_CODEC_H264,
        .format = {.width_px = width_px,
                   .height_px = height_px,
                   .pixel = CASTOR_PIXEL_NV12,
                   .rate = {fps, 1}},
        .bitrate_bps = bitrate_bps,
        .vbv_ms = 100,
    };
}

static uint32_t level_of(uint32_t width_px, uint32_t height_px, uint32_t fps, uint32_t bitrate_bps)
{
    struct encoder_config config = config_of(width_px, height_px, fps, bitrate_bps);

    return nvenc_config_level(&config).idc;
}

// Expected values by hand from table A-1.
static void level_fits(void **state)
{
    (void)state;
    assert_int_equal(level_of(640, 360, 30, 500000), 32);
    assert_int_equal(level_of(640, 360, 30, 20000000), 32); // the same as for little
    assert_int_equal(level_of(1920, 1080, 30, 8000000), 40);
    assert_int_equal(level_of(1920, 1080, 30, 30000000), 41); // 25 Mbit/s is the most of 4
    assert_int_equal(level_of(1920, 1080, 60, 8000000), 42);
    assert_int_equal(level_of(3840, 2160, 30, 40000000), 51);
    assert_int_equal(level_of(3840, 2160, 60, 40000000), 52);
    assert_int_equal(level_of(3840, 180, 30, 8000000), 40); // long and thin: A.3.1
    struct encoder_config patient = config_of(1920, 1080, 30, 8000000);
    patient.vbv_ms = 2000; // of 20 Mbit/s: more than level 4 holds
    assert_int_equal(nvenc_config_level(&patient).idc, 41);
    patient.bitrate_bps = 400000000;
    patient.vbv_ms = 10000; // more than any level holds
    assert_int_equal(nvenc_config_level(&patient).idc, 62);
}

static struct nvenc_level hevc_level_of(uint32_t width_px, uint32_t height_px, uint32_t fps,
                                        uint32_t bitrate_bps, uint32_t vbv_ms)
{
    struct encoder_config config = config_of(width_px, height_px, fps, bitrate_bps);

    config.codec = ENCODER_CODEC_HEVC;
    config.vbv_ms = vbv_ms;
    return nvenc_config_level(&config);
}

// Expected values by hand from tables A.8 and A.9: general_level_idc is 30 times the level.
static void hevc_level_fits(void **state)
{
    (void)state;
    assert_int_equal(hevc_level_of(640, 360, 30, 500000, 100).idc, NV_ENC_LEVEL_HEVC_41);
    assert_int_equal(hevc_level_of(640, 360, 30, 20000000, 100).idc, NV_ENC_LEVEL_HEVC_41);
    assert_int_equal(hevc_level_of(1920, 1080, 60, 8000000, 100).idc, NV_ENC_LEVEL_HEVC_41);
    assert_int_equal(hevc_level_of(1920, 1080, 120, 8000000, 100).idc, NV_ENC_LEVEL_HEVC_5);
    assert_int_equal(hevc_level_of(1920, 1080, 60, 8000000, 1200).idc, NV_ENC_LEVEL_HEVC_5); // of 20 Mbit/s
    assert_int_equal(hevc_level_of(3840, 2160, 30, 25000000, 100).idc, NV_ENC_LEVEL_HEVC_5);
    assert_int_equal(hevc_level_of(3840, 2160, 30, 25000001, 100).idc, NV_ENC_LEVEL_HEVC_51);
    assert_int_equal(hevc_level_of(3840, 2160, 120, 8000000, 100).idc, NV_ENC_LEVEL_HEVC_52);
    assert_int_equal(hevc_level_of(3840, 2160, 240, 8000000, 100).idc, NV_ENC_LEVEL_HEVC_61);
    struct nvenc_level most = hevc_level_of(1920, 1080, 30, 240000000, 100);
    assert_int_equal(most.idc, NV_ENC_LEVEL_HEVC_62);
    assert_false(most.high_tier);
    assert_int_equal(most.rate_max_bps, 240000000);
    most = hevc_level_of(1920, 1080, 30, 400000000, 10000); // nothing in the Main tier, nor that VBV at all
    assert_int_equal(most.idc, NV_ENC_LEVEL_HEVC_62);
    assert_true(most.high_tier);
    assert_int_equal(most.vbv_max_bits, 800000000);
}

static void preset_by_name_and_by_load(void **state)
{
    struct encoder_config config = config_of(1920, 1080, 60, 8000000);
    struct encoder_text why = {""};
    GUID guid;

    (void)state;
    assert_int_equal(nvenc_config_preset(&config, &guid, &why), CASTOR_OK);
    assert_memory_equal(&guid, &NV_ENC_PRESET_P3_GUID, sizeof guid);
    config.preset = "p7";
    assert_int_equal(nvenc_config_preset(&config, &guid, &why), CASTOR_OK);
    assert_memory_equal(&guid, &NV_ENC_PRESET_P7_GUID, sizeof guid);
    for (const char *const *bad = (const char *const[]){"p0", "p8", "p", "p33", "fast", NULL}; *bad; bad++) {
        config.preset = *bad;
        assert_int_equal(nvenc_config_preset(&config, &guid, &why), CASTOR_ERR_INVALID);
        assert_non_null(strstr(why.text, *bad));
    }
    config = config_of(3840, 2160, 60, 8000000);
    assert_int_equal(nvenc_config_preset(&config, &guid, &why), CASTOR_OK);
    assert_memory_equal(&guid, &NV_ENC_PRESET_P1_GUID, sizeof guid);
}

static void vbv_keeps_its_time(void **state)
{
    struct encoder_config config = config_of(1920, 1080, 50, 8000000);
    struct nvenc_abilities abilities = {.custom_vbv = true};
    NV_ENC_RC_PARAMS rc = {0};

    (void)state;
    nvenc_config_rate(&config, &abilities, 8000000, &rc);
    assert_int_equal(rc.averageBitRate, 8000000);
    assert_int_equal(rc.vbvBufferSize, 800000);
    nvenc_config_rate(&config, &abilities, 1000000, &rc);
    assert_int_equal(rc.vbvBufferSize, 100000);
    assert_int_equal(rc.vbvInitialDelay, 100000);
    config.vbv_ms = 0; // one and a half frames
    nvenc_config_rate(&config, &abilities, 1000000, &rc);
    assert_int_equal(rc.vbvBufferSize, 30000);
    abilities.custom_vbv = false;
    nvenc_config_rate(&config, &abilities, 1000000, &rc);
    assert_int_equal(rc.vbvBufferSize, 0);
}

static void low_latency_settings(void **state)
{
    struct encoder_config config = config_of(1280, 720, 50, 3000000);
    struct nvenc_abilities abilities = {.custom_vbv = true, .cabac = true};
    NV_ENC_CONFIG out = {.gopLength = 250, .frameIntervalP = 3};
    const NV_ENC_CONFIG_H264 *h264 = &out.encodeCodecConfig.h264Config;

    (void)state;
    out.rcParams.enableLookahead = 1;
    nvenc_config_fill(&config, &abilities, &out);
    assert_int_equal(out.gopLength, NVENC_INFINITE_GOPLENGTH);
    assert_int_equal(out.frameIntervalP, 1);
    assert_int_equal(out.rcParams.rateControlMode, NV_ENC_PARAMS_RC_CBR);
    assert_int_equal(out.rcParams.enableLookahead, 0);
    assert_int_equal(out.rcParams.zeroReorderDelay, 1);
    assert_int_equal(h264->idrPeriod, NVENC_INFINITE_GOPLENGTH);
    assert_int_equal(h264->repeatSPSPPS, 1);
    assert_int_equal(h264->outputAUD, 1);
    assert_int_equal(h264->enableFillerDataInsertion, 0);
}

// What a preset left in the settings must not stay there.
static NV_ENC_CONFIG_HEVC hevc_settings(uint32_t pixel, uint32_t bitrate_bps, GUID *profile)
{
    struct encoder_config config = config_of(1920, 1080, 50, bitrate_bps);
    struct nvenc_abilities abilities = {.custom_vbv = true, .multiple_refs = true};
    NV_ENC_CONFIG out = {.gopLength = 250, .frameIntervalP = 3};

    config.codec = ENCODER_CODEC_HEVC;
    config.format.pixel = pixel;
    out.encodeCodecConfig.hevcConfig = (NV_ENC_CONFIG_HEVC){
        .idrPeriod = 250,
        .disableSPSPPS = 1,
        .outputPictureTimingSEI = 1,
        .enableFillerDataInsertion = 1,
        .enableLTR = 1,
        .pixelBitDepthMinus8 = 1,
        .sliceMode = 3,
        .sliceModeData = 4,
        .maxNumRefFramesInDPB = 4,
        .useBFramesAsRef = NV_ENC_BFRAME_REF_MODE_EACH,
    };
    nvenc_config_fill(&config, &abilities, &out);
    assert_int_equal(out.gopLength, NVENC_INFINITE_GOPLENGTH);
    assert_int_equal(out.rcParams.averageBitRate, bitrate_bps);
    *profile = out.profileGUID;
    return out.encodeCodecConfig.hevcConfig;
}

static void hevc_of_8_and_10_bit(void **state)
{
    GUID profile;
    NV_ENC_CONFIG_HEVC hevc = hevc_settings(CASTOR_PIXEL_NV12, 8000000, &profile);

    (void)state;
    assert_memory_equal(&profile, &NV_ENC_HEVC_PROFILE_MAIN_GUID, sizeof profile);
    assert_int_equal(hevc.pixelBitDepthMinus8, 0);
    assert_int_equal(hevc.idrPeriod, NVENC_INFINITE_GOPLENGTH);
    assert_true(hevc.repeatSPSPPS && hevc.outputAUD && !hevc.disableSPSPPS);
    assert_false(hevc.outputPictureTimingSEI || hevc.enableFillerDataInsertion || hevc.enableLTR);
    assert_int_equal(hevc.useBFramesAsRef, NV_ENC_BFRAME_REF_MODE_DISABLED);
    assert_int_equal(hevc.chromaFormatIDC, 1);
    assert_int_equal(hevc.sliceMode, 0);
    assert_int_equal(hevc.sliceModeData, 0);
    assert_int_equal(hevc.maxNumRefFramesInDPB, 1);
    assert_int_equal(hevc.level, NV_ENC_LEVEL_HEVC_41);
    assert_int_equal(hevc.tier, NV_ENC_TIER_HEVC_MAIN);
    assert_int_equal(hevc.hevcVUIParameters.colourMatrix, 1);
    hevc = hevc_settings(CASTOR_PIXEL_P010, 300000000, &profile);
    assert_memory_equal(&profile, &NV_ENC_HEVC_PROFILE_MAIN10_GUID, sizeof profile);
    assert_int_equal(hevc.pixelBitDepthMinus8, 2);
    assert_int_equal(hevc.tier, NV_ENC_TIER_HEVC_HIGH);
    assert_int_equal(nvenc_config_buffer_format(CASTOR_PIXEL_P010), NV_ENC_BUFFER_FORMAT_YUV420_10BIT);
    assert_int_equal(nvenc_config_buffer_format(CASTOR_PIXEL_I420), NV_ENC_BUFFER_FORMAT_IYUV);
}

static void hevc_idr_is_seen_in_the_bytes(void **state)
{
    static const uint8_t other[] = {0, 0, 0, 1, 35 << 1, 1, 0x50, 0, 0, 1, 1 << 1, 1, 0, 0, 1, 19 << 1, 1};
    uint8_t idr[] = {0, 0, 0, 1, 35 << 1, 1, 0x10, 0, 0, 1, 32 << 1, 1, 2, 0, 0, 1, 20 << 1, 1};
    uint8_t *slice = &idr[sizeof idr - 2];

    (void)state;
    assert_true(nvenc_bytes_are_idr(ENCODER_CODEC_HEVC, idr, sizeof idr));
    *slice = 19 << 1;
    assert_true(nvenc_bytes_are_idr(ENCODER_CODEC_HEVC, idr, sizeof idr));
    *slice = 21 << 1; // a CRA picture may have leading pictures; it is no IDR
    assert_false(nvenc_bytes_are_idr(ENCODER_CODEC_HEVC, idr, sizeof idr));
    assert_false(nvenc_bytes_are_idr(ENCODER_CODEC_HEVC, other, sizeof other));
    assert_false(nvenc_bytes_are_idr(ENCODER_CODEC_HEVC, NULL, 0));
}

static void idr_is_seen_in_the_bytes(void **state)
{
    static const uint8_t idr[] = {0, 0, 0, 1, 9,    0x10, 0, 0, 0, 1,    0x67, 1,
                                  2, 0, 0, 1, 0x68, 3,    0, 0, 1, 0x65, 0};
    static const uint8_t other[] = {0, 0, 0, 1, 9, 0x30, 0, 0, 1, 0x41, 0, 0, 1, 0x65};
    static const uint8_t nothing[] = {0xA5, 0xA5, 0, 0, 1};

    (void)state;
    assert_true(nvenc_bytes_are_idr(ENCODER_CODEC_H264, idr, sizeof idr));
    assert_false(nvenc_bytes_are_idr(ENCODER_CODEC_H264, idr, sizeof idr - 2));
    assert_false(nvenc_bytes_are_idr(ENCODER_CODEC_H264, other, sizeof other));
    assert_false(nvenc_bytes_are_idr(ENCODER_CODEC_H264, nothing, sizeof nothing));
    assert_false(nvenc_bytes_are_idr(ENCODER_CODEC_H264, NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(level_fits),
        cmocka_unit_test(hevc_level_fits),
        cmocka_unit_test(preset_by_name_and_by_load),
        cmocka_unit_test(vbv_keeps_its_time),
        cmocka_unit_test(low_latency_settings),
        cmocka_unit_test(hevc_of_8_and_10_bit),
        cmocka_unit_test(idr_is_seen_in_the_bytes),
        cmocka_unit_test(hevc_idr_is_seen_in_the_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
