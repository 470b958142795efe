// SPDX-License-Identifier: Apache-2.0
// Which access units did not reach which destination, over all egress processes of this run. What egress told
// is taken from it; what a dead egress had under way, and what was lost while there was none, is entered
// here. Contiguous losses are one gap, whoever told them. Pure; no clock, no I/O, no allocation.
#ifndef SUPERVISOR_GAPS_H
#define SUPERVISOR_GAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc/message.h"

#define GAPS_KEPT_MAX 32u    // of each destination, the newest
#define GAPS_UNITS_MAX 2048u // access units that are not settled; more than egress keeps undecided
// How often a gap that grows is written down anew.
#define GAPS_GROWTH_NS (INT64_C(5) * 1000000000)

struct gaps_sum {
    uint32_t frames[MESSAGE_GAP_CAUSES];
    uint32_t possible; // of them, may have arrived after all
};

struct gap {
    uint64_t number; // of all destinations, from 1 since castord started
    char destination[32];
    uint64_t first, last;      // sequences
    int64_t first_ns, last_ns; // capture times
    int64_t utc_offset_ns;     // when it began
    int64_t pts_offset_ns;
    struct gaps_sum sum;
    bool open; // may still grow

    struct gaps_sum before; // what was in it before egress' present range began
    uint64_t egress_number; // that range's, 0 = none
    bool changed;           // since it was noted
    int64_t noted_ns;
};

struct gaps_destination {
    char name[32];
    struct gap kept[GAPS_KEPT_MAX]; // a ring by `begun`, the newest last
    uint64_t begun;
    uint64_t frames;  // in gaps that are no longer kept
    uint64_t done;    // access units that are settled, counted as `units` is
    uint64_t settled; // sequence that egress told last, for this process
};

struct gaps {
    struct gaps_destination destination[MESSAGE_DESTINATIONS_MAX];
    uint32_t destination_count;
    struct gaps_unit {
        uint64_t sequence;
        int64_t capture_ns;
        bool lost;          // egress never got it
    } unit[GAPS_UNITS_MAX]; // a ring
    uint64_t units;         // entered, ever
    uint64_t numbers;       // given, ever
    int64_t utc_offset_ns;  // for gaps that begin
    int64_t pts_offset_ns;  // the same
    bool running;           // egress has been given something since it started
};

void gaps_init(struct gaps *gaps);

// There is a destination of this name at `index`; indices are given in order from 0, with which the list of
// destinations begins anew. Egress is not running.
void gaps_name(struct gaps *gaps, uint32_t index, const char *name);

// An access unit was handed to egress, or could not be.
void gaps_handed(struct gaps *gaps, uint64_t sequence, int64_t capture_ns);
void gaps_lost(struct gaps *gaps, uint64_t sequence, int64_t capture_ns);

// What egress tells. CASTOR_ERR_INVALID for what cannot be.
CASTOR_MUST_USE int gaps_take(struct gaps *gaps, const struct message_gap *told);
CASTOR_MUST_USE int gaps_arrived(struct gaps *gaps, const struct message_arrived *told);
// Its process has ended: what it had not settled may be lost.
void gaps_egress_ended(struct gaps *gaps);

// The newest gap of a destination; NULL when it had none.
const struct gap *gaps_newest(const struct gaps_destination *destination);
// Kept gap i of a destination, 0 the oldest; NULL beyond the newest.
const struct gap *gaps_at(const struct gaps_destination *destination, uint32_t i);
// Access units in all gaps of a destination.
uint64_t gaps_frames(const struct gaps_destination *destination);

// A gap that is to be written down (again); false when there is none. gaps_noted() when it was.
bool gaps_next_note(const struct gaps *gaps, int64_t now_ns, struct message_gap_note *out);
void gaps_noted(struct gaps *gaps, const struct message_gap_note *note, int64_t now_ns);
// Whoever writes them down began anew: all that are kept are told again.
void gaps_note_all(struct gaps *gaps);

#endif
