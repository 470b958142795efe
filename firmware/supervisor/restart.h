// SPDX-License-Identifier: Apache-2.0
// When a worker that ended may be started again. A pure state machine: a worker that had been up for a while
// is started at once; one that keeps failing waits longer each time; one that never gets anywhere is given up
// (but tried again now and then where giving up would end the stream).
#ifndef SUPERVISOR_RESTART_H
#define SUPERVISOR_RESTART_H

#include <stdbool.h>
#include <stdint.h>

struct restart_config {
    int64_t first_delay_ns; // after the first quick failure; doubled for each further one
    int64_t delay_max_ns;
    int64_t stable_ns;     // ready for so long: the failures before it are forgotten
    uint32_t attempts_max; // quick failures in a row until the worker is given up; 0 = never
    int64_t revive_ns;     // a given-up worker is tried again after this long; 0 = never
};

enum restart_phase {
    RESTART_IDLE,    // never started, or may be started at once
    RESTART_RUNNING, // started
    RESTART_WAITING, // backing off until start_ns
    RESTART_GIVEN_UP,
};

struct restart_state {
    struct restart_config config;
    enum restart_phase phase;
    uint32_t failures; // quick failures in a row
    uint32_t starts;   // since the beginning
    int64_t ready_ns;  // since when it is ready; 0 = not
    int64_t start_ns;  // when it may be started (WAITING) or revived (GIVEN_UP)
};

void restart_init(struct restart_state *state, const struct restart_config *config);
void restart_started(struct restart_state *state, int64_t now_ns);
void restart_ready(struct restart_state *state, int64_t now_ns);
void restart_ended(struct restart_state *state, int64_t now_ns);
// An operator's order: forget the failures and start now.
void restart_reset(struct restart_state *state, int64_t now_ns);
// True when it may be started now.
bool restart_is_due(const struct restart_state *state, int64_t now_ns);
// When that will be; INT64_MAX when running or given up for good.
int64_t restart_deadline_ns(const struct restart_state *state);

#endif
