// SPDX-License-Identifier: Apache-2.0
#include "supervisor/restart.h"

#include <string.h>

void restart_init(struct restart_state *state, const struct restart_config *config)
{
    memset(state, 0, sizeof *state);
    state->config = *config;
}

void restart_started(struct restart_state *state, int64_t now_ns)
{
    (void)now_ns;
    state->phase = RESTART_RUNNING;
    state->ready_ns = 0;
    state->starts++;
}

void restart_ready(struct restart_state *state, int64_t now_ns)
{
    if (state->phase == RESTART_RUNNING)
        state->ready_ns = now_ns;
}

static int64_t backoff_ns(const struct restart_state *state)
{
    int64_t delay_ns = state->config.first_delay_ns;

    for (uint32_t i = 1; i < state->failures && delay_ns < state->config.delay_max_ns; i++)
        delay_ns *= 2;
    return delay_ns < state->config.delay_max_ns ? delay_ns : state->config.delay_max_ns;
}

void restart_ended(struct restart_state *state, int64_t now_ns)
{
    bool stable = state->ready_ns != 0 && now_ns - state->ready_ns >= state->config.stable_ns;

    state->ready_ns = 0;
    if (stable) {
        state->failures = 0;
        state->phase = RESTART_IDLE;
        return;
    }
    state->failures++;
    if (state->config.attempts_max != 0 && state->failures >= state->config.attempts_max) {
        state->phase = RESTART_GIVEN_UP;
        state->start_ns = state->config.revive_ns != 0 ? now_ns + state->config.revive_ns : INT64_MAX;
        return;
    }
    state->phase = RESTART_WAITING;
    state->start_ns = now_ns + backoff_ns(state);
}

void restart_reset(struct restart_state *state, int64_t now_ns)
{
    state->failures = 0;
    if (state->phase == RESTART_RUNNING)
        state->ready_ns = now_ns - state->config.stable_ns; // its end now is nobody's fault
    else
        state->phase = RESTART_IDLE;
}

bool restart_is_due(const struct restart_state *state, int64_t now_ns)
{
    return state->phase == RESTART_IDLE || (state->phase != RESTART_RUNNING && now_ns >= state->start_ns);
}

int64_t restart_deadline_ns(const struct restart_state *state)
{
    if (state->phase == RESTART_IDLE)
        return INT64_MIN;
    return state->phase == RESTART_RUNNING ? INT64_MAX : state->start_ns;
}
