// SPDX-License-Identifier: Apache-2.0
// What the switch wants, done: orders become messages, processes, counters.
#include "supervisor/internal.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "supervisor/config_sound.h"

uint64_t supervisor_ring_tail(const struct supervisor *s, const struct path *path, int64_t now_ns)
{
    uint64_t outlet = outlet_ring_tail(&s->outlet, path);
    uint64_t recorder = recorder_ring_tail(&s->recorder, path, now_ns);

    return outlet < recorder ? outlet : recorder;
}

static void order_encode(struct supervisor *s, const struct switch_order *order, int64_t now_ns)
{
    struct path *path = &s->path[order->path];
    struct switch_order told = *order;

    told.slot = feed_memory_slot(&s->feed, order->slot);
    path->ring_tail = supervisor_ring_tail(s, path, now_ns);
    if (path_encode(path, &told) != CASTOR_OK)
        s->fault_wake |= 1u << order->path;
}

void supervisor_name_gaps(struct supervisor *s)
{
    for (uint32_t i = 0; i < s->config.destination_count; i++)
        gaps_name(&s->gaps, i, s->config.destinations[i].name);
    if (s->switching_known)
        s->gaps.pts_offset_ns =
            outlet_pts_offset_ms(&s->outlet, &s->config, s->source.format.rate) * CASTOR_NS_PER_MS;
}

static struct outlet_stream stream_on_air(struct supervisor *s)
{
    return outlet_stream(&s->outlet, &s->config, &s->source.format, s->path, s->path_count, &s->sound);
}

int supervisor_tell_recorder(struct supervisor *s)
{
    const struct outlet_stream stream = stream_on_air(s);

    return recorder_tell(&s->recorder, &s->config, &stream, s->session);
}

int supervisor_tell_outlet(struct supervisor *s)
{
    const struct outlet_stream stream = stream_on_air(s);
    int error = outlet_tell(&s->outlet, &s->config, &stream, &s->sound);

    memset(s->sound.sent, 0, sizeof s->sound.sent); // they are that process's own
    return error;
}

void supervisor_lose_emitted(struct supervisor *s, int64_t now_ns)
{
    // Its gap is told all the same, so that the recording has what went before.
    if (!outlet_is_watched(&s->outlet))
        return;
    metrics_lose(&s->metrics, now_ns, METRICS_LOSS_EGRESS, 1);
    outlet_lose(&s->outlet, OUTLET_ALL, 1);
}

static void order_emit(struct supervisor *s, const struct switch_order *order, int64_t now_ns)
{
    metrics_add(&s->metrics, now_ns, METRICS_EMITTED, 1);
    if (outlet_emit(&s->outlet, order, s->utc.offset_ns, now_ns) == CASTOR_OK) {
        gaps_handed(&s->gaps, order->sequence, order->capture_ns);
    } else {
        gaps_lost(&s->gaps, order->sequence, order->capture_ns);
        supervisor_lose_emitted(s, now_ns);
    }
    recorder_relay(&s->recorder, order, s->utc.offset_ns, castor_now_ns());
}

static void order_lost(struct supervisor *s, const struct switch_order *order, int64_t now_ns)
{
    enum metrics_loss loss = order->loss == SWITCH_LOSS_CAPTURE ? METRICS_LOSS_CAPTURE : METRICS_LOSS_NO_PATH;

    metrics_lose(&s->metrics, now_ns, loss, order->count);
    outlet_lose(&s->outlet, OUTLET_ALL, order->count);
    log_warning("%u frame(s) from %llu on are missing: %s", order->count, (unsigned long long)order->sequence,
                switch_loss_name(order->loss));
}

static void order_start(struct supervisor *s, const struct switch_order *order, int64_t now_ns)
{
    struct path *path = &s->path[order->path];
    int error = CASTOR_OK;

    // At boot the processes are started before the picture format is known.
    if (path->worker.pid == 0)
        error = path_start(path, s->folder, now_ns);
    if (error == CASTOR_OK)
        error = path_tell(path, &s->config, &s->source.format, s->source.pool);
    if (error != CASTOR_OK) {
        log_error("%s cannot be started: %s", path->worker.name, castor_error_text(error));
        s->fault_wake |= 1u << order->path;
    }
}

static void order_kill(struct supervisor *s, const struct switch_order *order)
{
    struct path *path = &s->path[order->path];

    path->failures[order->cause]++;
    path->last_cause = order->cause;
    if (order->cause != SWITCH_CAUSE_BITSTREAM && order->cause != SWITCH_CAUSE_PROTOCOL &&
        order->cause != SWITCH_CAUSE_REPORTED && order->cause != SWITCH_CAUSE_EXIT)
        snprintf(path->last_failure, sizeof path->last_failure, "%s", switch_cause_name(order->cause));
    log_warning("%s is taken out of service: %s", path->worker.name, switch_cause_name(order->cause));
    worker_kill(&path->worker);
}

static void order_switched(struct supervisor *s, const struct switch_order *order)
{
    const struct metrics_switch change = {
        .at_ns = order->fault_ns,
        .from = order->from,
        .to = order->path,
        .cause = order->cause,
        .sequence = order->sequence,
        .epoch = order->epoch,
        .replayed = order->count,
        .duration_ns = -1,
    };

    metrics_switched(&s->metrics, &change);
    s->active_cause = order->cause;
    if (order->path == SWITCH_NO_PATH)
        log_error("no encoder path is left (%s); frames wait in the pool for one to start",
                  switch_cause_name(order->cause));
    else
        log_info("path %c is on air from frame %llu on: %s", path_letter(order->path),
                 (unsigned long long)order->sequence, switch_cause_name(order->cause));
}

static void carry_out(struct supervisor *s, const struct switch_order *order, int64_t now_ns)
{
    switch (order->kind) {
    case SWITCH_ORDER_ENCODE:
        order_encode(s, order, now_ns);
        break;
    case SWITCH_ORDER_EMIT:
        order_emit(s, order, now_ns);
        break;
    case SWITCH_ORDER_RELEASE:
        feed_released(&s->feed, now_ns, order->slot, order->sequence);
        supervisor_feed(s, now_ns);
        break;
    case SWITCH_ORDER_LOST:
        order_lost(s, order, now_ns);
        break;
    case SWITCH_ORDER_START:
        order_start(s, order, now_ns);
        break;
    case SWITCH_ORDER_KILL:
        order_kill(s, order);
        break;
    case SWITCH_ORDER_SWITCHED:
        order_switched(s, order);
        break;
    case SWITCH_ORDER_RESUMED:
        metrics_resumed(&s->metrics, order->epoch, order->sequence, now_ns);
        break;
    }
}

void supervisor_carry_out(struct supervisor *s, int64_t now_ns)
{
    struct switch_order order;

    if (!s->switching_known)
        return;
    do {
        s->fault_wake = 0;
        while (switch_next_order(&s->switching, &order))
            carry_out(s, &order, now_ns);
        // A path whose orders cannot be delivered has failed; that may lead to new orders. Each turn takes at
        // least one path out, so this ends.
        for (uint32_t i = 0; i < s->path_count; i++) {
            if (!(s->fault_wake & (1u << i)))
                continue;
            switch_path_failed(&s->switching, now_ns, i, SWITCH_CAUSE_EXIT);
            while (s->path[i].worker.pid == 0 && switch_next_order(&s->switching, &order))
                carry_out(s, &order, now_ns);
            if (s->path[i].worker.pid == 0)
                switch_path_gone(&s->switching, now_ns, i);
        }
    } while (s->fault_wake != 0 || s->switching.order_count > 0);
}
