// SPDX-License-Identifier: Apache-2.0
// The stand-in itself: a test that runs against it is worth only what it refuses. Every violation here is one
// of nvEncodeAPI.h's rules.
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "encoder/nvenc_query.h"
#include "encoder_rig.h"

struct bench {
    struct nvenc_session session;
    const NV_ENCODE_API_FUNCTION_LIST *api;
    void *handle;
};

static const GUID *const preset = &NV_ENC_PRESET_P3_GUID;

static void open_session(struct bench *bench)
{
    struct encoder_text why = {""};
    struct encoder_caps caps;

    setenv("CASTOR_STANDIN_STRICT", "0", 1);
    assert_int_equal(nvenc_session_open(&bench->session, "", &why), CASTOR_OK);
    assert_int_equal(nvenc_query(&bench->session, &caps, &why), CASTOR_OK);
    bench->api = &bench->session.api;
    bench->handle = bench->session.handle;
}

static void start(struct bench *bench)
{
    struct encoder_config config = rig_default_config(CASTOR_PIXEL_NV12);
    struct encoder_text why = {""};

    open_session(bench);
    assert_int_equal(nvenc_session_start(&bench->session, &config, preset, &why), CASTOR_OK);
}

static NV_ENC_PIC_PARAMS picture(struct bench *bench, unsigned buffer)
{
    NV_ENC_LOCK_INPUT_BUFFER locked = {.version = NV_ENC_LOCK_INPUT_BUFFER_VER,
                                       .inputBuffer = bench->session.input.places[buffer].buffer};

    assert_int_equal(bench->api->nvEncLockInputBuffer(bench->handle, &locked), NV_ENC_SUCCESS);
    memset(locked.bufferDataPtr, 128, (size_t)locked.pitch * bench->session.init.encodeHeight * 3 / 2);
    assert_int_equal(bench->api->nvEncUnlockInputBuffer(bench->handle, locked.inputBuffer), NV_ENC_SUCCESS);
    return (NV_ENC_PIC_PARAMS){
        .version = NV_ENC_PIC_PARAMS_VER,
        .inputWidth = bench->session.init.encodeWidth,
        .inputHeight = bench->session.init.encodeHeight,
        .inputPitch = locked.pitch,
        .inputBuffer = bench->session.input.places[buffer].buffer,
        .outputBitstream = bench->session.output[buffer],
        .bufferFmt = NV_ENC_BUFFER_FORMAT_NV12,
        .pictureStruct = NV_ENC_PIC_STRUCT_FRAME,
    };
}

static NVENCSTATUS lock_of(struct bench *bench, unsigned buffer)
{
    NV_ENC_LOCK_BITSTREAM locked = {.version = NV_ENC_LOCK_BITSTREAM_VER,
                                    .outputBitstream = bench->session.output[buffer]};

    return bench->api->nvEncLockBitstream(bench->handle, &locked);
}

static void versions_and_guids(void **state)
{
    struct bench bench;
    NV_ENC_CAPS_PARAM caps = {.version = NV_ENC_CAPS_PARAM_VER};
    NV_ENC_PRESET_CONFIG found = {.version = NV_ENC_PRESET_CONFIG_VER};
    NV_ENC_RECONFIGURE_PARAMS change = {.version = NV_ENC_RECONFIGURE_PARAMS_VER};
    int value;

    (void)state;
    start(&bench);
    assert_int_equal(bench.api->nvEncGetEncodeCaps(bench.handle, NV_ENC_PRESET_P3_GUID, &caps, &value),
                     NV_ENC_ERR_UNSUPPORTED_PARAM);
    caps.version++;
    assert_int_equal(bench.api->nvEncGetEncodeCaps(bench.handle, NV_ENC_CODEC_H264_GUID, &caps, &value),
                     NV_ENC_ERR_INVALID_VERSION);
    // The struct inside has a version of its own.
    assert_int_equal(bench.api->nvEncGetEncodePresetConfigEx(bench.handle, NV_ENC_CODEC_H264_GUID,
                                                             NV_ENC_PRESET_P3_GUID,
                                                             NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY, &found),
                     NV_ENC_ERR_INVALID_VERSION);
    found.presetCfg.version = NV_ENC_CONFIG_VER;
    assert_int_equal(bench.api->nvEncGetEncodePresetConfigEx(bench.handle, NV_ENC_CODEC_H264_GUID,
                                                             NV_ENC_CODEC_H264_GUID,
                                                             NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY, &found),
                     NV_ENC_ERR_UNSUPPORTED_PARAM);
    change.reInitEncodeParams = bench.session.init;
    bench.session.config.gopLength = 30;
    assert_int_equal(bench.api->nvEncReconfigureEncoder(bench.handle, &change), NV_ENC_ERR_UNSUPPORTED_PARAM);
    assert_int_equal(bench.api->nvEncInitializeEncoder(bench.handle, &bench.session.init),
                     NV_ENC_ERR_INVALID_CALL);
    nvenc_session_close(&bench.session);
}

