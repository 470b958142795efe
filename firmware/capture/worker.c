// SPDX-License-Identifier: Apache-2.0
#include "capture/worker.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "draw/overlay.h"
#include "ipc/channel.h"
#include "ipc/duty.h"
#include "pool/pool.h"
#include "pool/slot_book.h"

#define STATS_INTERVAL_NS CASTOR_NS_PER_S
// The pool's control page does not wake anybody: while the source lacks slots, it is looked at this often.
#define SLOT_LOOK_NS (2 * CASTOR_NS_PER_MS)

// So long the first frame waits for the overlay, so that after a restart nothing flickers.
#define OVERLAY_START_NS (300 * CASTOR_NS_PER_MS)

struct capture {
    struct duty duty;
    capture_find find;
    struct source *source;
    struct overlay *overlay;        // from START on
    bool overdrawn[POOL_SLOTS_MAX]; // the overlay was drawn into what the source left there
    struct pool *pool;
    struct slot_book book;
    uint64_t unannounced; // frames the supervisor had no room to hear of
    int64_t stats_ns;     // when the next STATS is due
    enum source_signal signal;
    struct source_text reason; // why there is no signal; "" = there is one
    struct source_text note;   // the source's, that was logged last
};

static void handle_start(struct capture *capture, const struct message_capture_start *start)
{
    const struct source_config config = {.path = start->path,
                                         .options = start->options,
                                         .format = start->format,
                                         .anchor_sequence = start->anchor_sequence,
                                         .anchor_ns = start->anchor_ns};
    const struct source_driver *driver;
    struct source_text why = {""};
    struct message ready;
    int error;

    if (capture->source) {
        duty_refuse(&capture->duty, "a second START");
        return;
    }
    error = capture->find(start->driver, &driver, &why);
    if (!error)
        error = source_open(driver, &config, &capture->source, &why);
    if (!error)
        error = overlay_create(&capture->source->format, &capture->overlay);
    if (error) {
        duty_fail(&capture->duty, error, why.text[0] ? why.text : castor_error_text(error));
        return;
    }
    message_init(&ready, MESSAGE_CAPTURE_READY);
    ready.body.capture_ready.format = capture->source->format;
    duty_tell(&capture->duty, &ready);
}

static bool same_picture(const struct castor_format *a, const struct castor_format *b)
{
    return a->width_px == b->width_px && a->height_px == b->height_px && a->pixel == b->pixel;
}

static void handle_pool(struct capture *capture, const struct message_capture_pool *pool)
{
    const unsigned fd_count = capture->duty.fd_count;
    const int *fds = capture->duty.fds;
    struct pool_parts parts;

    if (!capture->source || capture->pool || fd_count < 2 ||
        !pool_share_read(fds + 1, fd_count - 1, pool->dmabuf_count, &parts) ||
        !same_picture(&pool->format, &capture->source->format)) {
        duty_refuse(&capture->duty, "a POOL out of turn or for another picture");
        return;
    }
    parts.control = fds[0];
    if (pool_attach(&pool->format, pool->slot_count, &parts, &capture->pool) != CASTOR_OK) {
        duty_refuse(&capture->duty, "a POOL that cannot be mapped");
        return;
    }
    duty_keep(&capture->duty, 0, fd_count);
    pool_write_only(capture->pool, pool->first_slot, pool->end_slot);
    slot_book_init(&capture->book, capture->pool, pool->first_slot, pool->end_slot, pool->slot_sequence);
    if (!overlay_wait(capture->overlay, castor_now_ns() + OVERLAY_START_NS))
        log_warning("the overlay takes its time; pictures begin without it");
    capture->stats_ns = castor_now_ns() + STATS_INTERVAL_NS;
}

static void handle_overlay(struct capture *capture, const struct message_overlay *order)
{
    if (!capture->overlay)
        duty_refuse(&capture->duty, "an OVERLAY before START");
    else if (overlay_set(capture->overlay, order) != CASTOR_OK)
        log_error("no memory for item %u of the overlay", order->index);
}

