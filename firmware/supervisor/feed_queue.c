// SPDX-License-Identifier: Apache-2.0
#include "supervisor/feed_queue.h"

#include <assert.h>

_Static_assert(FEED_QUEUE_MAX >= 2 * FEED_SLOTS_MAX,
               "every frame in the queue has a slot, or is owed by the slate");
_Static_assert(FEED_ORDERS_MAX >= 2 * FEED_QUEUE_MAX + FEED_SLOTS_MAX, "the orders of one event fit");

void feed_order(struct feed_state *f, const struct feed_order *order)
{
    assert(f->order_count < FEED_ORDERS_MAX);
    f->order[(f->order_head + f->order_count++) % FEED_ORDERS_MAX] = *order;
}

bool feed_next_order(struct feed_state *f, struct feed_order *out)
{
    if (f->order_count == 0)
        return false;
    *out = f->order[f->order_head];
    f->order_head = (f->order_head + 1) % FEED_ORDERS_MAX;
    f->order_count--;
    return true;
}

static struct feed_entry *entry_at(struct feed_state *f, uint32_t i)
{
    return &f->queue[(f->queue_head + i) % FEED_QUEUE_MAX];
}

static const struct feed_entry *entry_in(const struct feed_state *f, uint32_t i)
{
    return &f->queue[(f->queue_head + i) % FEED_QUEUE_MAX];
}

uint32_t feed_slots_free(const struct feed_state *f)
{
    uint32_t count = 0;

    for (uint32_t i = f->config.slate_first_slot; i < f->config.slot_count; i++)
        count += f->slot_sequence[i] == FEED_SLOT_FREE;
    return count > f->drawing_count ? count - f->drawing_count : 0;
}

uint32_t feed_repeats_free(const struct feed_state *f)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < f->config.repeat_count && f->shown_slot != FEED_NO_SLOT; i++)
        count += f->repeat_of[i] == FEED_NO_SLOT;
    return count;
}

uint32_t feed_memory_slot(const struct feed_state *f, uint32_t slot)
{
    return slot < f->config.slot_count ? slot : f->repeat_of[slot - f->config.slot_count];
}

void feed_free(struct feed_state *f, uint32_t slot)
{
    feed_order(
        f, &(struct feed_order){.kind = FEED_ORDER_FREE, .sequence = f->slot_sequence[slot], .slot = slot});
    f->slot_sequence[slot] = FEED_SLOT_FREE;
}

void feed_take_in(struct feed_state *f, const struct feed_entry *entry)
{
    assert(f->queue_count < FEED_QUEUE_MAX);
    f->queue[(f->queue_head + f->queue_count++) % FEED_QUEUE_MAX] = *entry;
    f->started = true;
    f->last_sequence = entry->sequence;
    f->last_ns = entry->capture_ns;
    f->last_is_slate = !entry->live;
    if (entry->live) {
        f->left_out = false;
        f->last_live_slot = entry->slot;
        f->last_live_ns = entry->capture_ns;
    }
    if (entry->filled)
        f->slot_sequence[entry->slot] = entry->sequence;
}

// The last picture is that of the newest live frame, also while that still waits for frames before it. Its
// slot stays until this one is drawn, because the next live frame waits for that.
void feed_draw(struct feed_state *f, int64_t now_ns, uint64_t sequence, int64_t capture_ns)
{
    feed_take_in(f, &(struct feed_entry){.sequence = sequence, .capture_ns = capture_ns});
    f->drawing[(f->drawing_head + f->drawing_count++) % FEED_QUEUE_MAX] =
        (struct feed_drawing){.sequence = sequence, .ordered_ns = now_ns};
    feed_order(f, &(struct feed_order){.kind = FEED_ORDER_DRAW,
                                       .sequence = sequence,
                                       .capture_ns = capture_ns,
                                       .last_slot = f->last_live_slot,
                                       .lost_since_ns = f->last_live_ns});
}

// ---- giving ----

// Single frames that capture passed over are followed by a live one already.
static enum feed_cause cause_of(const struct feed_state *f)
{
    if (!f->source_up)
        return FEED_CAUSE_ENDED;
    if (f->no_signal)
        return FEED_CAUSE_NO_SIGNAL;
    if (!f->lived)
        return FEED_CAUSE_START;
    for (uint32_t i = 0; i < f->queue_count; i++)
        if (entry_in(f, i)->live)
            return FEED_CAUSE_SKIPPED;
    return FEED_CAUSE_SILENT;
}

