// SPDX-License-Identifier: Apache-2.0
// Trials of drivers that do well and of drivers that lie, in this process.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encode/trial.h"
#include "encode/trial_picture.h"
#include "../contract/encoder_named.h"

static struct trial_settings settings;
static struct trial_report report;
static unsigned steps;

static void count_step(const char *name)
{
    assert_true(name[0] != '\0');
    steps++;
}

static int setup(void **state)
{
    (void)state;
    steps = 0;
    settings = (struct trial_settings){
        .driver = encoder_named("fake"),
        .config = {.codec = ENCODER_CODEC_H264,
                   .format = {640, 360, CASTOR_PIXEL_I420, {30, 1}},
                   .bitrate_bps = 2000000,
                   .vbv_ms = 250},
        .phase_frames = 24,
        .step = count_step,
    };
    return 0;
}

static void assert_fails(const char *script, const char *word)
{
    settings.config.script = script;
    trial_run(&settings, &report);
    assert_false(report.passed);
    if (!strstr(report.why.text, word))
        fail_msg("\"%s\" does not say \"%s\"", report.why.text, word);
}

static void test_x264(void **state)
{
    (void)state;
    settings.driver = encoder_named("x264");
    trial_run(&settings, &report);
    if (!report.passed)
        fail_msg("%s", report.why.text);
    assert_true(report.caps_known);
    assert_string_equal(report.device.fault_domain, "cpu");
    assert_true(report.frames > 2 * 24);
    assert_int_equal(report.dropped, 0);
    assert_int_equal(report.idr_asked, 4);
    assert_int_equal(report.idr_exact, 4);
    assert_int_equal(report.idr_unasked, 0);
    assert_true(report.latency_p50_us > 0 && report.latency_p50_us <= report.latency_max_us);
    assert_true(report.bitrate_measured && report.bitrate_follows);
    // The pictures are rich enough to fill the rate: otherwise a change of it could not show.
    assert_in_range(report.measured_before_bps, 1000000, 3000000);
    assert_in_range(report.measured_after_bps, 500000, 1500000);
    assert_true(steps >= 6);
}

static void test_fake(void **state)
{
    (void)state;
    trial_run(&settings, &report);
    assert_true(report.passed);
    assert_int_equal(report.idr_exact, 4);
    assert_false(report.bitrate_measured); // it does not claim to
    settings.config.script = "at 20 drop"; // one in a while is no reason
    trial_run(&settings, &report);
    assert_true(report.passed);
    assert_int_equal(report.dropped, 1);
    assert_true(report.frames < TRIAL_PERCENTILE_FRAMES);
    assert_int_equal(report.latency_p99_us, 0);
    settings.config.script = "delay 1ms";
    settings.phase_frames = TRIAL_PERCENTILE_FRAMES;
    trial_run(&settings, &report);
    assert_true(report.latency_p50_us >= 1000 && report.latency_p99_us >= report.latency_p50_us &&
                report.latency_p99_us <= report.latency_max_us);
}

static void test_lies(void **state)
{
    (void)state;
    assert_fails("at 15 garbage", "frame 15");
    assert_fails("at 4 no_parameter_sets", "frame 4");
    assert_fails("at 4 wrong_size", "frame 4");
    assert_fails("from 10 drop", "dropped");
    assert_fails("from 10 empty", "dropped");
    assert_fails("at 7 drop", "1 of 4 frames that were to be an IDR were none");
    assert_fails("from 12 silent", "nothing came out");
    assert_fails("nonsense", "nonsense");
}

// Drivers of this test: fake with one thing changed.
static int promise_bitrate(const char *device, struct encoder_caps *out, struct encoder_text *why)
{
    int error = encoder_named("fake")->probe(device, out, why);

    out->flags |= ENCODER_CAP_SET_BITRATE;
    return error;
}

