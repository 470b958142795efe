// SPDX-License-Identifier: Apache-2.0
// What NVIDIA's library may answer besides success, one by one.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/coded.h"
#include "encoder/drivers.h"
#include "encoder_rig.h"
#include "hal/time.h"

// What is coded: every test but those of the capabilities runs once with each.
static enum encoder_codec codec;
static enum castor_pixel_format pixel;

static struct encoder_config default_config(void)
{
    struct encoder_config config = rig_default_config(pixel);

    config.codec = codec;
    return config;
}

static void open_with(struct rig *rig, const char *schedule)
{
    struct encoder_config config = default_config();

    setenv("CASTOR_STANDIN_NVENC", schedule, 1);
    rig_open(rig, &encoder_driver_nvenc, &config);
}

static bool is_idr(const struct rig *rig, const struct encoder_output *output)
{
    struct coded_summary summary;

    assert_int_equal(coded_check_access_unit(codec, output->packet.data, output->packet.size_bytes,
                                             &rig->config.format, CODED_SCAN_ALL, &summary),
                     CODED_OK);
    assert_int_equal(summary.idr, (output->packet.flags & CASTOR_PACKET_IDR) != 0);
    return summary.idr;
}

static void fails_to_open(const char *schedule, int expected, const char *word)
{
    struct encoder_config config = default_config();
    struct encoder *encoder = NULL;
    struct encoder_text why = {""};

    setenv("CASTOR_STANDIN_NVENC", schedule, 1);
    int error = encoder_open(&encoder_driver_nvenc, &config, &encoder, &why);
    if (error != expected)
        fail_msg("%s: %s, not %s: %s", schedule, castor_error_text(error), castor_error_text(expected),
                 why.text);
    if (!strstr(why.text, word))
        fail_msg("%s: \"%s\" does not say \"%s\"", schedule, why.text, word);
}

static void refusals_at_open(void **state)
{
    (void)state;
    fails_to_open("version=10.0", CASTOR_ERR_UNSUPPORTED, "470.57.02");
    fails_to_open("instance:fail", CASTOR_ERR_UNSUPPORTED, "NvEncodeAPICreateInstance");
    fails_to_open("cuinit:fail", CASTOR_ERR_IO, "cuInit");
    fails_to_open("context:oom", CASTOR_ERR_NO_MEMORY, "cuCtxCreate");
    fails_to_open("open:limit", CASTOR_ERR_NO_MEMORY, "limit");
    fails_to_open("open:key", CASTOR_ERR_NO_MEMORY, "limit");
    fails_to_open("open:lost", CASTOR_ERR_IO, "DEVICE_NOT_EXIST");
    fails_to_open("open:busy", CASTOR_ERR_BUSY, "busy");
    fails_to_open("guids:fail", CASTOR_ERR_IO, "GENERIC");
    fails_to_open("profiles:fail", CASTOR_ERR_IO, "ProfileGUIDs");
    fails_to_open("formats:oom", CASTOR_ERR_NO_MEMORY, "OUT_OF_MEMORY");
    fails_to_open("preset:fail", CASTOR_ERR_IO, "PresetConfig");
    fails_to_open("initialize:oom", CASTOR_ERR_NO_MEMORY, "NvEncInitializeEncoder");
    fails_to_open("initialize:lost", CASTOR_ERR_IO, "gone");
    fails_to_open("without=register,create_input:oom@3", CASTOR_ERR_NO_MEMORY, "InputBuffer");
    fails_to_open("create_output:oom@3", CASTOR_ERR_NO_MEMORY, "BitstreamBuffer");
}

static void session_limit(void **state)
{
    struct encoder_config config = default_config();
    struct encoder *second = NULL;
    struct encoder_text why = {""};
    struct rig rig;

    (void)state;
    open_with(&rig, "limit=1");
    assert_int_equal(encoder_open(&encoder_driver_nvenc, &config, &second, &why), CASTOR_ERR_NO_MEMORY);
    assert_non_null(strstr(why.text, "limit"));
    rig_close(&rig);
    open_with(&rig, "limit=1"); // the place is free again
    rig_close(&rig);
}

