// SPDX-License-Identifier: Apache-2.0
// castor-egress as a process, from the orders of a supervisor to what receivers get.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "egress/worker.h"
#include "egress_rig.h"
#include "hal/time.h"
#include "srt_peer.h"

#define MS CASTOR_NS_PER_MS
#define PATIENCE_NS (20 * CASTOR_NS_PER_S)
#define BYTES_MAX (16u << 20)

static struct rig rig;
static uint8_t bytes[BYTES_MAX];
static struct rig_unit units[RIG_UNITS_MAX];

static int setup(void **state)
{
    (void)state;
    rig_start(&rig);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_finish(&rig);
    return 0;
}

static void add_destination(uint32_t index, uint16_t port, const char *query, const char *passphrase)
{
    char url[512];

    snprintf(url, sizeof url, "srt://127.0.0.1:%u?conntimeo=1000&latency=80&%s", port, query);
    rig_destination(&rig, index, url, passphrase);
}

// What arrived: begins with the PAT and an IDR, and lacks no frame. Returns the first and last sequence.
static int check_stream(const uint8_t *ts, size_t size_bytes, uint64_t *first, uint64_t *last)
{
    int first_pid;
    int count = rig_take_apart(ts, size_bytes, units, RIG_UNITS_MAX, &first_pid);

    assert_true(count > 0);
    assert_int_equal(first_pid, 0);
    assert_true(units[0].idr);
    for (int i = 1; i < count; i++)
        assert_int_equal(units[i].sequence, units[i - 1].sequence + 1);
    *first = units[0].sequence;
    *last = units[count - 1].sequence;
    return count;
}

// Waits until the peer has everything up to the last frame.
static void check_peer(struct srt_peer *peer, uint64_t *first)
{
    int64_t until_ns = castor_now_ns() + PATIENCE_NS;
    uint64_t last = 0;

    do {
        rig_pump(&rig, 50);
        size_t size = srt_peer_bytes(peer, bytes, sizeof bytes);
        if (size > 0)
            (void)check_stream(bytes, size, first, &last);
    } while (last < rig.sequence && castor_now_ns() < until_ns);
    assert_int_equal(last, rig.sequence);
}

// ---- one destination ----

static void test_stream_arrives_whole(void **state)
{
    uint16_t port = srt_peer_free_port();
    struct srt_peer *peer = srt_peer_start(&(struct srt_peer_config){.port = port, .latency_ms = 80});
    uint64_t first = 0;

    (void)state;
    rig_begin(&rig, 30);
    assert_true(rig.ready);
    add_destination(0, port, "", "");
    assert_true(rig_run_until(&rig, 0, MESSAGE_DESTINATION_CONNECTED));
    assert_int_equal(rig.states[0].connections, 1);
    rig_run(&rig, 150);
    check_peer(peer, &first);
    assert_true(rig.idr_requests >= 1);
    assert_int_equal(rig.answered, rig.sequence);
    // What was reported as accepted is what arrived.
    for (uint64_t i = 1; i <= rig.sequence; i++)
        assert_int_equal(rig.accepted[i], i >= first ? 1 : 0);
    rig_pump(&rig, 1200);
    assert_int_equal(rig.stats[0].sent_access_units, rig.sequence - first + 1);
    assert_int_equal(rig.stats[0].lost_not_connected + rig.stats[0].lost_waiting_idr, first - 1);
    assert_int_equal(rig.stats[0].lost_buffer_full, 0);
    assert_int_equal(rig.stats[0].receivers, 1);
    assert_int_equal(rig.stats[0].latency_ms, 80);
    srt_peer_stop(peer);
}

static void test_passphrase_reasons(void **state)
{
    uint16_t port = srt_peer_free_port();
    struct srt_peer *peer =
        srt_peer_start(&(struct srt_peer_config){.port = port, .passphrase = "the right passphrase"});

    (void)state;
    rig_begin(&rig, 30);
    add_destination(1, port, "", "HUSHHUSHHUSH");
    assert_true(rig_run_until(&rig, 1, MESSAGE_DESTINATION_WAITING));
    assert_int_equal(rig.states[1].reason, MESSAGE_REASON_PASSPHRASE);
    assert_null(strstr(rig.states[1].text, "HUSH"));
    // Replaced by a right one, which overrides the URL's.
    add_destination(1, port, "passphrase=HUSHHUSHHUSH&pbkeylen=32", "the right passphrase");
    assert_true(rig_run_until(&rig, 1, MESSAGE_DESTINATION_CONNECTED));
    srt_peer_stop(peer);
}

static void test_unreachable_and_bad_url(void **state)
{
    (void)state;
    rig_begin(&rig, 30);
    add_destination(0, srt_peer_free_port(), "conntimeo=100", ""); // twice: refused
    assert_true(rig_run_until(&rig, 0, MESSAGE_DESTINATION_STOPPED));
    assert_int_equal(rig.states[0].reason, MESSAGE_REASON_LOCAL);
    assert_non_null(strstr(rig.states[0].text, "conntimeo"));
    add_destination(1, srt_peer_free_port(), "", "");
    assert_true(rig_run_until(&rig, 1, MESSAGE_DESTINATION_WAITING));
    assert_int_equal(rig.states[1].reason, MESSAGE_REASON_UNREACHABLE);
    rig_run(&rig, 5);
    assert_int_equal(rig.answered, rig.sequence);
}