static void handle_message(void *worker)
{
    struct capture *capture = worker;
    const struct message *message = &capture->duty.message;

    switch (message->header.type) {
    case MESSAGE_STOP:
        duty_finish(&capture->duty, WORKER_EXIT_OK);
        break;
    case MESSAGE_CAPTURE_START:
        handle_start(capture, &message->body.capture_start);
        break;
    case MESSAGE_CAPTURE_POOL:
        handle_pool(capture, &message->body.capture_pool);
        break;
    case MESSAGE_OVERLAY:
        handle_overlay(capture, &message->body.overlay);
        break;
    default:
        duty_refuse(&capture->duty, message_name(message->header.type));
    }
}

static void fill_queue(struct capture *capture)
{
    struct castor_frame frame;
    uint32_t slot;

    while (!capture->duty.done && source_lent(capture->source) < capture->source->queue_depth &&
           slot_book_take(&capture->book, &slot)) {
        int error;

        memset(&frame, 0, sizeof frame);
        pool_frame(capture->pool, slot, &frame);
        frame.overdrawn = capture->overdrawn[slot];
        error = source_queue(capture->source, &frame);
        if (!error)
            continue;
        slot_book_put(&capture->book, slot, POOL_SLOT_FREE);
        if (error != CASTOR_ERR_FULL)
            duty_fail(&capture->duty, error, source_fault(capture->source));
        return;
    }
}

static void announce(struct capture *capture, const struct castor_frame *frame)
{
    struct message message;
    int error;

    pool_written(capture->pool, frame);
    message_init(&message, MESSAGE_FRAME);
    message.body.frame.sequence = frame->sequence;
    message.body.frame.capture_ns = frame->capture_ns;
    message.body.frame.slot = frame->slot;
    error = channel_send(capture->duty.fd, &message, NULL, 0);
    slot_book_put(&capture->book, frame->slot, error ? POOL_SLOT_FREE : frame->sequence);
    if (error == CASTOR_ERR_FULL)
        capture->unannounced++; // its sequence is missing at the supervisor, who counts it there
    else if (error)
        duty_finish(&capture->duty, WORKER_EXIT_OK);
}

// Drawn now and not ahead of time: a clock tells the time of this frame, and a change is in force at once.
static void draw_overlay(struct capture *capture, struct castor_frame *frame)
{
    capture->overdrawn[frame->slot] = overlay_prepare(capture->overlay);
    if (!capture->overdrawn[frame->slot])
        return;
    pool_draw(capture->pool, frame);
    overlay_draw(capture->overlay, frame);
}

static void handle_source(struct capture *capture)
{
    struct castor_frame frame;
    int error = source_dequeue(capture->source, &frame);

    if (!error) {
        draw_overlay(capture, &frame);
        announce(capture, &frame);
        return;
    }
    if (error == CASTOR_ERR_AGAIN)
        return;
    duty_fail(&capture->duty, error,
              source_fault(capture->source)[0] ? source_fault(capture->source) : castor_error_text(error));
}

// Says where the source's own timeline lies, as soon as the source does.
static void tell_origins(struct capture *capture)
{
    struct source_origin origin;
    struct message message;

    while (source_origin(capture->source, &origin) == CASTOR_OK) {
        message_init(&message, MESSAGE_CAPTURE_ORIGIN);
        message.body.capture_origin = (struct message_capture_origin){
            .sequence = origin.sequence, .capture_ns = origin.capture_ns, .media_ns = origin.media_ns};
        int error = channel_send(capture->duty.fd, &message, NULL, 0);
        if (error == CASTOR_ERR_FULL)
            log_warning("the supervisor did not take where the source's time line lies");
        else if (error)
            duty_finish(&capture->duty, WORKER_EXIT_OK);
    }
}

// Says what became of the signal, once a change.
static void look_at_signal(struct capture *capture)
{
    enum source_signal signal = source_signal(capture->source);
    const char *reason = signal == SOURCE_SIGNAL_NONE ? source_fault(capture->source) : "";

    if (signal == capture->signal && strcmp(reason, capture->reason.text) == 0)
        return;
    if (signal == SOURCE_SIGNAL_NONE)
        log_warning("no picture arrives%s%s", reason[0] ? ": " : "", reason);
    else if (capture->signal == SOURCE_SIGNAL_NONE)
        log_info("pictures arrive again");
    capture->signal = signal;
    capture->stats_ns = 0; // at once
    (void)snprintf(capture->reason.text, sizeof capture->reason.text, "%s", reason);
}

