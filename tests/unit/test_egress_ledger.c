// SPDX-License-Identifier: Apache-2.0
// Access units that a connection took and that never arrived.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "egress/ledger.h"
#include "hal/time.h"

#define MS CASTOR_NS_PER_MS

static struct ledger ledger;

static struct transport_stats stats(uint64_t taken, uint32_t pending, uint64_t too_late)
{
    return (struct transport_stats){
        .taken_payloads = taken, .pending_payloads = pending, .too_late_payloads = too_late};
}

// How many of those decided are lost.
static unsigned lost(void)
{
    unsigned count = 0;
    uint64_t number;
    enum ledger_fate fate;

    while (ledger_next(&ledger, &number, &fate))
        count += fate == LEDGER_LOST;
    return count;
}

static unsigned settle(const struct transport_stats *s)
{
    ledger_settle(&ledger, s, 1050 * MS);
    return lost();
}

static unsigned end(const struct transport_stats *s)
{
    ledger_close(&ledger, s, 1050 * MS);
    return lost();
}

// Five access units of three payloads each, with one payload of tables between the second and the third.
static int begin(void **state)
{
    (void)state;
    ledger_init(&ledger);
    ledger_add(&ledger, 0, 3, 0, 1000 * MS);
    ledger_add(&ledger, 3, 6, 3, 1000 * MS);
    ledger_add(&ledger, 7, 10, 7, 1000 * MS);
    ledger_add(&ledger, 10, 13, 10, 1000 * MS);
    ledger_add(&ledger, 13, 16, 13, 1000 * MS);
    return 0;
}

static void test_acknowledged_is_not_lost(void **state)
{
    const struct transport_stats halfway = stats(16, 8, 0), all = stats(16, 0, 0);

    (void)state;
    assert_int_equal(settle(&halfway), 0);
    assert_int_equal(settle(&all), 0);
    assert_int_equal(end(&all), 0);
}

static void test_end_of_connection_loses_what_is_pending(void **state)
{
    const struct transport_stats s = stats(16, 8, 0); // the third was acknowledged in part

    (void)state;
    assert_int_equal(end(&s), 3);
    assert_int_equal(end(&s), 0);
}

static void test_too_late_is_lost_once(void **state)
{
    const struct transport_stats first = stats(16, 11, 2), later = stats(16, 9, 4);

    (void)state;
    // Payloads 3 and 4 were thrown away, later 5 and 6: the second access unit, and a payload of nobody.
    assert_int_equal(settle(&first), 0); // a part of it is still there
    assert_int_equal(settle(&later), 1);
    assert_int_equal(end(&later), 3);
}

static void test_acknowledged_after_too_late(void **state)
{
    const struct transport_stats first = stats(16, 12, 1), later = stats(16, 2, 1);

    (void)state;
    assert_int_equal(settle(&first), 0);
    assert_int_equal(settle(&later), 1);
    assert_int_equal(end(&later), 1);
}

static struct transport_stats repeated(uint64_t taken, uint32_t pending, uint64_t repeats)
{
    return (struct transport_stats){.taken_payloads = taken,
                                    .pending_payloads = pending,
                                    .retransmitted_payloads = repeats,
                                    .latency_ms = 120,
                                    .rtt_us = 20000};
}

static enum ledger_fate fate_of_next(void)
{
    enum ledger_fate fate;
    uint64_t number;

    assert_true(ledger_next(&ledger, &number, &fate));
    return fate;
}

// Captured at 1000 ms, so due at the receiver 120 ms and half a round trip later.
static void test_acknowledged_after_its_time(void **state)
{
    const struct transport_stats none = repeated(16, 16, 0), two = repeated(16, 10, 2),
                                 all = repeated(16, 0, 2);

    (void)state;
    ledger_settle(&ledger, &none, 1010 * MS);
    ledger_settle(&ledger, &two, 1139 * MS);
    assert_int_equal(lost(), 0);
    assert_true(ledger_is_troubled(&ledger, 2000 * MS));
    assert_false(ledger_is_troubled(&ledger, 2140 * MS));
    ledger_settle(&ledger, &all, 1161 * MS);
    for (int i = 0; i < 5; i++)
        assert_int_equal(fate_of_next(), i < 2 ? LEDGER_ARRIVED : LEDGER_DOUBTFUL);
}

