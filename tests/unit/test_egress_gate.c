// SPDX-License-Identifier: Apache-2.0
// What a receiver gets: always whole access units, always beginning with an IDR, whatever happens to its send
// buffer.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "egress/gate.h"

// One access unit of `payloads`, the first of them a PCR packet that belongs to the time before, the second
// the place to join if it is an IDR. Sending fails at payload `fail_at`. *passed: how many got through.
static enum gate_outcome unit(struct gate *gate, bool idr, bool room, int payloads, int fail_at,
                              int64_t now_ns, int *passed)
{
    *passed = 0;
    gate_begin(gate, room, now_ns);
    for (int i = 0; i < payloads; i++) {
        if (!gate_pass(gate, idr && i == 1))
            continue;
        if (i == fail_at)
            gate_failed(gate, now_ns);
        else
            (*passed)++;
    }
    return gate_end(gate);
}

static void test_joins_at_an_idr(void **state)
{
    struct gate g;
    int passed;

    (void)state;
    gate_init(&g, 0);
    assert_int_equal(unit(&g, false, true, 4, -1, 1, &passed), GATE_WAITING_IDR);
    assert_int_equal(passed, 0);
    assert_int_equal(unit(&g, true, true, 4, -1, 2, &passed), GATE_SENT);
    assert_int_equal(passed, 3); // not the one before the place to join
    assert_int_equal(unit(&g, false, true, 4, -1, 3, &passed), GATE_SENT);
    assert_int_equal(passed, 4);
}

static void test_full_buffer_costs_whole_units(void **state)
{
    struct gate g;
    int passed;

    (void)state;
    gate_init(&g, 0);
    (void)unit(&g, true, true, 4, -1, 1, &passed);
    assert_int_equal(unit(&g, false, false, 4, -1, 2, &passed), GATE_BUFFER_FULL);
    assert_int_equal(passed, 0);
    assert_int_equal(unit(&g, false, true, 4, -1, 3, &passed), GATE_WAITING_IDR);
    assert_int_equal(passed, 0);
    assert_int_equal(unit(&g, true, false, 4, -1, 4, &passed), GATE_WAITING_IDR); // no room for the IDR
    assert_int_equal(unit(&g, true, true, 4, -1, 5, &passed), GATE_SENT);
}

static void test_failure_in_the_middle(void **state)
{
    struct gate g;
    int passed;

    (void)state;
    gate_init(&g, 0);
    assert_int_equal(unit(&g, true, true, 4, 2, 1, &passed), GATE_BUFFER_FULL);
    assert_int_equal(passed, 1);
    assert_int_equal(unit(&g, false, true, 4, -1, 2, &passed), GATE_WAITING_IDR);
    assert_int_equal(unit(&g, true, true, 4, -1, 3, &passed), GATE_SENT);
}

static void test_break_waits_for_idr(void **state)
{
    struct gate g;
    int passed;

    (void)state;
    gate_init(&g, 0);
    (void)unit(&g, true, true, 4, -1, 1, &passed);
    gate_break(&g, 2);
    assert_int_equal(unit(&g, false, true, 4, -1, 3, &passed), GATE_WAITING_IDR);
    assert_int_equal(unit(&g, true, true, 4, -1, 4, &passed), GATE_SENT);
}

static void test_asks_for_an_idr(void **state)
{
    struct gate g, other;
    int64_t asked = 0, now = 1000000000;
    int passed;

    (void)state;
    gate_init(&g, now);
    assert_true(gate_ask_idr(&g, now, &asked));
    assert_false(gate_ask_idr(&g, now + 1, &asked));
    gate_init(&other, now);
    assert_false(gate_ask_idr(&other, now + GATE_IDR_INTERVAL_NS - 1, &asked)); // one request serves all
    assert_true(gate_ask_idr(&other, now + GATE_IDR_INTERVAL_NS, &asked));
    (void)unit(&g, true, true, 4, -1, now, &passed);
    assert_false(gate_ask_idr(&g, now + 100 * GATE_IDR_INTERVAL_NS, &asked));
    // One that is too slow does not cost the others an IDR at once.
    now += 100 * GATE_IDR_INTERVAL_NS;
    gate_break(&g, now);
    assert_false(gate_ask_idr(&g, now + GATE_IDR_PATIENCE_NS - 1, &asked));
    assert_true(gate_ask_idr(&g, now + GATE_IDR_PATIENCE_NS, &asked));
}

// Any schedule: what passes is IDR first, then whole units without a gap until something is left out.
static void test_any_schedule(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 20000; seed++) {
        uint32_t random = seed * 2654435761u;
        bool decodable = false;
        struct gate g;

        gate_init(&g, 0);
        for (int i = 0; i < 50; i++) {
            int passed, payloads;
            bool idr, room;
            int fail_at;

            random = random * 1664525u + 1013904223u;
            payloads = 2 + (int)(random >> 28) % 5;
            idr = (random >> 20) % 6 == 0;
            room = (random >> 16) % 5 != 0;
            fail_at = (random >> 12) % 8 == 0 ? (int)(random >> 8) % payloads : -1;
            if ((random >> 5) % 13 == 0) {
                gate_break(&g, i);
                decodable = false;
            }
            enum gate_outcome outcome = unit(&g, idr, room, payloads, fail_at, i, &passed);
            if (outcome == GATE_SENT) {
                assert_true(decodable || idr);
                assert_int_equal(passed, decodable ? payloads : payloads - 1);
                decodable = true;
            } else {
                assert_true(outcome == GATE_WAITING_IDR || decodable || idr);
                if (outcome == GATE_WAITING_IDR)
                    assert_int_equal(passed, 0);
                decodable = false;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_joins_at_an_idr),       cmocka_unit_test(test_full_buffer_costs_whole_units),
        cmocka_unit_test(test_failure_in_the_middle), cmocka_unit_test(test_break_waits_for_idr),
        cmocka_unit_test(test_asks_for_an_idr),       cmocka_unit_test(test_any_schedule),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
