// SPDX-License-Identifier: Apache-2.0
// The deciding parts of the recorder: when to cut, what to leave out, what to remove; and the queue.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hal/time.h"
#include "record/intake.h"
#include "record/queue.h"
#include "record/retention.h"
#include "record/segmenter.h"

// ---- segmenter ----

static const struct segmenter_config two_seconds = {.segment_ns = 2 * CASTOR_NS_PER_S, .segment_bytes = 5000};

static struct segmenter_unit unit_at(int64_t ms, bool idr)
{
    return (struct segmenter_unit){
        .wanted = true, .idr = idr, .capture_ns = ms * CASTOR_NS_PER_MS, .size_bytes = 100};
}

static enum segmenter_verdict feed(struct segmenter *segmenter, struct segmenter_unit unit)
{
    return segmenter_unit(segmenter, &two_seconds, &unit);
}

static void segments_begin_with_an_idr_and_end_by_time(void **state)
{
    struct segmenter s;

    (void)state;
    segmenter_init(&s);
    assert_int_equal(feed(&s, unit_at(0, false)), SEGMENTER_SKIP);
    assert_int_equal(feed(&s, unit_at(100, true)), SEGMENTER_BEGIN);
    assert_int_equal(feed(&s, unit_at(200, false)), SEGMENTER_APPEND);
    assert_int_equal(feed(&s, unit_at(2000, true)), SEGMENTER_APPEND);
    assert_int_equal(feed(&s, unit_at(2100, false)), SEGMENTER_APPEND); // its time is up, but this is no IDR
    assert_int_equal(feed(&s, unit_at(2200, true)), SEGMENTER_BEGIN);
    assert_int_equal(feed(&s, unit_at(4199, true)), SEGMENTER_APPEND); // counted from its own begin
}

static void segments_end_by_size(void **state)
{
    struct segmenter s;
    struct segmenter_unit large = unit_at(10, false);

    (void)state;
    segmenter_init(&s);
    assert_int_equal(feed(&s, unit_at(0, true)), SEGMENTER_BEGIN);
    large.size_bytes = 4899;
    assert_int_equal(feed(&s, large), SEGMENTER_APPEND);
    assert_int_equal(feed(&s, unit_at(20, true)), SEGMENTER_APPEND);
    assert_int_equal(feed(&s, unit_at(30, true)), SEGMENTER_BEGIN);
}

static void missing_units_end_a_segment_at_once(void **state)
{
    struct segmenter s;
    struct segmenter_unit unit = unit_at(10, false);

    (void)state;
    segmenter_init(&s);
    (void)feed(&s, unit_at(0, true));
    unit.gap_before = true;
    assert_int_equal(feed(&s, unit), SEGMENTER_END);
    assert_int_equal(feed(&s, unit_at(20, false)), SEGMENTER_SKIP);
    unit = unit_at(30, true);
    unit.gap_before = true;
    assert_int_equal(feed(&s, unit), SEGMENTER_BEGIN);
    unit = unit_at(40, true);
    unit.gap_before = true;
    assert_int_equal(feed(&s, unit), SEGMENTER_BEGIN);
}

static void cuts_that_were_asked_for_happen_once(void **state)
{
    struct segmenter s;
    struct segmenter_unit unit = unit_at(30, true);

    (void)state;
    segmenter_init(&s);
    (void)feed(&s, unit_at(0, true));
    segmenter_ask_cut(&s);
    assert_int_equal(feed(&s, unit_at(10, false)), SEGMENTER_APPEND);
    assert_int_equal(feed(&s, unit_at(20, true)), SEGMENTER_BEGIN);
    assert_int_equal(feed(&s, unit), SEGMENTER_APPEND);
    unit.other_headers = true;
    assert_int_equal(feed(&s, unit), SEGMENTER_BEGIN);
    unit.wanted = false;
    assert_int_equal(feed(&s, unit), SEGMENTER_END);
    assert_int_equal(feed(&s, unit), SEGMENTER_SKIP);
}

// ---- intake ----

static bool offer(struct intake *intake, uint64_t sequence, bool idr, bool room, bool calm,
                  struct record_unit *out)
{
    *out = (struct record_unit){.sequence = sequence, .capture_ns = (int64_t)sequence * 10, .idr = idr};
    return intake_offer(intake, out, room, calm);
}

static void a_full_queue_leaves_out_up_to_an_idr(void **state)
{
    struct record_unit unit;
    struct intake intake;

    (void)state;
    intake_init(&intake);
    assert_true(offer(&intake, 1, true, true, true, &unit));
    assert_int_equal(unit.gap.frames, 0);
    assert_true(offer(&intake, 2, false, true, false, &unit)); // more than half full is no reason yet
    assert_false(offer(&intake, 3, false, false, false, &unit));
    assert_false(offer(&intake, 4, false, true, true, &unit));
    assert_false(offer(&intake, 5, true, true, false, &unit));
    assert_true(offer(&intake, 9, true, true, true, &unit));
    assert_int_equal(unit.gap.frames, 3);
    assert_int_equal(unit.gap.first_sequence, 3);
    assert_int_equal(unit.gap.last_sequence, 5);
    assert_int_equal(unit.gap.capture_ns, 30);
    // The unit that tells of a gap comes to harm itself: the gap is told by the next.
    intake_refuse(&intake, &unit);
    assert_false(offer(&intake, 10, false, true, true, &unit));
    assert_true(offer(&intake, 11, true, true, true, &unit));
    assert_int_equal(unit.gap.frames, 5);
    assert_int_equal(unit.gap.first_sequence, 3);
    assert_int_equal(unit.gap.last_sequence, 10);
    assert_int_equal(intake.left_out, 5);
    assert_true(offer(&intake, 12, false, true, true, &unit));
    assert_int_equal(unit.gap.frames, 0);
}

