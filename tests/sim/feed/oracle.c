// SPDX-License-Identifier: Apache-2.0
// What every order is judged by.
#include "world.h"

#include <stdlib.h>
#include <string.h>

// ---- orders ----

static void give_live(struct world *w, const struct feed_order *order)
{
    struct oracle *o = &w->oracle;

    o->first_live = o->lost;
    o->lived = true;
    o->live = order->sequence;
    o->live_ns = order->capture_ns;
    o->live_slot = order->slot;
    totals.live++;
}

static void give_slate(struct world *w, const struct feed_order *order)
{
    struct oracle *o = &w->oracle;

    o->frames++;
    o->loss_frames++;
    o->first_lost = !o->lost;
    o->times += !o->lost;
    o->lost = true;
    if (!o->shown && order->capture_ns - o->live_ns >= w->config.hold_ns)
        o->shown = o->first_shown = true;
    totals.slate++;
}

// Frames that are never given have to have a reason.
static void judge_gap(struct world *w, uint64_t sequence)
{
    struct oracle *o = &w->oracle;

    if (!o->any || sequence == o->last + 1)
        return;
    totals.missing += sequence - o->last - 1;
    if (o->last_ns + w->interval_ns <= w->now_ns - oracle_late_max_ns(w))
        return; // nobody would have seen them in time
    if (w->calm)
        wrong(w, "a frame is missing although nothing but capture and the slate failed");
    if (o->able_since_ns < w->now_ns - oracle_late_max_ns(w) - 500 * MS && !w->capture.counts &&
        w->slate.process == PROCESS_UP)
        wrong(w, "a frame is missing although the slate could have drawn it");
}

static void judge_draw_time(struct world *w, const struct feed_order *order)
{
    struct oracle *o = &w->oracle;
    int64_t wait_ns = w->feed.source_up ? w->feed.budget_ns : 0;
    int64_t beside_ns = order->capture_ns - oracle_grid_ns(w, order->sequence);

    if (o->now && o->must_take) {
        if (order->capture_ns >= o->now->capture_ns || order->sequence >= o->now->sequence)
            wrong(w, "a frame is drawn that has come");
        return;
    }
    if (beside_ns < -2 || beside_ns > 2)
        wrong(w, "a frame of the slate is beside the grid");
    if (w->now_ns < order->capture_ns + wait_ns)
        wrong(w, "the slate does not wait for its budget");
}

static void drop_left(struct oracle *o)
{
    memmove(&o->left[0], &o->left[1], --o->left_count * sizeof o->left[0]);
}

// A repeat is what a slate owed that has just ended, or what is due while there is none.
static void judge_repeat(struct world *w, const struct feed_order *order)
{
    struct oracle *o = &w->oracle;

    if (w->slate.process == PROCESS_UP && !o->killed)
        wrong(w, "a picture is repeated although a slate draws");
    if (o->left_count > 0) {
        if (o->left[0].sequence != order->sequence || o->left[0].capture_ns != order->capture_ns)
            wrong(w, "what the slate owed is not repeated in turn");
        drop_left(o);
        return;
    }
    if (!w->config.enabled)
        wrong(w, "a picture is repeated although the slate is switched off");
    if (o->tail_any && (order->sequence <= o->tail || order->capture_ns <= o->tail_ns))
        wrong(w, "a frame is repeated that was there");
    if (w->now_ns - order->capture_ns > oracle_late_max_ns(w) + (o->now ? 5 * w->interval_ns : 0))
        wrong(w, "a frame is repeated that nobody can use");
    judge_draw_time(w, order);
    o->tail_any = o->tail_slate = true;
    o->tail = order->sequence;
    o->tail_ns = order->capture_ns;
}

static void give_repeat(struct world *w, const struct feed_order *order)
{
    struct oracle *o = &w->oracle;
    const uint32_t number = order->slot - w->config.slot_count;

    if (number >= w->config.repeat_count || o->repeat[number].held)
        wrong(w, "a repeat is given that is in use");
    if (!o->any || feed_memory_slot(&w->feed, order->slot) != o->shown_slot)
        wrong(w, "another picture is repeated than the last");
    judge_repeat(w, order);
    o->repeat[number] = (struct repeat){true, o->shown_slot, order->sequence,
                                        w->now_ns + draw_ns(w, 1 * MS, 3 * w->interval_ns)};
    totals.repeated++;
}

static void give_filled(struct world *w, const struct feed_order *order)
{
    struct oracle *o = &w->oracle;
    struct slot *slot = &o->slot[order->slot];

    if (slot->place != PLACE_FILLED || slot->sequence != order->sequence ||
        slot->capture_ns != order->capture_ns)
        wrong(w, "a frame is given that nobody announced");
    slot->until_ns = w->now_ns + draw_ns(w, 1 * MS, 3 * w->interval_ns);
    slot->held = true;
    o->shown_slot = order->slot;
}

