// SPDX-License-Identifier: Apache-2.0
#include "switch_rig.h"

static int bring_up(void **state)
{
    static struct rig r;

    rig_init(&r, &rig_config);
    rig_bring_up(&r, 2);
    rig_capture(&r, 0, 0);
    rig_coded(&r, 1, 0, 1, true); // the canary
    rig_coded(&r, 0, 0, 1, true);
    for (uint32_t i = 1; i < 4; i++)
        rig_capture(&r, i, i);
    *state = &r;
    return 0;
}

static void assert_took_over(const struct rig *r, enum switch_cause cause)
{
    const struct switch_order *switched = rig_order(r, SWITCH_ORDER_SWITCHED, 0);

    assert_non_null(switched);
    assert_true(switched->path == 1 && switched->from == 0 && switched->sequence == 1);
    assert_true(switched->epoch == 2 && switched->count == 3 && switched->fault_ns == r->now_ns);
    assert_int_equal(switched->cause, cause);
    for (uint32_t i = 0; i < 3; i++) {
        const struct switch_order *encode = rig_order(r, SWITCH_ORDER_ENCODE, i);
        assert_true(encode->path == 1 && encode->sequence == i + 1 && encode->epoch == 2);
        assert_int_equal(encode->idr, i == 0);
    }
    assert_int_equal(rig_orders(r, SWITCH_ORDER_ENCODE), 3);
    assert_int_equal(rig_orders(r, SWITCH_ORDER_KILL), 1);
    assert_int_equal(rig_order(r, SWITCH_ORDER_KILL, 0)->path, 0);
    assert_int_equal(rig_order(r, SWITCH_ORDER_KILL, 0)->cause, cause);
}

static void an_ended_process_is_replaced(void **state)
{
    struct rig *r = *state;

    rig_failed(r, 0, SWITCH_CAUSE_EXIT);
    assert_took_over(r, SWITCH_CAUSE_EXIT);
    rig_coded(r, 1, 1, 2, true);
    assert_true(rig_order(r, SWITCH_ORDER_EMIT, 0)->after_switch);
    assert_int_equal(rig_order(r, SWITCH_ORDER_RESUMED, 0)->cause, SWITCH_CAUSE_EXIT);
    assert_null(rig_order(r, SWITCH_ORDER_RELEASE, 0)); // the dying path may still read it
    rig_gone(r, 0);
    assert_int_equal(rig_order(r, SWITCH_ORDER_RELEASE, 0)->sequence, 1);
}

static void a_dropped_frame_is_replaced(void **state)
{
    rig_dropped(*state, 0, 1, 1, false);
    assert_took_over(*state, SWITCH_CAUSE_DROP);
}

static void a_skipped_frame_is_replaced(void **state)
{
    rig_coded(*state, 0, 2, 1, false);
    assert_took_over(*state, SWITCH_CAUSE_DROP);
}

static void nothing_supersedes_the_current_epoch(void **state)
{
    rig_dropped(*state, 0, 1, 1, true);
    assert_took_over(*state, SWITCH_CAUSE_DROP);
}

static void a_bad_bitstream_is_replaced(void **state)
{
    struct rig *r = *state;
    const struct switch_access_unit unit = {.sequence = 1, .epoch = 1, .verdict = SWITCH_VERDICT_BAD};

    switch_access_unit(&r->s, r->now_ns, 0, &unit);
    rig_take(r);
    assert_took_over(r, SWITCH_CAUSE_BITSTREAM);
}

static void answers_that_nobody_asked_for_are_a_failure(void **state)
{
    rig_coded(*state, 0, 9, 1, false);
    assert_took_over(*state, SWITCH_CAUSE_PROTOCOL);
}

static void an_epoch_to_come_is_a_failure(void **state)
{
    rig_coded(*state, 0, 1, 2, true);
    assert_took_over(*state, SWITCH_CAUSE_PROTOCOL);
}

static void a_stall_is_replaced(void **state)
{
    struct rig *r = *state;

    rig_wait(r, 70 * MS - 1);
    assert_int_equal(r->count, 0);
    rig_wait(r, 1);
    assert_took_over(r, SWITCH_CAUSE_STALL);
    assert_int_equal(switch_deadline_ns(&r->s), r->now_ns + 300 * MS); // nobody is left to go to
    rig_gone(r, 0);
    rig_restart(r, 0);
    // The new path has a budget of its own …
    assert_int_equal(switch_deadline_ns(&r->s), r->now_ns + 70 * MS);
    for (uint64_t i = 1; i < 3; i++) {
        rig_wait(r, 34 * MS);
        rig_coded(r, 1, i, 2, i == 1);
        assert_int_equal(rig_orders(r, SWITCH_ORDER_EMIT), 1);
    }
    // … but it must not fall back further than what it inherited.
    assert_int_equal(switch_deadline_ns(&r->s), r->now_ns + 2 * MS);
    rig_wait(r, 2 * MS);
    assert_int_equal(rig_order(r, SWITCH_ORDER_SWITCHED, 0)->path, 0);
}

