// SPDX-License-Identifier: Apache-2.0
// A destination against a scripted transport: who gets what, what is counted, what the supervisor hears.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "egress/destination.h"
#include "fake_transport.h"
#include "hal/time.h"

#define MS CASTOR_NS_PER_MS

// ---- helpers ----

static struct destination d;

static int setup(void **state)
{
    (void)state;
    memset(&d, 0, sizeof d);
    fake_reset();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    destination_stop(&d);
    return open_count == 0 ? 0 : -1; // nothing left open
}

static void start(const char *url)
{
    struct message message;

    message_init(&message, MESSAGE_DESTINATION);
    message.body.destination.index = 3;
    snprintf(message.body.destination.name, sizeof message.body.destination.name, "edge");
    snprintf(message.body.destination.url, sizeof message.body.destination.url, "%s", url);
    snprintf(message.body.destination.passphrase, sizeof message.body.destination.passphrase, "HUSHHUSHHUSH");
    destination_start(&d, &message.body.destination, fake_find, 1, MS);
}

// One access unit of a PCR packet, (for an IDR) a place to join, and one payload more.
static bool unit(bool idr, int64_t now_ns)
{
    static const uint8_t bytes[188];
    struct mux_payload payload = {.data = bytes, .size_bytes = sizeof bytes, .source_ns = now_ns};

    destination_begin_unit(&d, 3, now_ns);
    destination_send(&d, &payload, now_ns);
    payload.flags = idr ? MUX_PAYLOAD_JOIN : 0;
    destination_send(&d, &payload, now_ns);
    payload.flags = 0;
    destination_send(&d, &payload, now_ns);
    return destination_end_unit(&d, (uint64_t)(now_ns / MS), now_ns, now_ns);
}

static struct message_destination_state state_of(void)
{
    struct message message;
    const char *why = "";

    destination_state_message(&d, &message);
    assert_int_equal(message_check(&message, message.header.size, MESSAGE_FROM_EGRESS, &why), CASTOR_OK);
    assert_null(strstr(message.body.destination_state.text, "HUSH"));
    assert_int_equal(message.body.destination_state.index, 3);
    return message.body.destination_state;
}

static struct message_destination_stats stats_of(void)
{
    struct message message;
    const char *why = "";

    destination_stats_message(&d, &message);
    assert_int_equal(message_check(&message, message.header.size, MESSAGE_FROM_EGRESS, &why), CASTOR_OK);
    return message.body.destination_stats;
}

static struct fake *newest(void)
{
    return made[made_count - 1];
}

static void connect_caller(int64_t now_ns)
{
    newest()->next = TRANSPORT_CONNECTED;
    destination_advance(&d, now_ns);
    assert_int_equal(state_of().status, MESSAGE_DESTINATION_CONNECTED);
}

static void fail_newest(enum transport_reason reason, int64_t now_ns)
{
    newest()->next = TRANSPORT_FAILED;
    newest()->next_reason = reason;
    destination_advance(&d, now_ns);
}

// ---- tests ----

static void test_never_started(void **state)
{
    (void)state;
    destination_advance(&d, MS);
    assert_false(unit(true, MS));
    assert_true(destination_is_drained(&d, MS));
}

static void test_bad_url_stops(void **state)
{
    (void)state;
    start("fake://bad");
    assert_true(d.changed);
    assert_int_equal(state_of().status, MESSAGE_DESTINATION_STOPPED);
    assert_int_equal(state_of().reason, MESSAGE_REASON_LOCAL);
    assert_string_equal(state_of().text, "port: missing");
    destination_advance(&d, 1000000 * MS);
    assert_int_equal(made_count, 0);
}

static void test_open_fails_and_is_tried_again(void **state)
{
    (void)state;
    open_error = CASTOR_ERR_NO_MEMORY;
    start("fake://caller");
    assert_string_equal(opened.passphrase, "HUSHHUSHHUSH");
    assert_int_equal(state_of().status, MESSAGE_DESTINATION_WAITING);
    assert_int_equal(state_of().reason, MESSAGE_REASON_LOCAL);
    open_error = 0;
    destination_advance(&d, 60000 * MS);
    assert_int_equal(made_count, 1);
    assert_int_equal(state_of().status, MESSAGE_DESTINATION_CONNECTING);
}

