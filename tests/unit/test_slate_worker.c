// SPDX-License-Identifier: Apache-2.0
// The slate against a supervisor played by the test: what it draws, in every pixel format, and what it does
// with files that are broken.
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../pool_view.h"
#include "hal/paint.h"
#include "ipc/channel.h"
#include "slate/worker.h"

#define BUDGET_MS 10000
#define SLOTS 8
#define FIRST 4 // of the slate's
#define LOST_NS (100 * CASTOR_NS_PER_S)

struct box {
    int fd, worker_fd, exit_code;
    pthread_t thread;
    struct castor_format format;
    struct castor_frame_layout layout;
    struct pool *pool, *capture, *reader;
    uint64_t sequence;
};

static void *run(void *argument)
{
    struct box *box = argument;

    box->exit_code = slate_worker_run(box->worker_fd);
    close(box->worker_fd);
    return NULL;
}

static struct message_slate_look look(uint32_t picture, const char *file, const char *text)
{
    struct message_slate_look wanted = {.picture = picture, .place = MESSAGE_SLATE_BOTTOM, .hold_ms = 500};

    snprintf(wanted.file, sizeof wanted.file, "%s", file);
    snprintf(wanted.text, sizeof wanted.text, "%s", text);
    return wanted;
}

static void receive(struct box *box, struct message *message)
{
    struct pollfd poll_fd = {.fd = box->fd, .events = POLLIN};

    do {
        const char *why = "";
        assert_int_equal(poll(&poll_fd, 1, BUDGET_MS), 1);
        assert_int_equal(channel_receive(box->fd, MESSAGE_FROM_SLATE, message, NULL, NULL, &why), 0);
    } while (message->header.type == MESSAGE_SLATE_STATS);
}

static void send_start(struct box *box, const struct message_slate_look *wanted)
{
    struct message message;
    struct message_slate_start *start = &message.body.slate_start;
    int fds[1 + POOL_SHARE_MAX] = {pool_descriptors(box->pool).control};

    message_init(&message, MESSAGE_SLATE_START);
    unsigned count = 1 + pool_share(box->pool, POOL_ROLE_CAPTURE, fds + 1, &start->dmabuf_count);
    start->format = box->format;
    start->slot_count = start->end_slot = SLOTS;
    start->first_slot = FIRST;
    start->look = *wanted;
    for (int i = 0; i < SLOTS; i++)
        start->slot_sequence[i] = MESSAGE_SLOT_FREE;
    assert_int_equal(channel_send(box->fd, &message, fds, count), 0);
}

static void begin(struct box *box, uint32_t pixel)
{
    int fds[2];

    memset(box, 0, sizeof *box);
    box->format = (struct castor_format){640, 360, pixel, {30, 1}};
    assert_int_equal(castor_frame_layout_compute(&box->format, 64, &box->layout), 0);
    assert_int_equal(pool_create(&box->format, SLOTS, &box->pool), 0);
    box->capture = pool_view(box->pool, &box->format, POOL_ROLE_CAPTURE);
    box->reader = pool_view(box->pool, &box->format, POOL_ROLE_READER);
    assert_non_null(box->capture);
    assert_non_null(box->reader);
    assert_int_equal(channel_pair(fds), 0);
    box->fd = fds[0];
    box->worker_fd = fds[1];
    assert_int_equal(pthread_create(&box->thread, NULL, run, box), 0);
}

// Starts with a look; returns what READY notes.
static const char *start(struct box *box, uint32_t pixel, const struct message_slate_look *wanted)
{
    static char note[256];
    struct message message;

    begin(box, pixel);
    send_start(box, wanted);
    receive(box, &message);
    assert_int_equal(message.header.type, MESSAGE_SLATE_READY);
    snprintf(note, sizeof note, "%s", message.body.slate_ready.note);
    return note;
}

static int end(struct box *box)
{
    pthread_join(box->thread, NULL);
    close(box->fd);
    pool_destroy(box->reader);
    pool_destroy(box->capture);
    pool_destroy(box->pool);
    return box->exit_code;
}

static int stop(struct box *box)
{
    struct message message;

    message_init(&message, MESSAGE_STOP);
    assert_int_equal(channel_send(box->fd, &message, NULL, 0), 0);
    return end(box);
}

