// SPDX-License-Identifier: Apache-2.0
// What the feed wants, done: frames go to the switch, orders to the slate, slots back to who fills them.
#include <stdio.h>

#include "base/log.h"
#include "supervisor/config_slate.h"
#include "supervisor/internal.h"

// Cameras and receivers take their time to open. After this the box goes on air without them.
#define START_WAIT_NS (5 * CASTOR_NS_PER_S)
// The same where the source has said that there is nothing to wait for.
#define START_FAILED_NS (2 * CASTOR_NS_PER_S)

static void give(struct supervisor *s, const struct feed_order *order, int64_t now_ns)
{
    s->given_ns = now_ns;
    if (!order->slate)
        metrics_add(&s->metrics, now_ns, METRICS_CAPTURED, 1);
    if (switch_frame_captured(&s->switching, now_ns, order->sequence, order->capture_ns, order->slot) ==
        CASTOR_OK) {
        supervisor_carry_out(s, now_ns);
        return;
    }
    log_error("the switch refuses frame %llu", (unsigned long long)order->sequence);
    feed_released(&s->feed, now_ns, order->slot, order->sequence);
}

static void note_lost(struct supervisor *s, const struct feed_order *order)
{
    s->slate.lost_ns = s->feed.live_ns;
    s->slate.back_ns = 0;
    s->slate.frames = 0;
    s->slate.cause = order->cause;
}

void supervisor_hush(struct supervisor *s)
{
    sound_part_silence(&s->sound, &s->config,
                       s->feed.shown && s->config.slate.sound == CONFIG_SLATE_SOUND_SILENCE);
}

static void note_live(struct supervisor *s, const struct feed_order *order)
{
    supervisor_hush(s);
    s->slate.back_ns = order->capture_ns;
    s->slate.frames = order->frames;
    s->slate.cause = order->cause;
    log_info(
        "the programme is live again from frame %llu on, after %lld ms and %llu frame(s) of the slate (%s)",
        (unsigned long long)order->sequence,
        (long long)((order->capture_ns - order->lost_since_ns) / CASTOR_NS_PER_MS),
        (unsigned long long)order->frames, feed_cause_name(order->cause));
}

static void carry_out(struct supervisor *s, const struct feed_order *order, int64_t now_ns)
{
    switch (order->kind) {
    case FEED_ORDER_GIVE:
        give(s, order, now_ns);
        break;
    case FEED_ORDER_FREE:
        pool_release(s->source.pool, order->slot, order->sequence);
        break;
    case FEED_ORDER_DRAW:
        slate_draw(&s->slate, order);
        break;
    case FEED_ORDER_KILL:
        worker_end(&s->slate.worker, "did not draw a frame in time");
        break;
    case FEED_ORDER_LOST:
        note_lost(s, order);
        log_warning("the slate stands in from frame %llu on: %s", (unsigned long long)order->sequence,
                    feed_cause_name(order->cause));
        break;
    case FEED_ORDER_SHOWN:
        log_warning("the slate is shown");
        supervisor_hush(s);
        break;
    case FEED_ORDER_LIVE:
        note_live(s, order);
        break;
    case FEED_ORDER_SLOW:
        log_warning("pictures come later than slate.budget_ms; they are waited for %lld ms from now on",
                    (long long)(order->budget_ns / CASTOR_NS_PER_MS));
        break;
    case FEED_ORDER_RESTART:
        worker_end(&s->source.worker, "numbers frames as if no time had passed");
        break;
    }
}

void supervisor_feed(struct supervisor *s, int64_t now_ns)
{
    struct feed_order order;

    if (s->feeding)
        return; // whoever is at it goes on
    s->feeding = true;
    while (s->switching_known && feed_next_order(&s->feed, &order))
        carry_out(s, &order, now_ns);
    s->feeding = false;
}

int supervisor_begin_feed(struct supervisor *s)
{
    const uint32_t slots = pool_slot_count(s->source.pool);
    struct feed_config config =
        config_slate_feed(&s->config, s->source.format.rate, slots, s->source.slate_slots);

    return feed_init(&s->feed, &config, 0, s->started_ns);
}

// With a format that is fully configured the pool can be made without a source; a device that comes later
// converts to it.
static bool begin_without_source(struct supervisor *s, int64_t now_ns)
{
    struct castor_format format = s->config.source.format;

    if (format.width_px == 0 || format.rate.num == 0 || s->source.worker.pid != 0 ||
        s->source.worker.failure[0] == '\0' || now_ns - s->started_ns < START_FAILED_NS)
        return false;
    if (format.pixel == CASTOR_PIXEL_NONE)
        format.pixel = CASTOR_PIXEL_NV12;
    if (source_make_pool(&s->source, &s->config, &format) != CASTOR_OK) {
        log_error("no memory for the frame pool; lower the picture size or pool.slots");
        return false;
    }
    supervisor_begin(s, now_ns);
    return s->switching_known;
}

void supervisor_begin_with_slate(struct supervisor *s, int64_t now_ns)
{
    bool failed = s->source.stats.signal == MESSAGE_SIGNAL_NONE || s->source.worker.pid == 0;

    if (s->config.slate.picture == CONFIG_SLATE_OFF || s->feed.started || s->feed.armed || s->stopping)
        return;
    if (!s->switching_known && !begin_without_source(s, now_ns))
        return;
    if (!s->slate.worker.ready || now_ns - s->begun_ns < (failed ? START_FAILED_NS : START_WAIT_NS))
        return;
    log_warning("no picture has come since the start; the box goes on air with the slate");
    feed_arm(&s->feed, now_ns);
    // It would count from the start, and not from now.
    worker_end(&s->source.worker,
               "has no picture; it is opened anew, to go on with the numbers of the slate");
}
