// SPDX-License-Identifier: Apache-2.0
// Both ways of a frame to the encoder: fetched by the device from locked memory, and copied by the processor
// where that cannot be, with the reason told.
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "encoder/drivers.h"
#include "encoder/nvenc_query.h"
#include "encoder_rig.h"

#define PICTURES 10

struct stream {
    uint8_t *bytes;
    size_t size_bytes;
};

static unsigned ask_cuda(const char *name)
{
    unsigned (*count)(void);
    void *handle = dlopen("libcuda.so.1", RTLD_LAZY);

    assert_non_null(handle);
    void *address = dlsym(handle, name);
    assert_non_null(address);
    memcpy(&count, &address, sizeof count);
    return count();
}

static void open_with(struct rig *rig, const char *schedule, enum encoder_codec codec, uint32_t pixel)
{
    struct encoder_config config = rig_default_config(pixel);

    config.codec = codec;
    config.format.width_px = 650; // no multiple of anything
    config.format.height_px = 362;
    setenv("CASTOR_STANDIN_NVENC", "", 1); // so that the schedule counts from anew
    (void)ask_cuda("castor_standin_live_memory");
    rig_open(rig, &encoder_driver_nvenc, &config);
    encoder_close(rig->encoder);
    setenv("CASTOR_STANDIN_NVENC", schedule, 1);
    struct encoder_text why = {""};
    assert_int_equal(encoder_open(&encoder_driver_nvenc, &rig->config, &rig->encoder, &why), CASTOR_OK);
}

static void close_all(struct rig *rig)
{
    rig_close(rig);
    assert_int_equal(ask_cuda("castor_standin_live_memory"), 0);
}

static void code(struct rig *rig, uint32_t cpu_copies, struct stream *stream)
{
    struct encoder_output output;

    for (uint64_t i = 0; i < PICTURES; i++) {
        rig_code(rig, i, 0, &output);
        assert_int_equal(output.cpu_copies, cpu_copies);
        stream->bytes = realloc(stream->bytes, stream->size_bytes + output.packet.size_bytes);
        assert_non_null(stream->bytes);
        memcpy(stream->bytes + stream->size_bytes, output.packet.data, output.packet.size_bytes);
        stream->size_bytes += output.packet.size_bytes;
    }
}

