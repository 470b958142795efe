// SPDX-License-Identifier: Apache-2.0
// A worker's duty towards its supervisor, without a worker: what becomes of messages, their descriptors, and
// of a supervisor that breaks the protocol or is gone.
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "hal/time.h"
#include "ipc/channel.h"
#include "ipc/duty.h"

struct rig {
    struct duty duty;
    int supervisor;
    unsigned handled;
    int kept;        // the descriptor that handle() takes over, the last one
    int let_go;      // the one before
    unsigned refuse; // the message of this number is refused
};

static struct rig rig;

static int begin(void **state)
{
    int fds[2];

    (void)state;
    memset(&rig, 0, sizeof rig);
    assert_int_equal(channel_pair(fds), CASTOR_OK);
    rig.supervisor = fds[0];
    duty_begin(&rig.duty, fds[1]);
    return 0;
}

static int end(void **state)
{
    (void)state;
    close(rig.duty.fd);
    close(rig.supervisor);
    return 0;
}

static void handle(void *worker)
{
    struct rig *r = worker;
    const unsigned count = r->duty.fd_count;

    r->handled++;
    assert_int_equal(r->duty.message.header.type, MESSAGE_STOP);
    if (r->handled == r->refuse)
        duty_refuse(&r->duty, "not now");
    if (count == 0)
        return;
    r->kept = r->duty.fds[count - 1];
    r->let_go = r->duty.fds[count - 2];
    duty_keep(&r->duty, count - 1, 1);
}

static void say_stop(const int *fds, unsigned fd_count)
{
    struct message message;

    message_init(&message, MESSAGE_STOP);
    assert_int_equal(channel_send(rig.supervisor, &message, fds, fd_count), CASTOR_OK);
}

static void test_one_message_at_a_time(void **state)
{
    (void)state;
    assert_false(duty_read(&rig.duty, handle, &rig));
    say_stop(NULL, 0);
    say_stop(NULL, 0);
    assert_true(duty_read(&rig.duty, handle, &rig));
    assert_int_equal(rig.handled, 1);
    assert_true(duty_read(&rig.duty, handle, &rig));
    assert_false(duty_read(&rig.duty, handle, &rig));
    assert_int_equal(rig.handled, 2);
    assert_false(rig.duty.done);
}

static void test_descriptors_are_closed_or_kept(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    say_stop(fds, 2);
    assert_true(duty_read(&rig.duty, handle, &rig));
    assert_int_equal(fcntl(rig.kept, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(rig.let_go, F_GETFD), -1);
    close(rig.kept);
    close(fds[0]);
    close(fds[1]);
}

static void test_a_malformed_message_ends_it(void **state)
{
    (void)state;
    assert_int_equal(send(rig.supervisor, "garbage", 7, 0), 7);
    assert_false(duty_read(&rig.duty, handle, &rig));
    assert_int_equal(rig.handled, 0);
    assert_true(rig.duty.done);
    assert_int_equal(rig.duty.exit, WORKER_EXIT_PROTOCOL);
    assert_non_null(rig.duty.refused);
}

static void test_a_refused_message_ends_it(void **state)
{
    (void)state;
    rig.refuse = 1;
    say_stop(NULL, 0);
    assert_true(duty_read(&rig.duty, handle, &rig));
    assert_true(rig.duty.done);
    assert_int_equal(rig.duty.exit, WORKER_EXIT_PROTOCOL);
    assert_string_equal(rig.duty.refused, "not now");
}

// What was said before is still heard.
static void test_without_a_supervisor_it_ends(void **state)
{
    struct message message;

    (void)state;
    say_stop(NULL, 0);
    close(rig.supervisor);
    rig.supervisor = -1;
    assert_true(duty_read(&rig.duty, handle, &rig));
    assert_false(duty_read(&rig.duty, handle, &rig));
    assert_true(rig.duty.done);
    assert_int_equal(rig.duty.exit, WORKER_EXIT_OK);

    rig.duty.done = false;
    message_init(&message, MESSAGE_EGRESS_READY);
    duty_tell(&rig.duty, &message);
    assert_true(rig.duty.done);
    assert_int_equal(rig.duty.exit, WORKER_EXIT_OK);
}

static void test_a_failure_is_told(void **state)
{
    struct message message;
    const char *why = "";

    (void)state;
    duty_await_start(&rig.duty, rig.duty.start_until_ns);
    assert_false(rig.duty.done);
    duty_await_start(&rig.duty, rig.duty.start_until_ns + 1);
    assert_true(rig.duty.done);
    assert_int_equal(rig.duty.exit, WORKER_EXIT_FAILED);
    assert_int_equal(channel_receive(rig.supervisor, MESSAGE_FROM_EGRESS, &message, NULL, NULL, &why),
                     CASTOR_OK);
    assert_int_equal(message.header.type, MESSAGE_FAILED);
    assert_int_equal(message.body.failed.error, CASTOR_ERR_TIMEOUT);
    assert_non_null(strstr(message.body.failed.text, "START"));
}

static void test_waiting_ends_with_a_message_or_in_time(void **state)
{
    struct pollfd polled = {.fd = rig.duty.fd, .events = POLLIN};
    const int64_t until_ns = castor_now_ns() + 20 * CASTOR_NS_PER_MS;

    (void)state;
    assert_true(duty_wait(&rig.duty, &polled, 1, until_ns));
    assert_true(castor_now_ns() >= until_ns);
    assert_int_equal(polled.revents, 0);
    say_stop(NULL, 0);
    assert_true(duty_wait(&rig.duty, &polled, 1, until_ns + 10 * CASTOR_NS_PER_S));
    assert_int_equal(polled.revents, POLLIN);
    assert_true(duty_wait(&rig.duty, &polled, 1, 0)); // long past
    assert_false(rig.duty.done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_message_at_a_time, begin, end),
        cmocka_unit_test_setup_teardown(test_descriptors_are_closed_or_kept, begin, end),
        cmocka_unit_test_setup_teardown(test_a_malformed_message_ends_it, begin, end),
        cmocka_unit_test_setup_teardown(test_a_refused_message_ends_it, begin, end),
        cmocka_unit_test_setup_teardown(test_without_a_supervisor_it_ends, begin, end),
        cmocka_unit_test_setup_teardown(test_a_failure_is_told, begin, end),
        cmocka_unit_test_setup_teardown(test_waiting_ends_with_a_message_or_in_time, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