static void order(struct box *box, int64_t after_ns, uint32_t last_slot)
{
    struct message message;

    message_init(&message, MESSAGE_SLATE_DRAW);
    message.body.slate_draw = (struct message_slate_draw){.sequence = ++box->sequence,
                                                          .capture_ns = LOST_NS + after_ns,
                                                          .lost_since_ns = LOST_NS,
                                                          .last_slot = last_slot};
    assert_int_equal(channel_send(box->fd, &message, NULL, 0), 0);
}

// A frame so long after the loss; its slot is free again when the next is drawn.
static struct castor_frame drawn(struct box *box, int64_t after_ns, uint32_t last_slot)
{
    struct castor_frame frame = {0};
    struct message message;

    order(box, after_ns, last_slot);
    receive(box, &message);
    assert_int_equal(message.header.type, MESSAGE_FRAME);
    assert_int_equal(message.body.frame.sequence, box->sequence);
    assert_int_equal(message.body.frame.capture_ns, LOST_NS + after_ns);
    assert_in_range(message.body.frame.slot, FIRST, SLOTS - 1);
    pool_frame(box->reader, message.body.frame.slot, &frame);
    pool_release(box->pool, message.body.frame.slot, box->sequence);
    return frame;
}

// Bytes of the luma rows that differ; *first and *last are the rows with a difference.
static unsigned differences(const struct box *box, const struct castor_frame *a, const struct castor_frame *b,
                            uint32_t *first, uint32_t *last)
{
    unsigned count = 0;

    *first = *last = 0;
    for (uint32_t row = 0; row < box->layout.rows[0]; row++) {
        const size_t at = (size_t)row * box->layout.stride_bytes[0];
        unsigned here = 0;
        for (uint32_t i = 0; i < box->format.width_px * castor_pixel_bytes(box->format.pixel); i++)
            here += a->plane[0][at + i] != b->plane[0][at + i];
        if (here > 0 && count == 0)
            *first = row;
        if (here > 0)
            *last = row;
        count += here;
    }
    return count;
}

static bool same(const struct box *box, const struct castor_frame *a, const struct castor_frame *b)
{
    for (uint32_t plane = 0; plane < box->layout.planes; plane++)
        if (memcmp(a->plane[plane], b->plane[plane],
                   (size_t)box->layout.stride_bytes[plane] * box->layout.rows[plane]) != 0)
            return false;
    return true;
}

// A picture of its own in private memory of the test.
static struct castor_frame reference(const struct box *box,
                                     void (*paint)(const struct castor_format *, const struct castor_frame *))
{
    struct castor_frame frame = {0};

    castor_frame_map(&box->layout, calloc(1, box->layout.size_bytes), &frame);
    paint(&box->format, &frame);
    return frame;
}

static void paint_live(const struct castor_format *format, const struct castor_frame *frame)
{
    castor_paint_box(format, frame, 0, 0, format->width_px, format->height_px,
                     (struct castor_colour){400, 300, 700});
    castor_paint_box(format, frame, 64, 32, 100, 50, CASTOR_WHITE);
}

static void paint_black(const struct castor_format *format, const struct castor_frame *frame)
{
    castor_paint_box(format, frame, 0, 0, format->width_px, format->height_px, CASTOR_BLACK);
}

static void put_live(const struct box *box, uint32_t slot)
{
    struct castor_frame live = {0};

    pool_frame(box->capture, slot, &live);
    paint_live(&box->format, &live);
}

