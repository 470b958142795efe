// SPDX-License-Identifier: Apache-2.0
// Driver vaapi when the device fails (stand-in of tests/standin/va): each fault has its result and none
// spoils what comes after it. The first picture is number 1 for the stand-in, frame 0 here.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../contract/encoder_named.h"
#include "base/coded.h"
#include "hal/time.h"

#define WIDTH 320
#define HEIGHT 180

static struct castor_frame frame;
static uint8_t *memory;
static struct castor_frame_layout layout;

static struct encoder_config default_config(void)
{
    return (struct encoder_config){
        .codec = ENCODER_CODEC_H264,
        .format = {.width_px = WIDTH, .height_px = HEIGHT, .pixel = CASTOR_PIXEL_I420, .rate = {30, 1}},
        .bitrate_bps = 1000000,
        .vbv_ms = 500,
    };
}

static int try_open(const char *device, struct encoder **out, struct encoder_text *why)
{
    struct encoder_config config = default_config();

    config.device = device;
    return encoder_open(encoder_named("vaapi"), &config, out, why);
}

static struct encoder *open_with(const char *faults)
{
    struct encoder *encoder = NULL;
    struct encoder_text why = {""};

    setenv("CASTOR_STANDIN_VA_FAULTS", faults, 1);
    if (try_open("", &encoder, &why) != CASTOR_OK)
        fail_msg("%s", why.text);
    return encoder;
}

static int submit(struct encoder *encoder, uint64_t sequence, uint32_t flags)
{
    frame.sequence = sequence;
    return encoder_submit(encoder, &frame, flags);
}

static int receive(struct encoder *encoder, struct encoder_output *out)
{
    return encoder_receive(encoder, out, castor_now_ns() + 10 * CASTOR_NS_PER_S);
}

// What became of a frame: 'I' or 'P' coded, '-' dropped, '!' an error.
static char result_of(struct encoder *encoder, uint64_t sequence, uint32_t flags)
{
    struct castor_format format = default_config().format;
    struct encoder_output output;
    struct coded_summary summary;

    assert_int_equal(submit(encoder, sequence, flags), CASTOR_OK);
    if (receive(encoder, &output) != CASTOR_OK)
        return '!';
    assert_int_equal(output.packet.sequence, sequence);
    if (output.kind == ENCODER_OUTPUT_DROPPED)
        return '-';
    enum coded_verdict verdict = coded_check_access_unit(
        ENCODER_CODEC_H264, output.packet.data, output.packet.size_bytes, &format, CODED_SCAN_ALL, &summary);
    if (verdict != CODED_OK)
        fail_msg("frame %llu: %s", (unsigned long long)sequence, coded_verdict_text(verdict));
    assert_int_equal(summary.idr, (output.packet.flags & CASTOR_PACKET_IDR) != 0);
    return summary.idr ? 'I' : 'P';
}

static void expect(const char *faults, const char *results)
{
    struct encoder *encoder = open_with(faults);
    char seen[32] = "";

    for (size_t i = 0; results[i]; i++)
        seen[i] = result_of(encoder, i, 0);
    encoder_close(encoder);
    assert_string_equal(seen, results);
}

static void a_lost_picture_is_followed_by_an_idr(void **state)
{
    (void)state;
    expect("drop@3", "IP-IPP");
    expect("garbage@3", "IP-IPP");
    expect("bad@3", "IP-IPP");
    expect("drop@1", "-IPP");
    expect("drop@3+2", "IP--IP");
}

// Pictures given to the device before the loss was seen refer to what is missing.
static void pictures_in_flight_are_lost_with_it(void **state)
{
    struct encoder *encoder = open_with("drop@2,slow@2=400");
    struct encoder_output output;
    char seen[5] = "";

    (void)state;
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(submit(encoder, i, 0), CASTOR_OK);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(receive(encoder, &output), CASTOR_OK);
        assert_int_equal(output.packet.sequence, i);
        bool is_idr = output.packet.flags & CASTOR_PACKET_IDR;
        seen[i] = output.kind == ENCODER_OUTPUT_DROPPED ? '-' : is_idr ? 'I' : 'P';
    }
    encoder_close(encoder);
    assert_string_equal(seen, "I--I");
}

