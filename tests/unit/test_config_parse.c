// SPDX-License-Identifier: Apache-2.0
// What a configuration becomes: defaults, units, rates, URLs, secrets; and documents that are no JSON.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "supervisor/config.h"

static struct config config;
static struct config_error error;

static void parse(const char *json)
{
    if (config_parse(json, strlen(json), &config, &error) != CASTOR_OK)
        fail_msg("%s: %s: %s", json, error.path, error.text);
}

static void refused(const char *json, const char *word)
{
    assert_int_equal(config_parse(json, strlen(json), &config, &error), CASTOR_ERR_INVALID);
    if (!strstr(error.text, word))
        fail_msg("%s: said \"%s\"", json, error.text);
}

// What the source is asked for: the device's own layout where it captures, which needs no conversion.
static void test_pixels(void **state)
{
    (void)state;
    parse("{\"source\": {\"driver\": \"v4l2\", \"path\": \"/dev/video0\"}}");
    assert_int_equal(config.source.format.pixel, CASTOR_PIXEL_NONE);
    parse("{\"source\": {\"driver\": \"clip\", \"path\": \"a.mp4\"}}");
    assert_int_equal(config.source.format.pixel, CASTOR_PIXEL_I420);
}

static void test_defaults(void **state)
{
    (void)state;
    parse("{}");
    assert_string_equal(config.name, "castor");
    assert_int_equal(config.log_level, 2);
    assert_true(config.realtime);
    assert_string_equal(config.source.driver, "pattern");
    assert_int_equal(config.source.format.width_px, 0);
    assert_int_equal(config.source.format.pixel, CASTOR_PIXEL_I420);
    assert_int_equal(config.encoder.codec, CONFIG_CODEC_H264);
    assert_int_equal(config.encoder.bitrate_bps, 4000000);
    assert_int_equal(config.encoder.vbv_ms, 250);
    assert_int_equal(config.encoder.gop_frames, 60);
    assert_int_equal(config.encoder.chain_count, 2);
    assert_string_equal(config.encoder.chain[0].driver, "x264");
    assert_string_equal(config.encoder.chain[1].driver, "x264");
    assert_int_equal(config.switching.standby, CONFIG_STANDBY_WARM);
    assert_int_equal(config.switching.stall_budget_ms, 70);
    assert_int_equal(config.switching.hang_budget_ms, 1000);
    assert_int_equal(config.switching.standby_budget_ms, 500);
    assert_int_equal(config.switching.start_budget_ms, 5000);
    assert_int_equal(config.switching.canary_interval_ms, 1000);
    assert_int_equal(config.switching.drops_per_mille, 5);
    assert_int_equal(config.switching.hold_ms, 30000);
    assert_false(config.switching.go_back);
    assert_false(config.switching.allow_late);
    assert_int_equal(config.pool_slots, 0);
    assert_int_equal(config.mux.pcr_interval_ms, 20);
    assert_int_equal(config.mux.rate_bps, 0);
    assert_int_equal(config.destination_count, 0);
    assert_false(config.allow_faults);
    assert_string_equal(config.control_socket, "");
    assert_int_equal(config.warning_count, 1); // that there is no destination
}

static void rate_is(const char *json, uint32_t num, uint32_t den)
{
    parse(json);
    assert_int_equal(config.source.format.rate.num, num);
    assert_int_equal(config.source.format.rate.den, den);
}

static void test_rates(void **state)
{
    (void)state;
    rate_is("{\"source\":{\"rate\":25}}", 25, 1);
    rate_is("{\"source\":{\"rate\":23.976}}", 24000, 1001);
    rate_is("{\"source\":{\"rate\":23.98}}", 24000, 1001);
    rate_is("{\"source\":{\"rate\":29.97}}", 30000, 1001);
    rate_is("{\"source\":{\"rate\":59.94}}", 60000, 1001);
    rate_is("{\"source\":{\"rate\":12.5}}", 25, 2);
    rate_is("{\"source\":{\"rate\":\"30000/1001\"}}", 30000, 1001);
    rate_is("{\"source\":{\"rate\":0}}", 0, 0);
}

static void test_url(void **state)
{
    const struct config_destination *d = config.destinations;

    (void)state;
    parse("{\"destinations\":[{\"name\":\"a\",\"url\":\"srt://[2001:db8::1]:9000?iptos=184\"},"
          "{\"name\":\"b\",\"url\":\"srt://:9001\",\"latency_ms\":400},"
          "{\"name\":\"c\",\"url\":\"srt://"
          "h:1?streamid=live%2Fone%26&passphrase=with%20blank%25&pbkeylen=24&latency=300\"}]}");
    assert_int_equal(config.destination_count, 3);
    assert_string_equal(d[0].url, "srt://[2001:db8::1]:9000?mode=caller&latency=250&iptos=184");
    assert_int_equal(d[0].latency_ms, 250);
    assert_string_equal(d[1].url, "srt://:9001?mode=listener&latency=400");
    assert_string_equal(d[2].url, "srt://h:1?mode=caller&latency=300&pbkeylen=24");
    assert_string_equal(d[2].passphrase, "with blank%");
    assert_string_equal(d[2].stream_id, "live/one&");
}

