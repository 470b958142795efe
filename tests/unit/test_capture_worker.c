// SPDX-License-Identifier: Apache-2.0
// The capture worker against a supervisor played by the test.
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/worker.h"
#include "ipc/channel.h"
#include "pool/pool.h"
#include "source_number_reader.h"

#define BUDGET_MS 10000
#define SLOTS 6

struct box {
    int fd; // the supervisor's end
    int worker_fd;
    pthread_t thread;
    int exit_code;
    struct pool *pool;
    struct pool *view;                    // the pixels, as an encoder maps them
    struct message_capture_origin origin; // the last that was told
};

static void *run(void *argument)
{
    struct box *box = argument;

    box->exit_code = capture_worker_run(box->worker_fd, source_driver_find);
    close(box->worker_fd);
    return NULL;
}

static void box_start(struct box *box)
{
    int fds[2];

    memset(box, 0, sizeof *box);
    assert_int_equal(channel_pair(fds), 0);
    box->fd = fds[0];
    box->worker_fd = fds[1];
    assert_int_equal(pthread_create(&box->thread, NULL, run, box), 0);
}

// Waits for the worker's end; returns its exit code.
static int box_join(struct box *box)
{
    pthread_join(box->thread, NULL);
    if (box->fd >= 0)
        close(box->fd);
    pool_destroy(box->view);
    pool_destroy(box->pool);
    return box->exit_code;
}

static void send_plain(struct box *box, enum message_type type)
{
    struct message message;

    message_init(&message, type);
    assert_int_equal(channel_send(box->fd, &message, NULL, 0), 0);
}

static void send_start(struct box *box, const char *driver, const char *path, uint32_t width,
                       uint64_t sequence, int64_t anchor_ns)
{
    struct message message;

    message_init(&message, MESSAGE_CAPTURE_START);
    snprintf(message.body.capture_start.driver, sizeof message.body.capture_start.driver, "%s", driver);
    snprintf(message.body.capture_start.path, sizeof message.body.capture_start.path, "%s", path);
    message.body.capture_start.format =
        (struct castor_format){width, width * 9 / 16, CASTOR_PIXEL_I420, {50, 1}};
    message.body.capture_start.anchor_sequence = sequence;
    message.body.capture_start.anchor_ns = anchor_ns;
    assert_int_equal(channel_send(box->fd, &message, NULL, 0), 0);
}

static void receive(struct box *box, struct message *message)
{
    struct pollfd poll_fd = {.fd = box->fd, .events = POLLIN};
    const char *why = "";

    assert_int_equal(poll(&poll_fd, 1, BUDGET_MS), 1);
    assert_int_equal(channel_receive(box->fd, MESSAGE_FROM_CAPTURE, message, NULL, NULL, &why), 0);
}

static void send_pool(struct box *box, const struct castor_format *format)
{
    struct message message;
    struct pool_descriptors descriptors;
    struct pool_parts view = {.control = -1};

    assert_int_equal(pool_create(format, SLOTS, &box->pool), 0);
    descriptors = pool_descriptors(box->pool);
    view.pixels = fcntl(descriptors.pixels_read_only, F_DUPFD_CLOEXEC, 0);
    assert_int_equal(pool_attach(format, SLOTS, &view, &box->view), 0);
    message_init(&message, MESSAGE_CAPTURE_POOL);
    message.body.capture_pool.format = *format;
    message.body.capture_pool.slot_count = message.body.capture_pool.end_slot = SLOTS;
    for (int i = 0; i < SLOTS; i++)
        message.body.capture_pool.slot_sequence[i] = MESSAGE_SLOT_FREE;
    assert_int_equal(channel_send(box->fd, &message, (int[]){descriptors.control, descriptors.pixels}, 2), 0);
}

