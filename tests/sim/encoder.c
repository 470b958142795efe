// SPDX-License-Identifier: Apache-2.0
// An encoder process as the worker behaves: a queue in which a newer epoch makes older orders obsolete, one
// frame in work, answers in order, everything with a delay. And everything that it can do wrong.
#include "world.h"

#include <string.h>

static void say(struct world *w, uint32_t path, struct message message)
{
    struct encoder *e = &w->encoder[path];

    if (e->sent_count == MESSAGES_MAX)
        wrong(w, "the simulated channel is full");
    message.arrival_ns = w->now_ns + draw_ns(w, 20 * US, 400 * US);
    if (message.arrival_ns < e->quiet_ns)
        message.arrival_ns = e->quiet_ns;
    e->quiet_ns = message.arrival_ns;
    e->sent[(e->sent_head + e->sent_count++) % MESSAGES_MAX] = message;
}

static void say_dropped(struct world *w, uint32_t path, const struct order *order, bool superseded)
{
    say(w, path,
        (struct message){.kind = SAYS_DROPPED,
                         .sequence = order->sequence,
                         .epoch = order->epoch,
                         .superseded = superseded});
}

static void say_coded(struct world *w, uint32_t path, const struct order *order, bool bad)
{
    say(w, path,
        (struct message){.kind = SAYS_CODED,
                         .sequence = order->sequence,
                         .epoch = order->epoch,
                         .idr = order->idr,
                         .bad = bad,
                         .position = ++w->positions});
}

void encoder_start(struct world *w, uint32_t path)
{
    struct encoder *e = &w->encoder[path];

    if (e->process != PROCESS_NONE)
        wrong(w, "a process was started that runs");
    e->process = PROCESS_STARTING;
    e->killed = e->frozen = false;
    e->ready_ns = w->now_ns + draw_ns(w, 5 * MS, 60 * MS);
    e->reaped_ns = e->thaw_ns = e->done_ns = NEVER;
    e->quiet_ns = 0;
    e->slow = 1;
    e->todo = e->done = e->drops = 0;
    e->queue_head = e->queue_count = e->sent_head = e->sent_count = 0;
    restart_started(&e->restart, w->now_ns);
}

void encoder_kill(struct world *w, uint32_t path)
{
    struct encoder *e = &w->encoder[path];

    if (e->process == PROCESS_NONE || e->killed)
        return;
    e->killed = true;
    int64_t reaped_ns = w->now_ns + draw_ns(w, 100 * US, draw(w, 16) ? 6 * MS : 60 * MS);
    if (reaped_ns < e->reaped_ns)
        e->reaped_ns = reaped_ns;
}

void encoder_forget(struct world *w, uint32_t path)
{
    struct encoder *e = &w->encoder[path];

    e->process = PROCESS_NONE;
    e->reaped_ns = NEVER;
    e->sent_count = e->queue_count = 0;
    restart_ended(&e->restart, w->now_ns);
}

void encoder_order(struct world *w, uint32_t path, const struct switch_order *order)
{
    struct encoder *e = &w->encoder[path];

    if (e->process != PROCESS_READY)
        return; // it ended, and the supervisor will hear of it
    // The worker's queue holds two orders for every slot.
    if (e->queue_count + (e->done_ns != NEVER) >= 2 * w->config.slot_count)
        wrong(w, "more orders than the worker's queue holds");
    int64_t arrival_ns = w->now_ns + draw_ns(w, 20 * US, 300 * US);
    if (e->queue_count > 0) {
        const struct order *last = &e->queue[(e->queue_head + e->queue_count - 1) % MESSAGES_MAX];
        if (arrival_ns < last->arrival_ns)
            arrival_ns = last->arrival_ns;
    }
    e->queue[(e->queue_head + e->queue_count++) % MESSAGES_MAX] =
        (struct order){arrival_ns, order->sequence, order->epoch, order->idr};
}

int64_t encoder_event_ns(const struct world *w, uint32_t path)
{
    const struct encoder *e = &w->encoder[path];

    if (e->killed || e->process == PROCESS_NONE || e->process == PROCESS_ENDED)
        return NEVER;
    if (e->frozen)
        return e->thaw_ns;
    if (e->process == PROCESS_STARTING)
        return e->ready_ns;
    if (e->done_ns != NEVER)
        return e->done_ns;
    return e->queue_count > 0 ? e->queue[e->queue_head].arrival_ns : NEVER;
}

