// SPDX-License-Identifier: Apache-2.0
// Which segments of a recording a gap lies in. Pure.
#ifndef EXPORT_PLAN_H
#define EXPORT_PLAN_H

#include "archive/catalogue.h"

#define PLAN_SEGMENTS_MAX 1024u

struct export_text {
    char text[480]; // what happened, why, what to do
};

struct export_request {
    uint64_t session;
    uint64_t first_sequence, last_sequence;
    uint64_t frames;       // that are missing between them
    int64_t pts_offset_ns; // PTS on air = capture time + this
};

struct export_plan {
    const struct catalogue_entry *segments[PLAN_SEGMENTS_MAX]; // in the order of the stream
    uint32_t count;
    // The one behind them, if there is one: sound comes later than its picture, so that the last of it may
    // lie there. NULL = none.
    const struct catalogue_entry *after;
};

// From the segment that holds the first missing frame, and with it the IDR before, to the one that holds the
// last. Errors: NOT_FOUND, with *why: it was not recorded, or not all of it.
CASTOR_MUST_USE int plan_make(const struct catalogue *catalogue, const struct export_request *request,
                              struct export_plan *out, struct export_text *why);

#endif
