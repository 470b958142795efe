// SPDX-License-Identifier: Apache-2.0
#include "nvenc_library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define CUDA_FILE "libcuda.so.1"
#define ENCODE_FILE "libnvidia-encode.so.1"
// NvEncodeAPIGetMaxSupportedVersion() counts otherwise than NVENCAPI_VERSION.
#define WANTED_VERSION (NVENCAPI_MAJOR_VERSION << 4 | NVENCAPI_MINOR_VERSION)

// Of CUresult (cuda.h); dynlink_cuda.h leaves them out.
#define CUDA_NO_MEMORY 2
#define CUDA_NO_DEVICE 100

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct nvenc_library loaded;
static bool is_loaded;

static int open_file(const char *file, void **out, struct encoder_text *why)
{
    void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);

    if (!handle)
        return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED,
                                "nvenc: %s cannot be opened (%.100s); it comes with NVIDIA's driver", file,
                                dlerror());
    *out = handle;
    return CASTOR_OK;
}

static int find_symbols(void *cuda, void *encode, struct nvenc_library *out, struct encoder_text *why)
{
    const struct {
        void *handle;
        const char *name;
        void **target;
        bool may_miss;
    } symbols[] = {
        {cuda, "cuInit", (void **)&out->init, false},
        {cuda, "cuDeviceGetCount", (void **)&out->device_get_count, false},
        {cuda, "cuDeviceGet", (void **)&out->device_get, false},
        {cuda, "cuDeviceGetAttribute", (void **)&out->device_get_attribute, false},
        {cuda, "cuDeviceGetName", (void **)&out->device_get_name, false},
        {cuda, "cuCtxCreate_v2", (void **)&out->context_create, false},
        {cuda, "cuCtxDestroy_v2", (void **)&out->context_destroy, false},
        {cuda, "cuGetErrorName", (void **)&out->error_name, false},
        {cuda, "cuMemHostRegister_v2", (void **)&out->memory_register, true},
        {cuda, "cuMemHostUnregister", (void **)&out->memory_unregister, true},
        {cuda, "cuMemAllocPitch_v2", (void **)&out->memory_allocate, true},
        {cuda, "cuMemFree_v2", (void **)&out->memory_free, true},
        {cuda, "cuMemcpy2D_v2", (void **)&out->memory_copy, true},
        {encode, "NvEncodeAPICreateInstance", (void **)&out->create_instance, false},
        {encode, "NvEncodeAPIGetMaxSupportedVersion", (void **)&out->max_supported_version, false},
    };

    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        void *address = dlsym(symbols[i].handle, symbols[i].name);
        if (!address && !symbols[i].may_miss)
            return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED,
                                    "nvenc: %s is missing in NVIDIA's driver; it is too old or not complete",
                                    symbols[i].name);
        memcpy(symbols[i].target, &address, sizeof address);
    }
    return CASTOR_OK;
}

static int load(struct nvenc_library *out, struct encoder_text *why)
{
    void *cuda = NULL;
    void *encode = NULL;
    int error = open_file(CUDA_FILE, &cuda, why);

    if (error == CASTOR_OK)
        error = open_file(ENCODE_FILE, &encode, why);
    if (error == CASTOR_OK)
        error = find_symbols(cuda, encode, out, why);
    if (error == CASTOR_OK)
        return CASTOR_OK;
    if (encode)
        dlclose(encode);
    if (cuda)
        dlclose(cuda);
    return error;
}

int nvenc_library_get(const struct nvenc_library **out, struct encoder_text *why)
{
    struct nvenc_library found = {0};
    int error = CASTOR_OK;

    // Held for the dynamic linker only: a call into the library may hang, and others must not wait for it.
    pthread_mutex_lock(&lock);
    if (!is_loaded) {
        error = load(&found, why);
        if (error == CASTOR_OK) {
            loaded = found;
            is_loaded = true;
        }
    }
    pthread_mutex_unlock(&lock);
    if (error == CASTOR_OK)
        *out = &loaded;
    return error;
}

int nvenc_library_instance(const struct nvenc_library *library, NV_ENCODE_API_FUNCTION_LIST *out,
                           struct encoder_text *why)
{
    NV_ENCODE_API_FUNCTION_LIST list = {.version = NV_ENCODE_API_FUNCTION_LIST_VER};
    uint32_t version = 0;
    NVENCSTATUS status = library->max_supported_version(&version);

    if (status != NV_ENC_SUCCESS || version < WANTED_VERSION)
        return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED,
                                "nvenc: NVIDIA's driver offers encoder interface %u.%u, needed is %d.%d: "
                                "install driver 470.57.02 or later",
                                version >> 4, version & 15, NVENCAPI_MAJOR_VERSION, NVENCAPI_MINOR_VERSION);
    status = library->create_instance(&list);
    if (status != NV_ENC_SUCCESS)
        return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED, "nvenc: NvEncodeAPICreateInstance: %s",
                                nvenc_status_name(status));
    *out = list;
    return CASTOR_OK;
}

