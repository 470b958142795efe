// SPDX-License-Identifier: Apache-2.0
#include "switch_rig.h"

static void assert_killed(const struct rig *r, uint32_t path, enum switch_cause cause)
{
    assert_int_equal(rig_order(r, SWITCH_ORDER_KILL, 0)->path, path);
    assert_int_equal(rig_order(r, SWITCH_ORDER_KILL, 0)->cause, cause);
}

static void configurations_out_of_range_are_refused(void **unused)
{
    struct switch_state s;
    struct switch_config c;
    (void)unused;

#define REFUSED(change)                                                                                      \
    c = rig_config;                                                                                          \
    change;                                                                                                  \
    assert_int_equal(switch_init(&s, &c), CASTOR_ERR_INVALID)
    REFUSED(c.path_count = 0);
    REFUSED(c.path_count = SWITCH_PATHS_MAX + 1);
    REFUSED(c.running_paths = 3);
    REFUSED(c.slot_count = SWITCH_SLOTS_MAX + 1);
    REFUSED(c.slots_free_min = 11);
    REFUSED(c.slots_free_min = UINT32_MAX);
    REFUSED(c.stall_budget_ns = 0);
    REFUSED(c.hang_budget_ns = c.stall_budget_ns - 1);
    REFUSED(c.standby_orders_max = 0);
#undef REFUSED
    assert_int_equal(switch_init(&s, &rig_config), CASTOR_OK);
}

static void first_ready_goes_on_air_and_second_stands_by(void **unused)
{
    struct rig r;
    (void)unused;

    rig_init(&r, &rig_config);
    switch_path_startable(&r.s, r.now_ns, 0);
    switch_path_startable(&r.s, r.now_ns, 1);
    rig_take(&r);
    assert_int_equal(rig_orders(&r, SWITCH_ORDER_START), 2);
    switch_path_ready(&r.s, r.now_ns, 1);
    rig_take(&r);
    assert_int_equal(rig_order(&r, SWITCH_ORDER_SWITCHED, 0)->path, 1);
    assert_int_equal(rig_order(&r, SWITCH_ORDER_SWITCHED, 0)->cause, SWITCH_CAUSE_START);
    switch_path_ready(&r.s, r.now_ns, 0);
    rig_take(&r);
    assert_int_equal(r.count, 0);
    assert_int_equal(r.s.path[0].state, SWITCH_PATH_STANDBY);
}

static void spare_of_a_chain_starts_when_one_dies(void **unused)
{
    struct switch_config c = rig_config;
    struct rig r;
    (void)unused;

    c.path_count = 3;
    rig_init(&r, &c);
    rig_bring_up(&r, 3);
    assert_int_equal(r.s.path[2].state, SWITCH_PATH_STARTABLE);
    rig_failed(&r, 1, SWITCH_CAUSE_REPORTED);
    assert_int_equal(rig_order(&r, SWITCH_ORDER_KILL, 0)->path, 1);
    assert_int_equal(rig_order(&r, SWITCH_ORDER_START, 0)->path, 2);
    assert_int_equal(r.s.active, 0);
}

