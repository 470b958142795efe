// SPDX-License-Identifier: Apache-2.0
// The encode worker in a process of its own, with this test as its supervisor.
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/coded.h"
#include "encode/worker.h"
#include "encoder/table.h"
#include "hal/time.h"
#include "ipc/channel.h"
#include "pool/pool.h"
#include "pool/ring.h"

#define SLOTS 8
#define RING_BYTES (1u << 16)
#define PATIENCE_MS 15000

static const struct castor_format format = {
    .width_px = 640, .height_px = 360, .pixel = CASTOR_PIXEL_I420, .rate = {30, 1}};

struct box {
    int channel;        // the supervisor's end
    int worker_channel; // the worker's end, until it runs
    uint32_t codec;     // enum message_codec
    uint32_t gop_frames;
    uint32_t copies; // that its driver makes of each picture
    pid_t pid;
    struct pool *pool;
    struct ring *ring;
    struct message message; // last received
};

static void box_make(struct box *box)
{
    int fds[2];

    memset(box, 0, sizeof *box);
    assert_int_equal(channel_pair(fds), CASTOR_OK);
    box->channel = fds[0];
    box->worker_channel = fds[1];
    assert_int_equal(pool_create(&format, SLOTS, &box->pool), CASTOR_OK);
    assert_int_equal(ring_create(RING_BYTES, &box->ring), CASTOR_OK);
}

static void box_send(struct box *box, struct message *message)
{
    assert_int_equal(channel_send(box->channel, message, NULL, 0), CASTOR_OK);
}

static void box_send_start(struct box *box, const char *driver, const char *preset, const char *script)
{
    int fds[2] = {ring_writer_fd(box->ring), pool_descriptors(box->pool).pixels_read_only};
    struct message message;

    message_init(&message, MESSAGE_ENCODE_START);
    struct message_encode_start *start = &message.body.encode_start;
    (void)snprintf(start->driver, sizeof start->driver, "%s", driver);
    box->copies = strcmp(driver, "fake") == 0 ? 0 : 1;
    (void)snprintf(start->preset, sizeof start->preset, "%s", preset);
    (void)snprintf(start->script, sizeof start->script, "%s", script);
    start->format = format;
    start->codec = box->codec;
    start->gop_frames = box->gop_frames;
    start->bitrate_bps = 1000000;
    start->vbv_ms = 100;
    start->slot_count = SLOTS;
    start->ring_bytes = RING_BYTES;
    assert_int_equal(channel_send(box->channel, &message, fds, 2), CASTOR_OK);
}

static void box_send_encode(struct box *box, uint64_t sequence, uint32_t epoch, uint32_t flags,
                            uint64_t ring_tail)
{
    struct message message;

    message_init(&message, MESSAGE_ENCODE);
    message.body.encode = (struct message_encode){
        .sequence = sequence,
        .capture_ns = 1 + (int64_t)sequence,
        .ring_tail = ring_tail,
        .slot = (uint32_t)(sequence % SLOTS),
        .epoch = epoch,
        .flags = flags,
    };
    box_send(box, &message);
}

static void box_send_fault(struct box *box, enum message_fault_kind kind, uint32_t count)
{
    struct message message;

    message_init(&message, MESSAGE_FAULT);
    message.body.fault = (struct message_fault){.kind = kind, .count = count, .factor = 3};
    box_send(box, &message);
}

static void box_send_type(struct box *box, enum message_type type)
{
    struct message message;

    message_init(&message, type);
    box_send(box, &message);
}

// Starts the worker; what was sent before waits for it in the socket.
static void box_run(struct box *box)
{
    box->pid = fork();
    assert_true(box->pid >= 0);
    if (box->pid == 0) {
        close(box->channel);
        (void)signal(SIGSEGV, SIG_DFL); // cmocka's handler would take a crash for a failed test
        _exit(encode_worker_run(box->worker_channel, encoder_driver_find, LOG_LEVEL_ERROR));
    }
    close(box->worker_channel);
    box->worker_channel = -1;
}