static void what_the_old_path_says_ends_claims_only(void **state)
{
    struct rig *r = *state;

    assert_int_equal(switch_request_path(&r->s, r->now_ns, 1), CASTOR_OK);
    rig_take(r);
    rig_coded(r, 0, 1, 1, false);
    assert_int_equal(r->count, 0);
    rig_coded(r, 1, 1, 2, true);
    assert_int_equal(rig_orders(r, SWITCH_ORDER_EMIT), 1);
    assert_int_equal(rig_orders(r, SWITCH_ORDER_RELEASE), 1);
    rig_dropped(r, 0, 2, 1, true);
    rig_dropped(r, 0, 3, 1, true);
    assert_int_equal(r->count, 0);
    assert_int_equal(r->s.path[0].state, SWITCH_PATH_STANDBY);
    assert_int_equal(r->s.path[0].orders, 0);
}

static void the_first_of_the_new_path_must_be_an_idr(void **state)
{
    struct rig *r = *state;

    rig_failed(r, 0, SWITCH_CAUSE_EXIT);
    rig_coded(r, 1, 1, 2, false);
    assert_int_equal(rig_orders(r, SWITCH_ORDER_EMIT), 0);
    assert_int_equal(rig_order(r, SWITCH_ORDER_KILL, 0)->cause, SWITCH_CAUSE_BITSTREAM);
    assert_int_equal(rig_order(r, SWITCH_ORDER_SWITCHED, 0)->path, SWITCH_NO_PATH);
}

static void take_over_between_two_frames_begins_with_an_idr(void **state)
{
    struct rig *r = *state;

    for (uint64_t i = 1; i < 4; i++)
        rig_coded(r, 0, i, 1, false);
    rig_failed(r, 0, SWITCH_CAUSE_EXIT);
    assert_int_equal(rig_orders(r, SWITCH_ORDER_ENCODE), 0);
    rig_capture(r, 4, 0);
    assert_true(rig_order(r, SWITCH_ORDER_ENCODE, 0)->idr);
}

static void alone_a_path_is_asked_again(void **state)
{
    struct rig *r = *state;

    rig_failed(r, 1, SWITCH_CAUSE_EXIT);
    for (uint32_t epoch = 1; epoch < 4; epoch++) {
        rig_dropped(r, 0, 1, epoch, false);
        assert_int_equal(rig_orders(r, SWITCH_ORDER_KILL), 0);
        assert_int_equal(rig_order(r, SWITCH_ORDER_SWITCHED, 0)->path, 0);
        assert_int_equal(rig_order(r, SWITCH_ORDER_ENCODE, 0)->sequence, 1);
        assert_true(rig_order(r, SWITCH_ORDER_ENCODE, 0)->idr);
        rig_dropped(r, 0, 2, epoch, true);
        rig_dropped(r, 0, 3, epoch, true);
    }
    rig_dropped(r, 0, 1, 4, false);
    assert_int_equal(rig_order(r, SWITCH_ORDER_KILL, 0)->cause, SWITCH_CAUSE_DROP);
}

static void a_path_that_owes_an_answer_goes_when_another_is_ready(void **state)
{
    struct rig *r = *state;

    rig_failed(r, 1, SWITCH_CAUSE_EXIT);
    rig_coded(r, 0, 2, 1, false); // frame 1 was swallowed, and its slot with it
    assert_int_equal(rig_orders(r, SWITCH_ORDER_KILL), 0);
    rig_dropped(r, 0, 3, 1, true);
    rig_coded(r, 0, 1, 2, true);
    assert_int_equal(rig_orders(r, SWITCH_ORDER_EMIT), 1);
    assert_int_equal(rig_orders(r, SWITCH_ORDER_RELEASE), 0);
    rig_gone(r, 1);
    rig_restart(r, 1);
    assert_int_equal(r->s.active, 1);
    assert_int_equal(rig_order(r, SWITCH_ORDER_KILL, 0)->path, 0);
    rig_gone(r, 0);
    assert_int_equal(rig_order(r, SWITCH_ORDER_RELEASE, 0)->sequence, 1);
}

static void late_capture_is_not_the_encoders_fault(void **state)
{
    struct rig *r = *state;

    for (uint64_t i = 1; i < 4; i++)
        rig_coded(r, 0, i, 1, false);
    r->now_ns += 500 * MS;
    for (uint32_t i = 4; i < 8; i++)
        assert_int_equal(switch_frame_captured(&r->s, r->now_ns, i, r->now_ns - (600 - i) * MS, i),
                         CASTOR_OK);
    rig_coded(r, 1, 4, 1, true); // its canary
    for (uint64_t i = 4; i < 8; i++) {
        rig_wait(r, 69 * MS);
        assert_int_equal(rig_orders(r, SWITCH_ORDER_SWITCHED), 0);
        rig_coded(r, 0, i, 1, false);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, bring_up)
    const struct CMUnitTest tests[] = {
        TEST(an_ended_process_is_replaced),
        TEST(a_dropped_frame_is_replaced),
        TEST(a_skipped_frame_is_replaced),
        TEST(nothing_supersedes_the_current_epoch),
        TEST(a_bad_bitstream_is_replaced),
        TEST(answers_that_nobody_asked_for_are_a_failure),
        TEST(an_epoch_to_come_is_a_failure),
        TEST(a_stall_is_replaced),
        TEST(what_the_old_path_says_ends_claims_only),
        TEST(the_first_of_the_new_path_must_be_an_idr),
        TEST(take_over_between_two_frames_begins_with_an_idr),
        TEST(alone_a_path_is_asked_again),
        TEST(a_path_that_owes_an_answer_goes_when_another_is_ready),
        TEST(late_capture_is_not_the_encoders_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
