// SPDX-License-Identifier: Apache-2.0
// The recorder worker: copies access units out of the coded rings as the supervisor tells of them, confirms,
// and leaves everything that can wait to the writer's thread.
#ifndef RECORD_WORKER_H
#define RECORD_WORKER_H

enum record_exit {
    RECORD_EXIT_OK = 0,       // STOP, or the supervisor is gone
    RECORD_EXIT_FAILED = 1,   // could not go on; FAILED says why
    RECORD_EXIT_PROTOCOL = 2, // the supervisor broke the protocol
};

// How long the end may take after STOP, so that the open segment is closed.
#define RECORD_FAREWELL_MS 400

// Runs until told to stop; returns the exit code. `fd` is the channel to the supervisor, kept open. After it
// has returned the writer's thread may still wait for its disk: end the process with _exit(2).
int record_worker_run(int fd);

#endif