// The device says "later": everything comes all the same, in order.
static void busy_is_waited_for(void **state)
{
    static const char *const schedules[] = {
        "encode:busy@3:20", "lock:busy@4:30", "without=register,lock_input:busy@5",
        "map:busy@5",       "unmap:busy@2",   "eos:busy@1",
        "reconfigure:busy", "slow@5:120"};

    (void)state;
    for (size_t s = 0; s < sizeof schedules / sizeof schedules[0]; s++) {
        struct encoder_output output;
        struct rig rig;
        uint64_t in = 0;
        open_with(&rig, schedules[s]);
        for (uint64_t out = 0; out < 20; out++) {
            if (in == 8)
                assert_int_equal(encoder_set_bitrate(rig.encoder, 1500000), CASTOR_OK);
            while (in < 20 && encoder_in_flight(rig.encoder) < rig.encoder->max_in_flight)
                assert_int_equal(rig_submit(&rig, in++, 0), CASTOR_OK);
            if (in == 20 && out == 18)
                assert_int_equal(encoder_flush(rig.encoder, castor_now_ns()), CASTOR_OK);
            assert_int_equal(rig_receive(&rig, &output), CASTOR_OK);
            assert_int_equal(output.packet.sequence, out);
            assert_int_equal(is_idr(&rig, &output), out == 0);
        }
        assert_int_equal(rig_receive(&rig, &output), CASTOR_ERR_END);
        rig_close(&rig);
    }
}

static void buffered_picture_comes_with_the_next(void **state)
{
    struct encoder_output output;
    struct rig rig;

    (void)state;
    open_with(&rig, "encode:more@2");
    rig_code(&rig, 0, 0, &output);
    assert_int_equal(rig_submit(&rig, 1, 0), CASTOR_OK);
    assert_int_equal(encoder_receive(rig.encoder, &output, castor_now_ns() + 50 * CASTOR_NS_PER_MS),
                     CASTOR_ERR_TIMEOUT);
    assert_int_equal(rig_submit(&rig, 2, 0), CASTOR_OK);
    for (uint64_t i = 1; i < 3; i++) {
        assert_int_equal(rig_receive(&rig, &output), CASTOR_OK);
        assert_int_equal(output.packet.sequence, i);
    }
    rig_close(&rig);
}

// A picture that comes right after a flush waits until the device has nothing left of what was before.
static void flush_separates(void **state)
{
    struct encoder_output output;
    struct rig rig;

    (void)state;
    open_with(&rig, "slow@2:150");
    assert_int_equal(rig_submit(&rig, 0, 0), CASTOR_OK);
    assert_int_equal(rig_submit(&rig, 1, 0), CASTOR_OK);
    assert_int_equal(encoder_flush(rig.encoder, castor_now_ns()), CASTOR_OK);
    assert_int_equal(rig_receive(&rig, &output), CASTOR_OK);
    assert_int_equal(rig_submit(&rig, 2, 0), CASTOR_OK); // while 1 is still on its way
    for (uint64_t i = 1; i < 3; i++) {
        assert_int_equal(rig_receive(&rig, &output), CASTOR_OK);
        assert_int_equal(output.packet.sequence, i);
        assert_int_equal(is_idr(&rig, &output), i == 2);
    }
    rig_close(&rig);
}

static void drop_is_reported(void **state)
{
    struct encoder_output output;
    struct rig rig;

    (void)state;
    open_with(&rig, "drop@3");
    for (uint64_t i = 0; i < 5; i++) {
        assert_int_equal(rig_submit(&rig, i, 0), CASTOR_OK);
        assert_int_equal(rig_receive(&rig, &output), CASTOR_OK);
        assert_int_equal(output.packet.sequence, i);
        assert_int_equal(output.kind, i == 2 ? ENCODER_OUTPUT_DROPPED : ENCODER_OUTPUT_CODED);
    }
    rig_close(&rig);
}

// The bytes are the supervisor's to judge; they must arrive as what they are.
static void garbage_arrives(void **state)
{
    struct encoder_output output;
    struct rig rig;

    (void)state;
    open_with(&rig, "garbage@2");
    rig_code(&rig, 0, 0, &output);
    rig_code(&rig, 1, 0, &output);
    assert_int_equal(coded_check_access_unit(codec, output.packet.data, output.packet.size_bytes,
                                             &rig.config.format, CODED_SCAN_ALL, NULL),
                     CODED_NO_START_CODE);
    assert_int_equal(output.packet.flags & CASTOR_PACKET_IDR, 0);
    rig_close(&rig);
}