static void test_listener_with_two_receivers(void **state)
{
    uint16_t port = srt_peer_free_port();
    const struct srt_peer_config config = {.caller = true, .port = port, .latency_ms = 80};
    uint64_t first = 0;

    (void)state;
    rig_begin(&rig, 30);
    add_destination(0, port, "mode=listener", "");
    assert_true(rig_run_until(&rig, 0, MESSAGE_DESTINATION_LISTENING));
    struct srt_peer *one = srt_peer_start(&config);
    assert_true(rig_run_until(&rig, 0, MESSAGE_DESTINATION_CONNECTED));
    rig_run(&rig, 50);
    struct srt_peer *two = srt_peer_start(&config);
    for (int i = 0; i < 40 && rig.states[0].connections < 2; i++)
        rig_run(&rig, 10);
    assert_int_equal(rig.states[0].connections, 2);
    rig_run(&rig, 50);
    check_peer(one, &first);
    check_peer(two, &first);
    srt_peer_stop(two);
    rig_run(&rig, 50);
    check_peer(one, &first);
    srt_peer_stop(one);
}

// ---- receivers that are not ours ----

static pid_t start_tool(uint16_t port, int *out)
{
    char from[100];
    int fds[2];

    snprintf(from, sizeof from, "srt://:%u?mode=listener&latency=80", port);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(fds[1], STDOUT_FILENO);
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        execlp("srt-live-transmit", "srt-live-transmit", "-q", "-a:no", from, "file://con", (char *)NULL);
        _exit(127);
    }
    assert_true(pid > 0);
    close(fds[1]);
    (void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
    *out = fds[0];
    return pid;
}

static size_t drain_tool(int out, size_t have)
{
    ssize_t n;

    while ((n = read(out, bytes + have, sizeof bytes - have)) > 0)
        have += (size_t)n;
    return have - have % 188;
}

static bool tool_missing(void)
{
    return system("command -v srt-live-transmit >/dev/null") != 0;
}

// The gap that was told begins where the receiver ended, or a little before, with what it had not handed out
// yet, and ends where the next one joined. What it had handed out, and its own output held, is its own.
static void check_gap(uint64_t ended_at, uint64_t first_after)
{
    const struct message_gap *gap = &rig.certain_gap[0];

    print_message("ended at %llu, told %llu to %llu (%u possible)\n", (unsigned long long)ended_at,
                  (unsigned long long)gap->first, (unsigned long long)gap->last, gap->possible);
    assert_int_equal(gap->flags, 0);
    assert_int_equal(gap->last, first_after - 1);
    assert_int_equal(message_gap_frames(gap->frames), gap->last - gap->first + 1);
    assert_in_range(gap->first, ended_at - 40, ended_at + 1);
    assert_true(gap->possible >= ended_at + 1 - gap->first);
}

static void test_killed_peer(void **state)
{
    uint16_t port = srt_peer_free_port();
    uint64_t first = 0, last = 0, killed_at, again_at;
    int out;

    (void)state;
    if (tool_missing())
        skip();
    pid_t pid = start_tool(port, &out);
    rig_begin(&rig, 30);
    add_destination(0, port, "peeridletimeo=1000", "");
    assert_true(rig_run_until(&rig, 0, MESSAGE_DESTINATION_CONNECTED));
    rig_run(&rig, 50);
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    killed_at = rig.sequence;
    assert_true(check_stream(bytes, drain_tool(out, 0), &first, &last) > 0);
    assert_true(last <= killed_at);
    close(out);
    pid = start_tool(port, &out);
    for (int i = 0; i < 200 && rig.states[0].connections < 2; i++)
        rig_run(&rig, 10);
    assert_int_equal(rig.states[0].connections, 2);
    assert_true(rig.reasons_seen[0] & (1u << MESSAGE_REASON_LOST));
    again_at = rig.sequence;
    rig_run(&rig, 150);
    // From an IDR that is newer than the loss, and nothing of the time between.
    assert_true(check_stream(bytes, drain_tool(out, 0), &first, &last) > 0);
    assert_true(first + 60 > again_at);
    check_gap(killed_at, first);
    print_message("killed at %llu, back at %llu, first access unit %llu\n", (unsigned long long)killed_at,
                  (unsigned long long)again_at, (unsigned long long)first);
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    close(out);
}

