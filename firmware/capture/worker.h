// SPDX-License-Identifier: Apache-2.0
// The capture worker: opens one source as the supervisor orders, fills free pool slots, announces each frame.
#ifndef CAPTURE_WORKER_H
#define CAPTURE_WORKER_H

#include "hal/source.h"

enum capture_exit {
    CAPTURE_EXIT_OK = 0,       // STOP, or the supervisor is gone
    CAPTURE_EXIT_SOURCE = 1,   // the source could not be opened or ended; FAILED says why
    CAPTURE_EXIT_PROTOCOL = 2, // the supervisor broke the protocol
};

typedef int (*capture_find)(const char *name, const struct source_driver **out, struct source_text *why);

// Runs until told to stop; returns the exit code. `fd` is the channel to the supervisor, kept open.
int capture_worker_run(int fd, capture_find find);

#endif
