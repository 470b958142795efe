// SPDX-License-Identifier: Apache-2.0
// From what castor-encode prints to the chain that the box runs.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/selection.h"

static struct config config;
static struct selection selection;

static const char x264_devices[] = "{\"ok\":true,\"driver\":\"x264\",\"about\":\"software\",\"devices\":[{"
                                   "\"name\":\"\",\"fault_domain\":\"cpu\","
                                   "\"description\":\"libx264\"}]}\n";
static const char card_devices[] =
    "{\"ok\":true,\"driver\":\"nvenc\",\"about\":\"cards\",\"devices\":["
    "{\"name\":\"0000:01:00.0\",\"fault_domain\":\"card1\",\"description\":\"one\"},"
    "{\"name\":\"0000:02:00.0\",\"fault_domain\":\"card2\",\"description\":\"two\"}]}\n";
static const char report[] =
    "{\"ok\":true,\"why\":\"\",\"caps\":{\"pixels\":{\"hevc\":[\"nv12\",\"p010\",\"x\",3],"
    "\"h264\":[\"i420\"],\"vvc\":[\"i420\"]},\"min_width_px\":320,\"min_height_px\":"
    "180,"
    "\"max_width_px\":3840,\"max_height_px\":2160,\"max_pixels_per_second\":9000000000,\"max_in_flight\":1,"
    "\"flags\":3},\"latency_p50_us\":4000,\"latency_max_us\":5000,\"open_us\":700,\"idr_on_request\":true,"
    "\"bitrate_changes\":null}\n";

// The encoder part of a configuration; its drivers are those that this build's configuration knows.
static void use(const char *encoder)
{
    char document[1024];
    struct config_error error;

    snprintf(document, sizeof document, "{\"encoder\":%s}", encoder);
    if (config_parse(document, strlen(document), &config, &error) != CASTOR_OK)
        fail_msg("%s: %s", error.path, error.text);
    selection_begin(&selection, &config);
}

static void pass_all(void)
{
    for (uint32_t i = 0; i < selection.count; i++)
        if (selection.candidate[i].trial == SELECT_NOT_TRIED)
            assert_int_equal(selection_take_report(&selection.candidate[i], report), CASTOR_OK);
    selection.done = true;
}

static void assert_path(uint32_t i, const char *driver, const char *device, const char *preset)
{
    assert_string_equal(config.encoder.chain[i].driver, driver);
    assert_string_equal(config.encoder.chain[i].device, device);
    assert_string_equal(config.encoder.chain[i].preset, preset);
}

static void test_report(void **state)
{
    struct select_candidate c = {.driver = "x"};

    (void)state;
    assert_int_equal(selection_take_report(&c, report), CASTOR_OK);
    assert_int_equal(c.trial, SELECT_PASSED);
    assert_true(c.caps_known);
    assert_int_equal(c.caps.max_width_px, 3840);
    assert_int_equal(c.caps.pixels[ENCODER_CODEC_H264], 1u << CASTOR_PIXEL_I420);
    assert_int_equal(c.caps.pixels[ENCODER_CODEC_HEVC], 1u << CASTOR_PIXEL_NV12 | 1u << CASTOR_PIXEL_P010);
    assert_true(c.caps.max_pixels_per_second == 9000000000u);
    assert_int_equal(c.latency_max_us, 5000);
    assert_int_equal(c.open_us, 700);
    assert_int_equal(c.idr_on_request, SELECT_YES);
    assert_int_equal(c.bitrate_changes, SELECT_UNKNOWN);
    assert_int_equal(selection_take_report(&c, "{\"ok\":false,\"why\":\"frame 3: no\",\"caps\":null}"),
                     CASTOR_OK);
    assert_int_equal(c.trial, SELECT_FAILED);
    assert_string_equal(c.why.text, "frame 3: no");
    assert_false(c.caps_known);
}

static void test_no_report(void **state)
{
    static const char *const nonsense[] = {"", "{", "[]", "{}", "{\"ok\":1}", "null", "\"ok\"", "\xff\xfe"};
    struct select_candidate c = {.driver = "x"};

    (void)state;
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++)
        assert_int_equal(selection_take_report(&c, nonsense[i]), CASTOR_ERR_INVALID);
    // Values of the wrong kind count as not measured.
    assert_int_equal(selection_take_report(&c, "{\"ok\":true,\"why\":3,\"caps\":[],\"latency_p50_us\":-1,"
                                               "\"latency_max_us\":1e99,\"idr_on_request\":\"yes\"}"),
                     CASTOR_OK);
    assert_int_equal(c.latency_p50_us, 0);
    assert_int_equal(c.latency_max_us, 0);
    assert_int_equal(c.idr_on_request, SELECT_UNKNOWN);
}

