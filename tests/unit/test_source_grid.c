// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "grid.h"

static const struct castor_rational rates[] = {{24000, 1001}, {25, 1}, {30000, 1001}, {50, 1}, {60000, 1001}};
#define RATES (sizeof rates / sizeof rates[0])

static void test_every_tick_exact(void **state)
{
    (void)state;
    for (size_t r = 0; r < RATES; r++) {
        struct source_config config = {.anchor_sequence = 1000};
        struct castor_frame frame = {0};
        struct grid grid;
        uint64_t before, after;

        grid_init(&grid, rates[r], &config);
        assert_int_equal(grid_next_ns(&grid), SOURCE_NO_DEADLINE);
        for (uint64_t k = 0; k < 5000; k++) {
            int64_t due_ns = 77 + castor_frame_time_ns(rates[r], k);
            grid_take(&grid, k == 0 ? 77 : due_ns - 1000, 0, &frame, &before, &after);
            assert_int_equal(frame.sequence, 1000 + k);
            assert_int_equal(frame.capture_ns, due_ns);
            assert_int_equal(before + after, 0);
        }
    }
}

static void test_late_by_one_nanosecond_skips(void **state)
{
    (void)state;
    for (size_t r = 0; r < RATES; r++)
        for (uint64_t k = 1; k < 3000; k += 7) {
            struct source_config config = {.anchor_sequence = 5, .anchor_ns = 123456789};
            struct castor_frame frame = {0};
            struct grid grid;
            uint64_t before, after;
            int64_t due_ns = config.anchor_ns + castor_frame_time_ns(rates[r], k);

            grid_init(&grid, rates[r], &config);
            grid_take(&grid, due_ns, 0, &frame, &before, &after);
            assert_int_equal(frame.sequence, 5 + k);
            assert_int_equal(before + after, 0); // nothing was promised before the first frame
            grid_init(&grid, rates[r], &config);
            grid_take(&grid, due_ns + 1, 0, &frame, &before, &after);
            assert_int_equal(frame.sequence, 5 + k + 1);
        }
}

static void test_skips_by_cause(void **state)
{
    struct source_config config = {.anchor_ns = 1000};
    struct castor_frame frame = {0};
    struct grid grid;
    uint64_t before, after;

    (void)state;
    grid_init(&grid, (struct castor_rational){10, 1}, &config);
    grid_take(&grid, 1000, 0, &frame, &before, &after);
    assert_int_equal(frame.sequence, 1);
    // Ticks 2 and 3 pass without a slot, 4 to 6 while the picture is made: 7 is taken.
    grid_take(&grid, 1000 + 650000000, 1000 + 310000000, &frame, &before, &after);
    assert_int_equal(frame.sequence, 7);
    assert_int_equal(before, 2);
    assert_int_equal(after, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_tick_exact),
        cmocka_unit_test(test_late_by_one_nanosecond_skips),
        cmocka_unit_test(test_skips_by_cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
