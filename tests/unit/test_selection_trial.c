// SPDX-License-Identifier: Apache-2.0
// Real trials with the real castor-encode: x264, and the scripted driver that crashes, hangs, ends, lies.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/child.h"
#include "supervisor/selection.h"

static struct config config;
static struct selection selection;
static char answer[16384];

static void run_in(uint32_t depth, const char *encoder)
{
    char document[2048];
    struct config_error error;

    snprintf(document, sizeof document,
             "{\"source\":{\"width\":640,\"height\":360,\"rate\":30,\"depth\":%u},\"encoder\":%s}", depth,
             encoder);
    if (config_parse(document, strlen(document), &config, &error) != CASTOR_OK)
        fail_msg("%s: %s", error.path, error.text);
    selection_try(&selection, &config, PROGRAMS);
    assert_true(selection.done);
    assert_int_equal(selection_apply(&selection, &config), CASTOR_OK);
}

static void run(const char *encoder)
{
    run_in(8, encoder);
}

static const struct select_candidate *find(const char *driver, uint32_t rank)
{
    for (uint32_t i = 0; i < selection.count; i++)
        if (strcmp(selection.candidate[i].driver, driver) == 0 && selection.candidate[i].rank == rank)
            return &selection.candidate[i];
    fail_msg("no candidate %s", driver);
    return NULL;
}

static void assert_why(const char *driver, uint32_t rank, const char *word)
{
    const struct select_candidate *c = find(driver, rank);

    assert_int_equal(c->trial, SELECT_FAILED);
    if (!strstr(c->why.text, word))
        fail_msg("\"%s\" does not say \"%s\"", c->why.text, word);
}

static void test_this_machine(void **state)
{
    (void)state;
    run("{\"chain\":[{\"driver\":\"auto\"},{\"driver\":\"auto\"}]}");
    const struct select_candidate *x264 = find("x264", SELECT_UNRANKED);
    if (x264->trial != SELECT_PASSED)
        fail_msg("%s", x264->why.text);
    assert_true(x264->caps_known);
    assert_int_equal(x264->idr_on_request, SELECT_YES);
    assert_int_equal(x264->bitrate_changes, SELECT_YES);
    assert_true(x264->latency_p50_us > 0 && x264->open_us > 0);
    // The driver for tests is listed and left alone.
    const struct select_candidate *fake = find("fake", SELECT_UNRANKED);
    assert_int_equal(fake->trial, SELECT_NOT_TRIED);
    assert_string_not_equal(config.encoder.chain[0].driver, "fake");
    assert_string_not_equal(config.encoder.chain[1].driver, "fake");
}

// One after the other they do their worst; the box has x264 in the end, and says why.
static void test_bad_drivers(void **state)
{
    (void)state;
    run("{\"chain\":[{\"driver\":\"auto\"},{\"driver\":\"auto\"}],\"prefer\":["
        "{\"driver\":\"fake\",\"script\":\"at 3 crash\"},{\"driver\":\"fake\",\"script\":\"at 2 hang\"},"
        "{\"driver\":\"fake\",\"script\":\"at 2 exit\"},{\"driver\":\"fake\",\"script\":\"every 7 garbage\"},"
        "{\"driver\":\"fake\",\"script\":\"at 8 no_parameter_sets\"}]}");
    const struct select_candidate *crash = find("fake", 0);
    assert_int_equal(crash->trial, SELECT_FAILED);
    // A sanitizer turns the signal into a status.
    assert_true(strstr(crash->why.text, "crashed with signal") ||
                strstr(crash->why.text, "ended with status"));
    assert_non_null(strstr(crash->why.text, " in encode"));
    assert_why("fake", 1, "hung in encode");
    assert_why("fake", 2, "ended with status 3 in encode");
    assert_why("fake", 3, "frame 0");
    assert_why("fake", 4, "frame 8");
    assert_string_equal(config.encoder.chain[0].driver, "x264");
}

