// SPDX-License-Identifier: Apache-2.0
// The gaps that a running box tells and those that its recording folder remembers, as one list; and what of
// them was recorded. Pure.
#ifndef CASTORCTL_GAPS_LIST_H
#define CASTORCTL_GAPS_LIST_H

#include <jansson.h>

#include "archive/catalogue.h"
#include "archive/journal.h"

#define GAPS_NAME_BYTES 40
#define GAPS_TIME_BYTES 32

enum gaps_recorded {
    GAPS_RECORDED_UNKNOWN = 0, // there is no recording to look at
    GAPS_RECORDED_NO,
    GAPS_RECORDED_PARTLY,
    GAPS_RECORDED_WHOLLY,
    GAPS_RECORDED_COUNT,
};

struct gaps_list {
    struct journal gaps;
    uint64_t session; // of the running box; 0 = none is running
};

// Adds what the box answered to the command "gaps" to what was read of its journal: what it says counts.
// Sorted by time then. Errors: INVALID an answer that cannot be; NO_MEMORY.
CASTOR_MUST_USE int gaps_list_add(struct gaps_list *list, json_t *answer);
void gaps_list_sort(struct gaps_list *list);

// What a gap is called: its number, and before it the run of castord that it belongs to unless that is the
// running one.
void gaps_name(const struct gaps_list *list, const struct journal_gap *gap, char out[GAPS_NAME_BYTES]);
// NULL when there is none of that name.
const struct journal_gap *gaps_find(const struct gaps_list *list, const char *name);

uint64_t gaps_frames(const struct journal_gap *gap);
enum gaps_recorded gaps_recorded(const struct catalogue *catalogue, const struct journal_gap *gap);
const char *gaps_recorded_name(enum gaps_recorded recorded);

// "2026-03-01T12:00:00.123Z"
void gaps_time(int64_t utc_ns, char out[GAPS_TIME_BYTES]);
// "90s", "10m", "2h", "3d" before now, or a time as above. CASTOR_ERR_INVALID.
CASTOR_MUST_USE int gaps_since(const char *text, int64_t now_utc_ns, int64_t *utc_ns);

// One gap for machines, a new reference.
json_t *gaps_json(const struct gaps_list *list, const struct journal_gap *gap, enum gaps_recorded recorded);

#endif