// An order came in and its turn has come. True when it is in work now.
static bool take_order(struct world *w, uint32_t path, const struct order *order)
{
    struct encoder *e = &w->encoder[path];

    if (e->todo & (SIN_DROP | SIN_SWALLOW)) {
        unsigned sin = e->todo & SIN_DROP ? SIN_DROP : SIN_SWALLOW;
        if (sin == SIN_SWALLOW || e->drops == 0)
            e->todo &= ~sin;
        else
            e->drops--;
        e->done |= sin;
        trace(w, "encoder %u %s frame %u", path, sin == SIN_DROP ? "drops" : "swallows",
              (unsigned)order->sequence);
        if (sin == SIN_DROP)
            say_dropped(w, path, order, false);
        return false;
    }
    e->in_work = *order;
    e->done_ns =
        w->now_ns + (int64_t)e->encode_us * US * e->slow * (order->idr ? 2 : 1) + draw_ns(w, 0, 1 * MS);
    return true;
}

static void take_orders(struct world *w, uint32_t path)
{
    struct encoder *e = &w->encoder[path];
    uint32_t newest = 0, arrived = 0;

    for (; arrived < e->queue_count; arrived++) {
        const struct order *order = &e->queue[(e->queue_head + arrived) % MESSAGES_MAX];
        if (order->arrival_ns > w->now_ns)
            break;
        if (order->epoch > newest)
            newest = order->epoch;
    }
    struct order *first = &e->queue[e->queue_head];
    struct order *second = &e->queue[(e->queue_head + 1) % MESSAGES_MAX];
    if ((e->todo & SIN_SWAP) && arrived >= 2 && first->epoch == newest && second->epoch == newest) {
        struct order swap = *first;
        *first = *second;
        *second = swap;
        e->todo &= ~(unsigned)SIN_SWAP;
        e->done |= SIN_SWAP;
    }
    while (arrived-- > 0) {
        struct order order = e->queue[e->queue_head];
        e->queue_head = (e->queue_head + 1) % MESSAGES_MAX;
        e->queue_count--;
        if (order.epoch < newest)
            say_dropped(w, path, &order, true);
        else if (take_order(w, path, &order))
            return;
    }
}

static void lie(struct world *w, uint32_t path, struct order order)
{
    switch (draw(w, 4)) {
    case 0: // twice
        say_coded(w, path, &order, false);
        break;
    case 1: // of an epoch to come
        order.epoch++;
        break;
    case 2: // a frame that it was never given
        order.sequence += 100;
        break;
    default: // of an epoch long ago
        order.epoch--;
        break;
    }
    say_coded(w, path, &order, false);
}

static void finish(struct world *w, uint32_t path)
{
    struct encoder *e = &w->encoder[path];
    struct order order = e->in_work;
    bool bad = (e->todo & SIN_GARBAGE) != 0;

    e->done_ns = NEVER;
    e->done |= e->todo & SIN_GARBAGE;
    e->todo &= ~(unsigned)SIN_GARBAGE;
    if (order.idr && (e->todo & SIN_PLAIN)) {
        order.idr = false;
        e->done |= SIN_PLAIN;
        e->todo &= ~(unsigned)SIN_PLAIN;
    }
    if (e->todo & SIN_LIE) {
        e->done |= SIN_LIE;
        e->todo &= ~(unsigned)SIN_LIE;
        lie(w, path, order);
        return;
    }
    say_coded(w, path, &order, bad);
}

void encoder_run(struct world *w, uint32_t path)
{
    struct encoder *e = &w->encoder[path];

    if (e->frozen) {
        e->frozen = false;
        e->thaw_ns = NEVER;
        if (e->done_ns != NEVER && e->done_ns < w->now_ns)
            e->done_ns = w->now_ns + draw_ns(w, 0, 3 * MS);
        trace(w, "encoder %u goes on", path);
    } else if (e->process == PROCESS_STARTING) {
        e->process = PROCESS_READY;
        say(w, path, (struct message){.kind = SAYS_READY});
    } else {
        if (e->done_ns != NEVER)
            finish(w, path);
        if (e->queue_count > 0 && e->queue[e->queue_head].arrival_ns <= w->now_ns)
            take_orders(w, path);
    }
}

void encoder_sin(struct world *w, uint32_t path, enum sin sin)
{
    struct encoder *e = &w->encoder[path];

    trace(w, "fault %#x into encoder %u", (unsigned)sin, path);
    switch (sin) {
    case SIN_CRASH:
        e->done |= sin;
        e->process = PROCESS_ENDED;
        say(w, path, (struct message){.kind = SAYS_ENDED});
        break;
    case SIN_FREEZE:
        e->done |= sin;
        e->frozen = true;
        e->thaw_ns = draw(w, 2) ? NEVER : w->now_ns + draw_ns(w, 20 * MS, 400 * MS);
        break;
    case SIN_SLOW:
        e->done |= sin;
        e->slow = 3 + draw(w, 8);
        break;
    case SIN_HANG:
        e->done |= sin;
        e->ready_ns = NEVER;
        break;
    default:
        e->todo |= sin;
        // A stubborn one drops whatever it is asked for, again and again.
        if (sin == SIN_DROP && !w->calm && draw(w, 4) == 0)
            e->drops = 1 + draw(w, 8);
        break;
    }
}