// Whatever is wrong with a document, no message repeats a passphrase.
static void test_secrets_stay(void **state)
{
    static const char *const documents[] = {
        "{\"destinations\":[{\"name\":\"a\",\"url\":\"srt://h:1?passphrase=swordfish&fish\"}]}",
        "{\"destinations\":[{\"name\":\"a\",\"url\":\"srt://h:1?passphrase=swordfish\"}]}",
        "{\"destinations\":[{\"name\":\"a\",\"url\":\"srt://h:1\",\"passphrase\":\"swordfish\"}]}",
        "{\"destinations\":[{\"name\":\"a\",\"url\":\"srt://"
        "h:1?passphrase=swordfish1\",\"passphrase\":\"swordfish2\"}]}",
        "{\"destinations\":[{\"name\":\"a\",\"url\":\"srt://user:swordfish@h:1\"}]}",
        "{\"destinations\":[{\"name\":\"a\",\"url\":\"srt://h:1\",\"passphrase\":\"swordfish1\" "
        "\"swordfish2\"}]}",
        "{\"destinations\":[{\"name\":\"a\",\"url\":\"srt://h:1\",\"passphrase\":\"swordfish1}]}",
        "{\"destinations\":[{\"name\":\"a\",\"url\":\"srt://h:1\",\"passphrase\":[\"swordfish1\"]}]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        assert_int_equal(config_parse(documents[i], strlen(documents[i]), &config, &error),
                         CASTOR_ERR_INVALID);
        if (strstr(error.text, "fish") || strstr(error.path, "fish"))
            fail_msg("a secret shows in \"%s\"", error.text);
    }
}

static void test_no_json(void **state)
{
    (void)state;
    refused("", "too early");
    refused("{", "too early");
    refused("{\"name\":\"a\",}", "line 1");
    refused("{\"name\":\"a\",\"name\":\"b\"}", "twice");
    refused("{\"encoder\":{\"vbv_ms\":100,\n\"vbv_ms\":200}}", "line 2");
    refused("{\"name\":\"\xff\"}", "UTF-8");
    refused("{\"name\":\"a\\u0000b\"}", "JSON");
    refused("{} {}", "JSON");
    refused("{\"encoder\":{\"vbv_ms\":999999999999999999999}}", "too large");
    assert_string_equal(error.path, "");
}

static void test_files(void **state)
{
    char path[] = "/tmp/castor-config-XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(config_load(path, &config, &error), CASTOR_ERR_INVALID);
    assert_non_null(strstr(error.text, "empty"));
    assert_int_equal(write(fd, "{\"name\":\"of a file\"}", 20), 20);
    assert_int_equal(config_load(path, &config, &error), CASTOR_OK);
    assert_string_equal(config.name, "of a file");
    assert_int_equal(ftruncate(fd, (2 << 20)), 0);
    assert_int_equal(config_load(path, &config, &error), CASTOR_ERR_INVALID);
    assert_non_null(strstr(error.text, "1 MiB"));
    close(fd);
    unlink(path);
    assert_int_equal(config_load(path, &config, &error), CASTOR_ERR_INVALID);
    assert_non_null(strstr(error.text, "No such file"));
    assert_int_equal(config_load("/tmp", &config, &error), CASTOR_ERR_INVALID);
    assert_int_equal(mkfifo(path, 0600), 0); // nobody writes: must not wait
    assert_int_equal(config_load(path, &config, &error), CASTOR_ERR_INVALID);
    unlink(path);
}

static void test_warning(void **state)
{
    (void)state;
    parse("{\"switch\":{\"allow_late\":true,\"stall_budget_ms\":300},"
          "\"destinations\":[{\"name\":\"a\",\"url\":\"srt://h:1\"}]}");
    assert_int_equal(config.warning_count, 1);
    assert_non_null(strstr(config.warnings[0], "the receiver will notice"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_pixels),       cmocka_unit_test(test_rates),
        cmocka_unit_test(test_url),      cmocka_unit_test(test_secrets_stay), cmocka_unit_test(test_no_json),
        cmocka_unit_test(test_files),    cmocka_unit_test(test_warning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