static int box_receive(struct box *box)
{
    struct pollfd polled = {.fd = box->channel, .events = POLLIN};

    if (poll(&polled, 1, PATIENCE_MS) != 1)
        fail_msg("the worker says nothing");
    return channel_receive(box->channel, MESSAGE_FROM_ENCODE, &box->message, NULL, NULL, NULL);
}

static void expect(struct box *box, enum message_type type)
{
    assert_int_equal(box_receive(box), CASTOR_OK);
    if (box->message.header.type != type)
        fail_msg("%s instead of %s", message_name(box->message.header.type), message_name(type));
}

static void expect_coded(struct box *box, uint64_t sequence, uint32_t epoch)
{
    expect(box, MESSAGE_CODED);
    const struct message_coded *coded = &box->message.body.coded;
    assert_int_equal(coded->sequence, sequence);
    assert_int_equal(coded->epoch, epoch);
    assert_int_equal(coded->cpu_copies, box->copies);
    assert_true(coded->started_ns > 0 && coded->finished_ns >= coded->started_ns);
    const uint8_t *bytes = ring_view(box->ring, coded->position, coded->size_bytes);
    assert_non_null(bytes);
    enum coded_verdict verdict =
        coded_check_access_unit(box->codec == MESSAGE_CODEC_HEVC ? ENCODER_CODEC_HEVC : ENCODER_CODEC_H264,
                                bytes, coded->size_bytes, &format, CODED_SCAN_ALL, NULL);
    if (verdict != CODED_OK)
        fail_msg("frame %llu: %s", (unsigned long long)sequence, coded_verdict_text(verdict));
}

static void expect_dropped(struct box *box, uint64_t sequence, uint32_t epoch, enum message_drop_cause cause)
{
    expect(box, MESSAGE_DROPPED);
    assert_int_equal(box->message.body.dropped.sequence, sequence);
    assert_int_equal(box->message.body.dropped.epoch, epoch);
    assert_int_equal(box->message.body.dropped.cause, cause);
}

// Waits for the worker's end and frees everything; returns the wait status.
static int box_end(struct box *box)
{
    int status = 0;

    int error = box_receive(box);
    assert_true(error == CASTOR_ERR_END || error == CASTOR_ERR_LOST); // LOST: it died with orders unread
    assert_int_equal(waitpid(box->pid, &status, 0), box->pid);
    close(box->channel);
    pool_destroy(box->pool);
    ring_destroy(box->ring);
    return status;
}

static void expect_exit(struct box *box, enum worker_exit exit)
{
    int status = box_end(box);

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), exit);
}

static void box_open(struct box *box, const char *driver, const char *script)
{
    box_make(box);
    box_send_start(box, driver, "", script);
    box_run(box);
    expect(box, MESSAGE_ENCODE_READY);
    assert_string_equal(box->message.body.encode_ready.driver, driver);
}

static void encodes_until_told_to_stop(void **state)
{
    static const char *const drivers[] = {"fake", "x264"};

    (void)state;
    for (size_t d = 0; d < 2; d++) {
        struct box box;
        struct message message;
        uint64_t tail = 0;
        box_open(&box, drivers[d], "");
        for (uint64_t i = 10; i < 40; i++) {
            box_send_encode(&box, i, 3, i == 20 ? MESSAGE_ENCODE_IDR : 0, tail);
            expect_coded(&box, i, 3);
            assert_int_equal(box.message.body.coded.flags, i == 10 || i == 20 ? MESSAGE_CODED_IDR : 0);
            assert_true(box.message.body.coded.position >= tail);
            tail = box.message.body.coded.position + box.message.body.coded.size_bytes;
            if (i == 25) {
                message_init(&message, MESSAGE_SET_BITRATE);
                message.body.set_bitrate.bitrate_bps = 500000;
                box_send(&box, &message);
            }
        }
        box_send_type(&box, MESSAGE_STOP);
        expect_exit(&box, WORKER_EXIT_OK);
    }
}