static void test_frozen_peer_disturbs_nobody(void **state)
{
    uint16_t port = srt_peer_free_port(), frozen_port = srt_peer_free_port();
    struct srt_peer *peer = srt_peer_start(&(struct srt_peer_config){.port = port, .latency_ms = 80});
    uint64_t first = 0;
    int out;

    (void)state;
    if (tool_missing())
        skip();
    pid_t pid = start_tool(frozen_port, &out);
    rig_begin(&rig, 30);
    add_destination(0, port, "", "");
    add_destination(1, frozen_port, "peeridletimeo=1500", "");
    assert_true(rig_run_until(&rig, 0, MESSAGE_DESTINATION_CONNECTED));
    assert_true(rig_run_until(&rig, 1, MESSAGE_DESTINATION_CONNECTED));
    rig_run(&rig, 50);
    (void)kill(pid, SIGSTOP);
    assert_true(rig_run_until(&rig, 1, MESSAGE_DESTINATION_WAITING));
    assert_int_equal(rig.states[1].reason, MESSAGE_REASON_LOST);
    rig_run(&rig, 100);
    check_peer(peer, &first); // every single frame
    for (uint64_t i = first; i <= rig.sequence; i++)
        assert_true(rig.accepted[i] & 1u);
    assert_int_equal(rig.states[0].connections, 1);
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    close(out);
    srt_peer_stop(peer);
}

// ---- the end, and bad orders ----

static void test_stop_delivers_the_rest(void **state)
{
    uint16_t port = srt_peer_free_port();
    struct srt_peer *peer = srt_peer_start(&(struct srt_peer_config){.port = port, .latency_ms = 80});
    struct message message;
    uint64_t first = 0;

    (void)state;
    rig_begin(&rig, 30);
    add_destination(0, port, "", "");
    assert_true(rig_run_until(&rig, 0, MESSAGE_DESTINATION_CONNECTED));
    rig_run(&rig, 60);
    message_init(&message, MESSAGE_STOP);
    int64_t asked_ns = castor_now_ns();
    rig_send(&rig, &message);
    rig_wait_end(&rig);
    print_message("ended %.0f ms after STOP\n", (double)(castor_now_ns() - asked_ns) / MS);
    assert_int_equal(rig.exit_code, WORKER_EXIT_OK);
    check_peer(peer, &first);
    srt_peer_stop(peer);
}

static void test_supervisor_gone(void **state)
{
    (void)state;
    rig_begin(&rig, 30);
    int fd = rig.fd;
    rig.fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    close(fd);
    int status = -1;
    int64_t until_ns = castor_now_ns() + PATIENCE_NS;
    pid_t ended = 0;
    while (ended == 0 && castor_now_ns() < until_ns) {
        (void)poll(NULL, 0, 10);
        ended = waitpid(rig.pid, &status, WNOHANG);
    }
    assert_int_equal(ended, rig.pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), WORKER_EXIT_OK);
    rig.pid = 0;
}

static void test_bad_settings(void **state)
{
    (void)state;
    rig_begin(&rig, 90);
    rig_wait_end(&rig);
    assert_false(rig.ready);
    assert_true(rig.failed);
    assert_non_null(strstr(rig.failure, "PCR"));
    assert_int_equal(rig.exit_code, WORKER_EXIT_FAILED);
}

static void test_emit_before_start(void **state)
{
    (void)state;
    rig_emit(&rig, true, 1000);
    rig_wait_end(&rig);
    assert_int_equal(rig.exit_code, WORKER_EXIT_PROTOCOL);
}

static void test_wrong_path(void **state)
{
    struct message message;

    (void)state;
    rig_begin(&rig, 30);
    message_init(&message, MESSAGE_EMIT);
    message.body.emit = (struct message_emit){.sequence = 1, .capture_ns = 1, .size_bytes = 100, .path = 1};
    rig_send(&rig, &message);
    rig_wait_end(&rig);
    assert_int_equal(rig.exit_code, WORKER_EXIT_PROTOCOL);
}

static void test_malformed_message(void **state)
{
    struct message message;

    (void)state;
    rig_begin(&rig, 30);
    message_init(&message, MESSAGE_STOP);
    message.header.version++;
    rig_send(&rig, &message);
    rig_wait_end(&rig);
    assert_int_equal(rig.exit_code, WORKER_EXIT_PROTOCOL);
}

// Orders that only an encoder can have spoilt cost that access unit and nothing else.
static void test_unusable_access_units(void **state)
{
    struct message message;

    (void)state;
    rig_begin(&rig, 30);
    message_init(&message, MESSAGE_EMIT);
    // Outside the ring.
    rig.sequence++;
    message.body.emit = (struct message_emit){
        .sequence = 1, .capture_ns = 1000, .position = RIG_RING_BYTES - 10, .size_bytes = 100};
    rig_send(&rig, &message);
    // No picture in it: the ring is still empty.
    rig.sequence++;
    message.body.emit =
        (struct message_emit){.sequence = 2, .capture_ns = 2000, .position = 0, .size_bytes = 100};
    rig_send(&rig, &message);
    rig_run(&rig, 3);
    rig_pump(&rig, 100);
    assert_int_equal(rig.answered, 5);
    assert_false(rig.ended);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_stream_arrives_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_passphrase_reasons, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unreachable_and_bad_url, setup, teardown),
        cmocka_unit_test_setup_teardown(test_listener_with_two_receivers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_peer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_frozen_peer_disturbs_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_delivers_the_rest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_supervisor_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_settings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_emit_before_start, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_path, setup, teardown),
        cmocka_unit_test_setup_teardown(test_malformed_message, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unusable_access_units, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
