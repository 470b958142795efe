// SPDX-License-Identifier: Apache-2.0
// Access units that a connection took and that never arrived.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "egress/ledger.h"

static struct ledger ledger;

static struct transport_stats stats(uint64_t taken, uint32_t pending, uint64_t too_late)
{
    return (struct transport_stats){
        .taken_payloads = taken, .pending_payloads = pending, .too_late_payloads = too_late};
}

// Five access units of three payloads each, with one payload of tables between the second and the third.
static int begin(void **state)
{
    (void)state;
    ledger_init(&ledger);
    ledger_add(&ledger, 0, 3);
    ledger_add(&ledger, 3, 6);
    ledger_add(&ledger, 7, 10);
    ledger_add(&ledger, 10, 13);
    ledger_add(&ledger, 13, 16);
    return 0;
}

static void test_acknowledged_is_not_lost(void **state)
{
    const struct transport_stats halfway = stats(16, 8, 0), all = stats(16, 0, 0);

    (void)state;
    assert_int_equal(ledger_settle(&ledger, &halfway), 0);
    assert_int_equal(ledger_settle(&ledger, &all), 0);
    assert_int_equal(ledger_close(&ledger, &all), 0);
}

static void test_end_of_connection_loses_what_is_pending(void **state)
{
    const struct transport_stats s = stats(16, 8, 0); // the third was acknowledged in part

    (void)state;
    assert_int_equal(ledger_close(&ledger, &s), 3);
    assert_int_equal(ledger_close(&ledger, &s), 0);
}

static void test_too_late_is_lost_once(void **state)
{
    const struct transport_stats first = stats(16, 11, 2), later = stats(16, 9, 4), end = stats(16, 9, 4);

    (void)state;
    // Payloads 3 and 4 were thrown away, later 5 and 6: the second access unit, and a payload of nobody.
    assert_int_equal(ledger_settle(&ledger, &first), 1);
    assert_int_equal(ledger_settle(&ledger, &later), 0);
    assert_int_equal(ledger_close(&ledger, &end), 3);
}

static void test_acknowledged_after_too_late(void **state)
{
    const struct transport_stats first = stats(16, 12, 1), later = stats(16, 2, 1);

    (void)state;
    assert_int_equal(ledger_settle(&ledger, &first), 1);
    assert_int_equal(ledger_settle(&ledger, &later), 0);
    assert_int_equal(ledger_close(&ledger, &later), 1);
}

static void test_full_ledger_forgets_the_oldest(void **state)
{
    const struct transport_stats none = stats(0, 0, 0);

    (void)state;
    for (uint32_t i = 0; i < LEDGER_UNITS_MAX + 7; i++)
        ledger_add(&ledger, 16 + i, 17 + i);
    assert_int_equal(ledger_close(&ledger, &none), LEDGER_UNITS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_acknowledged_is_not_lost, begin),
        cmocka_unit_test_setup(test_end_of_connection_loses_what_is_pending, begin),
        cmocka_unit_test_setup(test_too_late_is_lost_once, begin),
        cmocka_unit_test_setup(test_acknowledged_after_too_late, begin),
        cmocka_unit_test_setup(test_full_ledger_forgets_the_oldest, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