// ---- retention ----

static void add(struct catalogue *catalogue, unsigned number, bool preroll, bool guarded)
{
    struct archive_line line = {.kind = ARCHIVE_SEGMENT};

    snprintf(line.segment.file, sizeof line.segment.file, "castor-20261128T0220%02u.000Z.ts", number);
    line.segment.preroll = preroll;
    line.segment.bytes = 100;
    line.segment.first_capture_ns = number * 60 * CASTOR_NS_PER_S;
    line.segment.last_capture_ns = (number + 1) * 60 * CASTOR_NS_PER_S;
    assert_int_equal(catalogue_apply(catalogue, &line), CASTOR_OK);
    line.kind = ARCHIVE_PROTECTED;
    if (guarded)
        assert_int_equal(catalogue_apply(catalogue, &line), CASTOR_OK);
}

static void the_oldest_goes_and_the_protected_never(void **state)
{
    struct catalogue catalogue = {0};
    struct retention_config config = {.free_bytes = 1000, .preroll_ns = 60 * CASTOR_NS_PER_S};
    struct retention_now now = {.free_bytes = 1000};

    (void)state;
    add(&catalogue, 0, false, true);
    add(&catalogue, 1, false, false);
    add(&catalogue, 2, false, false);
    assert_true(retention_pick(&catalogue, &config, &now) == RETENTION_NONE);
    now.free_bytes = 999;
    assert_int_equal(retention_pick(&catalogue, &config, &now), 1);
    assert_false(retention_is_starved(&catalogue, &config, &now));
    config.keep_bytes = 299;
    now.free_bytes = 5000;
    assert_int_equal(retention_pick(&catalogue, &config, &now), 1);
    config.keep_bytes = 300;
    assert_true(retention_pick(&catalogue, &config, &now) == RETENTION_NONE);
    now.open_bytes = 1;
    assert_int_equal(retention_pick(&catalogue, &config, &now), 1);
    catalogue_clear(&catalogue);
    add(&catalogue, 0, false, true);
    now.free_bytes = 0;
    assert_true(retention_pick(&catalogue, &config, &now) == RETENTION_NONE);
    assert_true(retention_is_starved(&catalogue, &config, &now));
    catalogue_clear(&catalogue);
}

static void count_entry(struct catalogue_entry *entry, void *context)
{
    (void)entry;
    (*(int *)context)++;
}

static void pre_roll_is_kept_for_its_window(void **state)
{
    struct catalogue catalogue = {0};
    const struct retention_config config = {.preroll_ns = 120 * CASTOR_NS_PER_S};
    const struct retention_now now = {.free_bytes = 1};
    int visited = 0;

    (void)state;
    for (unsigned i = 0; i < 5; i++)
        add(&catalogue, i, i != 1, i == 0);
    // 3 and 4 are the last two minutes; 2 is older, 1 is kept for good and 0 is protected.
    assert_int_equal(retention_pick(&catalogue, &config, &now), 2);
    struct archive_line line = {.kind = ARCHIVE_REMOVED};
    memcpy(line.segment.file, catalogue.entries[2].segment.file, sizeof line.segment.file);
    assert_int_equal(catalogue_apply(&catalogue, &line), CASTOR_OK);
    assert_true(retention_pick(&catalogue, &config, &now) == RETENTION_NONE);
    retention_visit_preroll(&catalogue, 0, 60 * CASTOR_NS_PER_S, count_entry, &visited);
    assert_int_equal(visited, 1);
    retention_visit_preroll(&catalogue, 0, 0, count_entry, &visited);
    assert_int_equal(visited, 4);
    catalogue_clear(&catalogue);
}

// ---- queue ----

// Units of all sizes go round many times; each comes out as it went in.
static void what_goes_into_the_queue_comes_out(void **state)
{
    static uint8_t bytes[40000];
    struct queue *queue = NULL;
    struct record_unit unit = {.data = bytes}, out;
    uint64_t put = 0, taken = 0;
    bool calm;

    (void)state;
    srand(1);
    assert_int_equal(queue_create(1 << 16, &queue), CASTOR_OK);
    while (taken < 20000) {
        unit.size_bytes = 1 + (uint32_t)rand() % (rand() % 8 ? 2000 : 30000);
        unit.sequence = put;
        memset(bytes, (int)put, unit.size_bytes);
        if (queue_has_room(queue, unit.size_bytes, &calm) && put < taken + 50) {
            queue_put(queue, &unit);
            queue_commit(queue);
            put++;
            if (rand() % 3)
                continue;
        }
        if (!queue_take(queue, 0, &out))
            continue;
        assert_int_equal(out.sequence, taken);
        for (uint32_t i = 0; i < out.size_bytes; i++)
            assert_int_equal(out.data[i], (uint8_t)taken);
        queue_drop(queue);
        taken++;
    }
    while (queue_take(queue, 0, &out))
        queue_drop(queue);
    assert_int_equal(queue_used_bytes(queue), 0);
    queue_destroy(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_begin_with_an_idr_and_end_by_time),
        cmocka_unit_test(segments_end_by_size),
        cmocka_unit_test(missing_units_end_a_segment_at_once),
        cmocka_unit_test(cuts_that_were_asked_for_happen_once),
        cmocka_unit_test(a_full_queue_leaves_out_up_to_an_idr),
        cmocka_unit_test(the_oldest_goes_and_the_protected_never),
        cmocka_unit_test(pre_roll_is_kept_for_its_window),
        cmocka_unit_test(what_goes_into_the_queue_comes_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
