// SPDX-License-Identifier: Apache-2.0
// NVIDIA's libcuda.so.1 and libnvidia-encode.so.1, opened at run time: a machine without them is no worse
// off.
#ifndef DRIVERS_ENCODER_NVENC_LIBRARY_H
#define DRIVERS_ENCODER_NVENC_LIBRARY_H

#include <stdint.h>

#include <ffnvcodec/dynlink_cuda.h>
#include <ffnvcodec/nvEncodeAPI.h>

#include "hal/encoder.h"

struct nvenc_library {
    tcuInit *init;
    tcuDeviceGetCount *device_get_count;
    tcuDeviceGet *device_get;
    tcuDeviceGetAttribute *device_get_attribute;
    tcuDeviceGetName *device_get_name;
    tcuCtxCreate_v2 *context_create;
    tcuCtxDestroy_v2 *context_destroy;
    tcuGetErrorName *error_name;
    // All or some may be NULL: an older driver has not got them, and only nvenc_input.c can use them.
    CUresult (*memory_register)(void *memory, size_t size_bytes, unsigned flags); // cuMemHostRegister()
    CUresult (*memory_unregister)(void *memory);                                  // cuMemHostUnregister()
    tcuMemAllocPitch_v2 *memory_allocate;
    tcuMemFree_v2 *memory_free;
    tcuMemcpy2D_v2 *memory_copy;
    NVENCSTATUS (*create_instance)(NV_ENCODE_API_FUNCTION_LIST *list);
    NVENCSTATUS (*max_supported_version)(uint32_t *version);
};

// The libraries with their entry points. Owner: static storage, never unloaded, since CUDA cannot be. Blocks:
// for the dynamic linker; calls nothing of the libraries. Errors: UNSUPPORTED; *why says which file or symbol
// is missing.
CASTOR_MUST_USE int nvenc_library_get(const struct nvenc_library **out, struct encoder_text *why);

// Fills in the table of the encoder's functions. Calls into the library. Errors: UNSUPPORTED when it is older
// than the interface that this driver was written for (nvEncodeAPI.h, NvEncodeAPIGetMaxSupportedVersion).
CASTOR_MUST_USE int nvenc_library_instance(const struct nvenc_library *library,
                                           NV_ENCODE_API_FUNCTION_LIST *out, struct encoder_text *why);

// Puts a failed call of CUDA into words and says what it means to a caller of the HAL.
int nvenc_library_failed(const struct nvenc_library *library, const char *call, CUresult result,
                         struct encoder_text *why);

// The name of a status without its prefix ("LOCK_BUSY"). Static.
const char *nvenc_status_name(NVENCSTATUS status);

// What a status means to a caller of the HAL.
int nvenc_status_error(NVENCSTATUS status);

#endif
