// SPDX-License-Identifier: Apache-2.0
// The recorder worker: copies access units out of the coded rings as the supervisor tells of them, confirms,
// and leaves everything that can wait to the writer's thread.
#ifndef RECORD_WORKER_H
#define RECORD_WORKER_H

#include "base/worker_process.h"

// How long the end may take after STOP, so that the open segment is closed.
#define RECORD_FAREWELL_MS 400

// Runs until told to stop; returns an enum worker_exit. `fd` is the channel to the supervisor, kept open.
// After it has returned the writer's thread may still wait for its disk: end the process with _exit(2).
int record_worker_run(int fd);

#endif
