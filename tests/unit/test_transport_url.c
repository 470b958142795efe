// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "transport/srt_url.h"

static void accept_url(const char *url, struct transport_config *out)
{
    struct transport_text why = {""};
    int error = srt_url_parse(url, out, &why);

    if (error)
        print_error("%s: %s\n", url, why.text);
    assert_int_equal(error, CASTOR_OK);
}

// Refused, with `hint` somewhere in the reason.
static void refuse_url(const char *url, const char *hint)
{
    struct transport_config config, before;
    struct transport_text why = {""};

    memset(&config, 0x5a, sizeof config);
    before = config;
    assert_int_equal(srt_url_parse(url, &config, &why), CASTOR_ERR_INVALID);
    assert_memory_equal(&config, &before, sizeof config);
    if (!strstr(why.text, hint))
        print_error("%s: \"%s\" lacks \"%s\"\n", url, why.text, hint);
    assert_non_null(strstr(why.text, hint));
    assert_int_equal(srt_url_parse(url, &config, NULL), CASTOR_ERR_INVALID);
}

static void test_defaults(void **state)
{
    struct transport_config c;

    (void)state;
    accept_url("srt://example.org:9000", &c);
    assert_int_equal(c.mode, TRANSPORT_MODE_CALLER);
    assert_string_equal(c.host, "example.org");
    assert_int_equal(c.port, 9000);
    assert_int_equal(c.latency_ms, 120);
    assert_int_equal(c.key_bytes, 16);
    assert_int_equal(c.receivers_max, 8);
    assert_int_equal(c.connect_timeout_ms, 3000);
    assert_int_equal(c.idle_timeout_ms, 2000);
    assert_int_equal(c.ip_tos, -1);
    assert_string_equal(c.passphrase, "");
    assert_string_equal(c.stream_id, "");
}

static void test_all_keys(void **state)
{
    struct transport_config c;

    (void)state;
    accept_url("srt://192.0.2.1:1?mode=caller&latency=250&passphrase=0123456789&pbkeylen=32&streamid=a"
               "&transtype=live&conntimeo=500&peeridletimeo=1500&sndbuf=1000000&maxbw=1000&iptos=184"
               "&ipttl=5&receivers=3",
               &c);
    assert_int_equal(c.latency_ms, 250);
    assert_string_equal(c.passphrase, "0123456789");
    assert_int_equal(c.key_bytes, 32);
    assert_string_equal(c.stream_id, "a");
    assert_int_equal(c.connect_timeout_ms, 500);
    assert_int_equal(c.idle_timeout_ms, 1500);
    assert_int_equal(c.buffer_bytes, 1000000);
    assert_int_equal(c.bandwidth_max_bps, 8000);
    assert_int_equal(c.ip_tos, 184);
    assert_int_equal(c.ip_ttl, 5);
    assert_int_equal(c.receivers_max, 3);
}

static void test_modes_and_hosts(void **state)
{
    struct transport_config c;

    (void)state;
    accept_url("srt://:7000", &c);
    assert_int_equal(c.mode, TRANSPORT_MODE_LISTENER);
    assert_string_equal(c.host, "");
    accept_url("srt://127.0.0.1:7000?mode=listener", &c);
    assert_int_equal(c.mode, TRANSPORT_MODE_LISTENER);
    accept_url("srt://[2001:db8::1]:65535/?latency=0", &c);
    assert_string_equal(c.host, "2001:db8::1");
    assert_int_equal(c.port, 65535);
    assert_int_equal(c.latency_ms, 0);
    accept_url("srt://[fe80::1%25eth0]:1?", &c);
    refuse_url("srt://:7000?mode=caller", "host: missing");
    refuse_url("srt://2001:db8::1:9000", "port");
    refuse_url("srt://user@host:9000", "user names");
}

