// SPDX-License-Identifier: Apache-2.0
// The two processes that fill slots: capture and the slate.
#include "world.h"

void say(struct messages *m, const struct picture *picture)
{
    if (m->count == MESSAGES_MAX)
        return; // nobody reads: a real channel would be full as well
    m->list[(m->head + m->count++) % MESSAGES_MAX] = *picture;
}

// ---- capture ----

void capture_begin(struct world *w)
{
    w->capture.process = PROCESS_NONE;
    w->capture.next_ns = w->now_ns;
}

void capture_end(struct world *w)
{
    struct capture *c = &w->capture;

    if (c->process != PROCESS_OPENING && c->process != PROCESS_UP)
        return;
    c->process = PROCESS_DEAD;
    c->next_ns = w->now_ns + draw_ns(w, 100 * US, 3 * MS); // reaped
}

// The next time on the anchor's grid that is not past, or for a device any time.
static void find_grid(struct world *w)
{
    struct capture *c = &w->capture;

    c->sequence = c->anchor_sequence;
    if (!c->paced) {
        c->grid_ns = w->now_ns + draw_ns(w, 0, w->interval_ns);
        return;
    }
    do
        c->grid_ns = c->anchor_ns + castor_frame_time_ns(w->config.rate, ++c->sequence - c->anchor_sequence);
    while (c->grid_ns < w->now_ns);
}

int64_t capture_event_ns(const struct world *w)
{
    const struct capture *c = &w->capture;

    if (c->process != PROCESS_UP) // what the supervisor does about it
        return c->next_ns > w->busy_until_ns ? c->next_ns : w->busy_until_ns;
    return c->grid_ns > c->frozen_until_ns ? c->grid_ns : c->frozen_until_ns;
}

static uint32_t free_slot(struct world *w)
{
    uint32_t first = draw(w, w->config.slate_first_slot);

    for (uint32_t i = 0; i < w->config.slate_first_slot; i++) {
        uint32_t slot = (first + i) % w->config.slate_first_slot;
        bool announced = false;
        for (uint32_t j = 0; j < w->capture.sent.count; j++)
            announced |= w->capture.sent.list[(w->capture.sent.head + j) % MESSAGES_MAX].slot == slot;
        if (!announced && w->oracle.slot[slot].place == PLACE_FREE)
            return slot;
    }
    return FEED_NO_SLOT;
}

// A device has a clock of its own; its frames are named by their time, or simply counted.
static uint64_t name_of(const struct world *w, int64_t at_ns)
{
    const struct capture *c = &w->capture;
    int64_t steps = (at_ns - c->last_ns + w->interval_ns / 2) / w->interval_ns;

    if (c->paced)
        return c->sequence;
    return c->sequence + (steps > 0 && !c->counts ? (uint64_t)steps : 1);
}

static void next_time(struct world *w)
{
    struct capture *c = &w->capture;
    bool behind = c->grid_ns + 3 * w->interval_ns < w->now_ns;

    if (!c->paced) {
        c->grid_ns = (behind ? w->now_ns : c->grid_ns) + w->interval_ns + draw_ns(w, 0, w->interval_ns / 8) -
                     w->interval_ns / 16;
        return;
    }
    do
        c->grid_ns = c->anchor_ns + castor_frame_time_ns(w->config.rate, ++c->sequence - c->anchor_sequence);
    while (behind && c->grid_ns < w->now_ns);
}

static void capture_frame(struct world *w)
{
    struct capture *c = &w->capture;
    uint32_t slot = free_slot(w);
    struct picture picture = {.arrival_ns = w->now_ns + c->way_ns + draw_ns(w, 0, 2 * MS),
                              .capture_ns = c->grid_ns,
                              .sequence = name_of(w, c->grid_ns),
                              .slot = slot,
                              .lie = !w->calm && draw(w, 1000) == 0};

    if (!w->calm && !c->paced && draw(w, 60) == 0)
        picture.sequence += 1 + draw(w, 3); // its counter jumps
    if (slot != FEED_NO_SLOT && w->now_ns >= c->silent_until_ns && c->grid_ns > c->last_ns &&
        draw(w, 100) > (w->calm ? 2u : 5u)) {
        if (picture.arrival_ns < c->late_until_ns)
            picture.arrival_ns = c->late_until_ns;
        say(&c->sent, &picture);
        c->sequence = picture.sequence;
        c->last_ns = c->grid_ns;
    }
    next_time(w);
}

