// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hal/source.h"

static void test_options(void **state)
{
    static const char *const bad[] = {"x=1",      "a",  "a=",    "a=7",  "a=-1", "a=1x", "a=99999999999",
                                      "a=1,,b=2", "=1", "a=1,,", "ab=1", "c",    "c=",   "c=12345678"};
    uint32_t a = 3, b = 4;
    char c[8] = "as was";
    const struct source_option known[] = {{.key = "a", .low = 1, .high = 5, .value = &a},
                                          {.key = "b", .high = 100, .value = &b},
                                          {.key = "c", .text = c, .text_bytes = sizeof c}};
    struct source_text why;

    (void)state;
    assert_int_equal(source_options_parse(NULL, known, 3, &why), 0);
    assert_int_equal(source_options_parse("", known, 3, &why), 0);
    assert_int_equal(a, 3);
    assert_int_equal(source_options_parse("b=100,a=1", known, 3, &why), 0);
    assert_int_equal(a, 1);
    assert_int_equal(b, 100);
    assert_string_equal(c, "as was");
    assert_int_equal(source_options_parse("c=/a=b/7,b=2", known, 3, &why), 0);
    assert_string_equal(c, "/a=b/7");
    assert_int_equal(b, 2);
    assert_int_equal(source_options_parse("c=1234567", known, 3, &why), 0);
    assert_string_equal(c, "1234567");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        why.text[0] = '\0';
        assert_int_equal(source_options_parse(bad[i], known, 3, &why), CASTOR_ERR_INVALID);
        assert_true(strlen(why.text) > 10);
    }
}

static void test_config_ranges(void **state)
{
    const struct source_config bad[] = {
        {.format = {318, 180, 1, {25, 1}}},
        {.format = {321, 180, 1, {25, 1}}},
        {.format = {3842, 2160, 1, {25, 1}}},
        {.format = {640, 0, 1, {25, 1}}},
        {.format = {640, 360, 9, {25, 1}}},
        {.format = {640, 360, 1, {25, 0}}},
        {.format = {640, 360, 1, {1, 2}}},
        {.format = {640, 360, 1, {241, 1}}},
        {.format = {640, 360, 1, {25, 1}}, .anchor_ns = -1},
        {.format = {640, 360, 1, {25, 1}}, .anchor_ns = INT64_MAX},
        {.format = {640, 360, 1, {25, 1}}, .anchor_sequence = UINT64_MAX},
        {.format = {640, 360, 1, {25, 1}}, .options = "number=1"},
    };
    const struct source_driver *driver;
    struct source_text why;

    (void)state;
    assert_int_equal(source_driver_find("pattern", &driver, &why), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct source *source = NULL;
        why.text[0] = '\0';
        assert_true(source_open(driver, &bad[i], &source, &why) < 0);
        assert_null(source);
        assert_true(strlen(why.text) > 10);
    }
}

static void test_names(void **state)
{
    static const char *const names[] = {"clip", "pattern", "pipe", "v4l2"};
    const struct source_driver *driver;
    struct source_text why = {""};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t at = 0;
        while (source_driver_name(at) && strcmp(source_driver_name(at), names[i]) != 0)
            at++;
        assert_non_null(source_driver_name(at));
    }
    assert_null(source_driver_name(sizeof names / sizeof names[0]));
    assert_int_equal(source_driver_find("nosuch", &driver, &why), CASTOR_ERR_NOT_FOUND);
    assert_string_equal(why.text, "there is no source \"nosuch\": choose clip, pattern, pipe or v4l2");
    assert_non_null(strstr(why.text, "pattern"));
}

static void test_module_missing(void **state)
{
    const struct source_driver *driver = NULL;
    struct source_text why = {""};

    (void)state;
    assert_int_equal(setenv("CASTOR_MODULE_DIR", "/nonexistent", 1), 0);
    assert_int_equal(source_driver_find("v4l2", &driver, &why), CASTOR_ERR_UNSUPPORTED);
    assert_null(driver);
    assert_non_null(strstr(why.text, "castor-source-v4l2.so is missing: install it"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_config_ranges),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_module_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