static void test_percent_decoding(void **state)
{
    struct transport_config c;

    (void)state;
    accept_url("srt://h:1?streamid=%23!::r=live/a,m=publish%26x%3d1+%25", &c);
    assert_string_equal(c.stream_id, "#!::r=live/a,m=publish&x=1+%");
    accept_url("srt://h:1?passphrase=p%C3%A4sswort-%2B", &c);
    assert_string_equal(c.passphrase, "p\xc3\xa4sswort-+");
    refuse_url("srt://h:1?streamid=a%", "hexadecimal");
    refuse_url("srt://h:1?streamid=a%2", "hexadecimal");
    refuse_url("srt://h:1?streamid=a%2x", "hexadecimal");
    refuse_url("srt://h:1?streamid=a%00b", "zero byte");
    refuse_url("srt://h:1?streamid=#!::r=a", "%23");
}

static void test_refused(void **state)
{
    (void)state;
    refuse_url("", "srt://");
    refuse_url("udp://h:1", "srt://");
    refuse_url("srt://h", "port");
    refuse_url("srt://h:", "port");
    refuse_url("srt://h:0", "port");
    refuse_url("srt://h:65536", "1 to 65535");
    refuse_url("srt://h:99999999999999999999", "port");
    refuse_url("srt://h:-1", "port");
    refuse_url("srt://h:1x", "port");
    refuse_url("srt://h:1/live", "streamid");
    refuse_url("srt://h:1?mode=rendezvous", "caller or listener");
    refuse_url("srt://h:1?latency=250000", "milliseconds");
    refuse_url("srt://h:1?latency=-1", "latency");
    refuse_url("srt://h:1?latency=", "latency");
    refuse_url("srt://h:1?latency", "latency=");
    refuse_url("srt://h:1?latency=1&latency=2", "twice");
    refuse_url("srt://h:1?pbkeylen=128", "16, 24 or 32");
    refuse_url("srt://h:1?passphrase=short", "10 to 79");
    refuse_url("srt://h:1?tranport=live", "tranport: not a known key");
    refuse_url("srt://h:1?transtype=file", "live");
    refuse_url("srt://h:1?receivers=9", "1 to 8");
    refuse_url("srt://h:1?sndbuf=1000", "sndbuf");
}

static void test_lengths(void **state)
{
    char url[2048], text[600];
    struct transport_config c;

    (void)state;
    memset(text, 'a', sizeof text);
    snprintf(url, sizeof url, "srt://h:1?streamid=%.512s", text);
    accept_url(url, &c);
    assert_int_equal(strlen(c.stream_id), 512);
    snprintf(url, sizeof url, "srt://h:1?streamid=%.513s", text);
    refuse_url(url, "512");
    snprintf(url, sizeof url, "srt://h:1?passphrase=%.79s", text);
    accept_url(url, &c);
    snprintf(url, sizeof url, "srt://h:1?passphrase=%.80s", text);
    refuse_url(url, "80 characters");
    snprintf(url, sizeof url, "srt://%.255s:1", text);
    accept_url(url, &c);
    snprintf(url, sizeof url, "srt://%.256s:1", text);
    refuse_url(url, "255");
}

// Whatever is wrong around it, a passphrase is never repeated.
static void test_secrets_stay_secret(void **state)
{
    static const char *const urls[] = {
        "srt://h:1?passphrase=HUSH",
        "srt://h:1?passphrase=HUSH%zz",
        "srt://h:1?passphrase=HUSHHUSHHUSH&nonsense=HUSH",
        "srt://h:1?passphrase=abcdefghij&HUSH=1",
        "srt://h:1?passphrase=abcdefghij&HUSH",
        "srt://h:1?streamid=HUSH&passphrase=HUSH&latency=HUSH",
        "srt://h:1?streamid=HUSH%0a",
        "srt://HUSH:HUSH@h:1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
        refuse_url(urls[i], "");
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct transport_config c;
        struct transport_text why = {""};

        assert_int_equal(srt_url_parse(urls[i], &c, &why), CASTOR_ERR_INVALID);
        assert_null(strstr(why.text, "HUSH"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_all_keys),
        cmocka_unit_test(test_modes_and_hosts),
        cmocka_unit_test(test_percent_decoding),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_secrets_stay_secret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