static void box_play_pattern(struct box *box, uint64_t sequence, int64_t anchor_ns)
{
    struct message message;

    box_start(box);
    send_start(box, "pattern", "", 320, sequence, anchor_ns);
    receive(box, &message);
    assert_int_equal(message.header.type, MESSAGE_CAPTURE_READY);
    assert_int_equal(message.body.capture_ready.format.width_px, 320);
    send_pool(box, &message.body.capture_ready.format);
}

// The next FRAME, over any STATS and ORIGIN.
static struct message_frame receive_frame(struct box *box)
{
    struct message message;

    do {
        receive(box, &message);
        if (message.header.type == MESSAGE_CAPTURE_ORIGIN)
            box->origin = message.body.capture_origin;
    } while (message.header.type == MESSAGE_CAPTURE_STATS || message.header.type == MESSAGE_CAPTURE_ORIGIN);
    assert_int_equal(message.header.type, MESSAGE_FRAME);
    return message.body.frame;
}

static void test_frames_stand_in_their_slots(void **state)
{
    struct box box;
    uint64_t last = 0;

    (void)state;
    box_play_pattern(&box, 0, 0);
    for (int i = 0; i < 40; i++) {
        struct message_frame frame = receive_frame(&box);
        struct castor_frame picture = {0};
        uint64_t number;

        assert_true(frame.slot < SLOTS);
        assert_true(i == 0 || frame.sequence > last);
        assert_true(frame.capture_ns <= castor_now_ns());
        pool_frame(box.view, frame.slot, &picture);
        assert_true(number_read(picture.plane[0], picture.stride_bytes[0], 320, &number));
        assert_int_equal(number, frame.sequence);
        pool_release(box.pool, frame.slot, frame.sequence);
        last = frame.sequence;
    }
    send_plain(&box, MESSAGE_STOP);
    assert_int_equal(box_join(&box), WORKER_EXIT_OK);
}

static void send_text(struct box *box, uint32_t revision, const char *text)
{
    struct message message;

    message_init(&message, MESSAGE_OVERLAY);
    message.body.overlay.index = 2;
    message.body.overlay.revision = revision;
    message.body.overlay.item = (struct message_overlay_item){
        .kind = MESSAGE_OVERLAY_TEXT, .anchor = 8, .opacity_percent = 100, .colour = "#ffffff"};
    (void)snprintf(message.body.overlay.item.text, sizeof message.body.overlay.item.text, "%s", text);
    assert_int_equal(channel_send(box->fd, &message, NULL, 0), 0);
}

// How many samples of the lower right corner are as bright as the text.
static int bright(const struct box *box, const struct message_frame *frame)
{
    struct castor_frame picture = {0};
    int count = 0;

    pool_frame(box->view, frame->slot, &picture);
    for (uint32_t y = 150; y < 180; y++)
        for (uint32_t x = 280; x < 320; x++)
            count += picture.plane[0][(size_t)y * picture.stride_bytes[0] + x] > 230;
    return count;
}

