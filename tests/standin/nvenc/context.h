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

STANDIN_EXPORT unsigned castor_standin_live_contexts(void);

#endif