static void last_picture(uint32_t pixel)
{
    const struct message_slate_look wanted = look(MESSAGE_SLATE_LAST, "", "Signal lost %t");
    uint32_t first, last;
    struct castor_frame live, frame, second;
    struct box box;

    assert_string_equal(start(&box, pixel, &wanted), "");
    live = reference(&box, paint_live);
    put_live(&box, 2);
    frame = drawn(&box, 33 * CASTOR_NS_PER_MS, 2); // bridged: no text yet
    assert_true(same(&box, &frame, &live));
    frame = drawn(&box, 600 * CASTOR_NS_PER_MS, 2);
    assert_true(differences(&box, &frame, &live, &first, &last) > 500);
    assert_in_range(first, 360 * 75 / 100, 359); // the text, at the bottom and nowhere else
    assert_in_range(last, 360 * 80 / 100, 359);
    second = drawn(&box, 1600 * CASTOR_NS_PER_MS, 2); // into another slot, or the same
    struct castor_frame kept = reference(&box, paint_black);
    memcpy(kept.plane[0], second.plane[0], box.layout.size_bytes);
    frame = drawn(&box, 2600 * CASTOR_NS_PER_MS, 2);
    assert_in_range(differences(&box, &frame, &kept, &first, &last), 1, 5000); // another second
    free(kept.plane[0]);
    free(live.plane[0]);
    assert_int_equal(stop(&box), WORKER_EXIT_OK);
}

static void test_the_last_picture_and_the_time_since(void **state)
{
    (void)state;
    last_picture(CASTOR_PIXEL_I420);
    last_picture(CASTOR_PIXEL_NV12);
    last_picture(CASTOR_PIXEL_P010);
}

static void test_the_last_picture_is_copied_once(void **state)
{
    const struct message_slate_look wanted = look(MESSAGE_SLATE_LAST, "", "");
    struct castor_frame live, frame, slot = {0};
    struct box box;

    (void)state;
    assert_string_equal(start(&box, CASTOR_PIXEL_I420, &wanted), "");
    live = reference(&box, paint_live);
    put_live(&box, 1);
    (void)drawn(&box, 33 * CASTOR_NS_PER_MS, 1);
    pool_frame(box.capture, 1, &slot);
    paint_black(&box.format, &slot);
    frame = drawn(&box, 700 * CASTOR_NS_PER_MS, 1);
    assert_true(same(&box, &frame, &live));
    free(live.plane[0]);
    assert_int_equal(stop(&box), WORKER_EXIT_OK);
}

// Burned in like everywhere; the last picture has its overlay already.
static void test_the_overlay_is_drawn_but_on_the_last_picture(void **state)
{
    const struct message_slate_look wanted = look(MESSAGE_SLATE_BLACK, "", "");
    struct castor_frame live, black, frame;
    struct message message;
    uint32_t first, last;
    struct box box;

    (void)state;
    assert_string_equal(start(&box, CASTOR_PIXEL_NV12, &wanted), "");
    live = reference(&box, paint_live);
    black = reference(&box, paint_black);
    put_live(&box, 1);
    message_init(&message, MESSAGE_OVERLAY);
    message.body.overlay.item = (struct message_overlay_item){
        .kind = MESSAGE_OVERLAY_CLOCK, .anchor = 8, .y_px = 20, .opacity_percent = 100, .colour = "#ffffff"};
    assert_int_equal(channel_send(box.fd, &message, NULL, 0), 0);
    for (int i = 0; i < 500; i++) { // until it is prepared
        frame = drawn(&box, 600 * CASTOR_NS_PER_MS, 1);
        if (differences(&box, &frame, &black, &first, &last) > 0)
            break;
        poll(NULL, 0, 10);
    }
    assert_in_range(first, 300, 339);
    assert_in_range(last, 310, 340);
    frame = drawn(&box, 33 * CASTOR_NS_PER_MS, 1); // bridged by the last picture
    assert_true(same(&box, &frame, &live));
    free(live.plane[0]);
    free(black.plane[0]);
    assert_int_equal(stop(&box), WORKER_EXIT_OK);
}

static void test_without_a_last_picture_it_is_black(void **state)
{
    const struct message_slate_look wanted = look(MESSAGE_SLATE_LAST, "", "");
    struct castor_frame black, frame;
    struct box box;

    (void)state;
    assert_string_equal(start(&box, CASTOR_PIXEL_NV12, &wanted), "");
    black = reference(&box, paint_black);
    frame = drawn(&box, 33 * CASTOR_NS_PER_MS, MESSAGE_NO_SLOT);
    assert_true(same(&box, &frame, &black));
    free(black.plane[0]);
    assert_int_equal(stop(&box), WORKER_EXIT_OK);
}

