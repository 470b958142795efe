// SPDX-License-Identifier: Apache-2.0
// Which candidates are eligible, what they score, and what is said about them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hal/select.h"

static struct select_candidate candidates[SELECT_CANDIDATES_MAX];
static struct select_wish wish;
static struct select_result result;

static struct select_candidate good(const char *driver, const char *device, const char *domain)
{
    struct select_candidate c = {
        .rank = SELECT_UNRANKED,
        .trial = SELECT_PASSED,
        .caps_known = true,
        .caps = {.pixels[ENCODER_CODEC_H264] = 1u << CASTOR_PIXEL_I420,
                 .min_width_px = 320,
                 .min_height_px = 180,
                 .max_width_px = 3840,
                 .max_height_px = 2160,
                 .max_in_flight = 1,
                 .flags = ENCODER_CAP_FORCE_IDR | ENCODER_CAP_SET_BITRATE},
        .latency_p50_us = 4000,
        .latency_max_us = 6000,
        .idr_on_request = SELECT_YES,
        .bitrate_changes = SELECT_YES,
    };

    snprintf(c.driver, sizeof c.driver, "%s", driver);
    snprintf(c.device.name, sizeof c.device.name, "%s", device);
    snprintf(c.device.fault_domain, sizeof c.device.fault_domain, "%s", domain);
    return c;
}

static int setup(void **state)
{
    (void)state;
    memset(candidates, 0, sizeof candidates);
    candidates[0] = good("x264", "", "cpu");
    wish = (struct select_wish){
        .codec = ENCODER_CODEC_H264, .format = {1920, 1080, CASTOR_PIXEL_I420, {60, 1}}, .place_count = 1};
    for (uint32_t i = 0; i < SELECT_PLACES_MAX; i++)
        wish.fixed[i] = SELECT_NONE;
    return 0;
}

static const struct select_verdict *judge(void)
{
    select_chain(candidates, 1, &wish, &result);
    return &result.verdict[0];
}

static void assert_rejected(const char *word)
{
    const struct select_verdict *verdict = judge();

    assert_false(verdict->eligible);
    assert_int_equal(verdict->places, 0);
    assert_int_equal(result.place[0], SELECT_NONE);
    assert_int_equal(strncmp(verdict->reason, "rejected: ", 10), 0);
    if (!strstr(verdict->reason, word))
        fail_msg("\"%s\" does not say \"%s\"", verdict->reason, word);
}

static void test_good(void **state)
{
    (void)state;
    const struct select_verdict *verdict = judge();
    assert_true(verdict->eligible);
    assert_int_equal(result.place[0], 0);
    assert_int_equal(verdict->places, 1);
    assert_non_null(strstr(verdict->reason, "path A: score"));
    assert_non_null(strstr(verdict->reason, "software"));
    assert_non_null(strstr(verdict->reason, "4.0 ms (slowest 6.0)"));
    assert_null(strstr(verdict->reason, "restart"));
}

static void test_what_the_device_cannot_do(void **state)
{
    struct encoder_caps *caps = &candidates[0].caps;

    (void)state;
    wish.codec = ENCODER_CODEC_HEVC;
    assert_rejected("codec hevc is not offered");
    caps->pixels[ENCODER_CODEC_HEVC] = 1u << CASTOR_PIXEL_I420 | 1u << CASTOR_PIXEL_P010;
    wish.format.pixel = CASTOR_PIXEL_P010;
    assert_true(judge()->eligible);
    wish.codec = ENCODER_CODEC_H264;
    assert_rejected("h264 from pictures in pixel format p010 is not offered, it takes i420");
    wish.format.pixel = 77;
    assert_rejected("pixel format unknown is not offered");
    setup(NULL);
    caps->max_width_px = 1918;
    assert_rejected("1920x1080 are wanted, it takes 320x180 to 1918x2160");
    setup(NULL);
    caps->max_height_px = 1078;
    assert_rejected("1920x1080");
    setup(NULL);
    caps->min_width_px = 1922;
    assert_rejected("1920x1080");
    setup(NULL);
    caps->min_height_px = 1082;
    assert_rejected("1920x1080");
    setup(NULL);
    caps->max_pixels_per_second = 1920u * 1080u * 60u - 1;
    assert_rejected("pixels a second");
    caps->max_pixels_per_second++;
    assert_true(judge()->eligible);
    caps->max_width_px = 1920;
    caps->max_height_px = 1080;
    assert_true(judge()->eligible);
    caps->flags &= ~(uint32_t)ENCODER_CAP_FORCE_IDR;
    assert_rejected("no IDR on request");
}

