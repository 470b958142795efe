// SPDX-License-Identifier: Apache-2.0
// What the supervisor counts of egress: a frame is lost for who has been connected, and for nobody before;
// and which PTS the stream has.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "supervisor/outlet.h"

static struct outlet outlet;

static int setup(void **state)
{
    (void)state;
    outlet_init(&outlet);
    outlet.destination_count = 2;
    return 0;
}

static void assert_lost(uint64_t first, uint64_t second)
{
    assert_int_equal(outlet.destination[0].lost, first);
    assert_int_equal(outlet.destination[1].lost, second);
}

static void test_nobody_misses_what_went_before(void **state)
{
    const struct switch_order order = {.sequence = 7, .capture_ns = 1};

    (void)state;
    assert_int_equal(outlet_emit(&outlet, &order, 0, 2), CASTOR_ERR_LOST); // it is not ready
    assert_false(outlet_is_watched(&outlet));
    outlet_count(&outlet, 0); // ready, and nobody is connected
    assert_false(outlet_is_watched(&outlet));
    outlet_lose(&outlet, OUTLET_ALL, 5);
    assert_lost(0, 0);
}

static void test_who_was_connected_misses_it(void **state)
{
    (void)state;
    outlet_count(&outlet, 1);
    assert_true(outlet_is_watched(&outlet));
    outlet_count(&outlet, 0);
    assert_lost(1, 0);
    outlet_lose(&outlet, OUTLET_ALL, 3);
    assert_lost(4, 0);
    outlet_count(&outlet, 2);
    assert_lost(5, 0);
    outlet_count(&outlet, 1);
    assert_lost(5, 1);
}

// Also a dead egress and other destinations do not make it the beginning again.
static void test_it_stays_watched(void **state)
{
    (void)state;
    outlet_count(&outlet, 3);
    outlet_disconnected(&outlet);
    assert_true(outlet_is_watched(&outlet));
    outlet_forget(&outlet);
    assert_true(outlet_is_watched(&outlet));
}

// Recordings and gaps have the PTS of the stream on air, also when a reload asks for less.
static void test_pts_do_not_go_back(void **state)
{
    static struct config config;
    const struct castor_rational rate = {30, 1};

    (void)state;
    config.mux.pts_offset_ms = 700;
    assert_int_equal(outlet_pts_offset_ms(&outlet, &config, rate), 700);
    config.mux.pts_offset_ms = 300;
    assert_int_equal(outlet_pts_offset_ms(&outlet, &config, rate), 700);
    outlet_forget(&outlet);
    assert_int_equal(outlet_pts_offset_ms(&outlet, &config, rate), 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nobody_misses_what_went_before, setup),
        cmocka_unit_test_setup(test_who_was_connected_misses_it, setup),
        cmocka_unit_test_setup(test_it_stays_watched, setup),
        cmocka_unit_test_setup(test_pts_do_not_go_back, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