// One picture fails for good while the device still codes the one before: the stand-in aborts when the memory
// of that is taken away.
static void a_picture_is_waited_for_though_the_next_failed(void **state)
{
    struct encoder *encoder = open_with("slow@1=200,memory:vaBeginPicture@2");
    struct encoder_output output;
    int error = CASTOR_OK;

    (void)state;
    assert_int_equal(submit(encoder, 0, 0), CASTOR_OK);
    assert_int_equal(submit(encoder, 1, 0), CASTOR_OK);
    for (unsigned i = 0; i < 2 && error == CASTOR_OK; i++)
        error = receive(encoder, &output);
    assert_int_equal(error, CASTOR_ERR_IO);
    encoder_close(encoder);
}

static void a_busy_device_is_waited_for(void **state)
{
    (void)state;
    expect("busy:vaBeginPicture@3+5", "IPPP");
    expect("busy:vaSyncBuffer@4+5", "IPPP");
    expect("busy:vaBeginPicture@3+0", "IP--"); // for ever: frames are lost, the caller is not held up
    expect("busy:vaEndPicture@3", "IP-IP");
}

static void an_idr_has_parameter_sets_always(void **state)
{
    struct encoder *encoder = open_with("noheaders@2+0");

    (void)state;
    assert_int_equal(result_of(encoder, 0, 0), 'I');
    assert_int_equal(result_of(encoder, 1, 0), 'P');
    assert_int_equal(result_of(encoder, 2, ENCODER_SUBMIT_IDR), 'I'); // checked: with parameter sets
    assert_int_equal(result_of(encoder, 3, 0), 'P');
    encoder_close(encoder);
}

static void an_idr_is_asked_for_until_it_comes(void **state)
{
    struct encoder *encoder = open_with("plain@3");

    (void)state;
    assert_int_equal(result_of(encoder, 0, 0), 'I');
    assert_int_equal(result_of(encoder, 1, 0), 'P');
    assert_int_equal(result_of(encoder, 2, ENCODER_SUBMIT_IDR), 'P');
    assert_int_equal(result_of(encoder, 3, 0), 'I');
    assert_int_equal(result_of(encoder, 4, 0), 'P');
    encoder_close(encoder);
}

static void a_device_that_is_gone(void **state)
{
    static const char *const faults[] = {"lost@3",
                                         "fail:vaEndPicture@3",
                                         "fail:vaRenderPicture@3",
                                         "fail:vaSyncBuffer@4",
                                         "fail:vaMapBuffer@5",
                                         "stall@3"};

    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct encoder *encoder = open_with(faults[i]);
        struct encoder_output output;
        assert_int_equal(result_of(encoder, 0, 0), 'I');
        assert_int_equal(result_of(encoder, 1, 0), 'P');
        assert_int_equal(submit(encoder, 2, 0), CASTOR_OK);
        assert_int_equal(receive(encoder, &output), CASTOR_ERR_LOST);
        assert_true(strlen(encoder_fault(encoder)) > 10);
        assert_int_equal(submit(encoder, 3, 0), CASTOR_ERR_LOST);
        encoder_close(encoder);
        expect("", "IPPP"); // opened again, all is well
    }
}

static void a_slow_picture_keeps_to_the_deadline(void **state)
{
    struct encoder *encoder = open_with("slow@1=1000");
    struct encoder_output output;

    (void)state;
    assert_int_equal(submit(encoder, 0, 0), CASTOR_OK);
    assert_int_equal(encoder_receive(encoder, &output, castor_now_ns() + 20 * CASTOR_NS_PER_MS),
                     CASTOR_ERR_TIMEOUT);
    assert_int_equal(encoder_in_flight(encoder), 1);
    assert_int_equal(receive(encoder, &output), CASTOR_OK);
    encoder_close(encoder);
}

static void refuse(const char *device, int expected, const char *word)
{
    struct encoder *encoder = NULL;
    struct encoder_text why = {""};

    assert_int_equal(try_open(device, &encoder, &why), expected);
    if (!strstr(why.text, word))
        fail_msg("\"%s\" does not say \"%s\"", why.text, word);
}

