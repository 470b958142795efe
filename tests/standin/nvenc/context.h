// SPDX-License-Identifier: Apache-2.0
// What the stand-in of libnvidia-encode asks the stand-in of libcuda, and what tests ask it.
#ifndef STANDIN_NVENC_CONTEXT_H
#define STANDIN_NVENC_CONTEXT_H

#include <ffnvcodec/dynlink_cuda.h>

#include "standin.h"

// The context that is current on this thread, or NULL.
STANDIN_EXPORT CUcontext standin_context_current(void);

// Counts the encoding sessions of a context. False when there is no such context.
STANDIN_EXPORT bool standin_context_use(CUcontext context, int change);

// Counts a call into libcuda; what shall come of it.
CUresult standin_context_fault(enum standin_call call);

// Whether the device has CU_DEVICE_ATTRIBUTE_READ_ONLY_HOST_REGISTER_SUPPORTED.
bool standin_context_registers_read_only(void);

// Memory of the device that a session registers or maps, by so much more often. False: it is none.
STANDIN_EXPORT bool standin_memory_use(uintptr_t at, size_t size_bytes, int registered, int mapped);

// Allocations and locked ranges that a context still has; NULL: all.
unsigned standin_memory_of(CUcontext context);

STANDIN_EXPORT unsigned castor_standin_live_contexts(void);
STANDIN_EXPORT unsigned castor_standin_live_memory(void);
STANDIN_EXPORT unsigned castor_standin_transfers(void); // of planes, by the copy engine

#endif