static void a_newer_epoch_supersedes(void **state)
{
    struct box box;

    (void)state;
    box_make(&box);
    box_send_start(&box, "fake", "", "delay 1ms");
    for (uint64_t i = 1; i <= 6; i++)
        box_send_encode(&box, i, 1, 0, 0);
    for (uint64_t i = 4; i <= 6; i++)
        box_send_encode(&box, i, 2, i == 4 ? MESSAGE_ENCODE_IDR : 0, 0);
    box_run(&box); // all orders lie in the socket by now
    expect(&box, MESSAGE_ENCODE_READY);
    for (uint64_t i = 1; i <= 6; i++)
        expect_dropped(&box, i, 1, MESSAGE_DROP_SUPERSEDED);
    for (uint64_t i = 4; i <= 6; i++)
        expect_coded(&box, i, 2);
    box_send_encode(&box, 7, 1, 0, 0); // an order that was on its way
    expect_dropped(&box, 7, 1, MESSAGE_DROP_SUPERSEDED);
    box_send_type(&box, MESSAGE_STOP);
    expect_exit(&box, WORKER_EXIT_OK);
}

static void every_order_is_answered_whatever_the_driver_does(void **state)
{
    struct box box;

    (void)state;
    box_open(&box, "fake", "at 3 swallow; at 4 drop; at 6 empty; at 7 huge; at 9 swallow; delay 2ms");
    for (uint64_t i = 1; i <= 9; i++)
        box_send_encode(&box, i, 1, 0, 0);
    for (uint64_t i = 1; i <= 9; i++) {
        if (i == 3 || i == 4 || i == 6 || i == 7 || i == 9)
            expect_dropped(&box, i, 1, MESSAGE_DROP_ENCODER);
        else
            expect_coded(&box, i, 1);
    }
    shutdown(box.channel, SHUT_WR); // the supervisor is gone
    expect_exit(&box, WORKER_EXIT_OK);
}

static void a_full_ring_costs_frames_only(void **state)
{
    struct box box;
    uint64_t sequence = 1, end = 0;

    (void)state;
    box_open(&box, "fake", "");
    for (;; sequence++) {
        box_send_encode(&box, sequence, 1, MESSAGE_ENCODE_IDR, 0);
        assert_int_equal(box_receive(&box), CASTOR_OK);
        if (box.message.header.type != MESSAGE_CODED)
            break;
        end = box.message.body.coded.position + box.message.body.coded.size_bytes;
        assert_true(end <= RING_BYTES);
    }
    assert_int_equal(box.message.body.dropped.cause, MESSAGE_DROP_RING_FULL);
    assert_true(end > RING_BYTES - 2000);
    box_send_encode(&box, sequence + 1, 1, MESSAGE_ENCODE_IDR, end);
    expect_coded(&box, sequence + 1, 1);
    box_send_type(&box, MESSAGE_STOP);
    expect_exit(&box, WORKER_EXIT_OK);
}

static void expect_failed(struct box *box, const char *word)
{
    expect(box, MESSAGE_FAILED);
    if (!strstr(box->message.body.failed.text, word))
        fail_msg("\"%s\" does not say \"%s\"", box->message.body.failed.text, word);
}