// What the encoder made of the pictures is the same to the byte.
static void both_ways_are_equal(void **state)
{
    static const struct {
        enum encoder_codec codec;
        uint32_t pixel, planes;
    } cases[] = {
        {ENCODER_CODEC_H264, CASTOR_PIXEL_I420, 3}, {ENCODER_CODEC_H264, CASTOR_PIXEL_NV12, 2},
        {ENCODER_CODEC_HEVC, CASTOR_PIXEL_I420, 3}, {ENCODER_CODEC_HEVC, CASTOR_PIXEL_NV12, 2},
        {ENCODER_CODEC_HEVC, CASTOR_PIXEL_P010, 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stream fetched = {0}, copied = {0};
        struct rig rig;
        unsigned before = ask_cuda("castor_standin_transfers");
        open_with(&rig, "", cases[i].codec, cases[i].pixel);
        code(&rig, 0, &fetched);
        assert_string_equal(encoder_note(rig.encoder), "");
        close_all(&rig);
        assert_int_equal(ask_cuda("castor_standin_transfers") - before, PICTURES * cases[i].planes);
        open_with(&rig, "without=register", cases[i].codec, cases[i].pixel);
        code(&rig, 1, &copied);
        close_all(&rig);
        assert_int_equal(fetched.size_bytes, copied.size_bytes);
        assert_memory_equal(fetched.bytes, copied.bytes, copied.size_bytes);
        free(fetched.bytes);
        free(copied.bytes);
    }
}

// What the device refuses costs a copy of each frame and is told.
static void refusals_are_told(void **state)
{
    static const char *const cases[][2] = {
        {"without=register", "cannot lock memory"},  {"host_register:fail", "cuMemHostRegister"},
        {"alloc:oom@3", "cuMemAllocPitch"},          {"register:fail@2", "NvEncRegisterResource"},
        {"register:busy@1:1", "the device is busy"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct encoder_output output;
        struct rig rig;
        open_with(&rig, cases[i][0], ENCODER_CODEC_H264, CASTOR_PIXEL_NV12);
        if (!strstr(encoder_note(rig.encoder), cases[i][1]) ||
            !strstr(encoder_note(rig.encoder), "; frames are copied by the processor"))
            fail_msg("%s: the note is \"%s\"", cases[i][0], encoder_note(rig.encoder));
        rig_code(&rig, 0, 0, &output);
        assert_int_equal(output.cpu_copies, 1);
        close_all(&rig);
    }
}

// Frames from elsewhere, and memory in the middle of a page.
static void other_memory_is_copied(void **state)
{
    struct encoder_output output;
    struct encoder_text why = {""};
    struct rig rig;

    (void)state;
    open_with(&rig, "", ENCODER_CODEC_H264, CASTOR_PIXEL_NV12);
    rig_code(&rig, 0, 0, &output);
    assert_int_equal(output.cpu_copies, 0);
    struct castor_frame inside = rig.pictures[1];
    size_t row_bytes = rig.config.format.width_px;
    size_t size_bytes = (size_t)inside.stride_bytes[1] * (rig.config.format.height_px / 2 - 1) + row_bytes;
    uint8_t *elsewhere = malloc(size_bytes);
    assert_non_null(elsewhere);
    memcpy(elsewhere, inside.plane[1], size_bytes);
    rig.pictures[1].plane[1] = elsewhere;
    rig_code(&rig, 1, 0, &output);
    assert_int_equal(output.cpu_copies, 1);
    assert_non_null(strstr(encoder_note(rig.encoder), "outside of the memory"));
    rig_code(&rig, 2, 0, &output);
    assert_int_equal(output.cpu_copies, 0);
    free(elsewhere);
    encoder_close(rig.encoder);
    rig.config.memory += 64;
    rig.config.memory_bytes -= 64;
    assert_int_equal(encoder_open(&encoder_driver_nvenc, &rig.config, &rig.encoder, &why), CASTOR_OK);
    assert_non_null(strstr(encoder_note(rig.encoder), "begin with a page"));
    rig_code(&rig, 2, 0, &output);
    assert_int_equal(output.cpu_copies, 1);
    close_all(&rig);
}

// As the pool is mapped where frames are encoded.
static void read_only_memory_is_fetched(void **state)
{
    struct encoder_output output;
    struct encoder_text why = {""};
    struct rig rig;

    (void)state;
    open_with(&rig, "", ENCODER_CODEC_H264, CASTOR_PIXEL_I420);
    encoder_close(rig.encoder);
    assert_int_equal(mprotect(rig.memory, rig.config.memory_bytes, PROT_READ), 0);
    assert_int_equal(encoder_open(&encoder_driver_nvenc, &rig.config, &rig.encoder, &why), CASTOR_OK);
    for (uint64_t i = 0; i < PICTURES; i++) {
        rig_code(&rig, i, 0, &output);
        assert_int_equal(output.cpu_copies, 0);
    }
    assert_int_equal(mprotect(rig.memory, rig.config.memory_bytes, PROT_READ | PROT_WRITE), 0);
    close_all(&rig);
}

static void failures_end_it(void **state)
{
    static const char *const cases[][2] = {
        {"copy2d:fail@4", "cuMemcpy2D"},
        {"map:fail@2", "NvEncMapInputResource"},
        {"unmap:fail@1", "NvEncUnmapInputResource"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct encoder_output output;
        struct rig rig;
        int error = CASTOR_OK;
        open_with(&rig, cases[i][0], ENCODER_CODEC_H264, CASTOR_PIXEL_NV12);
        for (uint64_t n = 0; n < PICTURES && error == CASTOR_OK; n++) {
            assert_int_equal(rig_submit(&rig, n, 0), CASTOR_OK);
            error = rig_receive(&rig, &output);
        }
        assert_int_equal(error, CASTOR_ERR_IO);
        assert_non_null(strstr(encoder_fault(rig.encoder), cases[i][1]));
        close_all(&rig);
    }
}

// An older driver without the calls.
static void old_driver_copies(void **state)
{
    struct encoder_config config = rig_default_config(CASTOR_PIXEL_NV12);
    struct nvenc_session session;
    struct encoder_caps caps;
    struct encoder_text why = {""};
    uint8_t *memory = aligned_alloc(4096, 4096);

    (void)state;
    setenv("CASTOR_STANDIN_NVENC", "", 1);
    assert_int_equal(nvenc_session_open(&session, "", &why), CASTOR_OK);
    assert_int_equal(nvenc_query(&session, &caps, &why), CASTOR_OK);
    struct nvenc_library old = *session.library;
    old.memory_register = NULL;
    session.library = &old;
    config.memory = memory;
    config.memory_bytes = 4096;
    assert_int_equal(nvenc_session_start(&session, &config, &NV_ENC_PRESET_P3_GUID, &why), CASTOR_OK);
    assert_non_null(strstr(session.input.note.text, "too old to lock memory"));
    assert_non_null(session.input.places[0].buffer);
    nvenc_session_close(&session);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways_are_equal),    cmocka_unit_test(refusals_are_told),
        cmocka_unit_test(other_memory_is_copied), cmocka_unit_test(read_only_memory_is_fetched),
        cmocka_unit_test(failures_end_it),        cmocka_unit_test(old_driver_copies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
