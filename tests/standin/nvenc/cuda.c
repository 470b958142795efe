// SPDX-License-Identifier: Apache-2.0
// Stand-in for libcuda.so.1: one device, contexts with a stack for each thread as CUDA has it, and nothing
// that computes. Exports every name that ffmpeg's loader insists on; those that nobody here needs refuse.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ffnvcodec/dynlink_cuda.h>

#include "context.h"
#include "standin.h"

#define CONTEXTS_MAX 256
#define STACK_MAX 16
#define ERROR_INVALID_VALUE 1
#define ERROR_OUT_OF_MEMORY 2
#define ERROR_NOT_INITIALIZED 3
#define ERROR_INVALID_DEVICE 101
#define ERROR_INVALID_CONTEXT 201
#define ERROR_NOT_SUPPORTED 801
#define ATTRIBUTE_READ_ONLY_REGISTER 113

struct CUctx_st {
    bool live;
    int sessions;
};

static struct CUctx_st contexts[CONTEXTS_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool initialized;
static _Thread_local CUcontext stack[STACK_MAX];
static _Thread_local unsigned depth;

// The schedule counts from anew whenever the environment says something else. With the lock.
static struct standin_faults *schedule(void)
{
    static struct standin_faults faults;
    static char read_from[256];
    const char *text = getenv("CASTOR_STANDIN_NVENC");

    if (strncmp(read_from, text ? text : "", sizeof read_from - 1) != 0) {
        standin_faults_read(&faults);
        (void)snprintf(read_from, sizeof read_from, "%s", text ? text : "");
    }
    return &faults;
}

CUresult standin_context_fault(enum standin_call call)
{
    pthread_mutex_lock(&lock);
    struct standin_faults *faults = schedule();
    struct standin_faults copy = *faults;
    faults->calls[call]++;
    pthread_mutex_unlock(&lock);
    enum standin_kind kind = standin_faults_enter(&copy, call);
    return kind == KIND_NONE  ? CUDA_SUCCESS
           : kind == KIND_OOM ? (CUresult)ERROR_OUT_OF_MEMORY
                              : CUDA_ERROR_UNKNOWN;
}

bool standin_context_registers_read_only(void)
{
    pthread_mutex_lock(&lock);
    bool without = schedule()->without_register;
    pthread_mutex_unlock(&lock);
    return !without;
}

#define EXPORT(type, name) STANDIN_EXPORT type name

EXPORT(tcuInit, cuInit);
CUresult cuInit(unsigned flags)
{
    CUresult result = standin_context_fault(CALL_CUINIT);

    if (flags != 0) {
        standin_misuse("cuInit: flags must be 0");
        return (CUresult)ERROR_INVALID_VALUE;
    }
    if (result == CUDA_SUCCESS) {
        pthread_mutex_lock(&lock);
        initialized = true;
        pthread_mutex_unlock(&lock);
    }
    return result;
}

static bool is_ready(const char *call)
{
    pthread_mutex_lock(&lock);
    bool ready = initialized;
    pthread_mutex_unlock(&lock);
    if (!ready)
        standin_misuse("%s before cuInit", call);
    return ready;
}

EXPORT(tcuDeviceGetCount, cuDeviceGetCount);
CUresult cuDeviceGetCount(int *count)
{
    if (!is_ready("cuDeviceGetCount"))
        return (CUresult)ERROR_NOT_INITIALIZED;
    *count = 1;
    return CUDA_SUCCESS;
}

EXPORT(tcuDeviceGet, cuDeviceGet);
CUresult cuDeviceGet(CUdevice *device, int ordinal)
{
    if (!is_ready("cuDeviceGet"))
        return (CUresult)ERROR_NOT_INITIALIZED;
    if (ordinal != 0)
        return (CUresult)ERROR_INVALID_DEVICE;
    *device = 0;
    return CUDA_SUCCESS;
}

EXPORT(tcuDeviceGetAttribute, cuDeviceGetAttribute);
CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device)
{
    if (device != 0)
        return (CUresult)ERROR_INVALID_DEVICE;
    *value = attribute == CU_DEVICE_ATTRIBUTE_PCI_BUS_ID ? 1 : 0;
    if ((int)attribute == ATTRIBUTE_READ_ONLY_REGISTER)
        *value = standin_context_registers_read_only();
    return CUDA_SUCCESS;
}