// An item that was ordered before the pool came is on the first frame already; a change is told, a bad one
// too.
static void test_overlay(void **state)
{
    struct message_overlay_state told[2] = {0};
    struct box box;
    struct message message;
    int before = -1, after = -1;

    (void)state;
    box_start(&box);
    send_start(&box, "pattern", "", 320, 0, 0);
    send_text(&box, 5, "\u2588\u2588");
    receive(&box, &message);
    send_pool(&box, &message.body.capture_ready.format);
    for (int i = 0; i < 60 && (told[1].revision == 0 || after < 0); i++) {
        receive(&box, &message);
        if (message.header.type == MESSAGE_OVERLAY_STATE)
            told[told[0].revision != 0] = message.body.overlay_state;
        if (message.header.type != MESSAGE_FRAME)
            continue;
        if (before < 0) {
            before = bright(&box, &message.body.frame);
            send_text(&box, 6, "{nothing}");
        }
        after = told[1].revision ? bright(&box, &message.body.frame) : -1;
        pool_release(box.pool, message.body.frame.slot, message.body.frame.sequence);
    }
    assert_true(before > 50);
    assert_int_equal(after, before);
    assert_int_equal(told[0].index, 2);
    assert_int_equal(told[0].revision, 5);
    assert_int_equal(told[0].status, MESSAGE_OVERLAY_IS_PREPARED);
    assert_int_equal(told[1].revision, 6);
    assert_int_equal(told[1].status, MESSAGE_OVERLAY_IS_KEPT);
    assert_non_null(strstr(told[1].reason, "{nothing}"));
    message_init(&message, MESSAGE_OVERLAY); // off: nothing of it stays in any slot
    message.body.overlay.index = 2;
    (void)snprintf(message.body.overlay.item.colour, sizeof message.body.overlay.item.colour, "#ffffff");
    assert_int_equal(channel_send(box.fd, &message, NULL, 0), 0);
    for (int i = 0; i < 40; i++) {
        receive(&box, &message);
        if (message.header.type != MESSAGE_FRAME)
            continue;
        after = bright(&box, &message.body.frame);
        pool_release(box.pool, message.body.frame.slot, message.body.frame.sequence);
        if (i >= 20)
            assert_true(after < before - 50);
    }
    send_plain(&box, MESSAGE_STOP);
    assert_int_equal(box_join(&box), WORKER_EXIT_OK);
}

// No slot is filled again before it is released; what passes meanwhile is a gap, and STATS count it.
static void test_held_slots_are_spared(void **state)
{
    struct box box;
    struct message message;
    struct message_frame held[SLOTS], next;
    struct message_capture_stats stats;
    uint32_t seen = 0;

    (void)state;
    box_play_pattern(&box, 0, 0);
    for (int i = 0; i < SLOTS; i++) {
        held[i] = receive_frame(&box);
        assert_int_equal(seen & 1u << held[i].slot, 0);
        seen |= 1u << held[i].slot;
    }
    receive(&box, &message); // nothing but statistics can come now
    assert_int_equal(message.header.type, MESSAGE_CAPTURE_STATS);
    for (int i = 0; i < SLOTS; i++)
        pool_release(box.pool, held[i].slot, held[i].sequence);
    next = receive_frame(&box);
    assert_true(next.sequence > held[SLOTS - 1].sequence + 1);
    pool_release(box.pool, next.slot, next.sequence);
    do {
        receive(&box, &message);
        if (message.header.type == MESSAGE_FRAME)
            pool_release(box.pool, message.body.frame.slot, message.body.frame.sequence);
    } while (message.header.type != MESSAGE_CAPTURE_STATS);
    stats = message.body.capture_stats;
    assert_true(stats.lost_no_slot >= next.sequence - held[SLOTS - 1].sequence - 1);
    assert_true(stats.captured > SLOTS);
    assert_int_equal(stats.signal, MESSAGE_SIGNAL_PRESENT);
    assert_string_equal(stats.reason, "");
    assert_int_equal(stats.cpu_copies, 0); // drawn in place
    send_plain(&box, MESSAGE_STOP);
    assert_int_equal(box_join(&box), WORKER_EXIT_OK);
}

static void test_restart_keeps_the_grid(void **state)
{
    struct castor_rational rate = {50, 1};
    struct message_frame first, second;
    struct box box;

    (void)state;
    box_play_pattern(&box, 0, 0);
    first = receive_frame(&box);
    assert_int_equal(box.origin.sequence, first.sequence);
    assert_int_equal(box.origin.capture_ns, first.capture_ns);
    close(box.fd); // the supervisor dies: so does capture
    box.fd = -1;
    assert_int_equal(box_join(&box), WORKER_EXIT_OK);
    box_play_pattern(&box, first.sequence, first.capture_ns);
    second = receive_frame(&box);
    assert_int_equal(box.origin.sequence, first.sequence); // the same grid
    assert_int_equal(box.origin.capture_ns, first.capture_ns);
    assert_true(second.sequence > first.sequence);
    assert_int_equal(second.capture_ns,
                     first.capture_ns + castor_frame_time_ns(rate, second.sequence - first.sequence));
    send_plain(&box, MESSAGE_STOP);
    assert_int_equal(box_join(&box), WORKER_EXIT_OK);
}