// What is neither the last live picture nor the last one given is of no use when the switch is done with it.
static void keep_no_more(struct world *w, uint32_t slot)
{
    struct oracle *o = &w->oracle;

    if (slot != FEED_NO_SLOT && o->slot[slot].place == PLACE_KEPT && slot != o->live_slot &&
        slot != o->shown_slot)
        o->slot[slot].place = PLACE_RELEASED;
}

static void give(struct world *w, const struct feed_order *order)
{
    struct oracle *o = &w->oracle;
    const uint32_t live = o->live_slot, shown = o->shown_slot;

    if (order->slot >= w->config.slot_count)
        give_repeat(w, order);
    else
        give_filled(w, order);
    while (!o->any && o->left_count > 0 && o->left[0].sequence < order->sequence)
        drop_left(o); // before the first picture there is none to repeat
    if (order->slate != (order->slot >= w->config.slate_first_slot))
        wrong(w, "live and slate are mixed up");
    if (o->any && (order->sequence <= o->last || order->capture_ns <= o->last_ns))
        wrong(w, "sequences or times given do not rise");
    if (o->first_lost || o->first_live || o->first_shown)
        wrong(w, "a change was not told before the next frame");
    judge_gap(w, order->sequence);
    o->slot[o->shown_slot].place = PLACE_SWITCH;
    o->slot[o->shown_slot].uses++;
    o->any = true;
    o->last = order->sequence;
    o->last_ns = order->capture_ns;
    for (uint32_t i = 0; i < o->owed_count; i++)
        o->owed[i].waited_for &= o->owed[i].sequence > order->sequence;
    if (order->slate)
        give_slate(w, order);
    else
        give_live(w, order);
    keep_no_more(w, live);
    keep_no_more(w, shown);
}

static void free_slot(struct world *w, const struct feed_order *order)
{
    struct oracle *o = &w->oracle;
    struct slot *slot = &o->slot[order->slot];
    bool refused = o->now && order->slot == o->now->slot && !o->must_take;

    if (slot->sequence != order->sequence || (slot->place != PLACE_RELEASED && !refused))
        wrong(w, "a slot is freed that is in use");
    if (refused)
        o->freed = true;
    slot->place = PLACE_FREE;
}

static void draw_order(struct world *w, const struct feed_order *order)
{
    struct oracle *o = &w->oracle;

    if (!w->config.enabled || w->slate.process == PROCESS_NONE || o->killed)
        wrong(w, "there is nobody to draw");
    if (oracle_slots_free(w) == 0)
        wrong(w, "there is no slot to draw into");
    if (o->tail_any && (order->sequence <= o->tail || order->capture_ns <= o->tail_ns))
        wrong(w, "a frame is drawn that was there");
    if (w->now_ns - order->capture_ns > oracle_late_max_ns(w) + (o->now ? 5 * w->interval_ns : 0))
        wrong(w, "a frame is drawn that nobody can use");
    if (order->last_slot != o->tail_live_slot || order->lost_since_ns != o->tail_live_ns)
        wrong(w, "the slate is told another last picture");
    judge_draw_time(w, order);
    o->owed[o->owed_count++] = (struct owed){order->sequence, w->now_ns, order->capture_ns, true};
    o->tail_any = o->tail_slate = true;
    o->tail = order->sequence;
    o->tail_ns = order->capture_ns;
    slate_order(w, order);
}

static void kill_order(struct world *w)
{
    struct oracle *o = &w->oracle;

    if (o->owed_count == 0 || w->now_ns - o->owed[0].ordered_ns < w->config.answer_ns)
        wrong(w, "the slate is ended without a reason");
    o->killed = true;
    oracle_leave_owed(o);
    totals.kills++;
    slate_end(w);
}

