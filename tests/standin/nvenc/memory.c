// SPDX-License-Identifier: Apache-2.0
// Stand-in for libcuda.so.1: memory. Host memory is locked in ranges that do not overlap, and what the
// processor may only read needs the flag for that; the device's memory is ordinary memory, and its copy
// engine copies into it from locked memory only.
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"

#define RANGES_MAX 64
#define BLOCKS_MAX 512
#define PITCH_ALIGN_BYTES 512
#define PAGE_BYTES 4096
#define READ_ONLY 0x08
#define ERROR_INVALID_VALUE 1
#define ERROR_OUT_OF_MEMORY 2
#define ERROR_INVALID_CONTEXT 201
#define ERROR_ALREADY_REGISTERED 712
#define ERROR_NOT_REGISTERED 713
#define ERROR_NOT_SUPPORTED 801

struct range {
    CUcontext context; // NULL: free
    uintptr_t begin, end;
};

struct block {
    CUcontext context; // NULL: free
    uint8_t *bytes;
    size_t size_bytes;
    unsigned registered, mapped; // by encoding sessions
};

static struct range ranges[RANGES_MAX];
static struct block blocks[BLOCKS_MAX];
static uint64_t transfers;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((format(printf, 2, 3))) static CUresult refuse(int error, const char *format, ...)
{
    char text[160];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    standin_misuse("%s", text);
    return (CUresult)error;
}

static CUresult enter(enum standin_call call, const char *name)
{
    CUresult result = standin_context_fault(call);

    if (result == CUDA_SUCCESS && !standin_context_current())
        return refuse(ERROR_INVALID_CONTEXT, "%s: no context is current on this thread", name);
    return result;
}

// Whether the processor may write all of it.
static bool is_writable(uintptr_t begin, uintptr_t end)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    unsigned long from, to;
    char rights[8], line[512];
    bool writable = maps != NULL;

    while (maps && fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) == 3 && from < end && to > begin)
            writable = writable && rights[1] == 'w';
    }
    if (maps)
        (void)fclose(maps);
    return writable;
}

STANDIN_EXPORT CUresult cuMemHostRegister_v2(void *memory, size_t size_bytes, unsigned flags);
CUresult cuMemHostRegister_v2(void *memory, size_t size_bytes, unsigned flags)
{
    uintptr_t begin = (uintptr_t)memory, end = begin + size_bytes;
    CUresult result = enter(CALL_HOST_REGISTER, "cuMemHostRegister");
    struct range *room = NULL;

    if (result != CUDA_SUCCESS)
        return result;
    if (begin % PAGE_BYTES != 0 || size_bytes == 0 || (flags & ~(unsigned)READ_ONLY))
        return refuse(ERROR_INVALID_VALUE, "cuMemHostRegister: not whole pages, or flags %x", flags);
    if ((flags & READ_ONLY) && !standin_context_registers_read_only())
        return refuse(ERROR_NOT_SUPPORTED, "cuMemHostRegister: read-only, which the attributes exclude");
    if (!(flags & READ_ONLY) && !is_writable(begin, end))
        return refuse(ERROR_INVALID_VALUE, "cuMemHostRegister: memory that may only be read needs the flag");
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < RANGES_MAX; i++) {
        if (!ranges[i].context)
            room = &ranges[i];
        else if (ranges[i].begin < end && begin < ranges[i].end)
            result = (CUresult)ERROR_ALREADY_REGISTERED;
    }
    if (result == CUDA_SUCCESS && room)
        *room = (struct range){standin_context_current(), begin, end};
    pthread_mutex_unlock(&lock);
    if (result != CUDA_SUCCESS)
        return refuse((int)result, "cuMemHostRegister: some of it is registered already");
    return room ? CUDA_SUCCESS : (CUresult)ERROR_OUT_OF_MEMORY;
}

STANDIN_EXPORT CUresult cuMemHostUnregister(void *memory);
CUresult cuMemHostUnregister(void *memory)
{
    CUresult result = enter(CALL_HOST_UNREGISTER, "cuMemHostUnregister");
    bool found = false;

    if (result != CUDA_SUCCESS)
        return result;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < RANGES_MAX && !found; i++) {
        found = ranges[i].context && ranges[i].begin == (uintptr_t)memory;
        if (found)
            ranges[i] = (struct range){0};
    }
    pthread_mutex_unlock(&lock);
    return found ? CUDA_SUCCESS : refuse(ERROR_NOT_REGISTERED, "cuMemHostUnregister: no such range");
}

STANDIN_EXPORT tcuMemAllocPitch_v2 cuMemAllocPitch_v2;
CUresult cuMemAllocPitch_v2(CUdeviceptr *out, size_t *pitch_bytes, size_t width_bytes, size_t rows,
                            unsigned access_bytes)
{
    CUresult result = enter(CALL_ALLOC, "cuMemAllocPitch");

    if (result != CUDA_SUCCESS)
        return result;
    if (width_bytes == 0 || rows == 0 || (access_bytes != 4 && access_bytes != 8 && access_bytes != 16))
        return refuse(ERROR_INVALID_VALUE, "cuMemAllocPitch: %zu x %zu in accesses of %u bytes", width_bytes,
                      rows, access_bytes);
    *pitch_bytes = (width_bytes + PITCH_ALIGN_BYTES) / PITCH_ALIGN_BYTES * PITCH_ALIGN_BYTES;
    uint8_t *bytes = calloc(rows, *pitch_bytes);
    pthread_mutex_lock(&lock);
    struct block *block = blocks;
    while (block < blocks + BLOCKS_MAX && block->context)
        block++;
    bool fits = bytes && block < blocks + BLOCKS_MAX;
    if (fits)
        *block = (struct block){standin_context_current(), bytes, rows * *pitch_bytes, 0, 0};
    pthread_mutex_unlock(&lock);
    if (!fits) {
        free(bytes);
        return (CUresult)ERROR_OUT_OF_MEMORY;
    }
    *out = (CUdeviceptr)(uintptr_t)bytes;
    return CUDA_SUCCESS;
}