void capture_run(struct world *w)
{
    struct capture *c = &w->capture;

    switch (c->process) {
    case PROCESS_NONE:
        c->process = PROCESS_OPENING;
        c->anchor_sequence = w->feed.last_sequence;
        c->anchor_ns = w->feed.last_ns;
        c->last_ns = c->anchor_ns;
        c->next_ns = w->now_ns + draw_ns(w, 2 * MS, draw(w, 4) ? 20 * MS : 400 * MS);
        break;
    case PROCESS_OPENING:
        c->process = PROCESS_UP;
        c->frozen_until_ns = c->silent_until_ns = c->late_until_ns = 0;
        find_grid(w);
        feed_source(&w->feed, w->now_ns, true);
        carry_out(w);
        break;
    case PROCESS_UP:
        capture_frame(w);
        break;
    case PROCESS_DEAD:
        supervisor_read(w, true, NEVER); // its last words
        feed_source(&w->feed, w->now_ns, false);
        carry_out(w);
        c->process = PROCESS_NONE;
        c->next_ns = w->now_ns + draw_ns(w, 20 * MS, 150 * MS);
        break;
    }
}

// ---- the slate ----

void slate_end(struct world *w)
{
    struct slate *s = &w->slate;

    if (s->process != PROCESS_UP)
        return;
    s->process = PROCESS_DEAD;
    s->next_ns = w->now_ns + draw_ns(w, 100 * US, 3 * MS);
}

int64_t slate_event_ns(const struct world *w)
{
    const struct slate *s = &w->slate;

    if (s->process != PROCESS_UP)
        return s->next_ns > w->busy_until_ns ? s->next_ns : w->busy_until_ns;
    if (s->count == 0)
        return NEVER;
    return s->done_ns > s->hung_until_ns ? s->done_ns : s->hung_until_ns;
}

void slate_order(struct world *w, const struct feed_order *order)
{
    struct slate *s = &w->slate;

    if (s->process != PROCESS_UP)
        return;
    if (s->count == 0)
        s->done_ns = w->now_ns + s->draw_ns;
    if (s->count < MESSAGES_MAX)
        s->todo[(s->head + s->count++) % MESSAGES_MAX] = *order;
}

static void slate_draw(struct world *w)
{
    struct slate *s = &w->slate;
    const struct feed_order *order = &s->todo[s->head];
    struct picture picture = {.arrival_ns = w->now_ns + draw_ns(w, 50 * US, 500 * US),
                              .sequence = order->sequence,
                              .slot = FEED_NO_SLOT,
                              .lie = s->lies};

    for (uint32_t i = w->config.slate_first_slot; i < w->config.slot_count; i++) {
        bool announced = false;
        for (uint32_t j = 0; j < s->sent.count; j++)
            announced |= s->sent.list[(s->sent.head + j) % MESSAGES_MAX].slot == i;
        if (w->oracle.slot[i].place == PLACE_FREE && !announced)
            picture.slot = i;
    }
    if (picture.slot == FEED_NO_SLOT)
        wrong(w, "the slate is to draw and has no slot");
    s->lies = false;
    s->head = (s->head + 1) % MESSAGES_MAX;
    s->count--;
    s->done_ns = w->now_ns + s->draw_ns;
    say(&s->sent, &picture);
}

void slate_run(struct world *w)
{
    struct slate *s = &w->slate;

    switch (s->process) {
    case PROCESS_NONE:
    case PROCESS_OPENING:
        s->process = PROCESS_UP;
        s->hung_until_ns = 0;
        s->lies = false;
        s->head = s->count = 0;
        feed_slate(&w->feed, w->now_ns, true);
        carry_out(w);
        break;
    case PROCESS_UP:
        slate_draw(w);
        break;
    case PROCESS_DEAD:
        supervisor_read(w, false, NEVER);
        oracle_slate_gone(w);
        feed_slate(&w->feed, w->now_ns, false);
        carry_out(w);
        s->process = PROCESS_NONE;
        s->next_ns = w->now_ns + draw_ns(w, 20 * MS, 100 * MS);
        break;
    }
}
