// SPDX-License-Identifier: Apache-2.0
// Which segment is removed next. Pure. In this order: pre-roll that is older than its window, oldest first;
// then, while the folder holds too much or the file system has too little room, the oldest segment there is.
// Never one that is protected, and never the open one. Age is counted in recorded time and not by the clock,
// so that a clock that is set does not empty the folder.
#ifndef RECORD_RETENTION_H
#define RECORD_RETENTION_H

#include "archive/catalogue.h"

#define RETENTION_NONE SIZE_MAX

struct retention_config {
    uint64_t keep_bytes; // of all closed segments; 0 = any
    uint64_t free_bytes; // to stay free
    int64_t preroll_ns;
};

struct retention_now {
    uint64_t free_bytes;
    int64_t open_ns; // recorded time of the open segment
    uint64_t open_bytes;
};

// The index of the entry to remove, or RETENTION_NONE.
size_t retention_pick(const struct catalogue *catalogue, const struct retention_config *config,
                      const struct retention_now *now);

// Too little room although nothing may be removed any more: recording has to wait.
bool retention_is_starved(const struct catalogue *catalogue, const struct retention_config *config,
                          const struct retention_now *now);

// The bytes of all closed segments.
uint64_t retention_bytes(const struct catalogue *catalogue);

// Picks the segments that hold the last `span_ns` of pre-roll (all when 0), the open one among them; calls
// visit() for each, newest first.
void retention_visit_preroll(const struct catalogue *catalogue, int64_t open_ns, int64_t span_ns,
                             void (*visit)(struct catalogue_entry *entry, void *context), void *context);

#endif
