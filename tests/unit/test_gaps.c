// SPDX-License-Identifier: Apache-2.0
// The supervisor's list of gaps: by hand, and against egress' own book with kills at random times.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "egress/gap_book.h"
#include "hal/time.h"
#include "supervisor/gaps.h"

#define S CASTOR_NS_PER_S

static struct gaps gaps;

static int64_t captured(uint64_t sequence)
{
    return (int64_t)(1000 + 10 * sequence);
}

static int begin(void **state)
{
    (void)state;
    gaps_init(&gaps);
    gaps_name(&gaps, 0, "edge");
    gaps_name(&gaps, 1, "other");
    gaps.utc_offset_ns = 77;
    return 0;
}

static void hand(uint64_t first, uint64_t last)
{
    for (uint64_t i = first; i <= last; i++)
        gaps_handed(&gaps, i, captured(i));
}

static void lose(uint64_t first, uint64_t last)
{
    for (uint64_t i = first; i <= last; i++)
        gaps_lost(&gaps, i, captured(i));
}

static int tell(uint64_t number, uint64_t first, uint64_t last, uint32_t cause, uint32_t flags)
{
    struct message_gap told = {.number = number,
                               .flags = flags,
                               .first = first,
                               .last = last,
                               .first_ns = captured(first),
                               .last_ns = captured(last)};

    told.frames[cause] = (uint32_t)(last - first + 1);
    return gaps_take(&gaps, &told);
}

static int arrive(uint32_t destination, uint64_t sequence)
{
    return gaps_arrived(&gaps, &(struct message_arrived){.destination = destination, .sequence = sequence});
}

static void assert_gap(uint32_t destination, uint32_t i, uint64_t first, uint64_t last, uint32_t possible)
{
    const struct gap *gap = gaps_at(&gaps.destination[destination], i);

    assert_non_null(gap);
    assert_int_equal(gap->first, first);
    assert_int_equal(gap->last, last);
    assert_int_equal(gap->first_ns, captured(first));
    assert_int_equal(gap->last_ns, captured(last));
    assert_int_equal(gap->sum.possible, possible);
    assert_int_equal(gap->utc_offset_ns, 77);
}

static void test_told_by_egress(void **state)
{
    (void)state;
    hand(1, 20);
    assert_int_equal(tell(1, 3, 5, MESSAGE_GAP_NOT_CONNECTED, MESSAGE_GAP_OPEN), 0);
    assert_true(gaps_newest(&gaps.destination[0])->open);
    assert_int_equal(tell(1, 3, 9, MESSAGE_GAP_NOT_CONNECTED, 0), 0);
    assert_gap(0, 0, 3, 9, 0);
    assert_false(gaps_newest(&gaps.destination[0])->open);
    assert_int_equal(tell(2, 12, 12, MESSAGE_GAP_DOUBTFUL, 0), 0);
    assert_gap(0, 1, 12, 12, 0);
    assert_null(gaps_at(&gaps.destination[0], 2));
    assert_int_equal(gaps_frames(&gaps.destination[0]), 8);
    assert_int_equal(gaps.destination[1].begun, 0);
}

static void test_what_cannot_be(void **state)
{
    (void)state;
    assert_int_equal(tell(1, 1, 2, MESSAGE_GAP_NOT_CONNECTED, 0), CASTOR_ERR_INVALID); // was given nothing
    hand(1, 20);
    assert_int_equal(tell(1, 3, 21, MESSAGE_GAP_NOT_CONNECTED, 0), CASTOR_ERR_INVALID);
    assert_int_equal(tell(1, 3, 9, MESSAGE_GAP_NOT_CONNECTED, 0), 0);
    assert_int_equal(tell(2, 9, 10, MESSAGE_GAP_NOT_CONNECTED, 0), CASTOR_ERR_INVALID);
    assert_int_equal(tell(1, 3, 8, MESSAGE_GAP_NOT_CONNECTED, 0), CASTOR_ERR_INVALID);
    assert_int_equal(arrive(0, 10), 0);
    assert_int_equal(arrive(0, 9), CASTOR_ERR_INVALID);
    assert_int_equal(arrive(5, 9), CASTOR_ERR_INVALID);
    assert_gap(0, 0, 3, 9, 0);
}