// A process in an uninterruptible call of its driver does not end when it is killed. What it was given it may
// still read, so those slots stay held; all else goes on without it, and nobody waits for it.
static void a_path_that_cannot_be_killed_is_done_without(void **unused)
{
    enum { GIVEN = 3, SLOTS = 12 };
    struct switch_config c = rig_config;
    struct rig r;
    (void)unused;

    c.path_count = 3;
    rig_init(&r, &c);
    rig_bring_up(&r, 3);
    for (uint32_t i = 0; i < GIVEN; i++)
        rig_capture(&r, i, i);
    rig_coded(&r, 1, 0, r.s.epoch, true); // the canary of the standby
    rig_wait(&r, c.stall_budget_ns);
    assert_int_equal(rig_order(&r, SWITCH_ORDER_SWITCHED, 0)->path, 1);
    assert_int_equal(rig_order(&r, SWITCH_ORDER_KILL, 0)->path, 0);
    assert_int_equal(rig_order(&r, SWITCH_ORDER_START, 0)->path, 2);
    switch_path_ready(&r.s, r.now_ns, 2);
    rig_take(&r);
    for (uint32_t i = 0; i < GIVEN; i++) {
        rig_coded(&r, 1, i, r.s.epoch, i == 0);
        assert_int_equal(rig_orders(&r, SWITCH_ORDER_EMIT), 1);
        assert_int_equal(rig_orders(&r, SWITCH_ORDER_RELEASE), 0);
    }
    for (uint32_t i = GIVEN; i < 500; i++) {
        uint32_t slot = GIVEN + i % (SLOTS - GIVEN);
        rig_wait(&r, 33 * MS);
        assert_int_equal(rig_orders(&r, SWITCH_ORDER_LOST) + rig_orders(&r, SWITCH_ORDER_KILL), 0);
        rig_capture(&r, i, slot);
        if (rig_orders(&r, SWITCH_ORDER_ENCODE) > 1)
            rig_coded(&r, 2, i, r.s.epoch, true); // its canary
        rig_coded(&r, 1, i, r.s.epoch, false);
        assert_int_equal(rig_orders(&r, SWITCH_ORDER_EMIT), 1);
        assert_int_equal(rig_order(&r, SWITCH_ORDER_RELEASE, 0)->slot, slot);
    }
    assert_int_equal(r.s.path[0].state, SWITCH_PATH_DYING);
    rig_gone(&r, 0); // its driver has come back to its senses
    assert_int_equal(rig_orders(&r, SWITCH_ORDER_RELEASE), GIVEN);
}

static void slow_start_and_silent_standby_are_ended(void **unused)
{
    struct rig r;
    (void)unused;

    rig_init(&r, &rig_config);
    switch_path_startable(&r.s, r.now_ns, 0);
    switch_path_ready(&r.s, r.now_ns, 0);
    switch_path_startable(&r.s, r.now_ns, 1);
    rig_take(&r);
    rig_wait(&r, 499 * MS);
    assert_int_equal(r.count, 0);
    rig_wait(&r, 1 * MS);
    assert_int_equal(rig_order(&r, SWITCH_ORDER_KILL, 0)->cause, SWITCH_CAUSE_SLOW_START);
    rig_gone(&r, 1);
    rig_restart(&r, 1);
    rig_capture(&r, 0, 0); // with a canary for the standby
    assert_true(rig_order(&r, SWITCH_ORDER_ENCODE, 1)->canary);
    rig_coded(&r, 0, 0, 1, true);
    assert_null(rig_order(&r, SWITCH_ORDER_RELEASE, 0));
    rig_wait(&r, 200 * MS);
    assert_killed(&r, 1, SWITCH_CAUSE_STALL);
    rig_gone(&r, 1);
    assert_int_equal(rig_orders(&r, SWITCH_ORDER_RELEASE), 1);
}

// It is asked for an IDR, since that is what a take-over begins with.
static void a_standby_whose_canary_is_no_idr_is_ended(void **unused)
{
    struct rig r;
    (void)unused;

    rig_init(&r, &rig_config);
    rig_bring_up(&r, 2);
    rig_capture(&r, 0, 0);
    assert_true(rig_order(&r, SWITCH_ORDER_ENCODE, 1)->canary && rig_order(&r, SWITCH_ORDER_ENCODE, 1)->idr);
    rig_coded(&r, 1, 0, 1, false);
    assert_int_equal(rig_orders(&r, SWITCH_ORDER_SWITCHED), 0);
    assert_killed(&r, 1, SWITCH_CAUSE_BITSTREAM);
}

static void a_hot_standby_that_makes_no_idr_is_ended(void **unused)
{
    struct switch_config c = rig_config;
    struct rig r;
    (void)unused;

    c.standby = SWITCH_STANDBY_HOT;
    c.gop_frames = 2;
    rig_init(&r, &c);
    rig_bring_up(&r, 2);
    for (uint32_t i = 0; i < 3; i++) {
        rig_capture(&r, i, i);
        assert_int_equal(rig_order(&r, SWITCH_ORDER_ENCODE, 1)->idr, i != 1);
        rig_coded(&r, 1, i, 1, i == 0);
        assert_int_equal(rig_orders(&r, SWITCH_ORDER_KILL), i == 2);
    }
    assert_killed(&r, 1, SWITCH_CAUSE_BITSTREAM);
}

