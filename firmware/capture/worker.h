// SPDX-License-Identifier: Apache-2.0
// The capture worker: opens one source as the supervisor orders, fills free pool slots, announces each frame.
#ifndef CAPTURE_WORKER_H
#define CAPTURE_WORKER_H

#include "base/worker_process.h"
#include "hal/source.h"

typedef int (*capture_find)(const char *name, const struct source_driver **out, struct source_text *why);

// Runs until told to stop; returns an enum worker_exit. `fd` is the channel to the supervisor, kept open.
int capture_worker_run(int fd, capture_find find);

#endif
