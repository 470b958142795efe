// SPDX-License-Identifier: Apache-2.0
// The slate worker: draws the picture that stands in for a lost source, frame by frame as ordered.
#ifndef SLATE_WORKER_H
#define SLATE_WORKER_H

#include "base/worker_process.h"

// Runs until told to stop; returns an enum worker_exit. `fd` is the channel to the supervisor, kept open.
int slate_worker_run(int fd);

#endif
