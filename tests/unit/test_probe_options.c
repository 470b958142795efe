// SPDX-License-Identifier: Apache-2.0
// Command line, limits and addresses.
#include "probe/options.h"
#include "probe/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static int parse(struct options *o, char *message, size_t bytes, const char *const *args)
{
    char *argv[16] = {(char *)"castor-probe"};
    int argc = 1;
    for (; args[argc - 1] != NULL; argc++)
        argv[argc] = (char *)args[argc - 1];
    FILE *errors = fmemopen(message, bytes, "w");
    assert_non_null(errors);
    int result = options_parse(argc, argv, o, errors);
    fclose(errors);
    return result;
}

#define PARSE(o, ...) parse(o, message, sizeof message, (const char *const[]){__VA_ARGS__, NULL})

static void test_options(void **state)
{
    (void)state;
    char message[256];
    struct options o;
    assert_int_equal(
        PARSE(&o, "--duration", "2.5", "--max-lost=0", "a.ts", "--fps", "30000/1001", "--decode"), CASTOR_OK);
    assert_int_equal(o.duration_ns, 2500 * CASTOR_NS_PER_MS);
    assert_string_equal(o.input, "a.ts");
    assert_int_equal(o.rate.den, 1001);
    assert_true(o.decode);
    assert_int_equal(o.limits.count, 1);
    assert_int_equal(o.limits.limits[0].kpi, KPI_LOST);
    assert_int_equal(PARSE(&o, "-"), CASTOR_OK);
    assert_string_equal(o.input, "-");
}

static void test_refused_options(void **state)
{
    (void)state;
    static const char *const wrong[][4] = {
        {"--nothing", "a.ts"},
        {"--max-nothing", "1", "a.ts"},
        {"a.ts", "b.ts"},
        {"--max-lost", "x", "a.ts"},
        {"a.ts", "--duration"},
        {"--duration", "-1", "a.ts"},
        {"--fps", "0", "a.ts"},
        {"--fps", "30/", "a.ts"},
        {"--frames", "1.5", "a.ts"},
        {"--json=yes", "a.ts"},
        {"-x"},
        {"--quiet"},
        {"--duration", "nan", "a.ts"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char message[256] = "";
        struct options o = {.frames = 4711};
        assert_int_equal(parse(&o, message, sizeof message, wrong[i]), CASTOR_ERR_INVALID);
        assert_true(strncmp(message, "castor-probe: ", 14) == 0);
        assert_int_equal(o.frames, 4711);
    }
}

static void test_limits(void **state)
{
    (void)state;
    struct limit_list list = {0};
    struct kpi_set kpis = {0};
    const struct limit *broken[LIMITS_MAX];
    assert_int_equal(limits_set(&list, "max-lost", 2), CASTOR_OK);
    assert_int_equal(limits_set(&list, "min-frames", 100), CASTOR_OK);
    assert_int_equal(limits_set(&list, "max-pcr-interval-ms", 40), CASTOR_OK);
    assert_int_equal(limits_set(&list, "lost", 2), CASTOR_ERR_NOT_FOUND);
    // What was not measured breaks its limit.
    assert_int_equal(limits_find_broken(&list, &kpis, broken), 3);
    kpis.values[KPI_LOST] = (struct kpi_value){true, 2};
    kpis.values[KPI_FRAMES] = (struct kpi_value){true, 99};
    kpis.values[KPI_PCR_INTERVAL] = (struct kpi_value){true, 40.00004}; // printed as 40.000
    assert_int_equal(limits_find_broken(&list, &kpis, broken), 1);
    assert_int_equal(broken[0]->kpi, KPI_FRAMES);
    kpis.values[KPI_LOST].value = 3;
    kpis.values[KPI_PCR_INTERVAL].value = 40.001;
    assert_int_equal(limits_find_broken(&list, &kpis, broken), 3);
    assert_int_equal(limits_set(&list, "max-lost", 3), CASTOR_OK);
    assert_int_equal(list.count, 3);
    assert_int_equal(limits_find_broken(&list, &kpis, broken), 2);
}

static void test_strict(void **state)
{
    (void)state;
    struct limit_list list = {0};
    struct kpi_set kpis = {0};
    const struct limit *broken[LIMITS_MAX];
    assert_int_equal(limits_set(&list, "max-lost", 5), CASTOR_OK);
    limits_set_strict(&list);
    kpis.values[KPI_LOST] = (struct kpi_value){true, 5};
    assert_int_equal(limits_find_broken(&list, &kpis, broken), 0);
    kpis.values[KPI_CC_ERRORS] = (struct kpi_value){true, 1};
    assert_int_equal(limits_find_broken(&list, &kpis, broken), 1);
    assert_int_equal(broken[0]->kpi, KPI_CC_ERRORS);
}

// Every figure has a place of its own in the document and a limit of its own.
static void test_table(void **state)
{
    (void)state;
    for (enum kpi_id i = 0; i < KPI_COUNT; i++) {
        assert_non_null(kpi_table[i].group);
        assert_int_equal(kpi_find_limit(kpi_table[i].limit), i);
        assert_string_not_equal(kpi_group_title(kpi_table[i].group), kpi_table[i].group);
        for (enum kpi_id j = 0; j < i; j++)
            assert_false(strcmp(kpi_table[i].group, kpi_table[j].group) == 0 &&
                         strcmp(kpi_table[i].key, kpi_table[j].key) == 0);
    }
}

static void test_url(void **state)
{
    (void)state;
    struct srt_url url;
    char why[256];
    assert_int_equal(
        url_parse("srt://10.0.0.1:9000?latency=250&passphrase=ten%20chars%21&pbkeylen=24&streamid=a%26b",
                  &url, why, sizeof why),
        CASTOR_OK);
    assert_string_equal(url.host, "10.0.0.1");
    assert_string_equal(url.port, "9000");
    assert_false(url.listener);
    assert_int_equal(url.latency_ms, 250);
    assert_string_equal(url.passphrase, "ten chars!");
    assert_int_equal(url.key_bytes, 24);
    assert_string_equal(url.stream_id, "a&b");
    assert_int_equal(url_parse("srt://:9000", &url, why, sizeof why), CASTOR_OK);
    assert_true(url.listener);
    assert_int_equal(url_parse("srt://[::1]:9000?mode=listener", &url, why, sizeof why), CASTOR_OK);
    assert_string_equal(url.host, "::1");
    static const char *const wrong[] = {
        "udp://a:1",
        "srt://a",
        "srt://a:0",
        "srt://a:65536",
        "srt://a:1?mode=x",
        "srt://a:1?x=1",
        "srt://a:1?latency",
        "srt://a:1?latency=0",
        "srt://a:1?pbkeylen=17&passphrase=0123456789",
        "srt://a:1?pbkeylen=16",
        "srt://a:1?passphrase=short",
        "srt://:1?mode=caller",
        "srt://a:1x",
        "srt://a:1?streamid=%zz",
        "srt://a:1?streamid=%00",
        "srt://a:1/b",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        why[0] = '\0';
        url.latency_ms = 4711;
        assert_int_equal(url_parse(wrong[i], &url, why, sizeof why), CASTOR_ERR_INVALID);
        assert_true(why[0] != '\0');
        assert_int_equal(url.latency_ms, 4711);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options), cmocka_unit_test(test_refused_options), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_strict),  cmocka_unit_test(test_table),           cmocka_unit_test(test_url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
