// SPDX-License-Identifier: Apache-2.0
// The ranges of access units that did not arrive.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "egress/gap_book.h"
#include "hal/time.h"

#define S CASTOR_NS_PER_S

static struct gap_book book;

static int begin(void **state)
{
    (void)state;
    gap_book_init(&book);
    return 0;
}

static int64_t captured(uint64_t sequence)
{
    return (int64_t)(1000 + 10 * sequence);
}

static void lose(uint64_t first, uint64_t last, uint32_t cause)
{
    for (uint64_t i = first; i <= last; i++)
        gap_book_lose(&book, i, captured(i), cause);
}

static uint64_t send(uint64_t sequence)
{
    return gap_book_send(&book, sequence, captured(sequence), 1);
}

static void assert_next(int64_t now_ns, uint64_t first, uint64_t last, uint32_t flags)
{
    struct message_gap gap;

    assert_true(gap_book_next(&book, now_ns, &gap));
    assert_int_equal(gap.first, first);
    assert_int_equal(gap.last, last);
    assert_int_equal(gap.first_ns, captured(first));
    assert_int_equal(gap.last_ns, captured(last));
    assert_int_equal(gap.flags, flags);
    gap_book_told(&book, now_ns);
}

static void assert_nothing(int64_t now_ns)
{
    struct message_gap gap;

    assert_false(gap_book_next(&book, now_ns, &gap));
}

static void test_an_outage_is_one_range_that_grows(void **state)
{
    struct message_gap gap;

    (void)state;
    lose(10, 14, MESSAGE_GAP_NOT_CONNECTED);
    assert_next(1 * S, 10, 14, MESSAGE_GAP_OPEN);
    assert_nothing(9 * S); // it has not grown
    lose(15, 15, MESSAGE_GAP_NOT_CONNECTED);
    assert_nothing(2 * S - 1); // not for every frame
    lose(16, 17, MESSAGE_GAP_WAITING_IDR);
    assert_next(2 * S, 10, 17, MESSAGE_GAP_OPEN);
    uint64_t number = send(18);
    assert_nothing(3 * S); // it may be lost as well
    assert_false(gap_book_decide(&book, number, LEDGER_ARRIVED));
    assert_true(gap_book_next(&book, 2 * S, &gap));
    assert_int_equal(gap.frames[MESSAGE_GAP_NOT_CONNECTED], 6);
    assert_int_equal(gap.frames[MESSAGE_GAP_WAITING_IDR], 2);
    assert_int_equal(gap.number, 1);
    assert_next(2 * S, 10, 17, 0);
    assert_nothing(9 * S);
}

// What was sent before the connection broke is known to be lost only after what followed was left out.
static void test_what_is_known_late_comes_first(void **state)
{
    struct message_gap gap;
    uint64_t numbers[3] = {send(1), send(2), send(3)};

    (void)state;
    lose(4, 5, MESSAGE_GAP_NOT_CONNECTED);
    assert_nothing(9 * S);
    assert_false(gap_book_decide(&book, numbers[0], LEDGER_ARRIVED));
    assert_true(gap_book_decide(&book, numbers[1], LEDGER_LOST));
    assert_false(gap_book_decide(&book, numbers[2], LEDGER_DOUBTFUL));
    assert_true(gap_book_next(&book, 9 * S, &gap));
    assert_int_equal(gap.frames[MESSAGE_GAP_UNACKNOWLEDGED], 1);
    assert_int_equal(gap.frames[MESSAGE_GAP_DOUBTFUL], 1);
    assert_int_equal(gap.frames[MESSAGE_GAP_NOT_CONNECTED], 2);
    assert_int_equal(gap.possible, 2);
    assert_next(9 * S, 2, 5, MESSAGE_GAP_OPEN);
}

static void test_one_of_several_receivers_is_enough(void **state)
{
    uint64_t a = gap_book_send(&book, 1, captured(1), 3), b = gap_book_send(&book, 2, captured(2), 2);

    (void)state;
    assert_false(gap_book_decide(&book, a, LEDGER_LOST));
    assert_false(gap_book_decide(&book, a, LEDGER_ARRIVED));
    assert_false(gap_book_decide(&book, a, LEDGER_LOST));
    assert_false(gap_book_decide(&book, b, LEDGER_LOST));
    assert_nothing(9 * S);
    assert_true(gap_book_decide(&book, b, LEDGER_LOST));
    assert_next(9 * S, 2, 2, MESSAGE_GAP_OPEN);
}

static void test_what_has_arrived_is_told_behind_the_gaps(void **state)
{
    struct message_arrived arrived;

    (void)state;
    assert_false(gap_book_next_arrived(&book, S, &arrived));
    gap_book_decide(&book, send(1), LEDGER_ARRIVED);
    assert_true(gap_book_next_arrived(&book, S, &arrived));
    assert_int_equal(arrived.sequence, 1);
    gap_book_told_arrived(&book);
    assert_false(gap_book_next_arrived(&book, S, &arrived));
    lose(2, 4, MESSAGE_GAP_BUFFER_FULL);
    assert_false(gap_book_next_arrived(&book, S, &arrived));
    assert_next(S, 2, 4, MESSAGE_GAP_OPEN);
    assert_true(gap_book_next_arrived(&book, S, &arrived));
    assert_int_equal(arrived.sequence, 4);
}

static void test_nobody_listens(void **state)
{
    struct message_gap gap;
    uint64_t frames = 0, last = 0;
    unsigned count = 0;

    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        lose(3 * i + 1, 3 * i + 2, MESSAGE_GAP_BUFFER_FULL);
        gap_book_decide(&book, send(3 * i + 3), LEDGER_ARRIVED);
    }
    for (; gap_book_next(&book, S, &gap); gap_book_told(&book, S), count++) {
        assert_true(gap.first > last);
        last = gap.last;
        frames += message_gap_frames(gap.frames);
    }
    assert_int_equal(count, GAP_BOOK_GAPS_MAX);
    assert_int_equal(frames, 2000);
    assert_int_equal(last, 2999);
}

static void test_undecided_for_ever(void **state)
{
    (void)state;
    lose(1, 1, MESSAGE_GAP_WAITING_IDR);
    uint64_t first = send(2);
    for (uint64_t i = 0; i < GAP_BOOK_UNITS_MAX; i++)
        send(3 + i);
    assert_false(gap_book_decide(&book, first, LEDGER_LOST)); // taken for arrived by now
    assert_next(S, 1, 1, 0);
    assert_nothing(9 * S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_an_outage_is_one_range_that_grows, begin),
        cmocka_unit_test_setup(test_what_is_known_late_comes_first, begin),
        cmocka_unit_test_setup(test_one_of_several_receivers_is_enough, begin),
        cmocka_unit_test_setup(test_what_has_arrived_is_told_behind_the_gaps, begin),
        cmocka_unit_test_setup(test_nobody_listens, begin),
        cmocka_unit_test_setup(test_undecided_for_ever, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