EXPORT(tcuDeviceGetName, cuDeviceGetName);
CUresult cuDeviceGetName(char *name, int length, CUdevice device)
{
    if (device != 0 || length <= 0)
        return (CUresult)ERROR_INVALID_DEVICE;
    (void)snprintf(name, (size_t)length, "stand-in without silicon");
    return CUDA_SUCCESS;
}

EXPORT(tcuDeviceComputeCapability, cuDeviceComputeCapability);
CUresult cuDeviceComputeCapability(int *major, int *minor, CUdevice device)
{
    if (device != 0)
        return (CUresult)ERROR_INVALID_DEVICE;
    *major = 7;
    *minor = 5;
    return CUDA_SUCCESS;
}

static bool is_live(CUcontext context, const char *call)
{
    bool live = false;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < CONTEXTS_MAX; i++)
        live = live || (context == &contexts[i] && contexts[i].live);
    pthread_mutex_unlock(&lock);
    if (!live)
        standin_misuse("%s: no such context", call);
    return live;
}

EXPORT(tcuCtxPushCurrent_v2, cuCtxPushCurrent_v2);
CUresult cuCtxPushCurrent_v2(CUcontext context)
{
    if (!is_live(context, "cuCtxPushCurrent") || depth == STACK_MAX)
        return (CUresult)ERROR_INVALID_CONTEXT;
    stack[depth++] = context;
    return CUDA_SUCCESS;
}

EXPORT(tcuCtxPopCurrent_v2, cuCtxPopCurrent_v2);
CUresult cuCtxPopCurrent_v2(CUcontext *out)
{
    if (depth == 0) {
        standin_misuse("cuCtxPopCurrent: no context is current on this thread");
        return (CUresult)ERROR_INVALID_CONTEXT;
    }
    depth--;
    if (out)
        *out = stack[depth];
    return CUDA_SUCCESS;
}

EXPORT(tcuCtxCreate_v2, cuCtxCreate_v2);
CUresult cuCtxCreate_v2(CUcontext *out, unsigned flags, CUdevice device)
{
    CUcontext made = NULL;
    CUresult result = standin_context_fault(CALL_CONTEXT);

    (void)flags;
    if (result != CUDA_SUCCESS)
        return result;
    if (!is_ready("cuCtxCreate") || device != 0)
        return (CUresult)ERROR_INVALID_DEVICE;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < CONTEXTS_MAX && !made; i++) {
        if (!contexts[i].live)
            made = &contexts[i];
    }
    if (made)
        *made = (struct CUctx_st){.live = true};
    pthread_mutex_unlock(&lock);
    if (!made || depth == STACK_MAX)
        return (CUresult)ERROR_OUT_OF_MEMORY;
    stack[depth++] = made; // a new context is current
    *out = made;
    return CUDA_SUCCESS;
}

EXPORT(tcuCtxDestroy_v2, cuCtxDestroy_v2);
CUresult cuCtxDestroy_v2(CUcontext context)
{
    CUresult result = standin_context_fault(CALL_CONTEXT_DESTROY);

    if (result != CUDA_SUCCESS)
        return result;
    if (!is_live(context, "cuCtxDestroy"))
        return (CUresult)ERROR_INVALID_CONTEXT;
    pthread_mutex_lock(&lock);
    int sessions = context->sessions;
    context->live = false;
    pthread_mutex_unlock(&lock);
    if (sessions > 0)
        standin_misuse("cuCtxDestroy: %d encoding sessions still use the context", sessions);
    if (standin_memory_of(context) > 0)
        standin_misuse("cuCtxDestroy: %u pieces of memory are still there", standin_memory_of(context));
    if (depth > 0 && stack[depth - 1] == context)
        depth--;
    return CUDA_SUCCESS;
}

EXPORT(tcuCtxGetDevice, cuCtxGetDevice);
CUresult cuCtxGetDevice(CUdevice *device)
{
    if (depth == 0)
        return (CUresult)ERROR_INVALID_CONTEXT;
    *device = 0;
    return CUDA_SUCCESS;
}

