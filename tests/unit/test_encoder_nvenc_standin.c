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

static void start(struct bench *bench)
{
    struct encoder_config config = rig_default_config(CASTOR_PIXEL_NV12);
    const GUID preset = NV_ENC_PRESET_P3_GUID;
    struct encoder_text why = {""};
    struct encoder_caps caps;

    setenv("CASTOR_STANDIN_STRICT", "0", 1);
    assert_int_equal(nvenc_session_open(&bench->session, "", &why), CASTOR_OK);
    assert_int_equal(nvenc_query(&bench->session, &caps, &why), CASTOR_OK);
    assert_int_equal(nvenc_session_start(&bench->session, &config, &preset, &why), CASTOR_OK);
    bench->api = &bench->session.api;
    bench->handle = bench->session.handle;
}

static NV_ENC_PIC_PARAMS picture(struct bench *bench, unsigned buffer)
{
    NV_ENC_LOCK_INPUT_BUFFER locked = {.version = NV_ENC_LOCK_INPUT_BUFFER_VER,
                                       .inputBuffer = bench->session.input[buffer]};

    assert_int_equal(bench->api->nvEncLockInputBuffer(bench->handle, &locked), NV_ENC_SUCCESS);
    memset(locked.bufferDataPtr, 128, (size_t)locked.pitch * bench->session.init.encodeHeight * 3 / 2);
    assert_int_equal(bench->api->nvEncUnlockInputBuffer(bench->handle, locked.inputBuffer), NV_ENC_SUCCESS);
    return (NV_ENC_PIC_PARAMS){
        .version = NV_ENC_PIC_PARAMS_VER,
        .inputWidth = bench->session.init.encodeWidth,
        .inputHeight = bench->session.init.encodeHeight,
        .inputPitch = locked.pitch,
        .inputBuffer = bench->session.input[buffer],
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
    NV_ENC_PRESET_CONFIG preset = {.version = NV_ENC_PRESET_CONFIG_VER};
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
                                                             NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY, &preset),
                     NV_ENC_ERR_INVALID_VERSION);
    preset.presetCfg.version = NV_ENC_CONFIG_VER;
    assert_int_equal(bench.api->nvEncGetEncodePresetConfigEx(bench.handle, NV_ENC_CODEC_H264_GUID,
                                                             NV_ENC_CODEC_H264_GUID,
                                                             NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY, &preset),
                     NV_ENC_ERR_UNSUPPORTED_PARAM);
    change.reInitEncodeParams = bench.session.init;
    bench.session.config.gopLength = 30;
    assert_int_equal(bench.api->nvEncReconfigureEncoder(bench.handle, &change), NV_ENC_ERR_UNSUPPORTED_PARAM);
    assert_int_equal(bench.api->nvEncInitializeEncoder(bench.handle, &bench.session.init),
                     NV_ENC_ERR_INVALID_CALL);
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
    assert_int_equal(bench.api->nvEncUnlockInputBuffer(bench.handle, bench.session.input[0]),
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
        cmocka_unit_test(versions_and_guids),
        cmocka_unit_test(order_of_calls),
        cmocka_unit_test(context_must_be_current),
        cmocka_unit_test(strict_mode_aborts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