static void test_invalid_config_is_not_tried_again(void **state)
{
    (void)state;
    open_error = CASTOR_ERR_INVALID;
    start("fake://caller");
    assert_int_equal(state_of().status, MESSAGE_DESTINATION_STOPPED);
}

static void test_caller_starts_with_an_idr(void **state)
{
    (void)state;
    start("fake://caller");
    assert_false(unit(true, 2 * MS));
    assert_int_equal(stats_of().lost_not_connected, 1);
    assert_false(d.needs_idr);
    connect_caller(3 * MS);
    assert_true(d.needs_idr);
    assert_int_equal(state_of().connections, 1);
    assert_false(unit(false, 4 * MS));
    assert_int_equal(newest()->accepted, 0);
    assert_int_equal(stats_of().lost_waiting_idr, 1);
    assert_true(unit(true, 5 * MS));
    assert_int_equal(newest()->accepted, 2);
    assert_true(unit(false, 6 * MS));
    assert_int_equal(newest()->accepted, 5);
    assert_int_equal(stats_of().sent_access_units, 2);
    assert_int_equal(stats_of().receivers, 1);
}

static void test_lost_and_found(void **state)
{
    (void)state;
    start("fake://caller");
    connect_caller(2 * MS);
    assert_true(unit(true, 3 * MS));
    uint64_t bytes = stats_of().sent_bytes;
    assert_true(bytes > 0);
    d.changed = d.needs_idr = false;
    fail_newest(TRANSPORT_REASON_LOST, 4 * MS);
    assert_true(d.changed);
    assert_int_equal(open_count, 0);
    assert_int_equal(state_of().status, MESSAGE_DESTINATION_WAITING);
    assert_int_equal(state_of().reason, MESSAGE_REASON_LOST);
    assert_string_equal(state_of().text, "it broke");
    assert_false(unit(true, 5 * MS)); // not kept for later
    destination_advance(&d, 10000 * MS);
    assert_int_equal(open_count, 1);
    connect_caller(10001 * MS);
    assert_true(d.needs_idr);
    assert_int_equal(state_of().connections, 2);
    assert_false(unit(false, 10002 * MS));
    assert_int_equal(newest()->accepted, 0);
    assert_true(unit(true, 10003 * MS));
    assert_int_equal(stats_of().sent_bytes, 2 * bytes); // totals go on over connections
}

static void test_every_reason_is_passed_on(void **state)
{
    static const uint32_t expected[TRANSPORT_REASONS] = {
        MESSAGE_REASON_NONE, MESSAGE_REASON_PASSPHRASE, MESSAGE_REASON_REFUSED, MESSAGE_REASON_UNREACHABLE,
        MESSAGE_REASON_NAME, MESSAGE_REASON_VERSION,    MESSAGE_REASON_LOST,    MESSAGE_REASON_LOCAL};

    (void)state;
    for (enum transport_reason reason = 0; reason < TRANSPORT_REASONS; reason++) {
        start("fake://caller");
        fail_newest(reason, 2 * MS);
        assert_int_equal(state_of().reason, expected[reason]);
    }
}

static void test_full_buffer(void **state)
{
    (void)state;
    start("fake://caller");
    connect_caller(2 * MS);
    assert_true(unit(true, 3 * MS));
    newest()->full = true;
    assert_false(unit(false, 4 * MS));
    assert_false(unit(false, 5 * MS));
    newest()->full = false;
    assert_false(unit(false, 6 * MS));
    assert_true(unit(true, 7 * MS));
    assert_int_equal(stats_of().lost_buffer_full, 1);
    assert_int_equal(stats_of().lost_waiting_idr, 2);
    assert_int_equal(stats_of().sent_access_units, 2);
}

