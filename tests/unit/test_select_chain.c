// SPDX-License-Identifier: Apache-2.0
// How the places of the chain are filled: by hand for what matters, then thousands of boxes against a slow
// and plain account of the rule.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hal/select.h"

#define BOXES 20000

static struct select_candidate candidates[SELECT_CANDIDATES_MAX];
static uint32_t count;
static struct select_wish wish;
static struct select_result result;

static int setup(void **state)
{
    (void)state;
    memset(candidates, 0, sizeof candidates);
    count = 0;
    wish = (struct select_wish){
        .codec = ENCODER_CODEC_H264, .format = {1280, 720, CASTOR_PIXEL_I420, {30, 1}}, .place_count = 2};
    for (uint32_t i = 0; i < SELECT_PLACES_MAX; i++)
        wish.fixed[i] = SELECT_NONE;
    return 0;
}

static uint32_t add(const char *driver, const char *device, const char *domain, uint32_t latency_us)
{
    struct select_candidate *c = &candidates[count];

    *c = (struct select_candidate){
        .rank = SELECT_UNRANKED,
        .trial = SELECT_PASSED,
        .latency_p50_us = latency_us,
        .latency_max_us = latency_us,
        .idr_on_request = SELECT_YES,
        .bitrate_changes = SELECT_YES,
    };
    snprintf(c->driver, sizeof c->driver, "%s", driver);
    snprintf(c->device.name, sizeof c->device.name, "%s", device);
    snprintf(c->device.fault_domain, sizeof c->device.fault_domain, "%s", domain);
    return count++;
}

static void assert_places(uint32_t a, uint32_t b)
{
    select_chain(candidates, count, &wish, &result);
    if (result.place[0] != a || result.place[1] != b)
        fail_msg("A is %u and B is %u, not %u and %u: %s", result.place[0], result.place[1], a, b,
                 result.verdict[result.place[0]].reason);
}

static void test_only_software(void **state)
{
    (void)state;
    uint32_t x264 = add("x264", "", "cpu", 5000);
    assert_places(x264, x264);
    assert_int_equal(result.verdict[x264].places, 3);
    assert_non_null(strstr(result.verdict[x264].reason, "path A and B"));
    assert_non_null(strstr(result.verdict[x264].reason, "shares driver and device with path A for want of"));
}

static void test_nothing(void **state)
{
    (void)state;
    assert_places(SELECT_NONE, SELECT_NONE);
    uint32_t broken = add("nvenc", "0", "card0", 0);
    candidates[broken].trial = SELECT_FAILED;
    select_chain(candidates, count, &wish, &result);
    assert_int_equal(result.place[0], SELECT_NONE);
    assert_int_equal(result.place[1], SELECT_NONE);
}

static void test_two_kinds(void **state)
{
    (void)state;
    uint32_t x264 = add("x264", "", "cpu", 5000);
    uint32_t first = add("nvenc", "0", "card0", 2000);
    uint32_t second = add("nvenc", "1", "card1", 2000);
    // The second card scores more than the processor, but shares its driver.
    assert_places(first, x264);
    assert_non_null(strstr(result.verdict[x264].reason, "path B"));
    assert_non_null(strstr(result.verdict[x264].reason, "shares neither device nor driver"));
    assert_non_null(strstr(result.verdict[second].reason, "spare"));
    candidates[x264].trial = SELECT_FAILED;
    assert_places(first, second); // the driver, for want of another, rather than the card
    assert_non_null(
        strstr(result.verdict[second].reason, "shares the driver with path A for want of another"));
}

static void test_card_before_driver(void **state)
{
    (void)state;
    uint32_t nvenc0 = add("nvenc", "0", "card0", 2000);
    (void)add("vaapi", "0", "card0", 2000);
    uint32_t nvenc1 = add("nvenc", "1", "card1", 3000);
    candidates[nvenc0].rank = 0;
    // nvenc 1 and vaapi share nothing, so the pair is made of them although nvenc 0 is preferred.
    assert_places(1, nvenc1);
    candidates[1].trial = SELECT_FAILED;
    assert_places(nvenc0, nvenc1);
}

static void test_preference(void **state)
{
    (void)state;
    uint32_t vaapi = add("vaapi", "/dev/dri/renderD128", "gpu", 3000);
    uint32_t x264 = add("x264", "", "cpu", 9000);
    uint32_t m2m = add("v4l2m2m", "/dev/video11", "codec", 3000);
    candidates[x264].rank = 0;
    candidates[m2m].rank = 1;
    assert_places(x264, m2m);
    candidates[x264].rank = SELECT_UNRANKED;
    assert_places(m2m, vaapi);
}

static void test_untried_is_last(void **state)
{
    (void)state;
    uint32_t nvenc = add("nvenc", "0", "card0", 0);
    uint32_t x264 = add("x264", "", "cpu", 9000);
    candidates[nvenc].trial = SELECT_NOT_TRIED;
    candidates[nvenc].rank = 0;
    assert_places(x264, x264);
    candidates[x264].trial = SELECT_FAILED;
    assert_places(nvenc, nvenc);
}

static void test_too_slow_is_no_standby(void **state)
{
    (void)state;
    uint32_t first = add("nvenc", "0", "card0", 2000);
    uint32_t second = add("nvenc", "1", "card1", 2000);
    uint32_t x264 = add("x264", "", "cpu", 40000);
    assert_places(first, second);
    candidates[second].trial = SELECT_FAILED;
    candidates[first].trial = SELECT_FAILED;
    assert_places(x264, x264); // better than nothing
}

