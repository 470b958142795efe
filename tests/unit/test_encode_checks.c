// SPDX-License-Identifier: Apache-2.0
// hal/encoder.c against a driver that breaks its contract.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "hal/encoder.h"

static const uint8_t bytes[] = {0, 0, 0, 1, 9, 0x10};
static struct encoder broken;
static struct encoder_output answer; // what its next receive() says,
static int answer_error;             // with this result

static int broken_probe(const char *device, struct encoder_caps *out, struct encoder_text *why)
{
    (void)device;
    (void)why;
    *out = (struct encoder_caps){
        .pixels[ENCODER_CODEC_H264] = 1u << CASTOR_PIXEL_NV12,
        .max_width_px = 1280,
        .max_height_px = 720,
        .max_pixels_per_second = 1280 * 720 * 30,
        .max_in_flight = 4,
    };
    return CASTOR_OK;
}

static int broken_open(const struct encoder_config *config, struct encoder **out, struct encoder_text *why)
{
    (void)config;
    (void)why;
    memset(&broken, 0, sizeof broken);
    broken.max_in_flight = 4;
    *out = &broken;
    return CASTOR_OK;
}

static int broken_descriptor(const struct encoder *encoder)
{
    (void)encoder;
    return -1;
}

static int broken_submit(struct encoder *encoder, const struct castor_frame *frame, uint32_t flags)
{
    (void)encoder;
    (void)frame;
    (void)flags;
    return CASTOR_OK;
}

static int broken_receive(struct encoder *encoder, struct encoder_output *out, int64_t deadline_ns)
{
    (void)encoder;
    (void)deadline_ns;
    *out = answer;
    return answer_error;
}

static const struct encoder_driver driver = {
    .name = "broken",
    .description = "",
    .probe = broken_probe,
    .open = broken_open,
    .descriptor = broken_descriptor,
    .submit = broken_submit,
    .receive = broken_receive,
};

static struct encoder *opened_with_frames(uint64_t first, unsigned count)
{
    struct encoder_config config = {
        .codec = ENCODER_CODEC_H264,
        .format = {.width_px = 640, .height_px = 360, .pixel = CASTOR_PIXEL_NV12, .rate = {30, 1}},
        .bitrate_bps = 1000000,
    };
    static uint8_t pixel;
    struct castor_frame frame = {.plane = {&pixel, &pixel}};
    struct encoder *encoder;
    struct encoder_text why;

    assert_int_equal(encoder_open(&driver, &config, &encoder, &why), CASTOR_OK);
    for (unsigned i = 0; i < count; i++) {
        frame.sequence = first + i;
        frame.capture_ns = (int64_t)(first + i) * 10;
        assert_int_equal(encoder_submit(encoder, &frame, 0), CASTOR_OK);
    }
    answer_error = CASTOR_OK;
    answer = (struct encoder_output){
        .kind = ENCODER_OUTPUT_CODED,
        .packet = {.data = bytes, .size_bytes = sizeof bytes},
    };
    return encoder;
}

static void expect(struct encoder *encoder, enum encoder_output_kind kind, uint64_t sequence)
{
    struct encoder_output output;

    assert_int_equal(encoder_receive(encoder, &output, 0), CASTOR_OK);
    assert_int_equal(output.kind, kind);
    assert_int_equal(output.packet.sequence, sequence);
    assert_int_equal(output.packet.capture_ns, sequence * 10);
}

static void a_gap_is_filled_with_drops(void **state)
{
    struct encoder *encoder = opened_with_frames(5, 4);

    (void)state;
    answer.packet.sequence = 7;
    expect(encoder, ENCODER_OUTPUT_DROPPED, 5);
    assert_true(encoder_has_held(encoder));
    answer.packet.sequence = 0; // must not be asked before the held result is out
    expect(encoder, ENCODER_OUTPUT_DROPPED, 6);
    expect(encoder, ENCODER_OUTPUT_CODED, 7);
    assert_false(encoder_has_held(encoder));
    assert_int_equal(encoder_in_flight(encoder), 1);
}

static void a_frame_that_was_not_lent_is_an_error(void **state)
{
    struct encoder *encoder = opened_with_frames(5, 2);
    struct encoder_output output;

    (void)state;
    answer.packet.sequence = 9;
    assert_int_equal(encoder_receive(encoder, &output, 0), CASTOR_ERR_INTERNAL);
    assert_non_null(strstr(encoder_fault(encoder), "9"));
}

static void unusable_sizes_are_drops(void **state)
{
    struct encoder *encoder = opened_with_frames(5, 3);

    (void)state;
    answer.packet.sequence = 5;
    answer.packet.size_bytes = 0;
    expect(encoder, ENCODER_OUTPUT_DROPPED, 5);
    answer.packet.sequence = 6;
    answer.packet.size_bytes = ENCODER_ACCESS_UNIT_MAX_BYTES + 1;
    expect(encoder, ENCODER_OUTPUT_DROPPED, 6);
    answer.packet.sequence = 7;
    answer.packet.size_bytes = 6;
    answer.packet.data = NULL;
    expect(encoder, ENCODER_OUTPUT_DROPPED, 7);
}

static void a_driver_that_forgot_its_frames_is_not_believed(void **state)
{
    struct encoder *encoder = opened_with_frames(5, 2);
    struct encoder_output output;

    (void)state;
    answer_error = CASTOR_ERR_AGAIN;
    expect(encoder, ENCODER_OUTPUT_DROPPED, 5);
    expect(encoder, ENCODER_OUTPUT_DROPPED, 6);
    assert_int_equal(encoder_receive(encoder, &output, 0), CASTOR_ERR_AGAIN);
}

static void capabilities_are_enforced(void **state)
{
    const struct encoder_config good = {
        .codec = ENCODER_CODEC_H264,
        .format = {.width_px = 1280, .height_px = 720, .pixel = CASTOR_PIXEL_NV12, .rate = {30, 1}},
        .bitrate_bps = 1000000,
    };
    struct encoder_config bad[4] = {good, good, good, good};
    struct encoder *encoder;
    struct encoder_text why;

    (void)state;
    assert_int_equal(encoder_open(&driver, &good, &encoder, &why), CASTOR_OK);
    bad[0].format.width_px = 1282;
    bad[1].format.rate.num = 31;
    bad[2].format.pixel = CASTOR_PIXEL_I420;
    bad[3].codec = ENCODER_CODEC_HEVC;
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(encoder_open(&driver, &bad[i], &encoder, &why), CASTOR_ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gap_is_filled_with_drops),
        cmocka_unit_test(a_frame_that_was_not_lent_is_an_error),
        cmocka_unit_test(unusable_sizes_are_drops),
        cmocka_unit_test(a_driver_that_forgot_its_frames_is_not_believed),
        cmocka_unit_test(capabilities_are_enforced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