static void test_what_the_trial_showed(void **state)
{
    (void)state;
    candidates[0].trial = SELECT_FAILED;
    assert_rejected("its trial failed");
    snprintf(candidates[0].why.text, sizeof candidates[0].why.text, "its trial hung in open");
    assert_rejected("hung in open");
    setup(NULL);
    candidates[0].idr_on_request = SELECT_NO;
    assert_rejected("to be an IDR");
    setup(NULL);
    candidates[0].bitrate_changes = SELECT_NO;
    assert_rejected("says that it can change its bitrate");
    candidates[0].caps.flags &= ~(uint32_t)ENCODER_CAP_SET_BITRATE; // it never said so
    assert_true(judge()->eligible);
    assert_non_null(strstr(judge()->reason, "a new bitrate needs a restart"));
}

static void test_not_tried(void **state)
{
    (void)state;
    candidates[0].trial = SELECT_NOT_TRIED;
    candidates[0].caps_known = false;
    candidates[0].caps = (struct encoder_caps){0};
    candidates[0].latency_p50_us = candidates[0].latency_max_us = 0;
    candidates[0].idr_on_request = candidates[0].bitrate_changes = SELECT_UNKNOWN;
    assert_true(judge()->eligible);
    assert_non_null(strstr(judge()->reason, "not tried"));
}

static void test_for_tests_only(void **state)
{
    (void)state;
    candidates[0].by_request = true;
    assert_rejected("encoder.prefer");
    candidates[0].rank = 0;
    assert_true(judge()->eligible);
}

// More of what is wanted never scores less.
static void test_score_order(void **state)
{
    (void)state;
    int32_t software = judge()->score;
    snprintf(candidates[0].device.fault_domain, sizeof candidates[0].device.fault_domain, "card");
    int32_t hardware = judge()->score;
    assert_true(hardware > software);
    candidates[0].caps.flags |= ENCODER_CAP_VBV;
    int32_t vbv = judge()->score;
    assert_true(vbv > hardware);
    candidates[0].caps.flags |= ENCODER_CAP_DMABUF;
    int32_t dmabuf = judge()->score;
    assert_true(dmabuf > vbv);
    candidates[0].latency_max_us = 2000;
    int32_t quick = judge()->score;
    assert_true(quick > dmabuf);
    candidates[0].bitrate_changes = SELECT_UNKNOWN;
    assert_true(judge()->score < quick);
    candidates[0].bitrate_changes = SELECT_YES;
    candidates[0].rank = SELECT_CANDIDATES_MAX - 1;
    int32_t last = judge()->score;
    assert_true(last > quick + 100);
    candidates[0].rank = 0;
    assert_true(judge()->score > last);
}

// A preferred device that cannot keep up comes after everything that can.
static void test_too_slow(void **state)
{
    (void)state;
    candidates[0].rank = 0;
    candidates[0].latency_p50_us = 16667;
    int32_t slow = judge()->score;
    assert_non_null(strstr(judge()->reason, "too slow"));
    assert_true(judge()->eligible);
    setup(NULL);
    candidates[0].latency_p50_us = 16600;
    candidates[0].bitrate_changes = SELECT_UNKNOWN;
    assert_true(judge()->score > slow);
    assert_null(strstr(judge()->reason, "too slow"));
}

static void test_sharing(void **state)
{
    struct select_candidate a = good("nvenc", "0", "card0"), b = good("nvenc", "1", "card1");
    struct select_candidate c = good("vaapi", "0", "card0"), d = good("x264", "", "");
    struct select_candidate e = good("y264", "", "");

    (void)state;
    assert_int_equal(select_sharing(&a, &a), 3);
    assert_int_equal(select_sharing(&a, &b), 1);
    assert_int_equal(select_sharing(&a, &c), 2);
    assert_int_equal(select_sharing(&b, &c), 0);
    assert_int_equal(select_sharing(&d, &e), 0); // without a domain nothing is known
    snprintf(b.device.fault_domain, sizeof b.device.fault_domain, "card0");
    assert_int_equal(select_sharing(&a, &b), 3); // two engines of a card
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_good, setup),
        cmocka_unit_test_setup(test_what_the_device_cannot_do, setup),
        cmocka_unit_test_setup(test_what_the_trial_showed, setup),
        cmocka_unit_test_setup(test_not_tried, setup),
        cmocka_unit_test_setup(test_for_tests_only, setup),
        cmocka_unit_test_setup(test_score_order, setup),
        cmocka_unit_test_setup(test_too_slow, setup),
        cmocka_unit_test(test_sharing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
