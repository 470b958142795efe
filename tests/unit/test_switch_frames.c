// SPDX-License-Identifier: Apache-2.0
#include "switch_rig.h"

static void a_frame_goes_through(void **unused)
{
    struct rig r;
    (void)unused;

    rig_init(&r, &rig_config);
    rig_bring_up(&r, 1);
    rig_capture(&r, 7, 3);
    const struct switch_order *encode = rig_order(&r, SWITCH_ORDER_ENCODE, 0);
    assert_true(encode->idr && encode->path == 0 && encode->sequence == 7 && encode->slot == 3);
    rig_coded(&r, 0, 7, encode->epoch, true);
    const struct switch_order *emit = rig_order(&r, SWITCH_ORDER_EMIT, 0);
    assert_true(emit->idr && emit->after_switch && emit->position == 1007 && emit->size_bytes == 100);
    assert_int_equal(emit->capture_ns, r.now_ns);
    assert_int_equal(rig_order(&r, SWITCH_ORDER_RESUMED, 0)->cause, SWITCH_CAUSE_START);
    assert_int_equal(rig_order(&r, SWITCH_ORDER_RELEASE, 0)->slot, 3);
    rig_capture(&r, 8, 3);
    assert_false(rig_order(&r, SWITCH_ORDER_ENCODE, 0)->idr);
}

static void a_lying_capture_is_refused(void **unused)
{
    struct rig r;
    (void)unused;

    rig_init(&r, &rig_config);
    rig_bring_up(&r, 1);
    rig_capture(&r, 5, 0);
    assert_int_equal(switch_frame_captured(&r.s, r.now_ns, 5, r.now_ns, 1), CASTOR_ERR_INVALID);
    assert_int_equal(switch_frame_captured(&r.s, r.now_ns, 6, r.now_ns, 0), CASTOR_ERR_INVALID);
    assert_int_equal(switch_frame_captured(&r.s, r.now_ns, 6, r.now_ns, 12), CASTOR_ERR_INVALID);
    assert_int_equal(switch_frame_captured(&r.s, r.now_ns, UINT64_MAX, r.now_ns, 1), CASTOR_ERR_INVALID);
    rig_take(&r);
    assert_int_equal(r.count, 0);
    rig_capture(&r, 9, 1);
    assert_int_equal(rig_order(&r, SWITCH_ORDER_LOST, 0)->sequence, 6);
    assert_int_equal(rig_order(&r, SWITCH_ORDER_LOST, 0)->count, 3);
    assert_int_equal(rig_order(&r, SWITCH_ORDER_LOST, 0)->loss, SWITCH_LOSS_CAPTURE);
}

static void without_a_path_the_newest_frames_are_kept(void **unused)
{
    struct rig r;
    (void)unused;

    rig_init(&r, &rig_config);
    for (uint32_t i = 0; i < 8; i++)
        rig_capture(&r, i, i);
    assert_int_equal(r.count, 0);
    rig_capture(&r, 8, 8);
    assert_int_equal(rig_order(&r, SWITCH_ORDER_LOST, 0)->sequence, 0);
    assert_int_equal(rig_order(&r, SWITCH_ORDER_LOST, 0)->loss, SWITCH_LOSS_NO_PATH);
    assert_int_equal(rig_order(&r, SWITCH_ORDER_RELEASE, 0)->slot, 0);
    rig_bring_up(&r, 1);
    assert_int_equal(rig_orders(&r, SWITCH_ORDER_ENCODE), 8);
    assert_int_equal(rig_order(&r, SWITCH_ORDER_ENCODE, 0)->sequence, 1);
}

static void a_frame_that_a_dying_path_reads_is_not_given_up(void **unused)
{
    struct switch_config c = rig_config;
    struct rig r;
    (void)unused;

    c.path_count = c.running_paths = 1;
    rig_init(&r, &c);
    rig_bring_up(&r, 1);
    for (uint32_t i = 0; i < 3; i++)
        rig_capture(&r, i, i);
    rig_failed(&r, 0, SWITCH_CAUSE_EXIT);
    assert_int_equal(rig_order(&r, SWITCH_ORDER_SWITCHED, 0)->path, SWITCH_NO_PATH);
    for (uint32_t i = 3; i < 8; i++)
        rig_capture(&r, i, i);
    rig_capture(&r, 8, 8);
    assert_int_equal(rig_orders(&r, SWITCH_ORDER_LOST), 1);
    assert_int_equal(rig_order(&r, SWITCH_ORDER_LOST, 0)->sequence, 3); // 0 to 2 could not be reused anyway
    rig_gone(&r, 0);
    rig_restart(&r, 0);
    assert_int_equal(rig_order(&r, SWITCH_ORDER_SWITCHED, 0)->cause, SWITCH_CAUSE_EXIT);
    assert_int_equal(rig_order(&r, SWITCH_ORDER_ENCODE, 0)->sequence, 0);
    assert_int_equal(rig_orders(&r, SWITCH_ORDER_ENCODE), 8);
}

