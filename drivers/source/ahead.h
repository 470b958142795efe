// SPDX-License-Identifier: Apache-2.0
// A thread that works ahead for a source (decodes), beside the one that calls it.
#ifndef SOURCE_AHEAD_H
#define SOURCE_AHEAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "hal/error.h"

struct ahead {
    pthread_mutex_t lock;   // guards what both threads use
    pthread_cond_t changed; // by CLOCK_MONOTONIC: something for the thread to do, or its end
    atomic_bool stop;       // the thread has to end soon
    pthread_t thread;
    bool has_thread;
    bool ended; // under the lock
    void (*work)(void *argument);
    void *argument;
};

void ahead_init(struct ahead *ahead);

// Starts the thread, which calls work(argument) and ends with it; signals are not its business. Errors:
// NO_MEMORY.
CASTOR_MUST_USE int ahead_start(struct ahead *ahead, void (*work)(void *argument), void *argument);

// Ends the thread, if there is one, and *ahead. Blocks: at most 1 s. False where the thread hangs: it still
// uses everything, and nothing of it may be freed.
CASTOR_MUST_USE bool ahead_finish(struct ahead *ahead);

#endif