static void test_preferred(void **state)
{
    (void)state;
    run("{\"chain\":[{\"driver\":\"auto\"},{\"driver\":\"auto\"}],\"prefer\":["
        "{\"driver\":\"fake\",\"script\":\"delay 1ms\"}]}");
    assert_int_equal(find("fake", 0)->trial, SELECT_PASSED);
    assert_string_equal(config.encoder.chain[0].driver, "fake");
    assert_string_equal(config.encoder.chain[0].script, "delay 1ms");
    assert_string_not_equal(config.encoder.chain[1].driver, "fake");
}

// Only what encodes it is taken, whatever is preferred.
static void test_ten_bits(void **state)
{
    (void)state;
    run_in(10,
           "{\"chain\":[{\"driver\":\"auto\"},{\"driver\":\"auto\"}],\"prefer\":[{\"driver\":\"fake\"}]}");
    assert_why("fake", 0, "h264 from pictures in pixel format p010 is not offered");
    assert_int_equal(find("x264", SELECT_UNRANKED)->trial, SELECT_PASSED);
    assert_string_equal(config.encoder.chain[0].driver, "x264");
    assert_string_equal(config.encoder.chain[1].driver, "x264");
}

static void test_no_program(void **state)
{
    struct config_error error;
    static const char document[] = "{\"encoder\":{\"chain\":[{\"driver\":\"auto\"},{\"driver\":\"auto\"}]}}";

    (void)state;
    assert_int_equal(config_parse(document, strlen(document), &config, &error), CASTOR_OK);
    selection_try(&selection, &config, "/nowhere");
    assert_int_equal(selection.count, 0);
    assert_int_equal(selection_apply(&selection, &config), CASTOR_OK);
    assert_string_equal(config.encoder.chain[0].driver, "x264");
}

static int ask(const char *const *words)
{
    struct child_end end;
    const char *argv[16] = {PROGRAMS "/castor-encode"};

    for (int i = 0; words[i]; i++)
        argv[i + 1] = words[i];
    return child_run((char *const *)(uintptr_t)argv, castor_now_ns() + 60 * CASTOR_NS_PER_S, answer,
                     sizeof answer, &end);
}

static void test_command_line(void **state)
{
    const char *const drivers[] = {"--drivers", NULL};
    const char *const devices[] = {"--devices", "x264", NULL};
    const char *const take_over[] = {"--width", "640", "--height", "360", "--take-over",
                                     "fake",    "",    "x264",     "",    NULL};
    const char *const wrong[][4] = {{"--probe", "x264", NULL},  {"--devices", "nothing", NULL},
                                    {"--width", "-3", NULL},    {"--rate", "30", "--drivers", NULL},
                                    {"--nonsense", NULL},       {"--phase-frames", "3", NULL},
                                    {"--codec", "mpeg2", NULL}, {"--", NULL}};

    (void)state;
    assert_int_equal(ask(drivers), CASTOR_OK);
    assert_non_null(strstr(answer, "\"x264\""));
    assert_int_equal(ask(devices), CASTOR_OK);
    json_t *document = json_loads(answer, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(document, "devices")), 1);
    json_decref(document);
    assert_int_equal(ask(take_over), CASTOR_OK);
    document = json_loads(answer, 0, NULL);
    assert_true(json_is_true(json_object_get(document, "ok")));
    json_decref(document);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(ask(wrong[i]), CASTOR_ERR_IO);
}

// The report names the libraries that were at work, with their versions.
static void test_libraries(void **state)
{
    const char *const probe[] = {"--width", "640", "--height", "360", "--probe", "x264", "", NULL};

    (void)state;
    assert_int_equal(ask(probe), CASTOR_OK);
    json_t *document = json_loads(answer, 0, NULL), *name;
    bool found = false;
    size_t i;
    json_array_foreach(json_object_get(document, "libraries"), i, name)
        found = found || strncmp(json_string_value(name), "libx264.so", 10) == 0;
    assert_true(found);
    json_decref(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_this_machine), cmocka_unit_test(test_bad_drivers),
        cmocka_unit_test(test_preferred),    cmocka_unit_test(test_ten_bits),
        cmocka_unit_test(test_no_program),   cmocka_unit_test(test_command_line),
        cmocka_unit_test(test_libraries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