static int refuse_to_probe(const char *device, struct encoder_caps *out, struct encoder_text *why)
{
    (void)out;
    return encoder_text_set(why, CASTOR_ERR_BUSY, "\"%s\" is taken", device);
}

static int probe_without_a_word(const char *device, struct encoder_caps *out, struct encoder_text *why)
{
    (void)device;
    (void)out;
    (void)why;
    return CASTOR_ERR_DENIED;
}

static int submit_without_idr(struct encoder *encoder, const struct castor_frame *frame, uint32_t flags)
{
    (void)flags;
    return encoder_named("fake")->submit(encoder, frame, 0);
}

static void test_promises(void **state)
{
    struct encoder_driver driver = *encoder_named("fake");

    (void)state;
    settings.driver = &driver;
    driver.probe = promise_bitrate;
    assert_fails("", "told to go from 2000 to 1000 kbit/s");
    assert_true(report.bitrate_measured && !report.bitrate_follows);
    driver = *encoder_named("fake");
    driver.submit = submit_without_idr;
    assert_fails("", "4 of 4 frames that were to be an IDR were none");
    driver = *encoder_named("fake");
    driver.probe = refuse_to_probe;
    assert_fails("", "is taken");
    assert_false(report.caps_known);
    driver.probe = probe_without_a_word;
    assert_fails("", "probe: ");
}

static void test_format(void **state)
{
    (void)state;
    settings.config.format.width_px = 641;
    assert_fails("", "641");
    settings.config.format.width_px = 640;
    settings.config.format.pixel = CASTOR_PIXEL_P010;
    assert_fails("", "pixel format");
}

static void test_take_over(void **state)
{
    struct trial_settings other = settings;
    struct trial_take_over take_over;

    (void)state;
    other.driver = encoder_named("x264");
    trial_run_take_over(&settings, &other, &take_over);
    if (!take_over.passed)
        fail_msg("%s", take_over.why.text);
    assert_int_equal(take_over.count, TRIAL_TAKE_OVERS);
    assert_true(take_over.median_us > 0 && take_over.median_us <= take_over.worst_us);
    trial_run_take_over(&other, &other, &take_over);
    assert_true(take_over.passed);
    settings.config.script = "from 5 garbage";
    trial_run_take_over(&settings, &other, &take_over);
    assert_false(take_over.passed);
    assert_non_null(strstr(take_over.why.text, "frame 5"));
    settings.config.script = "at 20 drop"; // the second, at its second take-over: 8 + 1 + 3 frames a round
    trial_run_take_over(&other, &settings, &take_over);
    assert_false(take_over.passed);
    assert_int_equal(take_over.count, 1);
    assert_non_null(strstr(take_over.why.text, "no IDR"));
}

static void test_pictures(void **state)
{
    const struct castor_format format = {320, 180, CASTOR_PIXEL_NV12, {30, 1}};
    struct trial_pictures pictures;
    struct castor_frame a, b;

    (void)state;
    assert_int_equal(trial_pictures_create(&format, &pictures), CASTOR_OK);
    trial_pictures_draw(&pictures, 5, &a);
    trial_pictures_draw(&pictures, 6, &b);
    assert_int_equal(a.sequence, 5);
    assert_ptr_not_equal(a.plane[0], b.plane[0]);
    assert_null(a.plane[2]);
    // Bits 0 and 2 of 5, cells 10 pixels wide.
    assert_int_equal(a.plane[0][0], 235);
    assert_int_equal(a.plane[0][10], 16);
    assert_int_equal(a.plane[0][20], 235);
    assert_int_equal(b.plane[0][0], 16);
    trial_pictures_destroy(&pictures);
    assert_null(pictures.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_x264, setup),     cmocka_unit_test_setup(test_fake, setup),
        cmocka_unit_test_setup(test_lies, setup),     cmocka_unit_test_setup(test_promises, setup),
        cmocka_unit_test_setup(test_format, setup),   cmocka_unit_test_setup(test_take_over, setup),
        cmocka_unit_test_setup(test_pictures, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