EXPORT(tcuCtxSetLimit, cuCtxSetLimit);
CUresult cuCtxSetLimit(CUlimit limit, size_t value)
{
    (void)limit;
    (void)value;
    return CUDA_SUCCESS;
}

EXPORT(tcuGetErrorName, cuGetErrorName);
CUresult cuGetErrorName(CUresult error, const char **name)
{
    *name = error == CUDA_SUCCESS ? "CUDA_SUCCESS" : "CUDA_ERROR_OF_THE_STANDIN";
    return CUDA_SUCCESS;
}

EXPORT(tcuGetErrorString, cuGetErrorString);
CUresult cuGetErrorString(CUresult error, const char **text)
{
    *text = error == CUDA_SUCCESS ? "no error" : "an error that the stand-in was told to give";
    return CUDA_SUCCESS;
}

CUcontext standin_context_current(void)
{
    return depth > 0 ? stack[depth - 1] : NULL;
}

bool standin_context_use(CUcontext context, int change)
{
    if (!is_live(context, "NvEncOpenEncodeSessionEx"))
        return false;
    pthread_mutex_lock(&lock);
    context->sessions += change;
    pthread_mutex_unlock(&lock);
    return true;
}

unsigned castor_standin_live_contexts(void)
{
    unsigned live = 0;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < CONTEXTS_MAX; i++)
        live += contexts[i].live;
    pthread_mutex_unlock(&lock);
    return live;
}

// Names that a loader wants to find; calling one is a misuse of a stand-in without silicon.
#define ABSENT(name)                                                                                         \
    STANDIN_EXPORT CUresult name(void);                                                                      \
    CUresult name(void)                                                                                      \
    {                                                                                                        \
        standin_misuse(#name " is not there");                                                               \
        return (CUresult)ERROR_NOT_SUPPORTED;                                                                \
    }

ABSENT(cuArray3DCreate_v2)
ABSENT(cuArrayDestroy)
ABSENT(cuDevicePrimaryCtxGetState)
ABSENT(cuDevicePrimaryCtxRelease)
ABSENT(cuDevicePrimaryCtxReset)
ABSENT(cuDevicePrimaryCtxRetain)
ABSENT(cuDevicePrimaryCtxSetFlags)
ABSENT(cuEventCreate)
ABSENT(cuEventDestroy_v2)
ABSENT(cuEventQuery)
ABSENT(cuEventRecord)
ABSENT(cuEventSynchronize)
ABSENT(cuGLGetDevices_v2)
ABSENT(cuGraphicsGLRegisterImage)
ABSENT(cuGraphicsMapResources)
ABSENT(cuGraphicsResourceGetMappedPointer_v2)
ABSENT(cuGraphicsSubResourceGetMappedArray)
ABSENT(cuGraphicsUnmapResources)
ABSENT(cuGraphicsUnregisterResource)
ABSENT(cuLaunchKernel)
ABSENT(cuLinkAddData)
ABSENT(cuLinkComplete)
ABSENT(cuLinkCreate)
ABSENT(cuLinkDestroy)
ABSENT(cuMemAllocManaged)
ABSENT(cuMemAlloc_v2)
ABSENT(cuMemcpy)
ABSENT(cuMemcpy2DAsync_v2)
ABSENT(cuMemcpyAsync)
ABSENT(cuMemcpyDtoDAsync_v2)
ABSENT(cuMemcpyDtoD_v2)
ABSENT(cuMemcpyDtoHAsync_v2)
ABSENT(cuMemcpyDtoH_v2)
ABSENT(cuMemcpyHtoDAsync_v2)
ABSENT(cuMemcpyHtoD_v2)
ABSENT(cuMemsetD8Async)
ABSENT(cuModuleGetFunction)
ABSENT(cuModuleGetGlobal)
ABSENT(cuModuleLoadData)
ABSENT(cuModuleUnload)
ABSENT(cuStreamAddCallback)
ABSENT(cuStreamCreate)
ABSENT(cuStreamDestroy_v2)
ABSENT(cuStreamQuery)
ABSENT(cuStreamSynchronize)
ABSENT(cuTexObjectCreate)
ABSENT(cuTexObjectDestroy)
