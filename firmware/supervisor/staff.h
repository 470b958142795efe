// SPDX-License-Identifier: Apache-2.0
// The workers besides the encoder paths: one row each, of what the loop and upkeep do with all of them in the
// same way. The encoder paths are not among them: the switch decides about these.
#ifndef SUPERVISOR_STAFF_H
#define SUPERVISOR_STAFF_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/error.h"

struct supervisor;
struct worker;

enum staff_member {
    STAFF_SOURCE,
    STAFF_SLATE,
    STAFF_SOUND,
    STAFF_OUTLET,
    STAFF_RECORDER,
    STAFF_COUNT,
};

struct staff {
    struct worker *(*worker)(struct supervisor *s);
    // There is to be a process: it is started when its pacing allows. False leaves a running one alone.
    bool (*wanted)(const struct supervisor *s);
    // Starts the process and tells it what it needs. An error with no process left counts as a failed try.
    int (*start)(struct supervisor *s, int64_t now_ns);
    // Reads all there is in its channel; never blocks.
    void (*read)(struct supervisor *s);
    // Its process is gone and its last words are read.
    void (*ended)(struct supervisor *s, int64_t now_ns);
    // Why it counts as hanging and must be ended (static storage), or NULL.
    const char *(*hangs)(const struct supervisor *s, int64_t now_ns);
};

extern const struct staff supervisor_staff[STAFF_COUNT];

// Its worker.
struct worker *staff_worker(struct supervisor *s, unsigned member);
// Its process has closed the channel, or was killed, and is still to be reaped.
bool staff_is_ending(struct supervisor *s, unsigned member);
// Reaps it where it has ended.
void staff_reap(struct supervisor *s, unsigned member, int64_t now_ns);
// Starts it where that is wanted and due.
void staff_start(struct supervisor *s, unsigned member, int64_t now_ns);
// When staff_start() has something to do; INT64_MAX = nothing.
int64_t staff_deadline_ns(const struct supervisor *s, unsigned member);
// Ends it where it hangs.
void staff_end_hanging(struct supervisor *s, unsigned member, int64_t now_ns);

#endif