// With the lock: the block in which all of that lies, or NULL.
static struct block *find(CUdeviceptr at, size_t size_bytes)
{
    for (size_t i = 0; i < BLOCKS_MAX; i++) {
        struct block *block = &blocks[i];
        uintptr_t begin = (uintptr_t)block->bytes;
        if (block->context && at >= begin && at - begin <= block->size_bytes &&
            size_bytes <= block->size_bytes - (at - begin))
            return block;
    }
    return NULL;
}

STANDIN_EXPORT tcuMemFree_v2 cuMemFree_v2;
CUresult cuMemFree_v2(CUdeviceptr at)
{
    CUresult result = enter(CALL_FREE, "cuMemFree");
    struct block freed = {0};

    if (result != CUDA_SUCCESS)
        return result;
    pthread_mutex_lock(&lock);
    struct block *block = find(at, 1);
    if (block && at == (uintptr_t)block->bytes) {
        freed = *block;
        *block = (struct block){0};
    }
    pthread_mutex_unlock(&lock);
    if (!freed.bytes)
        return refuse(ERROR_INVALID_VALUE, "cuMemFree: no such memory");
    free(freed.bytes);
    return freed.registered ? refuse(ERROR_INVALID_VALUE, "cuMemFree: a session has it registered")
                            : CUDA_SUCCESS;
}

// With the lock.
static bool is_locked(uintptr_t begin, uintptr_t end)
{
    for (size_t i = 0; i < RANGES_MAX; i++) {
        if (ranges[i].context && begin >= ranges[i].begin && end <= ranges[i].end)
            return true;
    }
    return false;
}

static const char *check_copy(const CUDA_MEMCPY2D *p)
{
    uintptr_t from = (uintptr_t)p->srcHost;

    if (p->srcMemoryType != CU_MEMORYTYPE_HOST || p->dstMemoryType != CU_MEMORYTYPE_DEVICE)
        return "not from the host to the device";
    if (p->srcXInBytes || p->srcY || p->dstXInBytes || p->dstY || p->Height == 0 || p->WidthInBytes == 0)
        return "offsets, or nothing to copy";
    if (p->srcPitch < p->WidthInBytes || p->dstPitch < p->WidthInBytes)
        return "a pitch is less than the width";
    if (!is_locked(from, from + p->srcPitch * (p->Height - 1) + p->WidthInBytes))
        return "the source is not locked: the processor would have to copy it";
    const struct block *block = find(p->dstDevice, p->dstPitch * (p->Height - 1) + p->WidthInBytes);
    if (!block)
        return "the destination is not in the device's memory";
    return block->mapped ? "the destination is mapped for the encoder" : NULL;
}

STANDIN_EXPORT tcuMemcpy2D_v2 cuMemcpy2D_v2;
CUresult cuMemcpy2D_v2(const CUDA_MEMCPY2D *params)
{
    CUresult result = enter(CALL_COPY2D, "cuMemcpy2D");

    if (result != CUDA_SUCCESS)
        return result;
    pthread_mutex_lock(&lock);
    const char *wrong = check_copy(params);
    transfers += wrong == NULL;
    pthread_mutex_unlock(&lock);
    if (wrong)
        return refuse(ERROR_INVALID_VALUE, "cuMemcpy2D: %s", wrong);
    for (size_t y = 0; y < params->Height; y++)
        memcpy((uint8_t *)(uintptr_t)params->dstDevice + y * params->dstPitch,
               (const uint8_t *)params->srcHost + y * params->srcPitch, params->WidthInBytes);
    return CUDA_SUCCESS;
}

bool standin_memory_use(uintptr_t at, size_t size_bytes, int registered, int mapped)
{
    pthread_mutex_lock(&lock);
    struct block *block = find(at, size_bytes);
    if (block) {
        block->registered += (unsigned)registered;
        block->mapped += (unsigned)mapped;
    }
    pthread_mutex_unlock(&lock);
    return block != NULL;
}

unsigned standin_memory_of(CUcontext context)
{
    unsigned count = 0;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < BLOCKS_MAX; i++)
        count += blocks[i].context && (!context || blocks[i].context == context);
    for (size_t i = 0; i < RANGES_MAX; i++)
        count += ranges[i].context && (!context || ranges[i].context == context);
    pthread_mutex_unlock(&lock);
    return count;
}

unsigned castor_standin_live_memory(void)
{
    return standin_memory_of(NULL);
}

unsigned castor_standin_transfers(void)
{
    pthread_mutex_lock(&lock);
    unsigned count = (unsigned)transfers;
    pthread_mutex_unlock(&lock);
    return count;
}