static void an_idr_is_asked_for_once(void **unused)
{
    struct rig r;
    (void)unused;

    rig_init(&r, &rig_config);
    rig_bring_up(&r, 1);
    rig_capture(&r, 0, 0);
    rig_coded(&r, 0, 0, 1, true);
    switch_request_idr(&r.s, r.now_ns);
    rig_capture(&r, 1, 1);
    assert_true(rig_order(&r, SWITCH_ORDER_ENCODE, 0)->idr);
    rig_capture(&r, 2, 2);
    assert_false(rig_order(&r, SWITCH_ORDER_ENCODE, 0)->idr);
    rig_coded(&r, 0, 1, 1, false); // it did not make one: asked again
    rig_capture(&r, 3, 3);
    assert_true(rig_order(&r, SWITCH_ORDER_ENCODE, 0)->idr);
    rig_coded(&r, 0, 2, 1, false);
    rig_coded(&r, 0, 3, 1, true);
    rig_capture(&r, 4, 4);
    assert_false(rig_order(&r, SWITCH_ORDER_ENCODE, 0)->idr);
}

static void a_gop_begins_where_it_should(void **unused)
{
    struct switch_config c = rig_config;
    struct rig r;
    (void)unused;

    c.gop_frames = 4;
    rig_init(&r, &c);
    rig_bring_up(&r, 1);
    for (uint32_t i = 1; i < 12; i++) {
        rig_capture(&r, i, 0);
        assert_int_equal(rig_order(&r, SWITCH_ORDER_ENCODE, 0)->idr, i == 1 || i % 4 == 0);
        rig_coded(&r, 0, i, 1, i == 1 || i % 4 == 0);
        assert_int_equal(rig_orders(&r, SWITCH_ORDER_EMIT), 1);
    }
}

static void a_hot_standby_is_offered_what_it_can_take(void **unused)
{
    struct switch_config c = rig_config;
    struct rig r;
    (void)unused;

    c.standby = SWITCH_STANDBY_HOT;
    rig_init(&r, &c);
    rig_bring_up(&r, 2);
    for (uint32_t i = 0; i < 5; i++) {
        rig_capture(&r, i, i);
        assert_int_equal(rig_orders(&r, SWITCH_ORDER_ENCODE), i < 3 ? 2 : 1);
    }
    rig_coded(&r, 1, 0, 1, true);
    assert_int_equal(r.count, 0); // checked and discarded
    for (uint32_t i = 0; i < 5; i++)
        rig_coded(&r, 0, i, 1, i == 0);
    rig_coded(&r, 1, 2, 1, false); // passes over 1
    assert_int_equal(rig_order(&r, SWITCH_ORDER_KILL, 0)->path, 1);
    assert_int_equal(rig_order(&r, SWITCH_ORDER_KILL, 0)->cause, SWITCH_CAUSE_DROP);
}

static void a_standby_that_drops_too_often_is_replaced(void **unused)
{
    struct switch_config c = rig_config;
    struct rig r;
    uint32_t slot = 0;
    (void)unused;

    c.standby = SWITCH_STANDBY_HOT;
    rig_init(&r, &c);
    rig_bring_up(&r, 2);
    // Five of a thousand for long: the window slides.
    for (uint64_t i = 0; i < 5000; i++) {
        rig_capture(&r, i, slot);
        rig_coded(&r, 0, i, 1, i == 0);
        if (i % 200 == 0)
            rig_dropped(&r, 1, i, 1, false);
        else
            rig_coded(&r, 1, i, 1, false);
        assert_int_equal(rig_orders(&r, SWITCH_ORDER_KILL), 0);
    }
    for (uint64_t i = 5000; i < 5002; i++) {
        rig_capture(&r, i, slot);
        rig_coded(&r, 0, i, 1, false);
        rig_dropped(&r, 1, i, 1, false);
    }
    assert_int_equal(rig_order(&r, SWITCH_ORDER_KILL, 0)->cause, SWITCH_CAUSE_DROP_RATE);
    assert_int_equal(r.s.active, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_goes_through),
        cmocka_unit_test(a_lying_capture_is_refused),
        cmocka_unit_test(without_a_path_the_newest_frames_are_kept),
        cmocka_unit_test(a_frame_that_a_dying_path_reads_is_not_given_up),
        cmocka_unit_test(an_idr_is_asked_for_once),
        cmocka_unit_test(a_gop_begins_where_it_should),
        cmocka_unit_test(a_hot_standby_is_offered_what_it_can_take),
        cmocka_unit_test(a_standby_that_drops_too_often_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
