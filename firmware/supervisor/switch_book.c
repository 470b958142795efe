// SPDX-License-Identifier: Apache-2.0
#include "supervisor/switch_book.h"

#include <assert.h>
#include <stddef.h>

_Static_assert(2 * (3 * SWITCH_SLOTS_MAX + 3 * SWITCH_PATHS_MAX + 4) <= SWITCH_ORDERS_MAX,
               "the orders of one event fit, and those of two whose caller was careless");

void book_order(struct switch_state *state, const struct switch_order *order)
{
    assert(state->order_count < SWITCH_ORDERS_MAX);
    state->order[(state->order_head + state->order_count++) % SWITCH_ORDERS_MAX] = *order;
}

bool switch_next_order(struct switch_state *state, struct switch_order *out)
{
    if (state->order_count == 0)
        return false;
    *out = state->order[state->order_head];
    state->order_head = (state->order_head + 1) % SWITCH_ORDERS_MAX;
    state->order_count--;
    return true;
}

struct switch_frame *book_unsettled(struct switch_state *state, uint32_t i)
{
    return &state->frame[state->queue[(state->queue_head + i) % SWITCH_SLOTS_MAX]];
}

struct switch_frame *book_next(struct switch_state *state)
{
    return state->queue_count > 0 ? book_unsettled(state, 0) : NULL;
}

uint32_t book_slot(const struct switch_state *state, const struct switch_frame *frame)
{
    return (uint32_t)(frame - state->frame);
}

struct switch_frame *book_find(struct switch_state *state, uint64_t sequence)
{
    for (uint32_t i = 0; i < state->config.slot_count; i++)
        if (state->frame[i].held && state->frame[i].sequence == sequence)
            return &state->frame[i];
    return NULL;
}

bool book_is_claimed(const struct switch_frame *frame)
{
    for (uint32_t i = 0; i < SWITCH_PATHS_MAX; i++)
        if (frame->claims[i] != 0)
            return true;
    return false;
}

static void release_if_done(struct switch_state *state, struct switch_frame *frame)
{
    if (!frame->held || !frame->settled || book_is_claimed(frame))
        return;
    book_order(state, &(struct switch_order){.kind = SWITCH_ORDER_RELEASE,
                                             .sequence = frame->sequence,
                                             .slot = book_slot(state, frame)});
    frame->held = false;
    state->held_count--;
}

void book_enter(struct switch_state *state, uint64_t sequence, int64_t capture_ns, uint32_t slot)
{
    state->frame[slot] = (struct switch_frame){.held = true, .sequence = sequence, .capture_ns = capture_ns};
    state->queue[(state->queue_head + state->queue_count++) % SWITCH_SLOTS_MAX] = slot;
    state->held_count++;
    state->captured_any = true;
    state->last_captured = sequence;
}

void book_settle(struct switch_state *state, uint32_t i)
{
    struct switch_frame *frame = book_unsettled(state, i);

    assert(i < state->queue_count);
    frame->settled = true;
    for (; i > 0; i--)
        state->queue[(state->queue_head + i) % SWITCH_SLOTS_MAX] =
            state->queue[(state->queue_head + i - 1) % SWITCH_SLOTS_MAX];
    state->queue_head = (state->queue_head + 1) % SWITCH_SLOTS_MAX;
    state->queue_count--;
    release_if_done(state, frame);
}

bool book_can_replay(const struct switch_state *state, uint32_t path)
{
    for (uint32_t i = 0; i < state->queue_count; i++)
        if (state->frame[state->queue[(state->queue_head + i) % SWITCH_SLOTS_MAX]].claims[path] >=
            SWITCH_CLAIMS_MAX)
            return false;
    return true;
}

void book_encode(struct switch_state *state, int64_t now_ns, uint32_t path, struct switch_frame *frame,
                 bool idr, bool canary)
{
    struct switch_path *p = &state->path[path];

    assert(frame->held && frame->claims[path] < SWITCH_CLAIMS_MAX);
    frame->claims[path]++;
    if (p->orders++ == 0)
        p->oldest_order_ns = now_ns;
    book_order(state, &(struct switch_order){.kind = SWITCH_ORDER_ENCODE,
                                             .path = path,
                                             .sequence = frame->sequence,
                                             .capture_ns = frame->capture_ns,
                                             .slot = book_slot(state, frame),
                                             .epoch = state->epoch,
                                             .idr = idr,
                                             .canary = canary});
}

void book_raise_epoch(struct switch_state *state)
{
    state->epoch++;
    for (uint32_t i = 0; i < state->config.path_count; i++)
        state->path[i].stale_orders = state->path[i].orders;
}

bool book_answered(struct switch_state *state, int64_t now_ns, uint32_t path, struct switch_frame *frame,
                   uint32_t epoch)
{
    struct switch_path *p = &state->path[path];
    bool stale = epoch != state->epoch;

    if (!frame || frame->claims[path] == 0 || epoch > state->epoch)
        return false;
    if (stale ? p->stale_orders == 0 : p->orders == p->stale_orders)
        return false;
    frame->claims[path]--;
    p->orders--;
    p->stale_orders -= stale;
    p->oldest_order_ns = p->orders > 0 ? now_ns : 0;
    release_if_done(state, frame);
    return true;
}

bool book_passed_over(const struct switch_state *state, uint32_t path, uint64_t sequence)
{
    if (state->path[path].orders == 0)
        return false;
    if (state->path[path].stale_orders > 0)
        return true;
    for (uint32_t i = 0; i < state->config.slot_count; i++)
        if (state->frame[i].held && state->frame[i].claims[path] > 0 && state->frame[i].sequence < sequence)
            return true;
    return false;
}

void book_forget_path(struct switch_state *state, uint32_t path)
{
    for (uint32_t i = 0; i < state->config.slot_count; i++) {
        state->frame[i].claims[path] = 0;
        release_if_done(state, &state->frame[i]);
    }
    state->path[path] = (struct switch_path){.state = state->path[path].state};
}

void book_note_drop(struct switch_path *path, bool dropped)
{
    uint64_t *word = &path->window[path->window_next / 64];
    uint64_t bit = UINT64_C(1) << path->window_next % 64;

    path->window_drops += dropped;
    path->window_drops -= (*word & bit) != 0;
    *word = dropped ? *word | bit : *word & ~bit;
    path->window_next = (path->window_next + 1) % SWITCH_DROP_WINDOW;
}