static void planned_change_and_return(void **unused)
{
    struct switch_config c = rig_config;
    struct rig r;
    (void)unused;

    c.go_back = true;
    rig_init(&r, &c);
    rig_bring_up(&r, 2);
    rig_capture(&r, 0, 0);
    rig_coded(&r, 0, 0, 1, true);
    rig_coded(&r, 1, 0, 1, true);
    assert_int_equal(switch_request_path(&r.s, r.now_ns, 2), CASTOR_ERR_INVALID);
    assert_int_equal(switch_request_path(&r.s, r.now_ns, 0), CASTOR_OK);
    assert_int_equal(switch_request_path(&r.s, r.now_ns, 1), CASTOR_OK);
    rig_take(&r);
    assert_int_equal(rig_orders(&r, SWITCH_ORDER_KILL), 0);
    assert_int_equal(rig_order(&r, SWITCH_ORDER_SWITCHED, 0)->cause, SWITCH_CAUSE_PLANNED);
    assert_int_equal(switch_request_path(&r.s, r.now_ns, 0), CASTOR_ERR_BUSY);
    rig_capture(&r, 1, 1);
    assert_true(rig_order(&r, SWITCH_ORDER_ENCODE, 0)->idr);
    rig_coded(&r, 1, 1, 2, true);
    assert_int_equal(rig_order(&r, SWITCH_ORDER_RESUMED, 0)->cause, SWITCH_CAUSE_PLANNED);
    rig_wait(&r, 399 * MS);
    assert_int_equal(r.s.active, 1);
    rig_wait(&r, 1 * MS);
    assert_int_equal(r.s.active, 0);
    assert_int_equal(rig_order(&r, SWITCH_ORDER_SWITCHED, 0)->cause, SWITCH_CAUSE_GO_BACK);
}

static void reconfiguration_changes_what_runs(void **unused)
{
    struct switch_config c = rig_config;
    struct rig r;
    (void)unused;

    rig_init(&r, &rig_config);
    rig_bring_up(&r, 2);
    c.stall_budget_ns = 0;
    assert_int_equal(switch_reconfigure(&r.s, &c), CASTOR_ERR_INVALID);
    assert_int_equal(r.s.config.stall_budget_ns, 70 * MS);
    c = rig_config;
    c.running_paths = 1;
    assert_int_equal(switch_reconfigure(&r.s, &c), CASTOR_OK);
    rig_capture(&r, 0, 0);
    assert_killed(&r, 1, SWITCH_CAUSE_PLANNED);
    rig_gone(&r, 1);
    rig_restart(&r, 1);
    assert_int_equal(r.s.path[1].state, SWITCH_PATH_STARTABLE);
}

static void the_dead_are_not_heard(void **unused)
{
    struct rig r;
    (void)unused;

    rig_init(&r, &rig_config);
    rig_bring_up(&r, 2);
    rig_capture(&r, 0, 0);
    rig_failed(&r, 0, SWITCH_CAUSE_EXIT);
    rig_coded(&r, 0, 0, 1, true);
    rig_dropped(&r, 0, 0, 2, false);
    switch_path_ready(&r.s, r.now_ns, 0);
    rig_failed(&r, 0, SWITCH_CAUSE_EXIT);
    assert_int_equal(r.count, 0);
    assert_int_equal(r.s.path[0].state, SWITCH_PATH_DYING);
    rig_gone(&r, 0);
    assert_int_equal(r.s.path[0].state, SWITCH_PATH_DOWN);
    switch_path_startable(&r.s, r.now_ns, 0);
    rig_take(&r);
    assert_int_equal(rig_order(&r, SWITCH_ORDER_START, 0)->path, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configurations_out_of_range_are_refused),
        cmocka_unit_test(first_ready_goes_on_air_and_second_stands_by),
        cmocka_unit_test(spare_of_a_chain_starts_when_one_dies),
        cmocka_unit_test(a_path_that_cannot_be_killed_is_done_without),
        cmocka_unit_test(slow_start_and_silent_standby_are_ended),
        cmocka_unit_test(a_standby_whose_canary_is_no_idr_is_ended),
        cmocka_unit_test(a_hot_standby_that_makes_no_idr_is_ended),
        cmocka_unit_test(planned_change_and_return),
        cmocka_unit_test(reconfiguration_changes_what_runs),
        cmocka_unit_test(the_dead_are_not_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