// What was under way is a possible loss of both; what comes until the next one runs is a certain one, and all
// of it is one gap, also with what the next one tells before it is connected.
static void test_killed_egress(void **state)
{
    const struct gap *gap;

    (void)state;
    hand(1, 20);
    assert_int_equal(arrive(0, 15), 0);
    assert_int_equal(arrive(1, 18), 0);
    gaps_egress_ended(&gaps);
    lose(21, 30);
    assert_gap(0, 0, 16, 30, 5);
    assert_gap(1, 0, 19, 30, 2);
    hand(31, 40);
    assert_int_equal(tell(1, 31, 35, MESSAGE_GAP_WAITING_IDR, 0), 0);
    assert_gap(0, 0, 16, 35, 5);
    gap = gaps_newest(&gaps.destination[0]);
    assert_int_equal(gap->sum.frames[MESSAGE_GAP_EGRESS], 15);
    assert_int_equal(gap->sum.frames[MESSAGE_GAP_WAITING_IDR], 5);
    assert_false(gap->open);
    assert_true(gaps_newest(&gaps.destination[1])->open);
    assert_int_equal(arrive(1, 31), 0);
    assert_false(gaps_newest(&gaps.destination[1])->open);
    assert_null(gaps_at(&gaps.destination[0], 1));
}

// A gap that was open when egress died goes on.
static void test_outage_over_a_killed_egress(void **state)
{
    (void)state;
    hand(1, 20);
    assert_int_equal(tell(1, 3, 15, MESSAGE_GAP_NOT_CONNECTED, MESSAGE_GAP_OPEN), 0);
    gaps_egress_ended(&gaps);
    assert_gap(0, 0, 3, 20, 5);
    hand(21, 30);
    assert_int_equal(tell(1, 21, 25, MESSAGE_GAP_NOT_CONNECTED, MESSAGE_GAP_OPEN), 0);
    assert_int_equal(tell(1, 21, 30, MESSAGE_GAP_NOT_CONNECTED, MESSAGE_GAP_OPEN), 0);
    assert_gap(0, 0, 3, 30, 5);
    assert_int_equal(gaps_frames(&gaps.destination[0]), 28);
}

static void test_not_taken_by_a_living_egress(void **state)
{
    (void)state;
    hand(1, 5);
    lose(6, 6);
    hand(7, 9);
    assert_null(gaps_at(&gaps.destination[0], 0));
    assert_int_equal(arrive(0, 8), 0);
    assert_gap(0, 0, 6, 6, 0);
    assert_false(gaps_newest(&gaps.destination[0])->open);
}

static void test_notes(void **state)
{
    struct message_gap_note note;

    (void)state;
    assert_false(gaps_next_note(&gaps, S, &note));
    hand(1, 20);
    assert_int_equal(tell(1, 3, 5, MESSAGE_GAP_NOT_CONNECTED, MESSAGE_GAP_OPEN), 0);
    assert_true(gaps_next_note(&gaps, S, &note));
    assert_string_equal(note.destination, "edge");
    assert_int_equal(note.last, 5);
    assert_int_equal(note.flags, MESSAGE_GAP_OPEN);
    gaps_noted(&gaps, &note, S);
    assert_int_equal(tell(1, 3, 9, MESSAGE_GAP_NOT_CONNECTED, MESSAGE_GAP_OPEN), 0);
    assert_false(gaps_next_note(&gaps, 2 * S, &note)); // not every time
    assert_true(gaps_next_note(&gaps, S + GAPS_GROWTH_NS, &note));
    gaps_noted(&gaps, &note, S + GAPS_GROWTH_NS);
    assert_int_equal(tell(1, 3, 10, MESSAGE_GAP_NOT_CONNECTED, 0), 0);
    assert_true(gaps_next_note(&gaps, S + GAPS_GROWTH_NS, &note)); // the end at once
    assert_int_equal(note.flags, 0);
    gaps_noted(&gaps, &note, S + GAPS_GROWTH_NS);
    assert_false(gaps_next_note(&gaps, 90 * S, &note));
    gaps_note_all(&gaps);
    assert_true(gaps_next_note(&gaps, 90 * S, &note));
    assert_int_equal(note.last, 10);
}

static void test_destinations_change(void **state)
{
    (void)state;
    hand(1, 5);
    gaps_egress_ended(&gaps);
    gaps_name(&gaps, 0, "new");
    assert_null(gaps_newest(&gaps.destination[0]));
    assert_int_equal(gaps.destination_count, 1);
    lose(6, 7);
    assert_gap(0, 0, 6, 7, 0);
    assert_string_equal(gaps_newest(&gaps.destination[0])->destination, "new");
}

// ---- with egress ----

#define UNITS 4000
#define WINDOW 64

static uint64_t random_state;
static struct gap_book book;
static enum { IN_FLIGHT, ARRIVED, LOST } fate[UNITS + 1]; // the truth
static uint64_t flying[WINDOW], numbers[WINDOW];
static unsigned in_flight;

static uint32_t chance(uint32_t of)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state % of);
}