static void note_slate(struct feed_state *f, const struct feed_entry *entry)
{
    enum feed_cause cause = cause_of(f);

    f->frames++;
    f->loss_frames++;
    if (cause > f->cause)
        f->cause = cause;
    if (!f->lost) {
        f->lost = true;
        f->times++;
        feed_order(f, &(struct feed_order){.kind = FEED_ORDER_LOST,
                                           .sequence = entry->sequence,
                                           .capture_ns = entry->capture_ns,
                                           .cause = f->cause});
    }
    if (!f->shown && entry->capture_ns - f->live_ns >= f->config.hold_ns) {
        f->shown = true;
        feed_order(f, &(struct feed_order){.kind = FEED_ORDER_SHOWN});
    }
}

static void note_live(struct feed_state *f, const struct feed_entry *entry)
{
    if (f->lost)
        feed_order(f, &(struct feed_order){.kind = FEED_ORDER_LIVE,
                                           .sequence = entry->sequence,
                                           .capture_ns = entry->capture_ns,
                                           .lost_since_ns = f->live_ns,
                                           .cause = f->cause,
                                           .frames = f->loss_frames});
    f->lived = true;
    f->lost = f->shown = false;
    f->cause = FEED_CAUSE_NONE;
    f->loss_frames = 0;
    f->live_ns = entry->capture_ns;
}

static void free_unused(struct feed_state *f, uint32_t slot)
{
    if (slot != FEED_NO_SLOT && f->slot_sequence[slot] != FEED_SLOT_FREE && f->slot_uses[slot] == 0 &&
        slot != f->kept_slot && slot != f->shown_slot)
        feed_free(f, slot);
}

void feed_let_go(struct feed_state *f, uint32_t slot)
{
    const uint32_t memory = feed_memory_slot(f, slot);

    assert(memory < f->config.slot_count && f->slot_uses[memory] > 0);
    if (slot != memory)
        f->repeat_of[slot - f->config.slot_count] = FEED_NO_SLOT;
    f->slot_uses[memory]--;
    free_unused(f, memory);
}

static void give(struct feed_state *f, const struct feed_entry *entry)
{
    const uint32_t kept = f->kept_slot, shown = f->shown_slot;

    f->shown_slot = feed_memory_slot(f, entry->slot);
    f->slot_uses[f->shown_slot]++;
    feed_order(f, &(struct feed_order){.kind = FEED_ORDER_GIVE,
                                       .sequence = entry->sequence,
                                       .capture_ns = entry->capture_ns,
                                       .slot = entry->slot,
                                       .slate = !entry->live});
    if (entry->live) {
        note_live(f, entry);
        f->kept_slot = f->shown_slot;
    } else {
        note_slate(f, entry);
    }
    free_unused(f, shown);
    free_unused(f, kept);
}

static bool repeat(struct feed_state *f, struct feed_entry *entry)
{
    uint32_t i = 0;

    if (feed_repeats_free(f) == 0)
        return false;
    while (f->repeat_of[i] != FEED_NO_SLOT)
        i++;
    f->repeat_of[i] = f->shown_slot;
    entry->slot = f->config.slot_count + i;
    f->repeated++;
    give(f, entry);
    return true;
}

static struct feed_entry pop(struct feed_state *f)
{
    struct feed_entry entry = *entry_at(f, 0);

    f->queue_head = (f->queue_head + 1) % FEED_QUEUE_MAX;
    f->queue_count--;
    return entry;
}

void feed_flush(struct feed_state *f)
{
    while (f->queue_count > 0 && entry_at(f, 0)->filled) {
        struct feed_entry entry = pop(f);
        give(f, &entry);
    }
}

void feed_repeat(struct feed_state *f, uint64_t sequence, int64_t capture_ns)
{
    assert(f->queue_count == 0);
    feed_take_in(f, &(struct feed_entry){.sequence = sequence, .capture_ns = capture_ns});
    feed_bridge(f);
}

void feed_bridge(struct feed_state *f)
{
    for (uint32_t i = 0, count = f->queue_count; i < count; i++) {
        struct feed_entry entry = pop(f);
        if (entry.filled)
            give(f, &entry);
        else if (!repeat(f, &entry))
            f->undrawn++;
    }
}

void feed_drawn(struct feed_state *f, uint32_t slot)
{
    const uint64_t sequence = f->drawing[f->drawing_head].sequence;

    assert(f->drawing_count > 0);
    f->drawing_head = (f->drawing_head + 1) % FEED_QUEUE_MAX;
    f->drawing_count--;
    f->slot_sequence[slot] = sequence;
    for (uint32_t i = 0; i < f->queue_count; i++) {
        struct feed_entry *entry = entry_at(f, i);
        if (entry->sequence != sequence)
            continue;
        entry->filled = true;
        entry->slot = slot;
        feed_flush(f);
        return;
    }
    feed_free(f, slot); // it was given up meanwhile
}
