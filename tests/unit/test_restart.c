// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "supervisor/restart.h"

static const struct restart_config config = {
    .first_delay_ns = 50, .delay_max_ns = 300, .stable_ns = 1000, .attempts_max = 5, .revive_ns = 9000};

static void fail_quickly(struct restart_state *state, int64_t now_ns)
{
    restart_started(state, now_ns);
    restart_ended(state, now_ns);
}

static void stable_worker_starts_again_at_once(void **unused)
{
    struct restart_state state;
    (void)unused;

    restart_init(&state, &config);
    assert_true(restart_is_due(&state, 0));
    for (int64_t now_ns = 1; now_ns < 100000; now_ns += 1000) {
        restart_started(&state, now_ns);
        assert_false(restart_is_due(&state, now_ns));
        assert_int_equal(restart_deadline_ns(&state), INT64_MAX);
        restart_ready(&state, now_ns);
        restart_ended(&state, now_ns + 1000);
        assert_true(restart_is_due(&state, now_ns + 1000));
    }
}

static void quick_failures_wait_twice_as_long_each(void **unused)
{
    struct restart_state state;
    const int64_t waits_ns[] = {50, 100, 200, 300};
    (void)unused;

    restart_init(&state, &config);
    for (int i = 0; i < 4; i++) {
        fail_quickly(&state, 7);
        assert_int_equal(restart_deadline_ns(&state), 7 + waits_ns[i]);
        assert_false(restart_is_due(&state, 7 + waits_ns[i] - 1));
        assert_true(restart_is_due(&state, 7 + waits_ns[i]));
    }
}

static void hopeless_worker_is_given_up_and_revived(void **unused)
{
    struct restart_state state;
    (void)unused;

    restart_init(&state, &config);
    for (int i = 0; i < 5; i++)
        fail_quickly(&state, 0);
    assert_int_equal(state.phase, RESTART_GIVEN_UP);
    assert_false(restart_is_due(&state, 8999));
    assert_true(restart_is_due(&state, 9000));
}

static void an_operator_forgives(void **unused)
{
    struct restart_state state;
    (void)unused;

    restart_init(&state, &config);
    for (int i = 0; i < 5; i++)
        fail_quickly(&state, 0);
    restart_reset(&state, 1);
    assert_true(restart_is_due(&state, 1));
    restart_started(&state, 2);
    restart_reset(&state, 3);
    restart_ended(&state, 4);
    assert_true(restart_is_due(&state, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stable_worker_starts_again_at_once),
        cmocka_unit_test(quick_failures_wait_twice_as_long_each),
        cmocka_unit_test(hopeless_worker_is_given_up_and_revived),
        cmocka_unit_test(an_operator_forgives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
