// SPDX-License-Identifier: Apache-2.0
// Which segments a gap is cut from, and what is said when they do not hold it; and how an access unit tells
// its frame number.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/nal.h"
#include "export/identity.h"
#include "export/plan.h"

#define SESSION 7

static struct catalogue catalogue;
static struct export_plan plan;
static struct export_text why;

static int begin(void **state)
{
    (void)state;
    memset(&catalogue, 0, sizeof catalogue);
    why.text[0] = '\0';
    return 0;
}

static int end(void **state)
{
    (void)state;
    catalogue_clear(&catalogue);
    return 0;
}

static void add(uint64_t session, uint64_t first, uint64_t last, bool open)
{
    struct archive_line line;

    memset(&line, 0, sizeof line);
    line.kind = open ? ARCHIVE_OPEN : ARCHIVE_SEGMENT;
    line.segment.session = session;
    line.segment.first_sequence = first;
    line.segment.last_sequence = last;
    line.segment.frames = last - first + 1;
    snprintf(line.segment.file, sizeof line.segment.file, "castor-%llu-%llu.ts", (unsigned long long)session,
             (unsigned long long)first);
    assert_int_equal(catalogue_apply(&catalogue, &line), CASTOR_OK);
}

static int make(uint64_t first, uint64_t last, uint64_t frames)
{
    const struct export_request request = {
        .session = SESSION, .first_sequence = first, .last_sequence = last, .frames = frames};

    return plan_make(&catalogue, &request, &plan, &why);
}

static void test_the_segments_of_a_gap(void **state)
{
    (void)state;
    add(SESSION, 100, 199, false);
    add(SESSION + 1, 100, 9999, false); // of another run
    add(SESSION, 200, 299, false);
    add(SESSION, 300, 399, false);
    assert_int_equal(make(200, 299, 100), CASTOR_OK);
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.segments[0]->segment.first_sequence, 200);
    assert_int_equal(make(199, 300, 102), CASTOR_OK);
    assert_int_equal(plan.count, 3);
    assert_int_equal(plan.segments[0]->segment.first_sequence, 100);
    assert_int_equal(plan.segments[2]->segment.first_sequence, 300);
}

static void test_the_segment_behind(void **state)
{
    (void)state;
    add(SESSION, 400, 499, false);
    add(SESSION + 1, 300, 350, false); // of another run
    add(SESSION, 200, 299, false);
    add(SESSION, 100, 199, false);
    assert_int_equal(make(150, 199, 50), CASTOR_OK);
    assert_non_null(plan.after);
    assert_int_equal(plan.after->segment.first_sequence, 200);
    assert_int_equal(make(250, 260, 11), CASTOR_OK);
    assert_int_equal(plan.after->segment.first_sequence, 400);
    assert_int_equal(make(450, 460, 11), CASTOR_OK);
    assert_null(plan.after);
    add(SESSION, 500, 500, true);
    assert_int_equal(make(450, 499, 50), CASTOR_OK);
    assert_int_equal(plan.after->segment.first_sequence, 500);
    assert_int_equal(make(450, 500, 51), CASTOR_OK);
    assert_null(plan.after);
}

static void test_saved_in_another_order(void **state)
{
    (void)state;
    add(SESSION, 200, 299, false);
    add(SESSION, 100, 199, false);
    assert_int_equal(make(150, 250, 101), CASTOR_OK);
    assert_int_equal(plan.segments[0]->segment.first_sequence, 100);
}

static void test_the_open_segment_may_hold_it(void **state)
{
    (void)state;
    add(SESSION, 100, 199, false);
    add(SESSION, 200, 0, true);
    assert_int_equal(make(150, 500, 351), CASTOR_OK);
    assert_int_equal(plan.count, 2);
    assert_true(plan.segments[1]->open);
}

static void assert_refused(uint64_t first, uint64_t last, const char *words)
{
    assert_int_equal(make(first, last, last - first + 1), CASTOR_ERR_NOT_FOUND);
    if (!strstr(why.text, words))
        fail_msg("\"%s\" in \"%s\"", words, why.text);
}

static void test_what_is_not_recorded(void **state)
{
    (void)state;
    assert_refused(10, 20, "nothing of this gap is in the recording");
    add(SESSION, 100, 199, false);
    add(SESSION, 220, 299, false);
    assert_refused(10, 20, "nothing of this gap");
    assert_refused(90, 120, "frames 90 to 99");
    assert_refused(150, 230, "frames 200 to 219");
    assert_refused(250, 310, "frames 300 to 310");
}

// Numbers that were never captured are missing everywhere and no hole.
static void test_never_captured_is_no_hole(void **state)
{
    (void)state;
    add(SESSION, 100, 199, false);
    add(SESSION, 220, 299, false);
    assert_int_equal(make(150, 230, 61), CASTOR_OK);
    assert_int_equal(make(150, 230, 62), CASTOR_ERR_NOT_FOUND);
}

static void test_identity(void **state)
{
    static const uint8_t head[] = {0, 0, 1, 6, 5, 32};
    uint8_t rbsp[32] = "castor-frame-id1", unit[128];
    uint64_t sequence = 0;
    size_t size_bytes = 0;

    (void)state;
    rbsp[16] = 1;    // path B
    rbsp[30] = 0x01; // frame 0x100, with zeros that need escaping before it
    memcpy(unit, head, sizeof head);
    assert_int_equal(
        nal_escape(rbsp, sizeof rbsp, unit + sizeof head, sizeof unit - sizeof head, &size_bytes), CASTOR_OK);
    assert_true(size_bytes > sizeof rbsp);
    size_bytes += sizeof head;
    assert_true(identity_read(unit, size_bytes, &sequence));
    assert_int_equal(sequence, 0x100);
    for (size_t i = 0; i < size_bytes; i++)
        assert_false(identity_read(unit, i, &sequence)); // cut short
}

static void test_idr(void **state)
{
    static const uint8_t idr[] = {0, 0, 1, 9, 0x10, 0, 0, 1, 0x65, 0x88, 0x80};
    static const uint8_t other[] = {0, 0, 1, 9, 0x30, 0, 0, 1, 0x41, 0x9a, 0x80};

    (void)state;
    assert_true(identity_is_idr(ENCODER_CODEC_H264, idr, sizeof idr));
    assert_false(identity_is_idr(ENCODER_CODEC_H264, other, sizeof other));
    assert_false(identity_is_idr(ENCODER_CODEC_H264, idr, 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_segments_of_a_gap, begin, end),
        cmocka_unit_test_setup_teardown(test_the_segment_behind, begin, end),
        cmocka_unit_test_setup_teardown(test_saved_in_another_order, begin, end),
        cmocka_unit_test_setup_teardown(test_the_open_segment_may_hold_it, begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_not_recorded, begin, end),
        cmocka_unit_test_setup_teardown(test_never_captured_is_no_hole, begin, end),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_idr),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
