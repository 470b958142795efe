// SPDX-License-Identifier: Apache-2.0
// When to try a destination again: a pure state machine. Events and the present time come in, orders come
// out; it reads no clock, does no I/O and allocates nothing.
//
//   IDLE --start--> RESOLVING/CONNECTING/LISTENING --progress--> CONNECTED
//                       ^        |                                  |
//                    tick     failed(reason)                   failed(LOST)
//                       |        v                                  |
//                     BACKOFF <-----------------------------------+     any --stop, give_up--> STOPPED
//
// The wait after a failure doubles with every failure in a row, between bounds that depend on the reason: a
// peer that was just lost is tried at once, one that rejects our passphrase is not bothered every second.
// It is varied by up to a quarter either way, so that boxes that failed together do not call together.
#ifndef EGRESS_RECONNECT_H
#define EGRESS_RECONNECT_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/transport.h"

enum reconnect_state {
    RECONNECT_IDLE = 0,
    RECONNECT_RESOLVING,
    RECONNECT_CONNECTING,
    RECONNECT_LISTENING,
    RECONNECT_CONNECTED,
    RECONNECT_BACKOFF,
    RECONNECT_STOPPED,
};

// What the caller has to do, several at once, in this order.
enum reconnect_order {
    RECONNECT_CLOSE = 1u << 0,  // close the connection
    RECONNECT_OPEN = 1u << 1,   // open a new one, and report how it goes
    RECONNECT_REPORT = 1u << 2, // state or reason changed: tell the supervisor
};

struct reconnect {
    enum reconnect_state state;
    enum transport_reason reason; // of the last failure
    uint32_t connections;         // made so far
    uint32_t failures;            // in a row; forgotten once a connection has proved itself
    int64_t connected_ns;         // when the present connection was made
    int64_t retry_ns;             // in BACKOFF: when to try again
    uint64_t random;              // state of the generator
};

// A connection that held this long was a good one: the next failure starts with the shortest wait again.
#define RECONNECT_STABLE_NS (5 * INT64_C(1000000000))

void reconnect_init(struct reconnect *reconnect, uint64_t seed);

// All return a mask of enum reconnect_order. Events that do not fit the state are ignored (0).
unsigned reconnect_start(struct reconnect *reconnect, int64_t now_ns);
// What the connection says about itself: any state but TRANSPORT_FAILED.
unsigned reconnect_progress(struct reconnect *reconnect, enum transport_state state, int64_t now_ns);
// The connection failed, or could not be opened at all.
unsigned reconnect_failed(struct reconnect *reconnect, enum transport_reason reason, int64_t now_ns);
unsigned reconnect_tick(struct reconnect *reconnect, int64_t now_ns);
unsigned reconnect_stop(struct reconnect *reconnect);
// Trying again is useless until the configuration changes.
unsigned reconnect_give_up(struct reconnect *reconnect, enum transport_reason reason);

// The bounds of the wait after a failure for `reason`.
void reconnect_bounds(enum transport_reason reason, int64_t *first_ns, int64_t *longest_ns);

#endif
