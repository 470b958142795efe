// SPDX-License-Identifier: Apache-2.0
// The supervisor's loop as castord runs it: messages first, then the dead, then restarts, then time.
#include "world.h"

static int64_t earlier(int64_t a_ns, int64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

static void take_orders(struct world *w)
{
    struct switch_order order;

    while (switch_next_order(&w->sw, &order)) {
        oracle_order(w, &order);
        switch (order.kind) {
        case SWITCH_ORDER_ENCODE:
            encoder_order(w, order.path, &order);
            break;
        case SWITCH_ORDER_START:
            encoder_start(w, order.path);
            break;
        case SWITCH_ORDER_KILL:
            encoder_kill(w, order.path);
            break;
        default: // the oracle's business
            break;
        }
    }
    oracle_close(w);
}

void supervisor_fail(struct world *w, uint32_t path, enum switch_cause cause)
{
    w->encoder[path].done |= SIN_DISOWNED;
    oracle_event(w, EVENT_FAILED, path);
    w->oracle.told_cause = cause;
    switch_path_failed(&w->sw, w->now_ns, path, cause);
    encoder_kill(w, path);
    take_orders(w);
}

static void hear(struct world *w, uint32_t path, const struct message *message)
{
    const struct switch_access_unit unit = {
        .sequence = message->sequence,
        .epoch = message->epoch,
        .verdict = message->bad ? SWITCH_VERDICT_BAD : SWITCH_VERDICT_GOOD,
        .idr = message->idr,
        .position = message->position,
        .size_bytes = (uint32_t)message->position * 3,
    };

    switch (message->kind) {
    case SAYS_READY:
        restart_ready(&w->encoder[path].restart, w->now_ns);
        oracle_event(w, EVENT_READY, path);
        switch_path_ready(&w->sw, w->now_ns, path);
        take_orders(w);
        break;
    case SAYS_CODED:
        oracle_answer(w, path, message);
        switch_access_unit(&w->sw, w->now_ns, path, &unit);
        take_orders(w);
        break;
    case SAYS_DROPPED:
        oracle_answer(w, path, message);
        switch_dropped(&w->sw, w->now_ns, path, message->sequence, message->epoch, message->superseded);
        take_orders(w);
        break;
    case SAYS_ENDED:
        supervisor_fail(w, path, SWITCH_CAUSE_EXIT);
        break;
    }
}

static void read_paths(struct world *w)
{
    for (uint32_t i = 0; i < w->config.path_count; i++) {
        struct encoder *e = &w->encoder[i];
        while (e->sent_count > 0 && e->sent[e->sent_head].arrival_ns <= w->now_ns) {
            struct message message = e->sent[e->sent_head];
            e->sent_head = (e->sent_head + 1) % MESSAGES_MAX;
            e->sent_count--;
            hear(w, i, &message);
        }
    }
}

static void read_capture(struct world *w)
{
    while (w->captured_count > 0 && w->captured[w->captured_head].arrival_ns <= w->now_ns) {
        struct captured frame = w->captured[w->captured_head];
        w->captured_head = (w->captured_head + 1) % SLOTS_MAX;
        w->captured_count--;
        oracle_captured(w, &frame);
        if (switch_frame_captured(&w->sw, w->now_ns, frame.sequence, frame.capture_ns, frame.slot) !=
            CASTOR_OK)
            wrong(w, "an honest frame was refused");
        take_orders(w);
        if (draw(w, 32) == 0 &&
            switch_frame_captured(&w->sw, w->now_ns, frame.sequence, w->now_ns, frame.slot) == CASTOR_OK)
            wrong(w, "a frame was taken twice");
    }
}

static void reap(struct world *w)
{
    for (uint32_t i = 0; i < w->config.path_count; i++) {
        if (w->encoder[i].process == PROCESS_NONE || w->encoder[i].reaped_ns > w->now_ns)
            continue;
        encoder_forget(w, i);
        oracle_event(w, EVENT_GONE, i);
        switch_path_gone(&w->sw, w->now_ns, i);
        take_orders(w);
    }
}

static void start_again(struct world *w)
{
    for (uint32_t i = 0; i < w->config.path_count; i++) {
        if (w->oracle.path[i] != SWITCH_PATH_DOWN || !restart_is_due(&w->encoder[i].restart, w->now_ns))
            continue;
        oracle_event(w, EVENT_STARTABLE, i);
        switch_path_startable(&w->sw, w->now_ns, i);
        take_orders(w);
    }
}

int64_t supervisor_event_ns(const struct world *w)
{
    int64_t event_ns = switch_deadline_ns(&w->sw);

    if (w->captured_count > 0)
        event_ns = earlier(event_ns, w->captured[w->captured_head].arrival_ns);
    for (uint32_t i = 0; i < w->config.path_count; i++) {
        const struct encoder *e = &w->encoder[i];
        if (e->sent_count > 0)
            event_ns = earlier(event_ns, e->sent[e->sent_head].arrival_ns);
        if (e->process != PROCESS_NONE)
            event_ns = earlier(event_ns, e->reaped_ns);
        else if (w->oracle.path[i] == SWITCH_PATH_DOWN)
            event_ns = earlier(event_ns, restart_deadline_ns(&e->restart));
    }
    if (event_ns < w->now_ns)
        event_ns = w->now_ns;
    return event_ns > w->busy_ns ? event_ns : w->busy_ns;
}

void supervisor_run(struct world *w)
{
    read_capture(w);
    read_paths(w);
    reap(w);
    start_again(w);
    if (w->now_ns >= switch_deadline_ns(&w->sw)) {
        oracle_event(w, EVENT_TICK, 0);
        switch_tick(&w->sw, w->now_ns);
        take_orders(w);
        if (switch_deadline_ns(&w->sw) <= w->now_ns)
            wrong(w, "a tick leaves its deadline in the past");
    }
}

int supervisor_request(struct world *w, uint32_t path)
{
    oracle_event(w, EVENT_REQUEST, path);
    int error = switch_request_path(&w->sw, w->now_ns, path);
    take_orders(w);
    return error;
}
