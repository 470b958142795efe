// SPDX-License-Identifier: Apache-2.0
#include "supervisor/switch_change.h"

#include <assert.h>

#ifndef NDEBUG

static void check_path(const struct switch_state *s, uint32_t path)
{
    const struct switch_path *p = &s->path[path];
    uint32_t orders = 0;

    for (uint32_t i = 0; i < s->config.slot_count; i++) {
        assert(s->frame[i].claims[path] <= SWITCH_CLAIMS_MAX);
        orders += s->frame[i].claims[path];
    }
    assert(orders == p->orders && p->stale_orders <= p->orders);
    assert((p->state == SWITCH_PATH_ACTIVE) == (path == s->active));
    assert(p->orders == 0 || p->state == SWITCH_PATH_STANDBY || p->state == SWITCH_PATH_ACTIVE ||
           p->state == SWITCH_PATH_DYING);
}

static void check_frames(const struct switch_state *s)
{
    uint32_t held = 0, unsettled = 0;

    for (uint32_t i = 0; i < s->config.slot_count; i++) {
        const struct switch_frame *frame = &s->frame[i];
        bool claimed = false;
        for (uint32_t path = 0; path < s->config.path_count; path++)
            claimed |= frame->claims[path] > 0;
        assert(frame->held ? !frame->settled || claimed : !claimed);
        held += frame->held;
        unsettled += frame->held && !frame->settled;
    }
    assert(held == s->held_count && unsettled == s->queue_count);
    for (uint32_t i = 0; i < s->queue_count; i++) {
        const struct switch_frame *frame = &s->frame[s->queue[(s->queue_head + i) % SWITCH_SLOTS_MAX]];
        const struct switch_frame *before =
            &s->frame[s->queue[(s->queue_head + i + SWITCH_SLOTS_MAX - 1) % SWITCH_SLOTS_MAX]];
        assert(frame->held && !frame->settled);
        assert(i == 0 ? !s->emitted_any || frame->sequence > s->last_emitted
                      : frame->sequence > before->sequence);
    }
}

void check_state(const struct switch_state *s)
{
    for (uint32_t i = 0; i < s->config.path_count; i++)
        check_path(s, i);
    check_frames(s);
}

#else

void check_state(const struct switch_state *s)
{
    (void)s;
}

#endif