static void test_bars_come_after_the_hold_and_go_with_another_look(void **state)
{
    const struct message_slate_look wanted = look(MESSAGE_SLATE_BARS, "", "");
    struct castor_frame live, bars, black, frame;
    struct message message;
    struct box box;

    (void)state;
    assert_string_equal(start(&box, CASTOR_PIXEL_P010, &wanted), "");
    live = reference(&box, paint_live);
    bars = reference(&box, castor_paint_bars);
    black = reference(&box, paint_black);
    put_live(&box, 0);
    frame = drawn(&box, 400 * CASTOR_NS_PER_MS, 0);
    assert_true(same(&box, &frame, &live));
    frame = drawn(&box, 500 * CASTOR_NS_PER_MS, 0);
    assert_true(same(&box, &frame, &bars));
    message_init(&message, MESSAGE_SLATE_LOOK);
    message.body.slate_look = look(MESSAGE_SLATE_BLACK, "", "");
    assert_int_equal(channel_send(box.fd, &message, NULL, 0), 0);
    receive(&box, &message);
    assert_int_equal(message.header.type, MESSAGE_SLATE_READY);
    frame = drawn(&box, 600 * CASTOR_NS_PER_MS, 0);
    assert_true(same(&box, &frame, &black));
    free(live.plane[0]);
    free(bars.plane[0]);
    free(black.plane[0]);
    assert_int_equal(stop(&box), WORKER_EXIT_OK);
}

static void test_broken_files_are_told_and_replaced(void **state)
{
    char path[] = "/tmp/castor-slate-XXXXXX";
    int fd = mkstemp(path);
    struct message_slate_look wanted;
    struct castor_frame bars, frame;
    const char *note;
    struct box box;

    (void)state;
    assert_int_equal(write(fd, "no picture", 10), 10);
    close(fd);
    wanted = look(MESSAGE_SLATE_STILL, path, "lost");
    snprintf(wanted.font, sizeof wanted.font, "%s", path);
    note = start(&box, CASTOR_PIXEL_I420, &wanted);
    assert_non_null(strstr(note, "bars instead of the still"));
    assert_non_null(strstr(note, "no text"));
    bars = reference(&box, castor_paint_bars);
    frame = drawn(&box, 600 * CASTOR_NS_PER_MS, MESSAGE_NO_SLOT);
    assert_true(same(&box, &frame, &bars));
    free(bars.plane[0]);
    unlink(path);
    assert_int_equal(stop(&box), WORKER_EXIT_OK);
}

static void test_protocol_errors_end_it(void **state)
{
    const struct message_slate_look wanted = look(MESSAGE_SLATE_BLACK, "", "");
    struct box box;

    (void)state;
    begin(&box, CASTOR_PIXEL_I420); // a DRAW before START
    order(&box, CASTOR_NS_PER_S, MESSAGE_NO_SLOT);
    assert_int_equal(end(&box), WORKER_EXIT_PROTOCOL);

    (void)start(&box, CASTOR_PIXEL_I420, &wanted); // a second START
    send_start(&box, &wanted);
    assert_int_equal(end(&box), WORKER_EXIT_PROTOCOL);

    (void)start(&box, CASTOR_PIXEL_I420, &wanted); // a last picture in the slate's own slots
    order(&box, CASTOR_NS_PER_S, FIRST);
    assert_int_equal(end(&box), WORKER_EXIT_PROTOCOL);

    (void)start(&box, CASTOR_PIXEL_I420, &wanted); // more frames than slots
    for (int i = 0; i < SLOTS - FIRST + 1; i++)
        order(&box, CASTOR_NS_PER_S + i, MESSAGE_NO_SLOT);
    assert_int_equal(end(&box), WORKER_EXIT_PROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_last_picture_and_the_time_since),
        cmocka_unit_test(test_the_last_picture_is_copied_once),
        cmocka_unit_test(test_the_overlay_is_drawn_but_on_the_last_picture),
        cmocka_unit_test(test_without_a_last_picture_it_is_black),
        cmocka_unit_test(test_bars_come_after_the_hold_and_go_with_another_look),
        cmocka_unit_test(test_broken_files_are_told_and_replaced),
        cmocka_unit_test(test_protocol_errors_end_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
