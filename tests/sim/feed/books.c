// SPDX-License-Identifier: Apache-2.0
// The oracle's books: which slot is whose, what the slate owes, and what that allows.
#include "world.h"

#include <string.h>

void oracle_begin(struct world *w)
{
    memset(&w->oracle, 0, sizeof w->oracle);
    w->oracle.live_slot = w->oracle.tail_live_slot = w->oracle.shown_slot = FEED_NO_SLOT;
    w->oracle.tail_live_ns = w->origin_ns;
    w->oracle.live_ns = w->oracle.anchor_ns = w->oracle.tail_ns = w->origin_ns;
    w->oracle.able_since_ns = NEVER;
}

int64_t oracle_grid_ns(const struct world *w, uint64_t sequence)
{
    return w->oracle.anchor_ns + castor_frame_time_ns(w->config.rate, sequence - w->oracle.anchor);
}

int64_t oracle_late_max_ns(const struct world *w)
{
    int64_t least_ns = w->feed.budget_ns + 2 * w->interval_ns;

    return w->config.late_max_ns > least_ns ? w->config.late_max_ns : least_ns;
}

uint32_t oracle_slots_free(const struct world *w)
{
    uint32_t count = 0;

    for (uint32_t i = w->config.slate_first_slot; i < w->config.slot_count; i++)
        count += w->oracle.slot[i].place == PLACE_FREE;
    return count > w->oracle.owed_count ? count - w->oracle.owed_count : 0;
}

uint32_t oracle_repeats_free(const struct world *w)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < w->config.repeat_count && w->oracle.any; i++)
        count += !w->oracle.repeat[i].held;
    return count;
}

bool oracle_can_fill(const struct world *w)
{
    return w->config.enabled && (w->feed.slate_up ? oracle_slots_free(w) : oracle_repeats_free(w)) > 0;
}

// ---- what is told to the feed ----

void oracle_live(struct world *w, const struct picture *picture)
{
    struct oracle *o = &w->oracle;

    o->now = picture;
    o->freed = false;
    bool rises = !o->tail_any || (picture->sequence > o->tail && picture->capture_ns > o->tail_ns);
    bool too_soon = o->tail_slate && !o->left_out && oracle_can_fill(w) &&
                    picture->capture_ns - o->tail_ns < w->interval_ns / 2;
    o->must_take = rises && !too_soon;
    o->left_out |= rises && too_soon;
    o->refused += !o->must_take;
    o->refused_run = o->must_take ? 0 : o->refused_run + 1;
    o->slot[picture->slot] = (struct slot){.place = PLACE_FILLED,
                                           .sequence = picture->sequence,
                                           .capture_ns = picture->capture_ns,
                                           .until_ns = w->now_ns + w->config.answer_ns};
}

void oracle_drawn(struct world *w, const struct picture *picture)
{
    struct oracle *o = &w->oracle;

    o->slot[picture->slot] = (struct slot){.place = PLACE_FILLED,
                                           .sequence = picture->sequence,
                                           .capture_ns = o->owed[0].capture_ns,
                                           .until_ns = NEVER};
    if (!o->owed[0].waited_for)
        o->slot[picture->slot].place = PLACE_RELEASED;
    memmove(&o->owed[0], &o->owed[1], --o->owed_count * sizeof o->owed[0]);
}

void oracle_released(struct world *w, uint32_t slot)
{
    struct oracle *o = &w->oracle;
    uint32_t memory = slot;

    if (slot >= w->config.slot_count) {
        memory = o->repeat[slot - w->config.slot_count].of;
        o->repeat[slot - w->config.slot_count].held = false;
    } else {
        o->slot[slot].held = false;
    }
    if (--o->slot[memory].uses == 0)
        o->slot[memory].place =
            memory == o->live_slot || memory == o->shown_slot ? PLACE_KEPT : PLACE_RELEASED;
}

// Nothing that it owes will come in time: it is to be repeated.
void oracle_leave_owed(struct oracle *o)
{
    for (uint32_t i = 0; i < o->owed_count; i++) {
        if (o->owed[i].waited_for)
            o->left[o->left_count++] = o->owed[i];
        o->owed[i].waited_for = false;
    }
}

void oracle_slate_gone(struct world *w)
{
    oracle_leave_owed(&w->oracle);
    w->oracle.owed_count = 0;
    w->oracle.killed = false;
}