static void test_devices(void **state)
{
    (void)state;
    use("{\"chain\":[{\"driver\":\"auto\"},{\"driver\":\"auto\"}]}");
    selection_add_devices(&selection, "nvenc", card_devices, NULL);
    selection_add_devices(&selection, "gone", "{\"ok\":false,\"about\":\"x\",\"why\":\"not supported\"}",
                          NULL);
    selection_add_devices(&selection, "none", "{\"ok\":true,\"devices\":[]}", NULL);
    selection_add_devices(&selection, "hangs", NULL, "hung in devices; given up after 2.0 s");
    selection_add_devices(&selection, "babbles", "hello", NULL);
    selection_add_devices(&selection, "odd", "{\"ok\":true,\"devices\":[7,{}]}", NULL);
    assert_int_equal(selection.count, 8);
    assert_string_equal(selection.candidate[1].device.name, "0000:02:00.0");
    assert_string_equal(selection.candidate[1].device.fault_domain, "card2");
    assert_int_equal(selection.candidate[1].trial, SELECT_NOT_TRIED);
    for (uint32_t i = 2; i < 6; i++)
        assert_int_equal(selection.candidate[i].trial, SELECT_FAILED);
    assert_non_null(strstr(selection.candidate[2].why.text, "not supported"));
    assert_non_null(strstr(selection.candidate[3].why.text, "no device"));
    assert_non_null(strstr(selection.candidate[4].why.text, "hung in devices"));
    assert_non_null(strstr(selection.candidate[5].why.text, "understood"));
}

static void test_too_many_devices(void **state)
{
    (void)state;
    use("{\"chain\":[{\"driver\":\"auto\"},{\"driver\":\"auto\"}]}");
    for (int i = 0; i < SELECT_CANDIDATES_MAX; i++)
        selection_add_devices(&selection, "nvenc", card_devices, NULL);
    assert_int_equal(selection.count, SELECT_CANDIDATES_MAX);
    selection_add_devices(&selection, "gone", NULL, "hung");
    assert_int_equal(selection.count, SELECT_CANDIDATES_MAX);
}

static void test_order_of_trials(void **state)
{
    (void)state;
    use("{\"chain\":[{\"driver\":\"auto\"},{\"driver\":\"auto\"}],"
        "\"prefer\":[{\"driver\":\"fake\",\"script\":\"delay 1ms\"}]}");
    selection_add_devices(&selection, "x264", x264_devices, NULL);
    selection_add_devices(&selection, "nvenc", card_devices, NULL);
    selection_add_devices(&selection, "fake",
                          "{\"ok\":true,\"devices\":[{\"name\":\"\",\"fault_domain\":\"fake\"}]}", NULL);
    selection_sort(&selection);
    assert_string_equal(selection.candidate[0].driver, "fake");
    assert_int_equal(selection.candidate[0].rank, 0);
    assert_int_equal(selection.settings[0], 0);
    assert_string_equal(selection.candidate[1].driver, "nvenc");
    assert_string_equal(selection.candidate[1].device.name, "0000:01:00.0");
    assert_string_equal(selection.candidate[3].driver, "x264");
}

static void test_apply(void **state)
{
    (void)state;
    use("{\"chain\":[{\"driver\":\"auto\"},{\"driver\":\"auto\"},{\"driver\":\"x264\",\"preset\":"
        "\"ultrafast\"}],"
        "\"prefer\":[{\"driver\":\"x264\",\"preset\":\"veryfast\",\"threads\":3}]}");
    assert_true(selection_is_wanted(&config));
    assert_int_equal(selection_apply(&selection, &config), CASTOR_ERR_BUSY); // nothing was tried
    selection_add_devices(&selection, "nvenc", card_devices, NULL);
    selection_add_devices(&selection, "x264", x264_devices, NULL);
    pass_all();
    struct config again = config;
    assert_int_equal(selection_apply(&selection, &config), CASTOR_OK);
    assert_false(selection_is_wanted(&config));
    // What is written out stays as it is; the others take what the preference says for them.
    assert_path(2, "x264", "", "ultrafast");
    assert_int_equal(selection.result.place[2], 2);
    assert_path(0, "x264", "", "veryfast");
    assert_path(1, "nvenc", "0000:01:00.0", "");
    // A reload gives the same; another preference is refused.
    assert_int_equal(selection_apply(&selection, &again), CASTOR_OK);
    assert_int_equal(config_diff(&config, &again), 0);
    use("{\"chain\":[{\"driver\":\"auto\"},{\"driver\":\"auto\"}]}");
    selection.done = true;
    struct config other = config;
    other.encoder.prefer_count = 1;
    assert_int_equal(selection_apply(&selection, &other), CASTOR_ERR_BUSY);
}