static void wrong_picture_ends_it(void **state)
{
    struct encoder_output output;
    struct rig rig;

    (void)state;
    open_with(&rig, "stamp@3");
    rig_code(&rig, 0, 0, &output);
    rig_code(&rig, 1, 0, &output);
    assert_int_equal(rig_submit(&rig, 2, 0), CASTOR_OK);
    assert_int_equal(rig_receive(&rig, &output), CASTOR_ERR_IO);
    assert_non_null(strstr(encoder_fault(rig.encoder), "picture 3 where 2"));
    rig_close(&rig);
}

// A device that says "not yet" for ever is given up after five seconds.
static void endless_picture_ends_it(void **state)
{
    struct encoder_output output;
    struct rig rig;

    (void)state;
    open_with(&rig, "lock:busy@3:1000000000");
    rig_code(&rig, 0, 0, &output);
    assert_int_equal(rig_submit(&rig, 1, 0), CASTOR_OK);
    assert_int_equal(encoder_receive(rig.encoder, &output, castor_now_ns() + 60 * CASTOR_NS_PER_S),
                     CASTOR_ERR_LOST);
    assert_non_null(strstr(encoder_fault(rig.encoder), "5 s"));
    rig_close(&rig);
}

// An IDR that was asked for and did not come is asked for again.
static void forgotten_idr_is_owed(void **state)
{
    struct encoder_output output;
    struct rig rig;

    (void)state;
    open_with(&rig, "not_idr@4");
    for (uint64_t i = 0; i < 7; i++) {
        rig_code(&rig, i, i == 3 ? ENCODER_SUBMIT_IDR : 0, &output);
        assert_int_equal(is_idr(&rig, &output), i == 0 || i == 4);
    }
    rig_close(&rig);
}

// Where the rate cannot change on the way, a reset with an IDR does it.
static void rate_change_with_reset(void **state)
{
    struct encoder_output output;
    struct rig rig;

    (void)state;
    open_with(&rig, "reconfigure:fail");
    rig_code(&rig, 0, 0, &output);
    assert_int_equal(encoder_set_bitrate(rig.encoder, 1000000), CASTOR_OK);
    rig_code(&rig, 1, 0, &output);
    assert_true(is_idr(&rig, &output));
    rig_code(&rig, 2, 0, &output);
    assert_false(is_idr(&rig, &output));
    rig_close(&rig);
    open_with(&rig, "reconfigure:fail@1,reconfigure:fail@2");
    rig_code(&rig, 0, 0, &output);
    assert_int_equal(encoder_set_bitrate(rig.encoder, 1000000), CASTOR_OK);
    assert_int_equal(rig_submit(&rig, 1, 0), CASTOR_OK);
    assert_int_equal(rig_receive(&rig, &output), CASTOR_ERR_IO);
    assert_non_null(strstr(encoder_fault(rig.encoder), "NvEncReconfigureEncoder"));
    rig_close(&rig);
}

static struct encoder_caps probe_with(const char *schedule)
{
    struct encoder_caps caps = {0};
    struct encoder_text why = {""};

    setenv("CASTOR_STANDIN_NVENC", schedule, 1);
    assert_int_equal(encoder_driver_nvenc.probe("0000:01:00.0", &caps, &why), CASTOR_OK);
    return caps;
}

// Which codec takes which pictures is what this device says, not what the driver could do.
static void formats_tell_the_truth(void **state)
{
    const uint32_t eight_bit = 1u << CASTOR_PIXEL_I420 | 1u << CASTOR_PIXEL_NV12;
    struct encoder_text why = {""};

    (void)state;
    struct encoder_caps caps = probe_with("");
    assert_int_equal(caps.pixels[ENCODER_CODEC_H264], eight_bit);
    assert_int_equal(caps.pixels[ENCODER_CODEC_HEVC], eight_bit | 1u << CASTOR_PIXEL_P010);
    assert_int_equal(caps.min_width_px, 145); // the larger of both codecs' least
    assert_int_equal(caps.max_width_px, 4096);
    caps = probe_with("without=10bit");
    assert_int_equal(caps.pixels[ENCODER_CODEC_HEVC], eight_bit);
    caps = probe_with("without=hevc");
    assert_int_equal(caps.pixels[ENCODER_CODEC_H264], eight_bit);
    assert_int_equal(caps.pixels[ENCODER_CODEC_HEVC], 0);
    caps = probe_with("without=h264");
    assert_int_equal(caps.pixels[ENCODER_CODEC_H264], 0);
    assert_int_equal(caps.max_width_px, 8192);
    setenv("CASTOR_STANDIN_NVENC", "without=h264,without=hevc", 1);
    assert_int_equal(encoder_driver_nvenc.probe("", &caps, &why), CASTOR_ERR_UNSUPPORTED);
    assert_non_null(strstr(why.text, "neither H.264 nor HEVC"));
}

