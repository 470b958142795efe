// SPDX-License-Identifier: Apache-2.0
// What one connection took and has not acknowledged yet. Sending an access unit succeeds as soon as the
// library has buffered it; a peer that dies without a word never gets it, and one whose network fails gets it
// too late. The ledger tells what became of each. Pure; no clock, no I/O.
#ifndef EGRESS_LEDGER_H
#define EGRESS_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/transport.h"

// More access units than are under way in the longest latency at the highest rate for which buffers are made;
// beyond, the oldest are taken for arrived.
#define LEDGER_UNITS_MAX 1024u

enum ledger_fate {
    LEDGER_ARRIVED = 1,
    LEDGER_LOST = 2, // thrown away as too late, or not acknowledged when the connection ended
    // Acknowledged, and perhaps never handed out all the same. Either so late, and with payloads repeated on
    // the way, that the receiver will have gone on without it, for a receiver acknowledges what it skips,
    // too. Or the receiver gave no sign of life after its time to be handed out had come. Or it came to be
    // overdue while the receiver was silent: what leaves the send buffer then was thrown away here, at the
    // receiver, or arrived, and the connection's counters cannot tell which.
    LEDGER_DOUBTFUL = 3,
};

struct ledger_unit {
    uint64_t first, end; // payloads of the connection, counted from 0; end is the first one after it
    uint64_t number;     // the caller's name for it
    int64_t capture_ns;  // where its time to arrive begins
    uint64_t repeats;    // of the connection, before it was sent
    bool lost, doubtful;
    bool overdue; // not acknowledged in its time, by a receiver that was silent
};

struct ledger {
    struct ledger_unit unit[LEDGER_UNITS_MAX]; // a ring
    uint32_t oldest, count;
    uint64_t dropped; // payloads thrown away as too late, seen so far
    uint64_t repeats; // payloads sent again or reported missing, seen so far
    uint64_t left;    // payloads that are no longer in the send buffer
    int64_t life_ns;  // when the receiver gave a sign of life, 0 = not looked at yet
    int64_t due_ns;   // what was captured before has been handed out, if the receiver got it
    bool closed;
    uint32_t rtt_us;    // the shortest seen, 0 = none yet
    int64_t repeats_ns; // when they rose last, 0 = never
};

// A connection begins.
void ledger_init(struct ledger *ledger);

// The connection took an access unit whole: its payloads `first` to before `end`.
void ledger_add(struct ledger *ledger, uint64_t first, uint64_t end, uint64_t number, int64_t capture_ns);

// The connection's counters as they are now; then ask ledger_next().
void ledger_settle(struct ledger *ledger, const struct transport_stats *stats, int64_t now_ns);

// The connection has ended with these counters: what is not acknowledged will never be.
void ledger_close(struct ledger *ledger, const struct transport_stats *stats, int64_t now_ns);

// The next access unit whose fate is known, oldest first; false when there is none.
bool ledger_next(struct ledger *ledger, uint64_t *number, enum ledger_fate *fate);

// True when payloads had to be repeated within the last second: it should be looked at often then, for when
// something was acknowledged is known only as exactly as that.
bool ledger_is_troubled(const struct ledger *ledger, int64_t now_ns);

#endif
