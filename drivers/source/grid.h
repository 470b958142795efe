// SPDX-License-Identifier: Apache-2.0
// The time grid of a paced source: which frame comes next and when. Pure: reads no clock, allocates nothing.
#ifndef SOURCE_GRID_H
#define SOURCE_GRID_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/source.h"

struct grid {
    struct castor_rational rate;
    uint64_t anchor_sequence;
    int64_t anchor_ns;
    uint64_t next; // the earliest tick, counted from the anchor, that is not yet taken
    bool anchored; // anchor_ns is known
    bool counting; // a tick was taken, so ticks that are skipped from now on are losses
};

// Starts from the config's anchor; without one, at the first grid_take().
void grid_init(struct grid *grid, struct castor_rational rate, const struct source_config *config);

// Takes the earliest tick that is not past at now_ns for `frame`: sets its sequence and capture time. Of the
// ticks that were passed over, *before_slot lie before slot_ns (no slot was there), the rest, *after_slot,
// are the work's own lateness. Both are 0 for the first tick.
void grid_take(struct grid *grid, int64_t now_ns, int64_t slot_ns, struct castor_frame *frame,
               uint64_t *before_slot, uint64_t *after_slot);

// The time of the earliest tick not yet taken; SOURCE_NO_DEADLINE while there is no anchor.
int64_t grid_next_ns(const struct grid *grid);

#endif