static void test_failures_say_why(void **state)
{
    static const struct {
        const char *driver, *path, *says;
        uint32_t width;
    } bad[] = {{"clip", "/nonexistent.mp4", "No such file", 320},
               {"nosuch", "", "choose", 320},
               {"pattern", "", "320x180", 160},
               {"pipe", "/nonexistent", "No such file", 320}};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct message message;
        struct box box;

        box_start(&box);
        send_start(&box, bad[i].driver, bad[i].path, bad[i].width, 0, 0);
        receive(&box, &message);
        assert_int_equal(message.header.type, MESSAGE_FAILED);
        if (!strstr(message.body.failed.text, bad[i].says))
            fail_msg("%s", message.body.failed.text);
        assert_int_equal(box_join(&box), WORKER_EXIT_FAILED);
    }
}

static void test_end_of_a_pipe_is_told(void **state)
{
    static const uint8_t picture[320 * 180 * 3 / 2];
    int pipe_fds[2];
    char path[64];
    struct message message;
    struct box box;

    (void)state;
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", pipe_fds[0]);
    box_start(&box);
    send_start(&box, "pipe", path, 320, 0, 0);
    receive(&box, &message);
    assert_int_equal(message.header.type, MESSAGE_CAPTURE_READY);
    send_pool(&box, &message.body.capture_ready.format);
    (void)fcntl(pipe_fds[1], F_SETPIPE_SZ, 1 << 20);
    assert_int_equal(write(pipe_fds[1], picture, sizeof picture), sizeof picture);
    assert_int_equal(receive_frame(&box).sequence, 0);
    close(pipe_fds[1]);
    do
        receive(&box, &message);
    while (message.header.type == MESSAGE_CAPTURE_STATS);
    assert_int_equal(message.header.type, MESSAGE_FAILED);
    assert_int_equal(message.body.failed.error, CASTOR_ERR_END);
    assert_int_equal(box_join(&box), WORKER_EXIT_FAILED);
    close(pipe_fds[0]);
}

static void test_protocol_errors_end_it(void **state)
{
    struct message message;
    struct box box;

    (void)state;
    box_start(&box); // bytes that are no message
    assert_int_equal(send(box.fd, "garbage", 7, 0), 7);
    assert_int_equal(box_join(&box), WORKER_EXIT_PROTOCOL);

    box_start(&box); // a message that is not for capture
    send_plain(&box, MESSAGE_EGRESS_READY);
    assert_int_equal(box_join(&box), WORKER_EXIT_PROTOCOL);

    box_start(&box); // a pool before the source is open
    send_pool(&box, &(struct castor_format){320, 180, CASTOR_PIXEL_I420, {50, 1}});
    assert_int_equal(box_join(&box), WORKER_EXIT_PROTOCOL);

    box_start(&box); // a pool of another size than the source's pictures
    send_start(&box, "pattern", "", 320, 0, 0);
    receive(&box, &message);
    send_pool(&box, &(struct castor_format){640, 360, CASTOR_PIXEL_I420, {50, 1}});
    assert_int_equal(box_join(&box), WORKER_EXIT_PROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_stand_in_their_slots),
        cmocka_unit_test(test_overlay),
        cmocka_unit_test(test_held_slots_are_spared),
        cmocka_unit_test(test_restart_keeps_the_grid),
        cmocka_unit_test(test_failures_say_why),
        cmocka_unit_test(test_end_of_a_pipe_is_told),
        cmocka_unit_test(test_protocol_errors_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