static void a_device_that_cannot_be_opened(void **state)
{
    (void)state;
    setenv("CASTOR_STANDIN_VA_FAULTS", "", 1);
    refuse("/tmp", CASTOR_ERR_NOT_FOUND, "/tmp");
    refuse("/dev/zero", CASTOR_ERR_NOT_FOUND, "no DRM device");
    refuse("/dev/dri/renderD190", CASTOR_ERR_NOT_FOUND, "renderD190");
    setenv("CASTOR_STANDIN_VA_NODES", "0", 1);
    refuse("", CASTOR_ERR_NOT_FOUND, "no render node");
    setenv("CASTOR_STANDIN_VA_NODES", "1", 1);
    setenv("CASTOR_STANDIN_VA_FAULTS", "memory:vaCreateContext@1", 1);
    refuse("", CASTOR_ERR_NO_MEMORY, "vaCreateContext");
    setenv("CASTOR_STANDIN_VA_FAULTS", "fail:vaInitialize@1", 1);
    refuse("", CASTOR_ERR_UNSUPPORTED, "no VA-API driver");
    setenv("CASTOR_STANDIN_VA_FAULTS", "", 1);
    char *path = strdup(getenv("LIBVA_DRIVERS_PATH"));
    setenv("LIBVA_DRIVERS_PATH", "/nonexistent", 1);
    refuse("", CASTOR_ERR_UNSUPPORTED, "no VA-API driver");
    setenv("LIBVA_DRIVERS_PATH", path, 1);
    free(path);
}

static void devices_are_listed(void **state)
{
    const struct encoder_driver *driver = encoder_named("vaapi");
    struct encoder_device list[4];
    uint32_t count = 99;

    (void)state;
    setenv("CASTOR_STANDIN_VA_NODES", "2", 1);
    assert_int_equal(driver->devices(list, 4, &count), CASTOR_OK);
    assert_int_equal(count, 2);
    assert_string_equal(list[1].name, "/dev/dri/renderD129");
    assert_string_not_equal(list[0].fault_domain, list[1].fault_domain);
    setenv("CASTOR_STANDIN_VA_NODES", "0", 1);
    assert_int_equal(driver->devices(list, 4, &count), CASTOR_OK);
    assert_int_equal(count, 0);
    setenv("CASTOR_STANDIN_VA_NODES", "1", 1);
}

static void without_rate_control_the_bitrate_is_refused(void **state)
{
    struct encoder_caps caps;
    struct encoder_text why;

    (void)state;
    setenv("CASTOR_STANDIN_VA", "cqp", 1);
    assert_int_equal(encoder_named("vaapi")->probe("", &caps, &why), CASTOR_OK);
    assert_false(caps.flags & (ENCODER_CAP_SET_BITRATE | ENCODER_CAP_VBV));
    struct encoder *encoder = open_with("");
    assert_int_equal(encoder_set_bitrate(encoder, 500000), CASTOR_ERR_UNSUPPORTED);
    assert_non_null(strstr(encoder_fault(encoder), "CQP"));
    encoder_close(encoder);
    setenv("CASTOR_STANDIN_VA", "lp", 1); // low power has no rate control, the other entry point has
    assert_int_equal(encoder_named("vaapi")->probe("", &caps, &why), CASTOR_OK);
    assert_true(caps.flags & ENCODER_CAP_SET_BITRATE);
    unsetenv("CASTOR_STANDIN_VA");
}

static void a_missing_module_does_no_harm(void **state)
{
    const struct encoder_driver *driver = NULL;
    struct encoder_text why = {""};
    char *folder = strdup(getenv("CASTOR_MODULE_DIR"));

    (void)state;
    setenv("CASTOR_MODULE_DIR", "/nonexistent", 1);
    int error = encoder_driver_find("vaapi", &driver, &why);
    setenv("CASTOR_MODULE_DIR", folder, 1);
    free(folder);
    assert_int_equal(error, CASTOR_ERR_UNSUPPORTED);
    assert_non_null(strstr(why.text, "castor-encoder-vaapi.so is missing"));
    assert_null(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_module_does_no_harm),
        cmocka_unit_test(a_lost_picture_is_followed_by_an_idr),
        cmocka_unit_test(pictures_in_flight_are_lost_with_it),
        cmocka_unit_test(a_picture_is_waited_for_though_the_next_failed),
        cmocka_unit_test(a_busy_device_is_waited_for),
        cmocka_unit_test(an_idr_has_parameter_sets_always),
        cmocka_unit_test(an_idr_is_asked_for_until_it_comes),
        cmocka_unit_test(a_device_that_is_gone),
        cmocka_unit_test(a_slow_picture_keeps_to_the_deadline),
        cmocka_unit_test(a_device_that_cannot_be_opened),
        cmocka_unit_test(devices_are_listed),
        cmocka_unit_test(without_rate_control_the_bitrate_is_refused),
    };
    struct castor_format format = default_config().format;

    if (castor_frame_layout_compute(&format, 64, &layout) != CASTOR_OK)
        return 1;
    memory = calloc(1, layout.size_bytes);
    castor_frame_map(&layout, memory, &frame);
    frame.dmabuf_fd = -1;
    setenv("CASTOR_STANDIN_STRICT", "1", 1);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(memory);
    return failed;
}
