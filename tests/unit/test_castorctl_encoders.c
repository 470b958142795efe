// SPDX-License-Identifier: Apache-2.0
// The table of encoders, whatever the status document holds.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "castorctl/encoders.h"
#include "castorctl/selftest.h"

static char *table(const char *document)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    json_t *status = json_loads(document, 0, NULL);

    assert_non_null(out);
    assert_non_null(status);
    encoders_report(status, out);
    fclose(out);
    json_decref(status);
    return text;
}

static void assert_says(const char *document, const char *word)
{
    char *text = table(document);

    if (!strstr(text, word))
        fail_msg("\"%s\" is not in: %s", word, text);
    free(text);
}

static const char tried[] =
    "{\"encoders\":{\"tried\":true,\"format\":\"1280x720 at 30/1\",\"took_ms\":900,\"list\":["
    "{\"driver\":\"x264\",\"device\":\"\",\"score\":91,\"paths\":[\"A\",\"B\"],\"reason\":\"path A and B: "
    "fine\","
    "\"latency_p50_ms\":4.25,\"latency_max_ms\":6.0},"
    "{\"driver\":\"nvenc\",\"device\":\"0000:01:00.0\",\"score\":null,\"paths\":[],\"latency_p50_ms\":null,"
    "\"reason\":\"rejected: hung\\u001b[2J in open\"}]}}";

static void test_table(void **state)
{
    (void)state;
    assert_says(tried, "tried with 1280x720 at 30/1, 900 ms");
    assert_says(tried, "A B   x264     -");
    assert_says(tried, "   91     4.2     6.0 path A and B: fine");
    assert_says(tried,
                "-     nvenc    0000:01:00.0             -       -       - rejected: hung?[2J in open");
}

static void test_other_boxes(void **state)
{
    (void)state;
    assert_says("{}", "tells nothing");
    assert_says("{\"encoders\":{\"tried\":false}}", "nothing was tried");
    assert_says("{\"encoders\":{\"tried\":true,\"list\":[7,{},{\"paths\":7}]}}", "WHY");
}

static void test_system(void **state)
{
    json_t *system = selftest_system();

    (void)state;
    assert_non_null(system);
    assert_true(json_string_length(json_object_get(system, "kernel")) > 0);
    assert_true(json_integer_value(json_object_get(system, "cores")) > 0);
    assert_true(json_integer_value(json_object_get(system, "memory_mib")) > 0);
    assert_true(json_is_array(json_object_get(system, "graphics")));
    json_decref(system);
}

static void test_selftest_without_its_program(void **state)
{
    const struct selftest_options no_program = {.folder = "/nowhere", .out = "-"};
    const struct selftest_options no_report = {.folder = "/nowhere", .out = "/nowhere/report.json"};

    (void)state;
    assert_int_equal(selftest_run(&no_program), 1);
    assert_int_equal(selftest_run(&no_report), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_other_boxes),
        cmocka_unit_test(test_system),
        cmocka_unit_test(test_selftest_without_its_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