// Says what is new of how the source works.
static void look_at_note(struct capture *capture)
{
    const char *note = source_note(capture->source);

    if (strcmp(note, capture->note.text) == 0)
        return;
    if (note[0])
        log_info("%s", note);
    (void)snprintf(capture->note.text, sizeof capture->note.text, "%s", note);
}

// Tells what became of the overlay's items.
static void look_at_overlay(struct capture *capture)
{
    struct message message;

    message_init(&message, MESSAGE_OVERLAY_STATE);
    while (overlay_report(capture->overlay, &message.body.overlay_state)) {
        const struct message_overlay_state *state = &message.body.overlay_state;

        if (state->reason[0])
            log_warning("item %u of the overlay: %s", state->index, state->reason);
        if (channel_send(capture->duty.fd, &message, NULL, 0) != CASTOR_OK)
            log_warning("the supervisor did not take the state of an item");
    }
}

static void send_stats(struct capture *capture, int64_t now_ns)
{
    struct source_counters counters = source_counters(capture->source);
    struct message message;

    if (now_ns < capture->stats_ns)
        return;
    capture->stats_ns = now_ns + STATS_INTERVAL_NS;
    message_init(&message, MESSAGE_CAPTURE_STATS);
    message.body.capture_stats.captured = counters.captured - capture->unannounced;
    message.body.capture_stats.lost_no_slot = counters.lost_no_slot + capture->unannounced;
    message.body.capture_stats.lost_device = counters.lost_device;
    message.body.capture_stats.lost_decode_late = counters.lost_decode_late;
    message.body.capture_stats.decode_errors = counters.decode_errors;
    message.body.capture_stats.times_corrected = counters.times_corrected;
    message.body.capture_stats.cpu_copies = counters.cpu_copies;
    message.body.capture_stats.signal = capture->signal;
    (void)snprintf(message.body.capture_stats.reason, sizeof message.body.capture_stats.reason, "%s",
                   capture->reason.text);
    if (channel_send(capture->duty.fd, &message, NULL, 0) != CASTOR_OK)
        log_debug("the supervisor did not take the statistics; the next ones hold the same totals");
}

// Until when to wait at most: the next statistics, a look at the pool, or the end of the supervisor's time to
// start.
static int64_t wait_until_ns(const struct capture *capture, int64_t now_ns)
{
    int64_t until_ns = capture->pool ? capture->stats_ns : capture->duty.start_until_ns;

    if (capture->pool && source_lent(capture->source) == 0 && until_ns > now_ns + SLOT_LOOK_NS)
        until_ns = now_ns + SLOT_LOOK_NS;
    return until_ns;
}

static void step(struct capture *capture)
{
    struct pollfd fds[2] = {{.fd = capture->duty.fd, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
    int64_t now_ns = castor_now_ns();

    if (capture->pool) {
        fill_queue(capture);
        if (capture->duty.done)
            return;
        tell_origins(capture);
        look_at_signal(capture);
        look_at_note(capture);
        look_at_overlay(capture);
        send_stats(capture, now_ns);
        fds[1].fd = source_descriptor(capture->source);
    } else if (now_ns > capture->duty.start_until_ns) {
        duty_fail(&capture->duty, CASTOR_ERR_TIMEOUT, "the supervisor sent no START and POOL in time");
        return;
    }
    if (!duty_wait(&capture->duty, fds, 2, wait_until_ns(capture, now_ns)))
        return;
    if (fds[1].revents)
        handle_source(capture);
    if (fds[0].revents && !capture->duty.done)
        duty_read(&capture->duty, handle_message, capture);
}

int capture_worker_run(int fd, capture_find find)
{
    struct capture capture = {.find = find};

    duty_begin(&capture.duty, fd);
    while (!capture.duty.done)
        step(&capture);
    source_close(capture.source);
    overlay_destroy(capture.overlay);
    pool_destroy(capture.pool);
    return (int)capture.duty.exit;
}