static void listen(int64_t now_ns)
{
    struct message_gap gap;
    struct message_arrived arrived;

    for (; gap_book_next(&book, now_ns, &gap); gap_book_told(&book, now_ns))
        assert_int_equal(gaps_take(&gaps, &gap), 0);
    if (gap_book_next_arrived(&book, now_ns, &arrived)) {
        assert_int_equal(gaps_arrived(&gaps, &arrived), 0);
        gap_book_told_arrived(&book);
    }
}

static void decide_one(unsigned i, bool arrives)
{
    fate[flying[i]] = arrives ? ARRIVED : LOST;
    (void)gap_book_decide(&book, numbers[i], arrives ? LEDGER_ARRIVED : LEDGER_LOST);
    in_flight--;
    memmove(&flying[i], &flying[i + 1], (in_flight - i) * sizeof flying[0]);
    memmove(&numbers[i], &numbers[i + 1], (in_flight - i) * sizeof numbers[0]);
}

static void kill_egress(void)
{
    for (; in_flight > 0; in_flight--)
        fate[flying[in_flight - 1]] = chance(2) ? ARRIVED : LOST;
    gap_book_init(&book);
    gaps_egress_ended(&gaps);
}

static void step(uint64_t sequence, bool connected, bool running)
{
    if (!running) {
        gaps_lost(&gaps, sequence, captured(sequence));
        fate[sequence] = LOST;
        return;
    }
    gaps_handed(&gaps, sequence, captured(sequence));
    if (connected && in_flight < WINDOW) {
        flying[in_flight] = sequence;
        numbers[in_flight++] = gap_book_send(&book, sequence, captured(sequence), 1);
    } else {
        gap_book_lose(&book, sequence, captured(sequence), MESSAGE_GAP_NOT_CONNECTED);
        fate[sequence] = LOST;
    }
    while (in_flight > 0 && chance(3) > 0)
        decide_one(chance(in_flight), connected && chance(50) > 0);
}

static bool in_a_gap(uint64_t sequence)
{
    const struct gap *gap;

    for (uint32_t i = 0; (gap = gaps_at(&gaps.destination[0], i)) != NULL; i++)
        if (sequence >= gap->first && sequence <= gap->last)
            return true;
    return false;
}

static void check_truth(uint64_t last)
{
    const struct gap *gap, *before = NULL;
    uint64_t oldest = gaps_at(&gaps.destination[0], 0) ? gaps_at(&gaps.destination[0], 0)->first : 0;

    for (uint32_t i = 0; (gap = gaps_at(&gaps.destination[0], i)) != NULL; i++, before = gap) {
        uint64_t certain = message_gap_frames(gap->sum.frames) - gap->sum.possible, lost = 0;
        assert_true(!before || gap->first > before->last);
        assert_int_equal(message_gap_frames(gap->sum.frames), gap->last - gap->first + 1);
        for (uint64_t k = gap->first; k <= gap->last; k++)
            lost += fate[k] == LOST;
        assert_true(lost >= certain);
    }
    for (uint64_t i = oldest; i <= last; i++)
        if (fate[i] == LOST && !in_a_gap(i))
            fail_msg("frame %llu is lost and in no gap", (unsigned long long)i);
}

static void run_schedule(uint64_t seed)
{
    bool connected = true, running = true;

    random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    memset(fate, 0, sizeof fate);
    gap_book_init(&book);
    in_flight = 0;
    (void)begin(NULL);
    gaps_name(&gaps, 0, "edge");
    for (uint64_t i = 1; i <= UNITS; i++) {
        if (chance(200) == 0)
            connected = !connected;
        if (running && chance(300) == 0) {
            kill_egress();
            running = false;
        } else if (!running && chance(20) == 0) {
            running = true;
        }
        step(i, connected, running);
        if (running && chance(3) == 0)
            listen(captured(i) * CASTOR_NS_PER_MS);
    }
    while (in_flight > 0)
        decide_one(0, true);
    listen((int64_t)UNITS * S);
    check_truth(UNITS);
}

static void test_every_loss_is_in_a_gap(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++)
        run_schedule(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_told_by_egress, begin),
        cmocka_unit_test_setup(test_what_cannot_be, begin),
        cmocka_unit_test_setup(test_killed_egress, begin),
        cmocka_unit_test_setup(test_outage_over_a_killed_egress, begin),
        cmocka_unit_test_setup(test_not_taken_by_a_living_egress, begin),
        cmocka_unit_test_setup(test_notes, begin),
        cmocka_unit_test_setup(test_destinations_change, begin),
        cmocka_unit_test(test_every_loss_is_in_a_gap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