static void a_bad_message_ends_the_worker(void **state)
{
    struct box box;
    struct message message;

    (void)state;
    box_open(&box, "fake", "");
    message_init(&message, MESSAGE_ENCODE);
    message.header.size = 12; // cut off
    box_send(&box, &message);
    expect_failed(&box, "wrong size");
    expect_exit(&box, WORKER_EXIT_PROTOCOL);

    box_open(&box, "fake", "");
    message_init(&message, MESSAGE_ENCODE);
    message.body.encode = (struct message_encode){.slot = SLOTS, .capture_ns = 1};
    box_send(&box, &message);
    expect_failed(&box, "slot");
    expect_exit(&box, WORKER_EXIT_PROTOCOL);

    box_open(&box, "fake", "");
    message_init(&message, MESSAGE_EMIT); // another worker's
    message.body.emit = (struct message_emit){.size_bytes = 1, .capture_ns = 1};
    box_send(&box, &message);
    expect_failed(&box, "EMIT");
    expect_exit(&box, WORKER_EXIT_PROTOCOL);

    box_make(&box);
    box_send_encode(&box, 1, 1, 0, 0); // before ENCODE_START
    box_run(&box);
    expect_failed(&box, "ENCODE_START");
    expect_exit(&box, WORKER_EXIT_PROTOCOL);
}

static void what_cannot_be_opened_is_explained(void **state)
{
    static const struct {
        const char *driver, *preset, *script, *word;
    } bad[] = {
        {"nvidia", "", "", "nvidia"},
        {"x264", "sideways", "", "sideways"},
        {"fake", "", "at 1 jump", "jump"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct box box;
        box_make(&box);
        box_send_start(&box, bad[i].driver, bad[i].preset, bad[i].script);
        box_run(&box);
        expect_failed(&box, bad[i].word);
        expect_exit(&box, WORKER_EXIT_FAILED);
    }
}

static void codec_and_gop_are_the_ones_ordered(void **state)
{
    struct box box;

    (void)state;
    box_make(&box);
    box.codec = MESSAGE_CODEC_HEVC;
    box_send_start(&box, "x264", "", ""); // encodes H.264 only
    box_run(&box);
    expect_failed(&box, "codec");
    expect_exit(&box, WORKER_EXIT_FAILED);

    box_make(&box);
    box.gop_frames = 4;
    box_send_start(&box, "fake", "", "");
    box_run(&box);
    expect(&box, MESSAGE_ENCODE_READY);
    for (uint64_t i = 0; i < 10; i++) {
        box_send_encode(&box, i, 1, 0, 0);
        expect_coded(&box, i, 1);
        assert_int_equal(box.message.body.coded.flags, i % 4 == 0 ? MESSAGE_CODED_IDR : 0);
    }
    box_send_type(&box, MESSAGE_STOP);
    expect_exit(&box, WORKER_EXIT_OK);
}

// libx265 goes on at its old rate: the worker opens it again, which shows as an IDR.
static void a_rate_that_cannot_be_set_means_a_new_session(void **state)
{
    const struct encoder_driver *driver;
    struct encoder_text why;
    struct message message;
    struct box box;

    (void)state;
    if (encoder_driver_find("x265", &driver, &why) != CASTOR_OK) {
        print_message("%s\n", why.text);
        skip();
    }
    box_make(&box);
    box.codec = MESSAGE_CODEC_HEVC;
    box_send_start(&box, "x265", "ultrafast", "");
    box_run(&box);
    expect(&box, MESSAGE_ENCODE_READY);
    for (uint64_t i = 0; i < 6; i++) {
        if (i == 3) {
            message_init(&message, MESSAGE_SET_BITRATE);
            message.body.set_bitrate.bitrate_bps = 500000;
            box_send(&box, &message);
        }
        box_send_encode(&box, i, 1, 0, 0);
        expect_coded(&box, i, 1);
        assert_int_equal(box.message.body.coded.flags, i % 3 == 0 ? MESSAGE_CODED_IDR : 0);
    }
    box_send_type(&box, MESSAGE_STOP);
    expect_exit(&box, WORKER_EXIT_OK);
}

static void a_silent_driver_is_given_up(void **state)
{
    struct box box;

    (void)state;
    box_open(&box, "fake", "from 2 silent");
    box_send_encode(&box, 1, 1, 0, 0);
    box_send_encode(&box, 2, 1, 0, 0);
    expect_coded(&box, 1, 1);
    expect_failed(&box, "timed out");
    assert_int_equal(box.message.body.failed.error, CASTOR_ERR_TIMEOUT);
    expect_exit(&box, WORKER_EXIT_FAILED);
}

static void a_crash_leaves_what_was_finished(void **state)
{
    struct box box;

    (void)state;
    box_open(&box, "fake", "at 3 crash");
    for (uint64_t i = 1; i <= 3; i++)
        box_send_encode(&box, i, 1, 0, 0);
    expect_coded(&box, 1, 1);
    expect_coded(&box, 2, 1);
    int status = box_end(&box);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) != 0); // a sanitizer turns the signal into an exit
}

