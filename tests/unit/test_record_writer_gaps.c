// SPDX-License-Identifier: Apache-2.0
// What a recorder that was started anew finds missing: the index tells where the one before it stopped.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "record/writer_internal.h"

#define SESSION 7u
#define INTERVAL_NS (40 * CASTOR_NS_PER_MS)

static struct writer writer;

static int begin(void **state)
{
    (void)state;
    memset(&writer, 0, sizeof writer);
    writer.start.session = SESSION;
    writer.start.stream.format.rate = (struct castor_rational){25, 1};
    writer.config.mode = MESSAGE_RECORD_CONTINUOUS;
    return 0;
}

static int end(void **state)
{
    (void)state;
    catalogue_clear(&writer.disk.listed);
    return 0;
}

static void list_segment(uint64_t session, uint64_t first, uint64_t last)
{
    struct archive_line line = {.kind = ARCHIVE_SEGMENT,
                                .segment = {.session = session,
                                            .first_sequence = first,
                                            .last_sequence = last,
                                            .first_capture_ns = (int64_t)first * INTERVAL_NS,
                                            .last_capture_ns = (int64_t)last * INTERVAL_NS}};

    snprintf(line.segment.file, sizeof line.segment.file, "castor-%u-%u.ts", (unsigned)session,
             (unsigned)first);
    assert_int_equal(catalogue_apply(&writer.disk.listed, &line), CASTOR_OK);
}

static void list_gap(uint64_t session, uint64_t first, uint64_t last)
{
    struct archive_line line = {.kind = ARCHIVE_GAP,
                                .note = {.session = session,
                                         .first_sequence = first,
                                         .last_sequence = last,
                                         .capture_ns = (int64_t)first * INTERVAL_NS}};

    assert_int_equal(catalogue_apply(&writer.disk.listed, &line), CASTOR_OK);
}

static void unit_comes(uint64_t sequence)
{
    const struct record_unit unit = {.sequence = sequence, .capture_ns = (int64_t)sequence * INTERVAL_NS};

    writer_count_lost(&writer, &unit);
}

static void gap_is(uint64_t first, uint64_t last)
{
    assert_int_equal(writer.gap.first_sequence, first);
    assert_int_equal(writer.gap.last_sequence, last);
    assert_int_equal(writer.gap.frames, last - first + 1);
    assert_int_equal(writer.gap.capture_ns, (int64_t)first * INTERVAL_NS);
    assert_int_equal(writer.state.left_out, last - first + 1);
    assert_int_equal(writer.state.gaps, 1);
}

static void test_between_two_segments(void **state)
{
    (void)state;
    list_segment(SESSION, 0, 49);
    list_segment(SESSION, 50, 99);
    list_segment(SESSION + 1, 200, 299); // another run of castord: other frames of the same numbers
    writer_find_stop(&writer);
    unit_comes(150);
    gap_is(100, 149);
}

static void test_what_was_told_is_not_told_again(void **state)
{
    (void)state;
    list_segment(SESSION, 0, 99);
    list_gap(SESSION, 100, 129);
    list_gap(SESSION + 1, 100, 199);
    writer_find_stop(&writer);
    unit_comes(150);
    gap_is(130, 149);
}

static void test_nothing_is_missing(void **state)
{
    (void)state;
    list_segment(SESSION, 0, 99);
    writer_find_stop(&writer);
    unit_comes(100);
    assert_int_equal(writer.gap.frames, 0);
    assert_int_equal(writer.state.gaps, 0);
}

// Whoever has just begun to record has lost nothing of what was before.
static void test_no_segment_of_this_run(void **state)
{
    (void)state;
    list_segment(SESSION + 1, 0, 99);
    writer_find_stop(&writer);
    unit_comes(150);
    assert_int_equal(writer.gap.frames, 0);
}

static void test_recorded_by_command(void **state)
{
    (void)state;
    writer.config.mode = MESSAGE_RECORD_COMMAND;
    list_segment(SESSION, 0, 99);
    writer_find_stop(&writer);
    unit_comes(150);
    assert_int_equal(writer.gap.frames, 0);
}

// Recovery knows better where an open segment ends than the closed ones before it.
static void test_an_open_segment(void **state)
{
    (void)state;
    list_segment(SESSION, 0, 99);
    writer.unclosed = (struct writer_unclosed){true, 120, 120 * INTERVAL_NS};
    writer_find_stop(&writer);
    unit_comes(150);
    gap_is(120, 149);
    // The folder is opened a second time by the same recorder: it knows itself what it left out.
    writer_find_stop(&writer);
    unit_comes(200);
    gap_is(120, 149);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_between_two_segments, begin, end),
        cmocka_unit_test_setup_teardown(test_what_was_told_is_not_told_again, begin, end),
        cmocka_unit_test_setup_teardown(test_nothing_is_missing, begin, end),
        cmocka_unit_test_setup_teardown(test_no_segment_of_this_run, begin, end),
        cmocka_unit_test_setup_teardown(test_recorded_by_command, begin, end),
        cmocka_unit_test_setup_teardown(test_an_open_segment, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