static void test_settings_of_the_preference(void **state)
{
    (void)state;
    use("{\"chain\":[{\"driver\":\"auto\"},{\"driver\":\"auto\"}],"
        "\"prefer\":[{\"driver\":\"x264\",\"preset\":\"veryfast\",\"threads\":3}]}");
    selection_add_devices(&selection, "x264", x264_devices, NULL);
    selection_add_devices(&selection, "nvenc", card_devices, NULL);
    pass_all();
    assert_int_equal(selection_apply(&selection, &config), CASTOR_OK);
    assert_path(0, "x264", "", "veryfast");
    assert_int_equal(config.encoder.chain[0].threads, 3);
    assert_path(1, "nvenc", "0000:01:00.0", "");
}

static void test_nothing_works(void **state)
{
    (void)state;
    use("{\"chain\":[{\"driver\":\"auto\"},{\"driver\":\"auto\"}]}");
    selection_add_devices(&selection, "nvenc", NULL, "crashed");
    selection.done = true;
    assert_int_equal(selection_apply(&selection, &config), CASTOR_OK);
    assert_path(0, "x264", "", "");
    assert_path(1, "x264", "", "");
    assert_int_equal(selection.result.place[0], SELECT_NONE);
}

static void test_explicit_chain(void **state)
{
    (void)state;
    use("{\"chain\":[{\"driver\":\"x264\"},{\"driver\":\"fake\"}]}");
    struct config before = config;
    assert_false(selection_is_wanted(&config));
    assert_int_equal(selection_apply(&selection, &config), CASTOR_OK);
    assert_memory_equal(&before, &config, sizeof config);
    json_t *status = selection_json(&selection);
    assert_true(json_is_false(json_object_get(status, "tried")));
    assert_int_equal(json_array_size(json_object_get(status, "list")), 0);
    json_decref(status);
    status = selection_json(NULL);
    assert_true(json_is_false(json_object_get(status, "tried")));
    json_decref(status);
}

static void test_status(void **state)
{
    (void)state;
    use("{\"chain\":[{\"driver\":\"auto\"},{\"driver\":\"auto\"}]}");
    selection_add_devices(&selection, "x264", x264_devices, NULL);
    selection_add_devices(&selection, "gone", NULL, "crashed with signal 11");
    pass_all();
    assert_int_equal(selection_apply(&selection, &config), CASTOR_OK);
    json_t *status = selection_json(&selection);
    assert_non_null(status);
    assert_string_equal(json_string_value(json_object_get(status, "format")), "1920x1080 at 30/1");
    json_t *first = json_array_get(json_object_get(status, "list"), 0);
    json_t *second = json_array_get(json_object_get(status, "list"), 1);
    assert_string_equal(json_string_value(json_object_get(first, "trial")), "passed");
    assert_int_equal(json_array_size(json_object_get(first, "paths")), 2);
    assert_true(json_is_integer(json_object_get(first, "score")));
    assert_true(json_real_value(json_object_get(first, "latency_max_ms")) == 5);
    assert_true(json_is_null(json_object_get(first, "latency_p99_ms"))); // too few frames were tried
    assert_true(json_is_null(json_object_get(second, "score")));
    assert_non_null(strstr(json_string_value(json_object_get(second, "reason")), "crashed with signal 11"));
    json_decref(status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report),
        cmocka_unit_test(test_no_report),
        cmocka_unit_test(test_devices),
        cmocka_unit_test(test_too_many_devices),
        cmocka_unit_test(test_order_of_trials),
        cmocka_unit_test(test_apply),
        cmocka_unit_test(test_settings_of_the_preference),
        cmocka_unit_test(test_nothing_works),
        cmocka_unit_test(test_explicit_chain),
        cmocka_unit_test(test_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