static void test_given_places(void **state)
{
    (void)state;
    uint32_t x264 = add("x264", "", "cpu", 5000);
    uint32_t nvenc = add("nvenc", "0", "card0", 2000);
    wish.fixed[0] = nvenc;
    assert_places(nvenc, x264);
    wish.fixed[0] = SELECT_NONE;
    wish.fixed[1] = nvenc;
    assert_places(x264, nvenc);
    candidates[nvenc].trial = SELECT_FAILED; // the configuration insists
    assert_places(x264, nvenc);
    assert_non_null(strstr(result.verdict[nvenc].reason, "given by the configuration, although rejected"));
}

static void test_given_place_that_was_not_found(void **state)
{
    (void)state;
    uint32_t first = add("nvenc", "0", "card0", 2000);
    uint32_t x264 = add("x264", "", "cpu", 5000);
    wish.held[0] = true;
    snprintf(wish.held_driver[0], sizeof wish.held_driver[0], "nvenc");
    assert_places(SELECT_NONE, x264);
    snprintf(wish.held_driver[0], sizeof wish.held_driver[0], "x264");
    assert_places(SELECT_NONE, first);
}

static void test_long_chain(void **state)
{
    (void)state;
    uint32_t x264 = add("x264", "", "cpu", 9000);
    uint32_t nvenc0 = add("nvenc", "0", "card0", 2000);
    uint32_t nvenc1 = add("nvenc", "1", "card1", 2500);
    uint32_t vaapi = add("vaapi", "d", "gpu", 3000);
    wish.place_count = 5;
    assert_places(nvenc0, vaapi);
    assert_int_equal(result.place[2], x264);
    assert_int_equal(result.place[3], nvenc1);
    assert_int_not_equal(result.place[4], SELECT_NONE); // somebody twice
}

// ---- thousands of boxes ----

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % n;
}

static void make_box(void)
{
    static const char *const drivers[] = {"nvenc", "vaapi", "v4l2m2m", "x264"};
    uint32_t wanted = random_below(7);

    setup(NULL);
    wish.place_count = 1 + random_below(4);
    while (count < wanted) {
        char device[16], domain[16];
        uint32_t driver = random_below(4);
        snprintf(device, sizeof device, "%u", count);
        snprintf(domain, sizeof domain, "card%u", random_below(3));
        uint32_t i = add(drivers[driver], driver == 3 ? "" : device, driver == 3 ? "cpu" : domain,
                         random_below(40000));
        candidates[i].rank = random_below(3) ? SELECT_UNRANKED : random_below(4);
        candidates[i].trial = (enum select_trial)random_below(3);
    }
}

static uint32_t has_doubt(uint32_t i)
{
    return candidates[i].trial == SELECT_NOT_TRIED || candidates[i].latency_p50_us > 33333;
}

// The rule for two places, spelled out.
static void assert_pair(void)
{
    uint32_t a = result.place[0], b = result.place[1];
    uint32_t doubts = has_doubt(a) + has_doubt(b);
    uint32_t sharing = select_sharing(&candidates[a], &candidates[b]);

    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < count; k++) {
            if (candidates[i].trial == SELECT_FAILED || candidates[k].trial == SELECT_FAILED)
                continue;
            uint32_t d = has_doubt(i) + has_doubt(k);
            uint32_t s = select_sharing(&candidates[i], &candidates[k]);
            assert_true(d >= doubts);
            if (d > doubts)
                continue;
            assert_true(s >= sharing);
            if (s > sharing)
                continue;
            assert_true(result.verdict[i].score <= result.verdict[a].score);
            if (result.verdict[i].score == result.verdict[a].score)
                assert_true(result.verdict[k].score <= result.verdict[b].score);
        }
    }
}

static void test_many_boxes(void **state)
{
    uint32_t pairs = 0, empty = 0;

    (void)state;
    for (uint32_t box = 0; box < BOXES; box++) {
        make_box();
        uint32_t usable = 0;
        for (uint32_t i = 0; i < count; i++)
            usable += candidates[i].trial != SELECT_FAILED;
        select_chain(candidates, count, &wish, &result);
        for (uint32_t i = 0; i < count; i++) {
            const struct select_verdict *verdict = &result.verdict[i];
            assert_true(verdict->reason[0] != '\0');
            assert_int_equal(verdict->eligible, candidates[i].trial != SELECT_FAILED);
            for (uint32_t k = 0; k < SELECT_PLACES_MAX; k++)
                assert_int_equal(verdict->places >> k & 1, result.place[k] == i);
        }
        for (uint32_t k = 0; k < SELECT_PLACES_MAX; k++) {
            bool filled = result.place[k] != SELECT_NONE;
            assert_int_equal(filled, k < wish.place_count && usable > 0);
            assert_true(!filled || candidates[result.place[k]].trial != SELECT_FAILED);
        }
        empty += usable == 0;
        if (usable > 0 && wish.place_count >= 2) {
            assert_pair();
            pairs++;
        }
    }
    assert_true(pairs > BOXES / 2 && empty > BOXES / 20); // the boxes were of many kinds
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_only_software, setup),
        cmocka_unit_test_setup(test_nothing, setup),
        cmocka_unit_test_setup(test_two_kinds, setup),
        cmocka_unit_test_setup(test_card_before_driver, setup),
        cmocka_unit_test_setup(test_preference, setup),
        cmocka_unit_test_setup(test_untried_is_last, setup),
        cmocka_unit_test_setup(test_too_slow_is_no_standby, setup),
        cmocka_unit_test_setup(test_given_places, setup),
        cmocka_unit_test_setup(test_given_place_that_was_not_found, setup),
        cmocka_unit_test_setup(test_long_chain, setup),
        cmocka_unit_test_setup(test_many_boxes, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
