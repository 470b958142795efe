// SPDX-License-Identifier: Apache-2.0
#include "slate/worker.h"

#include <stdio.h>

#include "base/log.h"
#include "draw/overlay.h"
#include "ipc/duty.h"
#include "pool/pool.h"
#include "pool/slot_book.h"
#include "slate/canvas.h"
#include "slate/loader.h"

#define STATS_INTERVAL_NS (500 * CASTOR_NS_PER_MS)

struct slate {
    struct duty duty;
    struct pool *pool;
    struct slot_book book;
    struct canvas canvas;
    struct loader loader;
    struct overlay *overlay; // from START on
    struct look *look;       // NULL until the first is loaded
    uint64_t drawn;
    int64_t stats_ns; // when the next STATS is due
};

static void handle_start(struct slate *slate, const struct message_slate_start *start)
{
    const unsigned fd_count = slate->duty.fd_count;
    const int *fds = slate->duty.fds;
    struct pool_parts parts;

    if (slate->pool || fd_count < 2 || !pool_share_read(fds + 1, fd_count - 1, start->dmabuf_count, &parts)) {
        duty_refuse(&slate->duty, "a START out of turn or without a pool");
        return;
    }
    parts.control = fds[0];
    if (pool_attach(&start->format, start->slot_count, &parts, &slate->pool) != CASTOR_OK) {
        duty_refuse(&slate->duty, "a pool that cannot be mapped");
        return;
    }
    duty_keep(&slate->duty, 0, fd_count);
    pool_write_only(slate->pool, start->first_slot, start->end_slot);
    slot_book_init(&slate->book, slate->pool, start->first_slot, start->end_slot, start->slot_sequence);
    int error = canvas_init(&slate->canvas, &start->format);
    if (!error)
        error = loader_init(&slate->loader, &start->format);
    if (!error)
        error = overlay_create(&start->format, &slate->overlay);
    if (!error)
        error = loader_ask(&slate->loader, &start->look);
    if (error)
        duty_fail(&slate->duty, error, "out of memory for the slate");
}

static void handle_look(struct slate *slate, const struct message_slate_look *look)
{
    if (!slate->pool)
        duty_refuse(&slate->duty, "a LOOK before START");
    else if (loader_ask(&slate->loader, look) != CASTOR_OK)
        duty_fail(&slate->duty, CASTOR_ERR_NO_MEMORY, "out of memory for another look of the slate");
}

// Capture tells what became of the same item; here nobody asks.
static void handle_overlay(struct slate *slate, const struct message_overlay *order)
{
    struct message_overlay_state told;

    if (!slate->overlay) {
        duty_refuse(&slate->duty, "an OVERLAY before START");
        return;
    }
    while (overlay_report(slate->overlay, &told))
        continue;
    if (overlay_set(slate->overlay, order) != CASTOR_OK)
        log_error("no memory for item %u of the overlay", order->index);
}

// The last live picture has its overlay already.
static void draw_picture(struct slate *slate, const struct message_slate_draw *draw,
                         const struct castor_frame *last, struct castor_frame *frame)
{
    bool has_overlay = canvas_draw(&slate->canvas, slate->look, draw, last, frame);

    frame->sequence = draw->sequence;
    frame->capture_ns = draw->capture_ns;
    if (overlay_prepare(slate->overlay) && !has_overlay)
        overlay_draw(slate->overlay, frame);
}

