// SPDX-License-Identifier: Apache-2.0
// The slate worker: draws the picture that stands in for a lost source, frame by frame as ordered.
#ifndef SLATE_WORKER_H
#define SLATE_WORKER_H

enum slate_exit {
    SLATE_EXIT_OK = 0,       // STOP, or the supervisor is gone
    SLATE_EXIT_FAILED = 1,   // out of memory; FAILED says so
    SLATE_EXIT_PROTOCOL = 2, // the supervisor broke the protocol
};

// Runs until told to stop; returns the exit code. `fd` is the channel to the supervisor, kept open.
int slate_worker_run(int fd);

#endif