static void test_too_late_waits_for_an_idr(void **state)
{
    (void)state;
    start("fake://caller");
    connect_caller(2 * MS);
    assert_true(unit(true, 3 * MS));
    d.needs_idr = false;
    newest()->stats.too_late_payloads = 7;
    destination_advance(&d, 4 * MS);
    assert_false(d.needs_idr); // the others need not pay for it
    assert_false(unit(false, 5 * MS));
    assert_true(unit(true, 6 * MS));
    destination_advance(&d, 7 * MS);
    assert_true(unit(false, 8 * MS)); // the same seven are not counted twice
    assert_int_equal(stats_of().too_late_packets, 7);
}

static void test_listener_with_several(void **state)
{
    (void)state;
    start("fake://listener");
    destination_advance(&d, 2 * MS);
    assert_int_equal(state_of().status, MESSAGE_DESTINATION_LISTENING);
    assert_false(unit(true, 3 * MS));
    assert_int_equal(stats_of().lost_not_connected, 1);
    joiners = 2;
    destination_advance(&d, 4 * MS);
    destination_advance(&d, 5 * MS);
    struct fake *first = made[1], *second = made[2];
    assert_int_equal(state_of().status, MESSAGE_DESTINATION_CONNECTED);
    assert_int_equal(stats_of().receivers, 2);
    assert_true(d.needs_idr);
    assert_true(unit(true, 6 * MS));
    // One that is slow does not disturb the other.
    first->full = true;
    assert_true(unit(false, 7 * MS));
    assert_true(unit(false, 8 * MS));
    assert_int_equal(second->accepted, 2 + 3 + 3);
    assert_int_equal(stats_of().lost_buffer_full, 1);
    // Nor does one that goes.
    first->next = TRANSPORT_FAILED;
    first->next_reason = TRANSPORT_REASON_LOST;
    d.changed = false;
    destination_advance(&d, 9 * MS);
    assert_true(d.changed);
    assert_int_equal(stats_of().receivers, 1);
    assert_true(unit(false, 10 * MS));
    assert_int_equal(second->accepted, 2 + 3 + 3 + 3);
    // One more joins: only it waits.
    joiners = 1;
    destination_advance(&d, 11 * MS);
    assert_true(unit(false, 12 * MS));
    assert_int_equal(newest()->accepted, 0);
    assert_int_equal(second->accepted, 2 + 3 + 3 + 3 + 3);
}

static void test_listener_admits_no_more_than_it_holds(void **state)
{
    (void)state;
    start("fake://listener");
    joiners = TRANSPORT_RECEIVERS_MAX + 1;
    for (unsigned i = 0; i <= TRANSPORT_RECEIVERS_MAX; i++)
        destination_advance(&d, (2 + i) * MS);
    assert_int_equal(joiners, 0);
    assert_int_equal(stats_of().receivers, TRANSPORT_RECEIVERS_MAX);
    assert_int_equal(open_count, 1 + TRANSPORT_RECEIVERS_MAX);
}

static void test_unacknowledged_is_counted_at_the_end(void **state)
{
    (void)state;
    start("fake://caller");
    connect_caller(3 * MS);
    assert_true(unit(true, 4 * MS));
    assert_true(unit(false, 5 * MS));
    newest()->stats.taken_payloads = newest()->accepted;
    destination_advance(&d, 6 * MS);
    assert_int_equal(stats_of().lost_unacknowledged, 0);
    assert_true(unit(false, 7 * MS));
    newest()->stats.pending_payloads = newest()->accepted - (uint32_t)newest()->stats.taken_payloads;
    newest()->stats.taken_payloads = newest()->accepted;
    fail_newest(TRANSPORT_REASON_LOST, 8 * MS);
    assert_int_equal(stats_of().lost_unacknowledged, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_never_started, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_url_stops, setup, teardown),
        cmocka_unit_test_setup_teardown(test_open_fails_and_is_tried_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_invalid_config_is_not_tried_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_caller_starts_with_an_idr, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lost_and_found, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_reason_is_passed_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_buffer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_late_waits_for_an_idr, setup, teardown),
        cmocka_unit_test_setup_teardown(test_listener_with_several, setup, teardown),
        cmocka_unit_test_setup_teardown(test_listener_admits_no_more_than_it_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unacknowledged_is_counted_at_the_end, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