static void handle_draw(struct slate *slate, const struct message_slate_draw *draw)
{
    struct castor_frame frame = {0}, last = {0};
    struct message message;
    uint32_t slot;

    if (!slate->look || !slot_book_take(&slate->book, &slot) ||
        (draw->last_slot != MESSAGE_NO_SLOT && draw->last_slot >= slate->book.first)) {
        duty_refuse(&slate->duty,
                    "a DRAW before READY, without a free slot, or after a frame that is not capture's");
        return;
    }
    if (draw->last_slot != MESSAGE_NO_SLOT)
        pool_frame(slate->pool, draw->last_slot, &last);
    pool_frame(slate->pool, slot, &frame);
    draw_picture(slate, draw, draw->last_slot != MESSAGE_NO_SLOT ? &last : NULL, &frame);
    pool_written(slate->pool, &frame);
    slot_book_put(&slate->book, slot, draw->sequence);
    slate->drawn++;
    message_init(&message, MESSAGE_FRAME);
    message.body.frame =
        (struct message_frame){.sequence = draw->sequence, .capture_ns = draw->capture_ns, .slot = slot};
    duty_tell(&slate->duty, &message);
}

static void handle_message(void *worker)
{
    struct slate *slate = worker;
    const struct message *message = &slate->duty.message;

    switch (message->header.type) {
    case MESSAGE_STOP:
        duty_finish(&slate->duty, WORKER_EXIT_OK);
        break;
    case MESSAGE_SLATE_START:
        handle_start(slate, &message->body.slate_start);
        break;
    case MESSAGE_SLATE_LOOK:
        handle_look(slate, &message->body.slate_look);
        break;
    case MESSAGE_SLATE_DRAW:
        handle_draw(slate, &message->body.slate_draw);
        break;
    case MESSAGE_OVERLAY:
        handle_overlay(slate, &message->body.overlay);
        break;
    default:
        duty_refuse(&slate->duty, message_name(message->header.type));
    }
}

static void handle_loaded(struct slate *slate)
{
    struct look *look = NULL;
    struct message message;
    int error = loader_take(&slate->loader, &look);

    if (error == CASTOR_ERR_AGAIN)
        return;
    if (error) {
        duty_fail(&slate->duty, error, "out of memory for the slate");
        return;
    }
    look_destroy(slate->look);
    slate->look = look;
    canvas_look_changed(&slate->canvas);
    if (look->note[0])
        log_warning("%s", look->note);
    message_init(&message, MESSAGE_SLATE_READY);
    (void)snprintf(message.body.slate_ready.note, sizeof message.body.slate_ready.note, "%s", look->note);
    duty_tell(&slate->duty, &message);
}

static void send_stats(struct slate *slate, int64_t now_ns)
{
    struct message message;

    if (!slate->look || now_ns < slate->stats_ns)
        return;
    slate->stats_ns = now_ns + STATS_INTERVAL_NS;
    message_init(&message, MESSAGE_SLATE_STATS);
    message.body.slate_stats.drawn = slate->drawn;
    duty_tell(&slate->duty, &message);
}

static void step(struct slate *slate)
{
    struct pollfd fds[2] = {{.fd = slate->duty.fd, .events = POLLIN},
                            {.fd = slate->pool ? slate->loader.done_fd : -1, .events = POLLIN}};
    int64_t now_ns = castor_now_ns();

    send_stats(slate, now_ns);
    int64_t until_ns = slate->look ? slate->stats_ns : slate->duty.start_until_ns;
    if (!slate->look && now_ns > until_ns) {
        duty_fail(&slate->duty, CASTOR_ERR_TIMEOUT,
                  "the slate was not told what to show, or could not load it, in time");
        return;
    }
    if (!duty_wait(&slate->duty, fds, 2, until_ns))
        return;
    if (fds[1].revents)
        handle_loaded(slate);
    if (fds[0].revents && !slate->duty.done)
        duty_read(&slate->duty, handle_message, slate);
}

int slate_worker_run(int fd)
{
    struct slate slate = {.loader = {.done_fd = -1}};

    duty_begin(&slate.duty, fd);
    while (!slate.duty.done)
        step(&slate);
    loader_finish(&slate.loader);
    look_destroy(slate.look);
    overlay_destroy(slate.overlay);
    canvas_finish(&slate.canvas);
    pool_destroy(slate.pool);
    return (int)slate.duty.exit;
}
