// SPDX-License-Identifier: Apache-2.0
#include "egress/reconnect.h"

#include <string.h>

#include "hal/time.h"

#define FAILURES_COUNTED_MAX 30u

static const struct bounds {
    int64_t first_ms, longest_ms;
} bounds[TRANSPORT_REASONS] = {
    [TRANSPORT_REASON_NONE] = {200, 5000},
    // The peer must be told something else first, by people.
    [TRANSPORT_REASON_PASSPHRASE] = {5000, 30000},
    [TRANSPORT_REASON_REFUSED] = {1000, 15000},
    // The attempt itself takes seconds, during which the handshake is repeated.
    [TRANSPORT_REASON_UNREACHABLE] = {100, 5000},
    [TRANSPORT_REASON_NAME] = {1000, 15000},
    [TRANSPORT_REASON_VERSION] = {5000, 60000},
    [TRANSPORT_REASON_LOST] = {50, 3000},
    [TRANSPORT_REASON_LOCAL] = {500, 10000},
};

// splitmix64: one addition and three mixes, good enough to spread waits, and the same from every seed.
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void reconnect_bounds(enum transport_reason reason, int64_t *first_ns, int64_t *longest_ns)
{
    const struct bounds *b = &bounds[reason < TRANSPORT_REASONS ? reason : TRANSPORT_REASON_NONE];

    *first_ns = b->first_ms * CASTOR_NS_PER_MS;
    *longest_ns = b->longest_ms * CASTOR_NS_PER_MS;
}

static int64_t wait_ns(struct reconnect *reconnect)
{
    int64_t first_ns, longest_ns, wait;
    uint32_t doublings = reconnect->failures > 0 ? reconnect->failures - 1 : 0;

    reconnect_bounds(reconnect->reason, &first_ns, &longest_ns);
    wait = first_ns;
    while (doublings-- > 0 && wait < longest_ns)
        wait *= 2;
    if (wait > longest_ns)
        wait = longest_ns;
    // From three quarters to five quarters of it.
    wait = wait * 3 / 4 + (int64_t)(next_random(&reconnect->random) % (uint64_t)(wait / 2 + 1));
    return wait < longest_ns ? wait : longest_ns;
}

void reconnect_init(struct reconnect *reconnect, uint64_t seed)
{
    memset(reconnect, 0, sizeof *reconnect);
    reconnect->random = seed;
}

static bool is_open(const struct reconnect *reconnect)
{
    return reconnect->state >= RECONNECT_RESOLVING && reconnect->state <= RECONNECT_CONNECTED;
}

unsigned reconnect_start(struct reconnect *reconnect, int64_t now_ns)
{
    (void)now_ns;
    if (reconnect->state != RECONNECT_IDLE)
        return 0;
    reconnect->state = RECONNECT_RESOLVING;
    return RECONNECT_OPEN | RECONNECT_REPORT;
}

static enum reconnect_state state_for(enum transport_state state)
{
    switch (state) {
    case TRANSPORT_RESOLVING:
        return RECONNECT_RESOLVING;
    case TRANSPORT_CONNECTING:
        return RECONNECT_CONNECTING;
    case TRANSPORT_LISTENING:
        return RECONNECT_LISTENING;
    case TRANSPORT_CONNECTED:
        return RECONNECT_CONNECTED;
    case TRANSPORT_FAILED:
        break;
    }
    return RECONNECT_IDLE;
}

unsigned reconnect_progress(struct reconnect *reconnect, enum transport_state state, int64_t now_ns)
{
    enum reconnect_state next = state_for(state);

    // A connection only goes forward.
    if (!is_open(reconnect) || next <= reconnect->state)
        return 0;
    reconnect->state = next;
    if (next == RECONNECT_CONNECTED || next == RECONNECT_LISTENING)
        reconnect->connected_ns = now_ns;
    if (next == RECONNECT_CONNECTED)
        reconnect->connections++;
    return RECONNECT_REPORT;
}

unsigned reconnect_failed(struct reconnect *reconnect, enum transport_reason reason, int64_t now_ns)
{
    if (!is_open(reconnect))
        return 0;
    if ((reconnect->state == RECONNECT_CONNECTED || reconnect->state == RECONNECT_LISTENING) &&
        now_ns - reconnect->connected_ns >= RECONNECT_STABLE_NS)
        reconnect->failures = 0;
    if (reconnect->failures < FAILURES_COUNTED_MAX)
        reconnect->failures++;
    reconnect->reason = reason;
    reconnect->state = RECONNECT_BACKOFF;
    reconnect->retry_ns = now_ns + wait_ns(reconnect);
    return RECONNECT_CLOSE | RECONNECT_REPORT;
}

unsigned reconnect_tick(struct reconnect *reconnect, int64_t now_ns)
{
    if (reconnect->state != RECONNECT_BACKOFF || now_ns < reconnect->retry_ns)
        return 0;
    reconnect->state = RECONNECT_RESOLVING;
    return RECONNECT_OPEN | RECONNECT_REPORT;
}

unsigned reconnect_stop(struct reconnect *reconnect)
{
    unsigned orders = is_open(reconnect) ? RECONNECT_CLOSE | RECONNECT_REPORT : RECONNECT_REPORT;

    if (reconnect->state == RECONNECT_STOPPED)
        return 0;
    reconnect->state = RECONNECT_STOPPED;
    return orders;
}

unsigned reconnect_give_up(struct reconnect *reconnect, enum transport_reason reason)
{
    unsigned orders = reconnect_stop(reconnect);

    reconnect->reason = reason;
    return orders;
}
