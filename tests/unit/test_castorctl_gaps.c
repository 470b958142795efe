// SPDX-License-Identifier: Apache-2.0
// castorctl's list of gaps: what the box says and what its journal remembers, names, times, and what is in
// the recording.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "castorctl/gaps_list.h"
#include "hal/time.h"

#define S CASTOR_NS_PER_S
#define OTHER UINT64_C(0xabcdef0123456789)
#define THIS UINT64_C(0x1111222233334444)

static struct gaps_list list;
static struct catalogue catalogue;

static int begin(void **state)
{
    (void)state;
    memset(&list, 0, sizeof list);
    memset(&catalogue, 0, sizeof catalogue);
    return 0;
}

static int end(void **state)
{
    (void)state;
    journal_clear(&list.gaps);
    catalogue_clear(&catalogue);
    return 0;
}

static struct journal_gap gap(uint64_t session, uint64_t number, uint64_t first, uint64_t last)
{
    struct journal_gap out;

    memset(&out, 0, sizeof out);
    out.session = session;
    out.number = number;
    snprintf(out.destination, sizeof out.destination, "edge");
    out.first_sequence = first;
    out.last_sequence = last;
    out.first_capture_ns = (int64_t)first * S;
    out.last_capture_ns = (int64_t)last * S;
    out.frames[JOURNAL_NOT_CONNECTED] = last - first + 1;
    return out;
}

static json_t *answer(const char *destination, int64_t last)
{
    return json_pack("{s:s, s:[{s:i, s:s, s:{s:I}, s:i, s:b, s:i, s:I, s:I, s:I, s:I, s:i}]}", "session",
                     "1111222233334444", "list", "number", 2, "destination", destination, "causes",
                     "not_connected", (json_int_t)(last - 99), "possible", 0, "open", 1, "first_sequence",
                     100, "last_sequence", (json_int_t)last, "first_capture_ns", (json_int_t)(100 * S),
                     "last_capture_ns", (json_int_t)(last * S), "utc_offset_ns", (json_int_t)(1000 * S),
                     "pts_offset_ns", 0);
}

static void test_what_the_box_says_counts(void **state)
{
    struct journal_gap written = gap(THIS, 2, 100, 150), old = gap(OTHER, 2, 5, 9);
    char name[GAPS_NAME_BYTES];
    json_t *said = answer("edge", 199);

    (void)state;
    assert_int_equal(journal_apply(&list.gaps, &written), CASTOR_OK);
    assert_int_equal(journal_apply(&list.gaps, &old), CASTOR_OK);
    assert_int_equal(gaps_list_add(&list, said), CASTOR_OK);
    assert_int_equal(list.gaps.count, 2);
    assert_int_equal(list.gaps.gaps[0].session, OTHER); // by time
    assert_int_equal(list.gaps.gaps[1].last_sequence, 199);
    assert_true(list.gaps.gaps[1].open);
    gaps_name(&list, &list.gaps.gaps[1], name);
    assert_string_equal(name, "2");
    gaps_name(&list, &list.gaps.gaps[0], name);
    assert_string_equal(name, "abcdef01-2");
    assert_ptr_equal(gaps_find(&list, "2"), &list.gaps.gaps[1]);
    assert_ptr_equal(gaps_find(&list, "abcdef01-2"), &list.gaps.gaps[0]);
    assert_null(gaps_find(&list, "3"));
    json_decref(said);
}

static void test_an_answer_that_cannot_be(void **state)
{
    json_t *backwards = answer("edge", 50), *nothing = json_object();

    (void)state;
    assert_int_equal(gaps_list_add(&list, backwards), CASTOR_ERR_INVALID);
    assert_int_equal(gaps_list_add(&list, nothing), CASTOR_ERR_INVALID);
    assert_int_equal(list.gaps.count, 0);
    json_decref(backwards);
    json_decref(nothing);
}

static void record(uint64_t session, uint64_t first, uint64_t last, uint64_t missing, bool open)
{
    struct archive_line line;

    memset(&line, 0, sizeof line);
    line.kind = open ? ARCHIVE_OPEN : ARCHIVE_SEGMENT;
    line.segment.session = session;
    line.segment.first_sequence = first;
    line.segment.last_sequence = last;
    line.segment.missing = missing;
    snprintf(line.segment.file, sizeof line.segment.file, "castor-%llu.ts", (unsigned long long)first);
    assert_int_equal(catalogue_apply(&catalogue, &line), CASTOR_OK);
}

static void test_what_is_recorded(void **state)
{
    struct journal_gap one = gap(THIS, 1, 100, 299), other = gap(OTHER, 1, 100, 299);

    (void)state;
    assert_int_equal(gaps_recorded(&catalogue, &one), GAPS_RECORDED_NO);
    record(THIS, 50, 199, 0, false);
    assert_int_equal(gaps_recorded(&catalogue, &one), GAPS_RECORDED_PARTLY);
    record(THIS, 200, 0, 0, true);
    assert_int_equal(gaps_recorded(&catalogue, &one), GAPS_RECORDED_WHOLLY);
    assert_int_equal(gaps_recorded(&catalogue, &other), GAPS_RECORDED_NO);
    record(THIS, 200, 299, 3, false);
    assert_int_equal(gaps_recorded(&catalogue, &one), GAPS_RECORDED_PARTLY);
    one.frames[JOURNAL_NOT_CONNECTED] -= 3; // the three were never captured
    assert_int_equal(gaps_recorded(&catalogue, &one), GAPS_RECORDED_WHOLLY);
}

static void test_since(void **state)
{
    static const char *const wrong[] = {"",    "x",    "5",          "5y",
                                        "-3m", "10mm", "2026-03-01", "2026-03-01T12:00:00Q"};
    int64_t at_ns = 0;

    (void)state;
    assert_int_equal(gaps_since("90s", 1000 * S, &at_ns), CASTOR_OK);
    assert_int_equal(at_ns, 910 * S);
    assert_int_equal(gaps_since("2h", 10000 * S, &at_ns), CASTOR_OK);
    assert_int_equal(at_ns, 2800 * S);
    assert_int_equal(gaps_since("2026-01-01T00:00:00.5Z", 0, &at_ns), CASTOR_OK);
    assert_int_equal(at_ns, 1767225600 * S);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(gaps_since(wrong[i], 0, &at_ns), CASTOR_ERR_INVALID);
}

static void test_for_machines(void **state)
{
    json_t *said = answer("edge", 199);

    (void)state;
    assert_int_equal(gaps_list_add(&list, said), CASTOR_OK);
    json_t *one = gaps_json(&list, &list.gaps.gaps[0], GAPS_RECORDED_WHOLLY);
    assert_non_null(one);
    assert_string_equal(json_string_value(json_object_get(one, "from")), "1970-01-01T00:18:20.000Z");
    assert_string_equal(json_string_value(json_object_get(one, "recorded")), "yes");
    assert_int_equal(json_integer_value(json_object_get(one, "frames")), 100);
    assert_true(json_is_true(json_object_get(one, "open")));
    json_decref(one);
    json_decref(said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_the_box_says_counts, begin, end),
        cmocka_unit_test_setup_teardown(test_an_answer_that_cannot_be, begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_recorded, begin, end),
        cmocka_unit_test_setup_teardown(test_since, begin, end),
        cmocka_unit_test_setup_teardown(test_for_machines, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
