// SPDX-License-Identifier: Apache-2.0
// Sequence and time of a device's pictures, for devices good and bad.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "v4l2_naming.h"

#define MS CASTOR_NS_PER_MS
#define START (1000 * MS)

static struct v4l2_naming naming;

static void begin(bool by_time, uint64_t anchor_sequence, int64_t anchor_ns)
{
    struct source_config config = {.anchor_sequence = anchor_sequence, .anchor_ns = anchor_ns};

    v4l2_naming_init(&naming, (struct castor_rational){50, 1}, by_time, &config);
}

// A picture with its stamp, taken 5 ms later. Returns what was skipped, -1 for a surplus one.
static int64_t take(uint32_t device_sequence, int64_t stamp_ns, struct castor_frame *frame)
{
    int64_t time_ns = v4l2_naming_time(&naming, device_sequence, stamp_ns, stamp_ns + 5 * MS);
    uint64_t skipped = 0;

    return v4l2_naming_take(&naming, device_sequence, time_ns, frame, &skipped) ? (int64_t)skipped : -1;
}

static void test_counter_leads(void **state)
{
    struct castor_frame frame;

    (void)state;
    begin(false, 7, 0);
    assert_int_equal(take(100, START, &frame), 0);
    assert_int_equal(frame.sequence, 7);
    assert_int_equal(frame.capture_ns, START);
    assert_int_equal(take(101, START + 27 * MS, &frame), 0); // late by a third of an interval
    assert_int_equal(frame.sequence, 8);
    assert_int_equal(take(104, START + 80 * MS, &frame), 2);
    assert_int_equal(frame.sequence, 11);
}

static void test_counter_wraps(void **state)
{
    struct castor_frame frame;

    (void)state;
    begin(false, 0, 0);
    assert_int_equal(take(UINT32_MAX, START, &frame), 0);
    assert_int_equal(take(1, START + 40 * MS, &frame), 1);
    assert_int_equal(frame.sequence, 2);
}

static void test_bad_counters_give_way_to_the_clock(void **state)
{
    struct castor_frame frame;

    (void)state;
    begin(false, 0, 0);
    assert_int_equal(take(500, START, &frame), 0);
    assert_int_equal(take(0, START + 20 * MS, &frame), 0); // begins again
    assert_int_equal(frame.sequence, 1);
    assert_int_equal(take(0, START + 60 * MS, &frame), 1); // does not count
    assert_int_equal(frame.sequence, 3);
    assert_int_equal(take(90000, START + 80 * MS, &frame), 0); // jumps for no reason
    assert_int_equal(frame.sequence, 4);
    assert_int_equal(take(90001, START + 200 * MS, &frame), 5); // does not count what it drops
    assert_int_equal(frame.sequence, 10);
}

// Pictures without a stamp that were all taken late: the time of taking them says nothing about what is
// missing.
static void test_late_taking_is_no_loss(void **state)
{
    struct castor_frame frame;
    uint64_t skipped;

    (void)state;
    begin(false, 0, 0);
    (void)take(0, START, &frame);
    for (uint32_t i = 1; i < 5; i++) {
        int64_t time_ns = v4l2_naming_time(&naming, i, 0, START + 200 * MS);
        assert_true(v4l2_naming_take(&naming, i, time_ns, &frame, &skipped));
        assert_int_equal(skipped, 0);
        assert_int_equal(frame.sequence, i);
    }
}

static void test_anchor_places_the_first_frame(void **state)
{
    struct castor_frame frame;

    (void)state;
    begin(false, 500, START);
    assert_int_equal(take(0, START + 206 * MS, &frame), 0);
    assert_int_equal(frame.sequence, 510);
    begin(false, 500, START);
    assert_int_equal(take(0, START + 1 * MS, &frame), 0);
    assert_int_equal(frame.sequence, 501);
}

static void test_times_always_rise(void **state)
{
    struct castor_frame frame;
    int64_t before_ns;

    (void)state;
    begin(false, 0, 0);
    (void)take(0, START, &frame);
    assert_int_equal(v4l2_naming_time(&naming, 1, START, START + 25 * MS), START + 20 * MS); // repeats
    assert_int_equal(v4l2_naming_time(&naming, 3, START - 1, START + 65 * MS), START + 60 * MS);
    assert_int_equal(v4l2_naming_time(&naming, 1, START + 900 * MS, START + 18 * MS), START + 18 * MS);
    assert_int_equal(v4l2_naming_time(&naming, 1, 1, START + 25 * MS), START + 20 * MS);
    assert_int_equal(naming.times_corrected, 4);
    assert_int_equal(v4l2_naming_time(&naming, 1, 0, START + 25 * MS), START + 25 * MS); // no stamp at all
    assert_int_equal(v4l2_naming_time(&naming, 1, START, START), START + 1);             // not even now rises
    assert_int_equal(naming.times_corrected, 5);
    for (uint32_t i = 1; i < 50; i++) { // stuck stamps, a program that takes them all at once
        before_ns = naming.capture_ns;
        assert_int_equal(v4l2_naming_take(&naming, i, v4l2_naming_time(&naming, i, START, START + 25 * MS),
                                          &frame, &(uint64_t){0}),
                         true);
        assert_true(frame.capture_ns > before_ns);
    }
}

static void test_faster_device_is_thinned(void **state)
{
    struct castor_frame frame;
    uint64_t sequence = 0;
    int surplus = 0;

    (void)state;
    begin(true, 0, 0); // 100 pictures a second into 50
    for (uint32_t i = 0; i < 100; i++) {
        int64_t skipped = take(i, START + i * 10 * MS, &frame);
        if (skipped < 0) {
            surplus++;
            continue;
        }
        assert_int_equal(skipped, 0);
        assert_int_equal(frame.sequence, sequence++);
    }
    assert_in_range(surplus, 49, 51);
}

static void test_slower_device_leaves_gaps(void **state)
{
    struct castor_frame frame;
    int64_t skipped = 0;

    (void)state;
    begin(true, 0, 0); // 25 pictures a second into 50
    for (uint32_t i = 0; i < 26; i++)
        skipped += take(i, START + i * 40 * MS, &frame);
    assert_int_equal(frame.sequence, 50);
    assert_int_equal(skipped, 25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counter_leads),
        cmocka_unit_test(test_counter_wraps),
        cmocka_unit_test(test_bad_counters_give_way_to_the_clock),
        cmocka_unit_test(test_late_taking_is_no_loss),
        cmocka_unit_test(test_anchor_places_the_first_frame),
        cmocka_unit_test(test_times_always_rise),
        cmocka_unit_test(test_faster_device_is_thinned),
        cmocka_unit_test(test_slower_device_leaves_gaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
