// SPDX-License-Identifier: Apache-2.0
#include "grid.h"

void grid_init(struct grid *grid, struct castor_rational rate, const struct source_config *config)
{
    *grid = (struct grid){.rate = rate,
                          .anchor_sequence = config->anchor_sequence,
                          .anchor_ns = config->anchor_ns,
                          .anchored = config->anchor_ns != 0,
                          .next = config->anchor_ns != 0};
}

static int64_t tick_ns(const struct grid *grid, uint64_t tick)
{
    return grid->anchor_ns + castor_frame_time_ns(grid->rate, tick);
}

// The earliest tick from `next` on that is not before now_ns.
static uint64_t tick_from(const struct grid *grid, int64_t now_ns)
{
    uint64_t tick = grid->next;

    if (now_ns <= tick_ns(grid, tick))
        return tick;
    tick = (uint64_t)((castor_uint128)(now_ns - grid->anchor_ns) * grid->rate.num /
                      ((castor_uint128)grid->rate.den * CASTOR_NS_PER_S));
    while (tick_ns(grid, tick) < now_ns)
        tick++;
    return tick > grid->next ? tick : grid->next;
}

void grid_take(struct grid *grid, int64_t now_ns, int64_t slot_ns, struct castor_frame *frame,
               uint64_t *before_slot, uint64_t *after_slot)
{
    uint64_t tick, first_with_slot;

    if (!grid->anchored) {
        grid->anchor_ns = now_ns;
        grid->anchored = true;
    }
    tick = tick_from(grid, now_ns);
    first_with_slot = tick_from(grid, slot_ns);
    if (first_with_slot > tick)
        first_with_slot = tick;
    *before_slot = grid->counting ? first_with_slot - grid->next : 0;
    *after_slot = grid->counting ? tick - first_with_slot : 0;
    frame->sequence = grid->anchor_sequence + tick;
    frame->capture_ns = tick_ns(grid, tick);
    grid->next = tick + 1;
    grid->counting = true;
}

int64_t grid_next_ns(const struct grid *grid)
{
    return grid->anchored ? tick_ns(grid, grid->next) : SOURCE_NO_DEADLINE;
}
