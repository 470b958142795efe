// SPDX-License-Identifier: Apache-2.0
// The cases of config_cases.json: every good document is accepted, every bad one refused at the right place
// with the right words, leaving the old configuration as it was.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "supervisor/config.h"

static json_t *load_cases(const char *kind)
{
    json_error_t error;
    json_t *file = json_load_file(CASES_FILE, 0, &error);

    assert_non_null(file);
    json_t *list = json_incref(json_object_get(file, kind));
    json_decref(file);
    assert_true(json_array_size(list) > 0);
    return list;
}

static int parse(json_t *document, struct config *out, struct config_error *error)
{
    char *text = json_dumps(document, JSON_ENCODE_ANY);
    int result = config_parse(text, strlen(text), out, error);

    free(text);
    return result;
}

static void test_good(void **state)
{
    json_t *cases = load_cases("good"), *item;
    static struct config config;
    struct config_error error;
    size_t i;

    (void)state;
    json_array_foreach(cases, i, item) {
        if (parse(json_object_get(item, "document"), &config, &error) != CASTOR_OK)
            fail_msg("%s: %s: %s", json_string_value(json_object_get(item, "name")), error.path, error.text);
    }
    json_decref(cases);
}

static void test_bad(void **state)
{
    json_t *cases = load_cases("bad"), *item;
    static struct config config, untouched;
    struct config_error error;
    size_t i;

    (void)state;
    memset(&config, 0x5a, sizeof config);
    memset(&untouched, 0x5a, sizeof untouched);
    json_array_foreach(cases, i, item) {
        const char *name = json_string_value(json_object_get(item, "name"));
        if (parse(json_object_get(item, "document"), &config, &error) != CASTOR_ERR_INVALID)
            fail_msg("%s: accepted", name);
        if (strcmp(error.path, json_string_value(json_object_get(item, "error"))) != 0)
            fail_msg("%s: blamed on \"%s\" (%s)", name, error.path, error.text);
        if (!strstr(error.text, json_string_value(json_object_get(item, "text"))))
            fail_msg("%s: said \"%s\"", name, error.text);
    }
    assert_memory_equal(&config, &untouched, sizeof config);
    json_decref(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_bad)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