// Tries to initialize an encoder of HEVC with settings that are right but for a change.
static NVENCSTATUS initialize_hevc(uint32_t pixel, const char *schedule,
                                   void (*change)(NV_ENC_INITIALIZE_PARAMS *, NV_ENC_CONFIG *))
{
    struct encoder_config config = rig_default_config(pixel);
    struct nvenc_abilities abilities = {.custom_vbv = true, .multiple_refs = true};
    NV_ENC_PRESET_CONFIG found = {.version = NV_ENC_PRESET_CONFIG_VER,
                                  .presetCfg = {.version = NV_ENC_CONFIG_VER}};
    NV_ENC_INITIALIZE_PARAMS init = {
        .version = NV_ENC_INITIALIZE_PARAMS_VER,
        .encodeGUID = NV_ENC_CODEC_HEVC_GUID,
        .presetGUID = *preset,
        .tuningInfo = NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY,
        .encodeWidth = config.format.width_px,
        .encodeHeight = config.format.height_px,
        .frameRateNum = 30,
        .frameRateDen = 1,
        .enablePTD = 1,
        .encodeConfig = &found.presetCfg,
    };
    struct bench bench;

    config.codec = ENCODER_CODEC_HEVC;
    setenv("CASTOR_STANDIN_NVENC", schedule, 1);
    open_session(&bench);
    setenv("CASTOR_STANDIN_NVENC", "", 1);
    assert_int_equal(bench.api->nvEncGetEncodePresetConfigEx(bench.handle, init.encodeGUID, *preset,
                                                             init.tuningInfo, &found),
                     NV_ENC_SUCCESS);
    nvenc_config_fill(&config, &abilities, &found.presetCfg);
    change(&init, &found.presetCfg);
    NVENCSTATUS status = bench.api->nvEncInitializeEncoder(bench.handle, &init);
    nvenc_session_close(&bench.session);
    return status;
}

// Defines a change and the answer to it: what is wrong with HEVC.
#define HEVC_CHANGES(X)                                                                                      \
    X(nothing, NV12, "", NV_ENC_SUCCESS, hevc->vpsId = 0)                                                    \
    X(nothing_10, P010, "", NV_ENC_SUCCESS, hevc->vpsId = 0)                                                 \
    X(level_chosen, NV12, "", NV_ENC_SUCCESS, hevc->level = NV_ENC_LEVEL_AUTOSELECT)                         \
    X(profile_chosen, P010, "", NV_ENC_SUCCESS, config->profileGUID = NV_ENC_CODEC_PROFILE_AUTOSELECT_GUID)  \
    X(config_version, NV12, "", NV_ENC_ERR_INVALID_VERSION, config->version++)                               \
    X(init_version, NV12, "", NV_ENC_ERR_INVALID_VERSION, init->version++)                                   \
    X(depth_1, NV12, "", NV_ENC_ERR_INVALID_PARAM, hevc->pixelBitDepthMinus8 = 1)                            \
    X(depth_10_in_main, NV12, "", NV_ENC_ERR_INVALID_PARAM, hevc->pixelBitDepthMinus8 = 2)                   \
    X(depth_8_in_main10, P010, "", NV_ENC_ERR_INVALID_PARAM, hevc->pixelBitDepthMinus8 = 0)                  \
    X(no_10_bit, P010, "without=10bit", NV_ENC_ERR_UNSUPPORTED_PARAM, hevc->vpsId = 0)                       \
    X(profile_of_h264, NV12, "", NV_ENC_ERR_UNSUPPORTED_PARAM,                                               \
      config->profileGUID = NV_ENC_H264_PROFILE_HIGH_GUID)                                                   \
    X(chroma, NV12, "", NV_ENC_ERR_UNSUPPORTED_PARAM, hevc->chromaFormatIDC = 3)                             \
    X(level_unknown, NV12, "", NV_ENC_ERR_INVALID_PARAM, hevc->level = NV_ENC_LEVEL_H264_41)                 \
    X(level_too_low, NV12, "", NV_ENC_ERR_INVALID_PARAM, hevc->level = NV_ENC_LEVEL_HEVC_2)                  \
    X(rate_too_high, NV12, "", NV_ENC_ERR_INVALID_PARAM, config->rcParams.averageBitRate = 20000001)         \
    X(vbv_too_large, NV12, "", NV_ENC_ERR_INVALID_PARAM, config->rcParams.vbvBufferSize = 20000001)          \
    X(high_tier, NV12, "", NV_ENC_SUCCESS,                                                                   \
      (config->rcParams.averageBitRate = 20000001, hevc->tier = NV_ENC_TIER_HEVC_HIGH))                      \
    X(tier_unknown, NV12, "", NV_ENC_ERR_INVALID_PARAM, hevc->tier = 2)                                      \
    X(cu_size, NV12, "", NV_ENC_ERR_UNSUPPORTED_PARAM, hevc->maxCUSize = NV_ENC_HEVC_CUSIZE_64x64)           \
    X(long_term, NV12, "", NV_ENC_ERR_UNSUPPORTED_PARAM, hevc->enableLTR = 1)                                \
    X(both_headers, NV12, "", NV_ENC_ERR_INVALID_PARAM, hevc->disableSPSPPS = 1)                             \
    X(reserved, NV12, "", NV_ENC_ERR_INVALID_PARAM, hevc->reserved1[213] = 1)                                \
    X(too_small, NV12, "", NV_ENC_ERR_INVALID_PARAM, init->encodeWidth = 128)                                \
    X(codec_unknown, NV12, "", NV_ENC_ERR_UNSUPPORTED_PARAM,                                                 \
      init->encodeGUID = NV_ENC_CODEC_PROFILE_AUTOSELECT_GUID)

