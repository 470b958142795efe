// SPDX-License-Identifier: Apache-2.0
// The stand-in's rules for memory and resources: what a driver's test is worth depends on what they refuse.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "encoder/nvenc_query.h"
#include "encoder_rig.h"

#define MEMORY_BYTES (1u << 20)
#define READ_ONLY 0x08

enum {
    INVALID_VALUE = 1,
    ALREADY_REGISTERED = 712,
    NOT_REGISTERED = 713,
    NOT_SUPPORTED = 801,
};

static struct nvenc_session session;
static const struct nvenc_library *cuda;
static uint8_t *memory;

static void start(const char *schedule)
{
    struct encoder_config config = rig_default_config(CASTOR_PIXEL_NV12);
    struct encoder_text why = {""};
    struct encoder_caps caps;

    setenv("CASTOR_STANDIN_STRICT", "0", 1);
    setenv("CASTOR_STANDIN_NVENC", schedule, 1);
    memory = mmap(NULL, MEMORY_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    assert_int_equal(nvenc_session_open(&session, "", &why), CASTOR_OK);
    assert_int_equal(nvenc_query(&session, &caps, &why), CASTOR_OK);
    assert_int_equal(nvenc_session_start(&session, &config, &NV_ENC_PRESET_P3_GUID, &why), CASTOR_OK);
    cuda = session.library;
}

static void end(void)
{
    nvenc_session_close(&session);
    assert_int_equal(munmap(memory, MEMORY_BYTES), 0);
}

static void locking(void **state)
{
    (void)state;
    start("");
    assert_int_equal(cuda->memory_register(memory + 8, 4096, READ_ONLY), INVALID_VALUE);
    assert_int_equal(cuda->memory_register(memory, MEMORY_BYTES, 0), INVALID_VALUE); // it is read-only
    assert_int_equal(cuda->memory_register(memory, MEMORY_BYTES, READ_ONLY), CUDA_SUCCESS);
    assert_int_equal(cuda->memory_register(memory + 4096, 4096, READ_ONLY), ALREADY_REGISTERED);
    assert_int_equal(cuda->memory_unregister(memory + 4096), NOT_REGISTERED);
    assert_int_equal(cuda->memory_unregister(memory), CUDA_SUCCESS);
    assert_int_equal(cuda->memory_unregister(memory), NOT_REGISTERED);
    assert_int_equal(mprotect(memory, MEMORY_BYTES, PROT_READ | PROT_WRITE), 0);
    assert_int_equal(cuda->memory_register(memory, MEMORY_BYTES, 0), CUDA_SUCCESS);
    assert_int_equal(cuda->memory_unregister(memory), CUDA_SUCCESS);
    end();
    start("without=register");
    assert_int_equal(cuda->memory_register(memory, MEMORY_BYTES, READ_ONLY), NOT_SUPPORTED);
    end();
}

static NV_ENC_REGISTER_RESOURCE resource(CUdeviceptr at, size_t pitch_bytes)
{
    return (NV_ENC_REGISTER_RESOURCE){.version = NV_ENC_REGISTER_RESOURCE_VER,
                                      .resourceType = NV_ENC_INPUT_RESOURCE_TYPE_CUDADEVICEPTR,
                                      .width = session.init.encodeWidth,
                                      .height = session.init.encodeHeight,
                                      .pitch = (uint32_t)pitch_bytes,
                                      .resourceToRegister = (void *)(uintptr_t)at,
                                      .bufferFormat = NV_ENC_BUFFER_FORMAT_NV12};
}

static void transfers(void **state)
{
    CUdeviceptr at;
    size_t pitch_bytes;

    (void)state;
    start("");
    assert_int_equal(cuda->memory_allocate(&at, &pitch_bytes, 64, 4, 3), INVALID_VALUE);
    assert_int_equal(cuda->memory_allocate(&at, &pitch_bytes, 64, 4, 16), CUDA_SUCCESS);
    CUDA_MEMCPY2D copy = {.srcMemoryType = CU_MEMORYTYPE_HOST,
                          .srcHost = memory,
                          .srcPitch = 64,
                          .dstMemoryType = CU_MEMORYTYPE_DEVICE,
                          .dstDevice = at,
                          .dstPitch = pitch_bytes,
                          .WidthInBytes = 64,
                          .Height = 4};
    assert_int_equal(cuda->memory_copy(&copy), INVALID_VALUE); // not locked
    assert_int_equal(cuda->memory_register(memory, 4096, READ_ONLY), CUDA_SUCCESS);
    assert_int_equal(cuda->memory_copy(&copy), CUDA_SUCCESS);
    copy.srcHost = memory + 4096 - 64;
    assert_int_equal(cuda->memory_copy(&copy), INVALID_VALUE); // not to its end
    copy.srcHost = memory;
    copy.Height = 5;
    assert_int_equal(cuda->memory_copy(&copy), INVALID_VALUE); // the destination is too small
    assert_int_equal(cuda->memory_free(at + 64), INVALID_VALUE);
    assert_int_equal(cuda->memory_free(at), CUDA_SUCCESS);
    assert_int_equal(cuda->memory_free(at), INVALID_VALUE);
    assert_int_equal(cuda->memory_unregister(memory), CUDA_SUCCESS);
    end();
}

static void resources(void **state)
{
    const NV_ENCODE_API_FUNCTION_LIST *api = &session.api;
    uint32_t rows;
    CUdeviceptr at;
    size_t pitch_bytes;

    (void)state;
    start("");
    rows = session.init.encodeHeight * 3 / 2;
    void *handle = session.handle;
    assert_int_equal(cuda->memory_allocate(&at, &pitch_bytes, session.init.encodeWidth, rows, 16),
                     CUDA_SUCCESS);
    NV_ENC_REGISTER_RESOURCE wrong = resource(at, pitch_bytes + 2);
    assert_int_equal(api->nvEncRegisterResource(handle, &wrong), NV_ENC_ERR_INVALID_PARAM);
    wrong = resource((uintptr_t)memory, pitch_bytes);
    assert_int_equal(api->nvEncRegisterResource(handle, &wrong), NV_ENC_ERR_RESOURCE_REGISTER_FAILED);
    NV_ENC_REGISTER_RESOURCE right = resource(at, pitch_bytes);
    assert_int_equal(api->nvEncRegisterResource(handle, &right), NV_ENC_SUCCESS);
    NV_ENC_MAP_INPUT_RESOURCE map = {.version = NV_ENC_MAP_INPUT_RESOURCE_VER,
                                     .registeredResource = right.registeredResource};
    assert_int_equal(api->nvEncMapInputResource(handle, &map), NV_ENC_SUCCESS);
    assert_int_equal(api->nvEncMapInputResource(handle, &map), NV_ENC_ERR_MAP_FAILED);
    NV_ENC_LOCK_INPUT_BUFFER lock = {.version = NV_ENC_LOCK_INPUT_BUFFER_VER,
                                     .inputBuffer = map.mappedResource};
    assert_int_equal(api->nvEncLockInputBuffer(handle, &lock), NV_ENC_ERR_INVALID_PTR);
    assert_int_equal(api->nvEncUnregisterResource(handle, right.registeredResource), NV_ENC_ERR_INVALID_CALL);
    NV_ENC_PIC_PARAMS picture = {.version = NV_ENC_PIC_PARAMS_VER,
                                 .inputWidth = session.init.encodeWidth,
                                 .inputHeight = session.init.encodeHeight,
                                 .inputPitch = (uint32_t)pitch_bytes,
                                 .inputBuffer = map.mappedResource,
                                 .outputBitstream = session.output[0],
                                 .bufferFmt = map.mappedBufferFmt,
                                 .pictureStruct = NV_ENC_PIC_STRUCT_FRAME};
    assert_int_equal(api->nvEncEncodePicture(handle, &picture), NV_ENC_SUCCESS);
    assert_int_equal(api->nvEncUnmapInputResource(handle, map.mappedResource), NV_ENC_ERR_INVALID_CALL);
    NV_ENC_LOCK_BITSTREAM output = {.version = NV_ENC_LOCK_BITSTREAM_VER,
                                    .outputBitstream = session.output[0]};
    assert_int_equal(api->nvEncLockBitstream(handle, &output), NV_ENC_SUCCESS);
    assert_int_equal(api->nvEncUnlockBitstream(handle, session.output[0]), NV_ENC_SUCCESS);
    assert_int_equal(api->nvEncUnmapInputResource(handle, map.mappedResource), NV_ENC_SUCCESS);
    assert_int_equal(api->nvEncUnmapInputResource(handle, map.mappedResource),
                     NV_ENC_ERR_RESOURCE_NOT_MAPPED);
    assert_int_equal(api->nvEncEncodePicture(handle, &picture), NV_ENC_ERR_INVALID_PTR);
    assert_int_equal(api->nvEncUnregisterResource(handle, right.registeredResource), NV_ENC_SUCCESS);
    assert_int_equal(api->nvEncUnregisterResource(handle, right.registeredResource),
                     NV_ENC_ERR_RESOURCE_NOT_REGISTERED);
    assert_int_equal(cuda->memory_free(at), CUDA_SUCCESS);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(locking), cmocka_unit_test(transfers),
                                       cmocka_unit_test(resources)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