// H.264 of 10 bit is refused with what would do.
static void ten_bit_h264_is_refused(void **state)
{
    struct encoder_config config = rig_default_config(CASTOR_PIXEL_P010);
    struct encoder *encoder = NULL;
    struct encoder_text why = {""};

    (void)state;
    setenv("CASTOR_STANDIN_NVENC", "", 1);
    assert_int_equal(encoder_open(&encoder_driver_nvenc, &config, &encoder, &why), CASTOR_ERR_UNSUPPORTED);
    assert_string_equal(why.text,
                        "nvenc: h264 from pictures in pixel format p010 is not offered, it takes i420 nv12");
}

static void capabilities_tell_the_truth(void **state)
{
    struct encoder_caps caps = probe_with("");
    struct encoder_text why = {""};
    struct encoder_output output;
    struct rig rig;

    (void)state;
    assert_int_equal(caps.max_in_flight, 2);
    assert_int_equal(caps.flags, ENCODER_CAP_FORCE_IDR | ENCODER_CAP_SET_BITRATE | ENCODER_CAP_VBV);
    assert_int_equal(encoder_driver_nvenc.probe("0000:02:00.0", &caps, &why), CASTOR_ERR_NOT_FOUND);
    open_with(&rig, "without=vbv");
    assert_false(rig.caps.flags & ENCODER_CAP_VBV);
    rig_code(&rig, 0, 0, &output);
    rig_close(&rig);
    open_with(&rig, "without=bitrate");
    assert_false(rig.caps.flags & ENCODER_CAP_SET_BITRATE);
    assert_int_equal(encoder_set_bitrate(rig.encoder, 1000000), CASTOR_ERR_UNSUPPORTED);
    rig_close(&rig);
}

static void rate_above_the_level_is_refused(void **state)
{
    struct encoder_output output;
    struct rig rig;

    (void)state;
    open_with(&rig, "");
    assert_int_equal(encoder_set_bitrate(rig.encoder, 100000000), CASTOR_ERR_UNSUPPORTED);
    assert_non_null(strstr(encoder_fault(rig.encoder), "level"));
    assert_int_equal(encoder_set_bitrate(rig.encoder, 20000000), CASTOR_OK);
    rig_code(&rig, 0, 0, &output);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest each[] = {
        cmocka_unit_test(refusals_at_open),
        cmocka_unit_test(session_limit),
        cmocka_unit_test(busy_is_waited_for),
        cmocka_unit_test(buffered_picture_comes_with_the_next),
        cmocka_unit_test(flush_separates),
        cmocka_unit_test(drop_is_reported),
        cmocka_unit_test(garbage_arrives),
        cmocka_unit_test(wrong_picture_ends_it),
        cmocka_unit_test(forgotten_idr_is_owed),
        cmocka_unit_test(rate_change_with_reset),
        cmocka_unit_test(capabilities_tell_the_truth),
        cmocka_unit_test(rate_above_the_level_is_refused),
    };
    const struct CMUnitTest once[] = {
        cmocka_unit_test(endless_picture_ends_it), // takes its time
        cmocka_unit_test(formats_tell_the_truth),
        cmocka_unit_test(ten_bit_h264_is_refused),
    };

    codec = ENCODER_CODEC_H264;
    pixel = CASTOR_PIXEL_I420;
    int failed = cmocka_run_group_tests_name("H.264", each, NULL, NULL);
    codec = ENCODER_CODEC_HEVC;
    pixel = CASTOR_PIXEL_P010;
    failed += cmocka_run_group_tests_name("HEVC, 10 bit", each, NULL, NULL);
    return failed + cmocka_run_group_tests_name("capabilities", once, NULL, NULL);
}