#define DEFINE_CHANGE(name, pixel, schedule, expected, what)                                                 \
    static void change_##name(NV_ENC_INITIALIZE_PARAMS *init, NV_ENC_CONFIG *config)                         \
    {                                                                                                        \
        NV_ENC_CONFIG_HEVC *hevc = &config->encodeCodecConfig.hevcConfig;                                    \
                                                                                                             \
        (void)init;                                                                                          \
        (void)hevc;                                                                                          \
        what;                                                                                                \
    }
HEVC_CHANGES(DEFINE_CHANGE)

static void hevc_settings_are_checked(void **state)
{
    static const struct {
        const char *name;
        uint32_t pixel;
        const char *schedule;
        NVENCSTATUS expected;
        void (*change)(NV_ENC_INITIALIZE_PARAMS *, NV_ENC_CONFIG *);
    } cases[] = {
#define LIST_CHANGE(name, pixel, schedule, expected, what)                                                   \
    {#name, CASTOR_PIXEL_##pixel, schedule, expected, change_##name},
        HEVC_CHANGES(LIST_CHANGE)};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        NVENCSTATUS status = initialize_hevc(cases[i].pixel, cases[i].schedule, cases[i].change);
        if (status != cases[i].expected)
            fail_msg("%s: %s, not %s", cases[i].name, nvenc_status_name(status),
                     nvenc_status_name(cases[i].expected));
    }
}

// A buffer must be of the depth that is coded, and nothing of that may change on the way.
static void depth_of_buffers(void **state)
{
    struct encoder_config config = rig_default_config(CASTOR_PIXEL_P010);
    struct encoder_text why = {""};
    struct bench bench;

    (void)state;
    config.codec = ENCODER_CODEC_HEVC;
    open_session(&bench);
    assert_int_equal(nvenc_session_start(&bench.session, &config, preset, &why), CASTOR_OK);
    NV_ENC_CREATE_INPUT_BUFFER params = {.version = NV_ENC_CREATE_INPUT_BUFFER_VER,
                                         .width = config.format.width_px,
                                         .height = config.format.height_px,
                                         .bufferFmt = NV_ENC_BUFFER_FORMAT_NV12};
    assert_int_equal(bench.api->nvEncCreateInputBuffer(bench.handle, &params), NV_ENC_ERR_INVALID_PARAM);
    params.bufferFmt = NV_ENC_BUFFER_FORMAT_YUV444_10BIT;
    assert_int_equal(bench.api->nvEncCreateInputBuffer(bench.handle, &params), NV_ENC_ERR_UNSUPPORTED_PARAM);
    NV_ENC_RECONFIGURE_PARAMS change = {.version = NV_ENC_RECONFIGURE_PARAMS_VER,
                                        .reInitEncodeParams = bench.session.init};
    NV_ENC_CONFIG wanted = bench.session.config;
    change.reInitEncodeParams.encodeConfig = &wanted;
    assert_int_equal(bench.api->nvEncReconfigureEncoder(bench.handle, &change), NV_ENC_SUCCESS);
    wanted.profileGUID = NV_ENC_HEVC_PROFILE_MAIN_GUID;
    wanted.encodeCodecConfig.hevcConfig.pixelBitDepthMinus8 = 0;
    assert_int_equal(bench.api->nvEncReconfigureEncoder(bench.handle, &change), NV_ENC_ERR_UNSUPPORTED_PARAM);
    nvenc_session_close(&bench.session);
    start(&bench); // H.264 has no buffers of 10 bit
    params.bufferFmt = NV_ENC_BUFFER_FORMAT_YUV420_10BIT;
    assert_int_equal(bench.api->nvEncCreateInputBuffer(bench.handle, &params), NV_ENC_ERR_UNSUPPORTED_PARAM);
    nvenc_session_close(&bench.session);
}

