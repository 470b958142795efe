// SPDX-License-Identifier: Apache-2.0
// Time codes against a count that drops labels one by one, clocks at their edges, and texts with
// placeholders.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "draw/moment.h"
#include "draw/template.h"

static const struct castor_rational ntsc = {30000, 1001}, pal = {25, 1}, film = {24000, 1001};

// Label by label, by the rule's words: "the first two (four) labels of each minute but every
// tenth are left out".
static void count_hours(struct castor_rational rate, unsigned base, unsigned dropped, unsigned hours)
{
    char text[TIMECODE_TEXT_BYTES], wanted[32];
    uint64_t count = 0;

    for (unsigned second = 0; second < 3600 * hours; second++)
        for (unsigned frame = 0; frame < base; frame++) {
            if (second % 60 == 0 && second / 60 % 10 != 0 && frame < dropped)
                continue;
            timecode_text(rate, count++, text);
            (void)snprintf(wanted, sizeof wanted, "%02u:%02u:%02u%c%02u", second / 3600, second / 60 % 60,
                           second % 60, dropped ? ';' : ':', frame);
            if (strcmp(text, wanted) != 0)
                fail_msg("frame %llu: %s instead of %s", (unsigned long long)count - 1, text, wanted);
        }
    if (hours == 24) {
        timecode_text(rate, count, text); // the next day
        assert_memory_equal(text, "00:00:00", 8);
    }
}

static void test_labels(void **state)
{
    char text[TIMECODE_TEXT_BYTES];

    (void)state;
    count_hours(ntsc, 30, 2, 24);
    count_hours((struct castor_rational){60000, 1001}, 60, 4, 3);
    count_hours(pal, 25, 0, 2);
    count_hours(film, 24, 0, 2);
    timecode_text((struct castor_rational){120, 1}, 119, text);
    assert_string_equal(text, "00:00:00:119");
}

// A device's stamps wander by a third of a frame; the labels do not.
static void test_counts_through_jitter(void **state)
{
    struct timecode timecode = {0};
    uint64_t first = 0;
    uint32_t random = 5;

    (void)state;
    for (uint64_t i = 0; i < 100000; i++) {
        int64_t at_ns = castor_frame_time_ns(ntsc, i) + 40 * CASTOR_NS_PER_S;

        random = random * 1664525u + 1013904223u;
        timecode_update(&timecode, ntsc, 7000 + i, at_ns + (int64_t)(random >> 8) % (12 * CASTOR_NS_PER_MS));
        first = i == 0 ? timecode.count : first;
        assert_int_equal(timecode.count, first + i);
    }
}

static void test_set_by_the_clock(void **state)
{
    struct timecode timecode = {0};

    (void)state;
    timecode_update(&timecode, pal, 10, 3600 * CASTOR_NS_PER_S);
    assert_int_equal(timecode.count, 90000);
    timecode_update(&timecode, pal, 12,
                    3600 * CASTOR_NS_PER_S + 80 * CASTOR_NS_PER_MS); // one was never captured
    assert_int_equal(timecode.count, 90002);
    timecode_update(&timecode, pal, 13, 3700 * CASTOR_NS_PER_S); // the clock was set
    assert_int_equal(timecode.count, 92500);
    timecode_update(&timecode, pal, 14, 20 * CASTOR_NS_PER_MS); // midnight
    assert_int_equal(timecode.count, 0);
}

static void test_clocks(void **state)
{
    struct moment moment;

    (void)state;
    assert_int_equal(setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1), 0);
    moment_init(&moment);
    // 2026-03-29 00:59:59.96 UTC, one frame before summer time begins
    moment_set(&moment, pal, 4294967297, INT64_C(1774745999960000000));
    assert_string_equal(moment.text[MOMENT_UTC][MOMENT_DATE], "2026-03-29");
    assert_string_equal(moment.text[MOMENT_UTC][MOMENT_TIME], "00:59:59");
    assert_string_equal(moment.text[MOMENT_UTC][MOMENT_TIMECODE], "00:59:59:24");
    assert_string_equal(moment.text[MOMENT_LOCAL][MOMENT_TIME], "01:59:59");
    assert_string_equal(moment.text[MOMENT_LOCAL][MOMENT_TIMECODE], "01:59:59:24");
    assert_string_equal(moment.text[MOMENT_UTC][MOMENT_FRAME], "4294967297");
    moment_set(&moment, pal, 4294967298, INT64_C(1774746000000000000));
    assert_string_equal(moment.text[MOMENT_UTC][MOMENT_TIMECODE], "01:00:00:00");
    assert_string_equal(moment.text[MOMENT_LOCAL][MOMENT_TIME], "03:00:00");
    assert_string_equal(moment.text[MOMENT_LOCAL][MOMENT_TIMECODE], "03:00:00:00");
    assert_int_equal(setenv("TZ", "EST5", 1), 0);
    moment_init(&moment);
    moment_set(&moment, pal, UINT64_MAX - 2, -5); // a clock that was never set, west of Greenwich
    assert_string_equal(moment.text[MOMENT_LOCAL][MOMENT_DATE], "1969-12-31");
    assert_string_equal(moment.text[MOMENT_LOCAL][MOMENT_TIMECODE], "19:00:00:00");
    assert_string_equal(moment.text[MOMENT_UTC][MOMENT_FRAME], "3709551613");
    moment_set(&moment, pal, 5, INT64_MAX);
    assert_memory_equal(moment.text[MOMENT_UTC][MOMENT_DATE], "2255", 4);
}

static void expect_pieces(const char *text, uint32_t count, const char *first, const char *last)
{
    struct draw_reason why = {""};
    struct template *template = malloc(sizeof *template);

    assert_non_null(template);
    if (template_parse(text, "box {1}", template, &why) != CASTOR_OK)
        fail_msg("%s", why.text);
    assert_int_equal(template->count, count);
    if (count > 0) {
        assert_string_equal(template->piece[0].text, first);
        assert_string_equal(template->piece[count - 1].text, last);
    }
    free(template);
}

static void test_templates(void **state)
{
    struct draw_reason why = {""};
    struct template *template = malloc(sizeof *template);
    char text[600];

    (void)state;
    assert_non_null(template);
    expect_pieces("", 0, "", "");
    expect_pieces("plain", 1, "plain", "plain");
    expect_pieces("{time}", 1, "", "");
    expect_pieces("a {time} b{date}", 4, "a ", "");
    expect_pieces("{name}: {{x} ", 1, "box {1}: {x} ", "box {1}: {x} ");
    expect_pieces("{timecode}{frame}{{", 3, "", "{");
    assert_int_equal(template_parse("{when}", "", template, &why), CASTOR_ERR_INVALID);
    assert_non_null(strstr(why.text, "unknown placeholder {when}; known are {time}"));
    assert_int_equal(template_parse("a {", "", template, &why), CASTOR_ERR_INVALID);
    assert_int_equal(template_parse("a {time", "", template, &why), CASTOR_ERR_INVALID);
    assert_non_null(strstr(why.text, "has no }"));
    for (int i = 0; i < 17; i++)
        memcpy(text + 6 * i, "{time}", 7);
    assert_int_equal(template_parse(text, "", template, &why), CASTOR_ERR_INVALID);
    assert_non_null(strstr(why.text, "too many"));
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(template_parse(text, "", template, &why), CASTOR_ERR_INVALID);
    assert_non_null(strstr(why.text, "too long"));
    free(template);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_labels),
                                       cmocka_unit_test(test_counts_through_jitter),
                                       cmocka_unit_test(test_set_by_the_clock), cmocka_unit_test(test_clocks),
                                       cmocka_unit_test(test_templates)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