int nvenc_library_failed(const struct nvenc_library *library, const char *call, CUresult result,
                         struct encoder_text *why)
{
    const char *name = NULL;
    int error = CASTOR_ERR_IO;

    if ((int)result == CUDA_NO_DEVICE)
        error = CASTOR_ERR_NOT_FOUND;
    if ((int)result == CUDA_NO_MEMORY)
        error = CASTOR_ERR_NO_MEMORY;
    (void)library->error_name(result, &name);
    return encoder_text_set(why, error, "nvenc: %s: %s (%d); see whether nvidia-smi finds the device", call,
                            name ? name : "unknown", (int)result);
}

const char *nvenc_status_name(NVENCSTATUS status)
{
    static const char *const names[] = {
        [NV_ENC_SUCCESS] = "SUCCESS",
        [NV_ENC_ERR_NO_ENCODE_DEVICE] = "NO_ENCODE_DEVICE",
        [NV_ENC_ERR_UNSUPPORTED_DEVICE] = "UNSUPPORTED_DEVICE",
        [NV_ENC_ERR_INVALID_ENCODERDEVICE] = "INVALID_ENCODERDEVICE",
        [NV_ENC_ERR_INVALID_DEVICE] = "INVALID_DEVICE",
        [NV_ENC_ERR_DEVICE_NOT_EXIST] = "DEVICE_NOT_EXIST",
        [NV_ENC_ERR_INVALID_PTR] = "INVALID_PTR",
        [NV_ENC_ERR_INVALID_EVENT] = "INVALID_EVENT",
        [NV_ENC_ERR_INVALID_PARAM] = "INVALID_PARAM",
        [NV_ENC_ERR_INVALID_CALL] = "INVALID_CALL",
        [NV_ENC_ERR_OUT_OF_MEMORY] = "OUT_OF_MEMORY",
        [NV_ENC_ERR_ENCODER_NOT_INITIALIZED] = "ENCODER_NOT_INITIALIZED",
        [NV_ENC_ERR_UNSUPPORTED_PARAM] = "UNSUPPORTED_PARAM",
        [NV_ENC_ERR_LOCK_BUSY] = "LOCK_BUSY",
        [NV_ENC_ERR_NOT_ENOUGH_BUFFER] = "NOT_ENOUGH_BUFFER",
        [NV_ENC_ERR_INVALID_VERSION] = "INVALID_VERSION",
        [NV_ENC_ERR_MAP_FAILED] = "MAP_FAILED",
        [NV_ENC_ERR_NEED_MORE_INPUT] = "NEED_MORE_INPUT",
        [NV_ENC_ERR_ENCODER_BUSY] = "ENCODER_BUSY",
        [NV_ENC_ERR_EVENT_NOT_REGISTERD] = "EVENT_NOT_REGISTERED",
        [NV_ENC_ERR_GENERIC] = "GENERIC",
        [NV_ENC_ERR_INCOMPATIBLE_CLIENT_KEY] = "INCOMPATIBLE_CLIENT_KEY",
        [NV_ENC_ERR_UNIMPLEMENTED] = "UNIMPLEMENTED",
        [NV_ENC_ERR_RESOURCE_REGISTER_FAILED] = "RESOURCE_REGISTER_FAILED",
        [NV_ENC_ERR_RESOURCE_NOT_REGISTERED] = "RESOURCE_NOT_REGISTERED",
        [NV_ENC_ERR_RESOURCE_NOT_MAPPED] = "RESOURCE_NOT_MAPPED",
    };

    if ((unsigned)status >= sizeof names / sizeof names[0] || !names[status])
        return "unknown status";
    return names[status];
}

int nvenc_status_error(NVENCSTATUS status)
{
    switch (status) {
    case NV_ENC_SUCCESS:
        return CASTOR_OK;
    case NV_ENC_ERR_NO_ENCODE_DEVICE:
    case NV_ENC_ERR_UNSUPPORTED_DEVICE:
    case NV_ENC_ERR_UNSUPPORTED_PARAM:
    case NV_ENC_ERR_INVALID_VERSION:
    case NV_ENC_ERR_UNIMPLEMENTED:
        return CASTOR_ERR_UNSUPPORTED;
    case NV_ENC_ERR_INVALID_ENCODERDEVICE:
    case NV_ENC_ERR_INVALID_DEVICE:
    case NV_ENC_ERR_DEVICE_NOT_EXIST:
        return CASTOR_ERR_LOST;
    case NV_ENC_ERR_OUT_OF_MEMORY:
    case NV_ENC_ERR_INCOMPATIBLE_CLIENT_KEY:
        return CASTOR_ERR_NO_MEMORY;
    case NV_ENC_ERR_LOCK_BUSY:
    case NV_ENC_ERR_ENCODER_BUSY:
        return CASTOR_ERR_AGAIN;
    default:
        return CASTOR_ERR_IO;
    }
}
