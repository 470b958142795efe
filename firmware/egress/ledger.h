// SPDX-License-Identifier: Apache-2.0
// What one connection took and has not acknowledged yet. Sending an access unit succeeds as soon as the
// library has buffered it; a peer that dies without a word never gets it, and one whose network fails gets it
// too late. The ledger tells how many such access units there were. Pure; no clock, no I/O.
#ifndef EGRESS_LEDGER_H
#define EGRESS_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/transport.h"

// More access units than are under way in the longest latency at the highest rate for which buffers are made;
// beyond, the oldest are taken for arrived.
#define LEDGER_UNITS_MAX 1024u

struct ledger {
    struct ledger_unit {
        uint64_t first, end;  // payloads of the connection, counted from 0; end is the first one after it
        bool lost;            // counted already
    } unit[LEDGER_UNITS_MAX]; // a ring
    uint32_t oldest, count;
    uint64_t dropped; // payloads thrown away as too late, seen so far
};

// A connection begins.
void ledger_init(struct ledger *ledger);

// The connection took an access unit whole: its payloads `first` to before `end`.
void ledger_add(struct ledger *ledger, uint64_t first, uint64_t end);

// The connection's counters as they are now. Returns how many access units are newly known not to have
// arrived.
unsigned ledger_settle(struct ledger *ledger, const struct transport_stats *stats);

// The connection has ended with these counters: what is not acknowledged will never be. Returns as above;
// empty then.
unsigned ledger_close(struct ledger *ledger, const struct transport_stats *stats);

#endif