static void deliberate_faults(void **state)
{
    struct box box;

    (void)state;
    box_open(&box, "x264", "");
    box_send_encode(&box, 1, 1, 0, 0);
    expect_coded(&box, 1, 1);
    box_send_fault(&box, MESSAGE_FAULT_DROP, 2);
    for (uint64_t i = 2; i <= 4; i++)
        box_send_encode(&box, i, 1, 0, 0);
    expect_dropped(&box, 2, 1, MESSAGE_DROP_ENCODER);
    expect_dropped(&box, 3, 1, MESSAGE_DROP_ENCODER);
    expect_coded(&box, 4, 1);
    box_send_fault(&box, MESSAGE_FAULT_SWALLOW, 1);
    box_send_encode(&box, 5, 1, 0, 0);
    box_send_encode(&box, 6, 1, 0, 0);
    expect_coded(&box, 6, 1);
    box_send_fault(&box, MESSAGE_FAULT_GARBAGE, 1);
    box_send_encode(&box, 7, 1, 0, 0);
    expect(&box, MESSAGE_CODED);
    const struct message_coded *coded = &box.message.body.coded;
    assert_int_not_equal(coded_check_access_unit(ENCODER_CODEC_H264,
                                                 ring_view(box.ring, coded->position, coded->size_bytes),
                                                 coded->size_bytes, &format, CODED_SCAN_ALL, NULL),
                         CODED_OK);
    box_send_fault(&box, MESSAGE_FAULT_SLOW, 1);
    box_send_encode(&box, 8, 1, 0, 0);
    expect_coded(&box, 8, 1);
    box_send_fault(&box, MESSAGE_FAULT_BAD_MESSAGE, 1);
    assert_int_equal(box_receive(&box), CASTOR_ERR_INVALID);
    box_send_fault(&box, MESSAGE_FAULT_SILENCE, 1);
    box_send_encode(&box, 9, 1, 0, 0);
    box_send_type(&box, MESSAGE_STOP);
    expect_exit(&box, WORKER_EXIT_OK); // without a word about frame 9

    box_open(&box, "x264", "");
    box_send_fault(&box, MESSAGE_FAULT_CRASH, 1);
    box_send_encode(&box, 1, 1, 0, 0);
    int status = box_end(&box);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);

    box_open(&box, "x264", "");
    box_send_fault(&box, MESSAGE_FAULT_HANG, 1);
    box_send_encode(&box, 1, 1, 0, 0);
    struct pollfd polled = {.fd = box.channel, .events = POLLIN};
    assert_int_equal(poll(&polled, 1, 200), 0);
    assert_int_equal(kill(box.pid, SIGKILL), 0);
    status = box_end(&box);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_until_told_to_stop),
        cmocka_unit_test(a_newer_epoch_supersedes),
        cmocka_unit_test(every_order_is_answered_whatever_the_driver_does),
        cmocka_unit_test(a_full_ring_costs_frames_only),
        cmocka_unit_test(a_bad_message_ends_the_worker),
        cmocka_unit_test(what_cannot_be_opened_is_explained),
        cmocka_unit_test(codec_and_gop_are_the_ones_ordered),
        cmocka_unit_test(a_rate_that_cannot_be_set_means_a_new_session),
        cmocka_unit_test(a_silent_driver_is_given_up),
        cmocka_unit_test(a_crash_leaves_what_was_finished),
        cmocka_unit_test(deliberate_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