void oracle_order(struct world *w, const struct feed_order *order)
{
    struct oracle *o = &w->oracle;

    switch (order->kind) {
    case FEED_ORDER_GIVE:
        give(w, order);
        break;
    case FEED_ORDER_FREE:
        free_slot(w, order);
        break;
    case FEED_ORDER_DRAW:
        draw_order(w, order);
        break;
    case FEED_ORDER_KILL:
        kill_order(w);
        break;
    case FEED_ORDER_LOST:
        if (!o->first_lost || order->sequence != o->last || order->cause == FEED_CAUSE_NONE)
            wrong(w, "a loss is told that is none");
        o->first_lost = false;
        break;
    case FEED_ORDER_SHOWN:
        if (!o->first_shown)
            wrong(w, "the slate is told shown and is not");
        o->first_shown = false;
        break;
    case FEED_ORDER_LIVE:
        if (!o->first_live || order->sequence != o->last || order->frames != o->loss_frames)
            wrong(w, "a return is told that is none, or with another number of frames");
        o->first_live = o->lost = o->shown = false;
        o->loss_frames = 0;
        break;
    case FEED_ORDER_SLOW:
    case FEED_ORDER_RESTART:
        if (o->refused_run < 8)
            wrong(w, "the source is blamed although its frames are taken");
        o->refused_run = 0;
        if (order->kind == FEED_ORDER_RESTART)
            capture_end(w);
        break;
    }
}

// ---- after an event ----

static void judge_live(struct world *w)
{
    struct oracle *o = &w->oracle;

    if (!o->now)
        return;
    if (!o->must_take && !o->freed)
        wrong(w, "a live frame that comes too late is not refused");
    if (o->must_take) {
        o->tail_any = true;
        o->tail = o->now->sequence;
        o->tail_ns = o->now->capture_ns;
        o->anchor = o->tail;
        o->anchor_ns = o->tail_ns;
        o->tail_slate = o->left_out = false;
        o->tail_live_slot = o->now->slot;
        o->tail_live_ns = o->tail_ns;
    }
    o->now = NULL;
}

// What is complete, and waits for nothing, has to go.
static void judge_kept_back(struct world *w)
{
    const struct oracle *o = &w->oracle;
    uint64_t first = UINT64_MAX, owed = UINT64_MAX;

    for (uint32_t i = 0; i < w->config.slot_count; i++) {
        if (o->slot[i].place == PLACE_RELEASED)
            wrong(w, "a slot is not freed although nobody needs it");
        if (o->slot[i].place == PLACE_FILLED && o->slot[i].sequence < first)
            first = o->slot[i].sequence;
    }
    for (uint32_t i = 0; i < o->owed_count; i++)
        if (o->owed[i].waited_for && o->owed[i].sequence < owed)
            owed = o->owed[i].sequence;
    if (first < owed)
        wrong(w, "a complete frame is kept back");
}

void oracle_close(struct world *w)
{
    struct oracle *o = &w->oracle;

    judge_live(w);
    judge_kept_back(w);
    if (o->left_count > 0 && oracle_repeats_free(w) > 0)
        wrong(w, "what a slate owed is lost although the last picture could be repeated");
    o->left_count = 0;
    if (o->first_lost || o->first_live || o->first_shown)
        wrong(w, "a change is not told");
    if (w->feed.frames != o->frames || w->feed.times != o->times || w->feed.refused != o->refused)
        wrong(w, "the counters are wrong");
    bool able = w->config.enabled && w->slate.process == PROCESS_UP && w->now_ns >= w->slate.hung_until_ns &&
                !o->killed && oracle_slots_free(w) > 0 && w->slate.draw_ns < 5 * MS &&
                w->now_ns >= w->busy_until_ns;
    if (!able)
        o->able_since_ns = NEVER;
    else if (o->able_since_ns == NEVER)
        o->able_since_ns = w->now_ns;
}

void oracle_ticked(struct world *w)
{
    const struct oracle *o = &w->oracle;
    int64_t wait_ns = w->feed.source_up ? w->feed.budget_ns : 0;

    if (feed_deadline_ns(&w->feed) <= w->now_ns)
        wrong(w, "time brings nothing and is due all the same");
    for (uint32_t i = 0; i < w->config.slot_count; i++)
        if (o->slot[i].place == PLACE_FILLED && o->slot[i].until_ns <= w->now_ns)
            wrong(w, "a live frame is held too long");
    if (o->owed_count > 0 && !o->killed && w->now_ns - o->owed[0].ordered_ns >= w->config.answer_ns)
        wrong(w, "a slate that hangs is not ended");
    if (o->tail_any && o->able_since_ns != NEVER && oracle_grid_ns(w, o->tail + 1) + wait_ns <= w->now_ns)
        wrong(w, "a frame is due and not drawn");
    if (o->tail_any && !w->feed.slate_up && oracle_can_fill(w) &&
        oracle_grid_ns(w, o->tail + 1) + wait_ns <= w->now_ns)
        wrong(w, "a frame is due and not repeated");
}

void oracle_end(struct world *w)
{
    totals.times += w->oracle.times;
    totals.refused += w->oracle.refused;
    if (w->calm && !w->oracle.any && w->feed.armed && w->feed.config.enabled)
        wrong(w, "nothing was ever given");
}