// A receiver that ends takes with it what it had not handed out yet, whatever it had acknowledged.
static void test_receiver_that_falls_silent(void **state)
{
    const struct transport_stats some = repeated(16, 3, 0);
    uint64_t number;
    enum ledger_fate fate;

    (void)state;
    ledger_settle(&ledger, &some, 1050 * MS);
    ledger_settle(&ledger, &some, 1900 * MS); // no sign of life
    assert_false(ledger_next(&ledger, &number, &fate));
    ledger_close(&ledger, &some, 1910 * MS);
    for (int i = 0; i < 5; i++)
        assert_int_equal(fate_of_next(), i < 4 ? LEDGER_DOUBTFUL : LEDGER_LOST);
}

// An outage without a repeat in it: what left the buffer behind it may have been thrown away on either side,
// whatever was counted of it. What was sent at its end arrived in time.
static void test_overdue_in_a_silence(void **state)
{
    const struct transport_stats answered = repeated(16, 13, 0), silent = repeated(19, 16, 0),
                                 again = repeated(19, 0, 0);

    (void)state;
    ledger_settle(&ledger, &answered, 1030 * MS);
    ledger_add(&ledger, 16, 19, 16, 1290 * MS);
    ledger_settle(&ledger, &silent, 1300 * MS);
    ledger_settle(&ledger, &again, 1330 * MS);
    for (int i = 0; i < 5; i++)
        assert_int_equal(fate_of_next(), i < 1 ? LEDGER_ARRIVED : LEDGER_DOUBTFUL);
    ledger_settle(&ledger, &again, 1500 * MS);
    assert_int_equal(fate_of_next(), LEDGER_ARRIVED);
}

// What was sent late is not doubtful by that: the receiver has answered a moment ago.
static void test_sent_late_is_not_silence(void **state)
{
    const struct transport_stats all = repeated(16, 0, 0), one = repeated(19, 3, 0),
                                 again = repeated(19, 0, 0);

    (void)state;
    ledger_settle(&ledger, &all, 1490 * MS);
    (void)lost();
    ledger_add(&ledger, 16, 19, 16, 1290 * MS);
    ledger_settle(&ledger, &one, 1500 * MS);
    ledger_settle(&ledger, &again, 1510 * MS);
    assert_int_equal(fate_of_next(), LEDGER_ARRIVED);
}

// A long round trip is no loss: nothing was repeated since it was sent.
static void test_slow_answer_is_not_late(void **state)
{
    const struct transport_stats before = repeated(16, 16, 9), all = repeated(16, 0, 9),
                                 more = repeated(19, 0, 9);

    (void)state;
    ledger_init(&ledger);
    ledger_settle(&ledger, &before, 1010 * MS);
    ledger_add(&ledger, 16, 19, 5, 1010 * MS);
    ledger_settle(&ledger, &all, 1500 * MS);
    ledger_settle(&ledger, &more, 1600 * MS);
    assert_int_equal(fate_of_next(), LEDGER_ARRIVED);
}

static void test_full_ledger_forgets_the_oldest(void **state)
{
    const struct transport_stats none = stats(0, 0, 0);

    (void)state;
    for (uint32_t i = 0; i < LEDGER_UNITS_MAX + 7; i++)
        ledger_add(&ledger, 16 + i, 17 + i, 16 + i, 1000 * MS);
    assert_int_equal(end(&none), LEDGER_UNITS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_acknowledged_is_not_lost, begin),
        cmocka_unit_test_setup(test_end_of_connection_loses_what_is_pending, begin),
        cmocka_unit_test_setup(test_too_late_is_lost_once, begin),
        cmocka_unit_test_setup(test_acknowledged_after_too_late, begin),
        cmocka_unit_test_setup(test_acknowledged_after_its_time, begin),
        cmocka_unit_test_setup(test_receiver_that_falls_silent, begin),
        cmocka_unit_test_setup(test_overdue_in_a_silence, begin),
        cmocka_unit_test_setup(test_sent_late_is_not_silence, begin),
        cmocka_unit_test_setup(test_slow_answer_is_not_late, begin),
        cmocka_unit_test_setup(test_full_ledger_forgets_the_oldest, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