static void order_of_calls(void **state)
{
    struct bench bench;
    NV_ENC_PIC_PARAMS end = {.version = NV_ENC_PIC_PARAMS_VER, .encodePicFlags = NV_ENC_PIC_FLAG_EOS};

    (void)state;
    start(&bench);
    assert_int_equal(lock_of(&bench, 0), NV_ENC_ERR_INVALID_PARAM); // nothing was encoded
    assert_int_equal(bench.api->nvEncUnlockBitstream(bench.handle, bench.session.output[0]),
                     NV_ENC_ERR_INVALID_CALL);
    assert_int_equal(bench.api->nvEncUnlockInputBuffer(bench.handle, bench.session.input.places[0].buffer),
                     NV_ENC_ERR_INVALID_CALL);
    NV_ENC_PIC_PARAMS first = picture(&bench, 0), second = picture(&bench, 1), third = picture(&bench, 2);
    first.inputPitch--;
    assert_int_equal(bench.api->nvEncEncodePicture(bench.handle, &first), NV_ENC_ERR_INVALID_PARAM);
    first.inputPitch++;
    assert_int_equal(bench.api->nvEncEncodePicture(bench.handle, &first), NV_ENC_SUCCESS);
    assert_int_equal(bench.api->nvEncEncodePicture(bench.handle, &first), NV_ENC_ERR_INVALID_PARAM);
    assert_int_equal(bench.api->nvEncEncodePicture(bench.handle, &second), NV_ENC_SUCCESS);
    assert_int_equal(lock_of(&bench, 1), NV_ENC_ERR_INVALID_CALL); // the other was first
    end.inputBuffer = first.inputBuffer;
    assert_int_equal(bench.api->nvEncEncodePicture(bench.handle, &end), NV_ENC_ERR_INVALID_PARAM);
    end.inputBuffer = NULL;
    assert_int_equal(bench.api->nvEncEncodePicture(bench.handle, &end), NV_ENC_SUCCESS);
    assert_int_equal(bench.api->nvEncEncodePicture(bench.handle, &third), NV_ENC_ERR_INVALID_CALL);
    assert_int_equal(lock_of(&bench, 0), NV_ENC_SUCCESS);
    assert_int_equal(lock_of(&bench, 0), NV_ENC_ERR_INVALID_CALL);
    assert_int_equal(bench.api->nvEncDestroyBitstreamBuffer(bench.handle, bench.session.output[0]),
                     NV_ENC_ERR_INVALID_CALL);
    assert_int_equal(bench.api->nvEncUnlockBitstream(bench.handle, bench.session.output[0]), NV_ENC_SUCCESS);
    nvenc_session_close(&bench.session);
}

static void *call_from_elsewhere(void *argument)
{
    struct bench *bench = argument;
    static NVENCSTATUS status;

    status = lock_of(bench, 0);
    return &status;
}

static void context_must_be_current(void **state)
{
    struct bench bench;
    pthread_t thread;
    void *status;

    (void)state;
    start(&bench);
    assert_int_equal(pthread_create(&thread, NULL, call_from_elsewhere, &bench), 0);
    assert_int_equal(pthread_join(thread, &status), 0);
    assert_int_equal(*(NVENCSTATUS *)status, NV_ENC_ERR_INVALID_DEVICE);
    nvenc_session_close(&bench.session);
}

// In strict mode the first misuse ends the process.
static void strict_mode_aborts(void **state)
{
    int status = 0;
    pid_t child = fork();

    (void)state;
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit no_core = {0, 0};
        struct bench bench;
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)signal(SIGABRT, SIG_DFL);
        start(&bench);
        setenv("CASTOR_STANDIN_STRICT", "1", 1);
        (void)lock_of(&bench, 0);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_and_guids),      cmocka_unit_test(hevc_settings_are_checked),
        cmocka_unit_test(depth_of_buffers),        cmocka_unit_test(order_of_calls),
        cmocka_unit_test(context_must_be_current), cmocka_unit_test(strict_mode_aborts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
