// SPDX-License-Identifier: Apache-2.0
// Which access units did not reach a destination, as ranges. Every access unit is entered once, when it was
// sent or left out; what became of those that were sent is known later, and not in their order. The book
// waits for that and yields the ranges in the order of the stream. Pure; no clock, no I/O.
#ifndef EGRESS_GAP_BOOK_H
#define EGRESS_GAP_BOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "egress/ledger.h"
#include "ipc/message_gap.h"

// More than can be undecided; beyond, the oldest are taken for arrived, as the ledger does.
#define GAP_BOOK_UNITS_MAX LEDGER_UNITS_MAX
// Ranges that are complete and not told yet. When there are more, the newest are told as one, which then
// spans frames that arrived: its frames are fewer than it spans.
#define GAP_BOOK_GAPS_MAX 8u
// How often a range that grows is told again.
#define GAP_BOOK_GROWTH_NS (INT64_C(1) * 1000000000)

struct gap_book {
    struct gap_unit {
        uint64_t sequence;
        int64_t capture_ns;
        uint32_t holders; // receivers that took it and have not been decided
        bool decided, lost, doubtful;
        uint8_t cause;          // enum message_gap_cause, when lost
    } unit[GAP_BOOK_UNITS_MAX]; // a ring
    uint64_t oldest, end;       // numbers of access units, counted from 0

    struct message_gap gap[GAP_BOOK_GAPS_MAX]; // oldest first
    uint32_t gap_count;
    bool open;           // the newest of them may still grow
    bool changed;        // and has done so since it was told
    int64_t told_ns;     // when that was
    uint64_t gap_number; // of the newest
    uint64_t settled;    // sequence up to which all is decided and stands in `gap` or was told
    bool any_settled, settled_changed;
};

// Forgets everything.
void gap_book_init(struct gap_book *book);

// An access unit that nobody took. Cause: enum message_gap_cause.
void gap_book_lose(struct gap_book *book, uint64_t sequence, int64_t capture_ns, uint32_t cause);
// An access unit that `receivers` receivers took, at least one; returns its number.
uint64_t gap_book_send(struct gap_book *book, uint64_t sequence, int64_t capture_ns, uint32_t receivers);

// What became of access unit `number` at one of its receivers. The destination has it when one has it.
// Returns true when it is certain with this that it is lost: unacknowledged by all.
bool gap_book_decide(struct gap_book *book, uint64_t number, enum ledger_fate fate);

// What is to be told: false when nothing is, or nothing yet. gap_book_told() when it was.
bool gap_book_next(const struct gap_book *book, int64_t now_ns, struct message_gap *out);
void gap_book_told(struct gap_book *book, int64_t now_ns);
// The same for what has arrived: only when no gap is left to tell.
bool gap_book_next_arrived(const struct gap_book *book, int64_t now_ns, struct message_arrived *out);
void gap_book_told_arrived(struct gap_book *book);

#endif
