// SPDX-License-Identifier: Apache-2.0
// The contract of hal/encoder.h: contract_encoder [DRIVER [CODEC [PIXEL]]], as in "nvenc hevc p010". What is
// named must pass it; what is left out stands for all that the driver offers. Another pixel format of the
// same depth is tried too, where it could make a difference. Without arguments all drivers of the table are
// tested that find their library and device on this machine.
#include <dirent.h>
#include <malloc.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/coded.h"
#include "base/nal.h"
#include "decoded.h"
#include "encoder/table.h"
#include "encoder_rig.h"
#include "hal/time.h"

// Noise of up to 16 steps is in the pictures; a plane in the wrong place is off by 20 and more.
#define PICTURE_DIFFERENCE_MAX 10.0

static const struct encoder_driver *driver;
// What is tested now.
static enum encoder_codec codec;
static enum castor_pixel_format pixel, other_pixel; // of one depth; the same where it takes only one
static uint32_t small_width_px, small_height_px;

static struct encoder_config default_config(void)
{
    struct encoder_config config = rig_default_config(pixel);

    config.codec = codec;
    return config;
}

// For what takes many frames or sessions and no look at the pictures: the smallest that the driver must take.
static struct encoder_config small_config(void)
{
    struct encoder_config config = default_config();

    config.format.width_px = small_width_px;
    config.format.height_px = small_height_px;
    return config;
}

static struct coded_summary check_bytes(const struct rig *rig, const struct encoder_output *output)
{
    struct coded_summary summary;
    enum coded_verdict verdict = coded_check_access_unit(
        codec, output->packet.data, output->packet.size_bytes, &rig->config.format, CODED_SCAN_ALL, &summary);

    if (verdict != CODED_OK)
        fail_msg("frame %llu: %s", (unsigned long long)output->packet.sequence, coded_verdict_text(verdict));
    assert_int_equal(summary.idr, (output->packet.flags & CASTOR_PACKET_IDR) != 0);
    return summary;
}

// One copy into what the encoder reads. One more where it rearranges the pixels first (x265, and x264 in 10
// bit), or where libva puts them into the surface in its own way. None where the device reads the rig's
// memory (NVENC), unless it says why not. The scripted encoder never looks at them.
static void check_copies(const struct rig *rig, const struct encoder_output *output)
{
    bool may_take_two = strcmp(driver->name, "x265") == 0 || strcmp(driver->name, "vaapi") == 0 ||
                        (strcmp(driver->name, "x264") == 0 && castor_pixel_bits(pixel) > 8);

    if (strcmp(driver->name, "fake") == 0)
        assert_int_equal(output->cpu_copies, 0);
    else if (strcmp(driver->name, "nvenc") == 0)
        assert_int_equal(output->cpu_copies, encoder_note(rig->encoder)[0] ? 1 : 0);
    else
        assert_in_range(output->cpu_copies, 1, may_take_two ? 2 : 1);
}

// Frames come out in the order in which they went in, each once, with the identity they were given; a frame
// may come twice and an older one after a newer one, as after a failover.
static void order_and_identity(void **state)
{
    static const uint64_t names[] = {100, 101, 102, 105, 106, 107, 103, 104,        105,
                                     105, 106, 107, 108, 7,   8,   9,   1ull << 40, (1ull << 40) + 1};
    enum { COUNT = sizeof names / sizeof names[0] };

    (void)state;
    for (size_t p = 0; p < 2; p++) {
        struct encoder_config config = default_config();
        config.format.pixel = p == 0 ? pixel : other_pixel;
        struct rig rig;
        struct encoder_output output;
        size_t in = 0;
        rig_open(&rig, driver, &config);
        for (size_t out = 0; out < COUNT; out++) {
            while (in < COUNT && encoder_in_flight(rig.encoder) < rig.encoder->max_in_flight)
                assert_int_equal(rig_submit(&rig, names[in++], 0), CASTOR_OK);
            assert_int_equal(rig_receive(&rig, &output), CASTOR_OK);
            assert_int_equal(output.kind, ENCODER_OUTPUT_CODED);
            assert_int_equal(output.packet.sequence, names[out]);
            assert_int_equal(output.packet.capture_ns, rig_capture_ns(names[out]));
            assert_int_equal(check_bytes(&rig, &output).idr, out == 0);
            check_copies(&rig, &output);
        }
        assert_int_equal(rig_receive(&rig, &output), CASTOR_ERR_AGAIN);
        rig_close(&rig);
    }
}

// An IDR when asked for, exactly that frame where the driver says so, with parameter sets; none otherwise.
static void idr_on_request(void **state)
{
    struct encoder_config config = small_config();
    struct encoder_output output;
    struct rig rig;

    (void)state;
    rig_open(&rig, driver, &config);
    unsigned since_request = 0;
    for (uint64_t i = 0; i < 400; i++) {
        bool ask = i == 10 || i == 11 || i == 300;
        if (ask)
            since_request = 0;
        rig_code(&rig, i, ask ? ENCODER_SUBMIT_IDR : 0, &output);
        struct coded_summary summary = check_bytes(&rig, &output);
        if (rig.caps.flags & ENCODER_CAP_FORCE_IDR)
            assert_int_equal(summary.idr, ask || i == 0);
        if (summary.idr)
            assert_true(since_request <= 1);
        since_request++;
    }
    rig_close(&rig);
}

static void gop_of_fixed_length(void **state)
{
    struct encoder_config config = small_config();
    struct encoder_output output;
    struct rig rig;

    (void)state;
    config.gop_frames = 12;
    rig_open(&rig, driver, &config);
    for (uint64_t i = 0; i < 40; i++) {
        rig_code(&rig, i, 0, &output);
        assert_int_equal(check_bytes(&rig, &output).idr, i % 12 == 0);
    }
    rig_close(&rig);
}

// The fullest state of a leaky bucket that drains at the rate: what the VBV must hold (Annex C).
struct bucket {
    double level_bits, highest_bits;
};

static uint64_t code_at_rate(struct rig *rig, uint64_t first, unsigned frames, uint32_t rate_bps,
                             struct bucket *bucket)
{
    struct encoder_output output;
    uint64_t bytes = 0;

    for (unsigned i = 0; i < frames; i++) {
        rig_code(rig, first + i, i == frames / 2 ? ENCODER_SUBMIT_IDR : 0,
                 &output); // the hard case for a VBV
        bytes += output.packet.size_bytes;
        bucket->level_bits += 8.0 * (double)output.packet.size_bytes;
        if (bucket->level_bits > bucket->highest_bits)
            bucket->highest_bits = bucket->level_bits;
        bucket->level_bits -= rate_bps / 30.0;
        if (bucket->level_bits < 0)
            bucket->level_bits = 0;
    }
    return bytes;
}

// From two seconds of frames after a change the rate is within a tenth of what was asked, and the VBV holds.
static void bitrate_follows(void **state)
{
    static const uint32_t rates[] = {2000000, 600000, 3000000, 1000000};
    // HEVC in software, in the driver or in a stand-in of a device, is slow.
    struct encoder_config config = codec == ENCODER_CODEC_HEVC ? small_config() : default_config();
    struct rig rig;
    uint64_t sequence = 0;

    (void)state;
    rig_open(&rig, driver, &config);
    const bool settable = rig.caps.flags & ENCODER_CAP_SET_BITRATE;
    // Without SET_BITRATE the driver is opened anew for each rate.
    if (!(rig.caps.flags & ENCODER_CAP_VBV)) {
        rig_close(&rig);
        skip();
    }
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct bucket bucket = {0, 0};
        if (settable) {
            assert_int_equal(encoder_set_bitrate(rig.encoder, rates[i]), CASTOR_OK);
        } else {
            assert_int_equal(encoder_set_bitrate(rig.encoder, rates[i]), CASTOR_ERR_UNSUPPORTED);
            rig_close(&rig);
            config.bitrate_bps = rates[i];
            rig_open(&rig, driver, &config);
        }
        (void)code_at_rate(&rig, sequence, 60, rates[i], &bucket);
        bucket = (struct bucket){0, 0};
        uint64_t bytes = code_at_rate(&rig, sequence + 60, 90, rates[i], &bucket);
        sequence += 150;
        double measured_bps = (double)bytes * 8 / 3;
        print_message("%s: asked %u, measured %.0f bit/s, VBV at most %.0f %%\n", driver->name, rates[i],
                      measured_bps, bucket.highest_bits * 100 / (rates[i] / 1000.0 * config.vbv_ms));
        assert_true(measured_bps > rates[i] * 0.9 && measured_bps < rates[i] * 1.1);
        assert_true(bucket.highest_bits <= rates[i] / 1000.0 * config.vbv_ms);
    }
    rig_close(&rig);
}

// Nothing waits longer than it may, and every limit is answered with its error.
static void deadlines_and_limits(void **state)
{
    struct encoder_config config = default_config();
    struct encoder_output output;
    struct rig rig;

    (void)state;
    rig_open(&rig, driver, &config);
    int64_t before_ns = castor_now_ns();
    assert_int_equal(rig_receive(&rig, &output), CASTOR_ERR_AGAIN);
    assert_true(castor_now_ns() - before_ns < 4 * CASTOR_NS_PER_S); // did not wait for the deadline of 5 s
    for (uint32_t i = 0; i < rig.encoder->max_in_flight; i++)
        assert_int_equal(rig_submit(&rig, i, 0), CASTOR_OK);
    assert_int_equal(rig_submit(&rig, 99, 0), CASTOR_ERR_FULL);
    struct pollfd polled = {.fd = encoder_descriptor(rig.encoder), .events = POLLIN};
    assert_int_equal(polled.fd < 0, (rig.caps.flags & ENCODER_CAP_SYNCHRONOUS) != 0);
    if (polled.fd >= 0) {
        int error;
        do { // what is readable may turn out to be no result, such as parameter sets on their own
            assert_int_equal(poll(&polled, 1, 5000), 1);
            error = encoder_receive(rig.encoder, &output, castor_now_ns());
        } while (error == CASTOR_ERR_TIMEOUT);
        assert_int_equal(error, CASTOR_OK);
        assert_int_equal(output.packet.sequence, 0);
    }
    rig_close(&rig); // with frames lent
}

static void flush_loses_nothing(void **state)
{
    struct encoder_config config = default_config();
    struct encoder_output output;
    struct rig rig;

    (void)state;
    config.format.pixel = other_pixel;
    rig_open(&rig, driver, &config);
    for (uint64_t round = 0; round < 3; round++) {
        uint32_t count = rig.encoder->max_in_flight;
        for (uint32_t i = 0; i < count; i++)
            assert_int_equal(rig_submit(&rig, round * 100 + i, 0), CASTOR_OK);
        assert_int_equal(encoder_flush(rig.encoder, castor_now_ns() + CASTOR_NS_PER_S), CASTOR_OK);
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(rig_receive(&rig, &output), CASTOR_OK);
            assert_int_equal(output.kind, ENCODER_OUTPUT_CODED);
            assert_int_equal(output.packet.sequence, round * 100 + i);
            assert_int_equal(check_bytes(&rig, &output).idr, i == 0);
        }
        assert_int_equal(rig_receive(&rig, &output), CASTOR_ERR_END);
    }
    rig_close(&rig);
}

static unsigned count_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    unsigned count = 0;

    assert_non_null(directory);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static size_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2(); // all zero under a sanitizer, which finds leaks itself
    return info.uordblks + info.hblkhd;
}

// What a library keeps of every session it closes: no driver can give it back. libx265 3.5: up to 27 KB
// without SAO, taken in FrameFilter::init(), and some more. Devices that are stand-ins use it for HEVC too.
static size_t kept_by_library_bytes(unsigned sessions)
{
    return codec == ENCODER_CODEC_HEVC ? sessions * (size_t)65536 : 0;
}

static void open_and_close_leak_nothing(void **state)
{
    struct encoder_config config = small_config();
    struct encoder_output output;
    unsigned descriptors = 0;
    size_t heap = 0;

    (void)state;
    for (unsigned i = 0; i < 220; i++) {
        struct rig rig;
        rig_open(&rig, driver, &config);
        if (i % 10 == 0)
            rig_code(&rig, i, 0, &output);
        rig_close(&rig);
        if (i == 19) {
            descriptors = count_descriptors();
            heap = heap_bytes();
        }
    }
    assert_int_equal(count_descriptors(), descriptors);
    assert_true(heap_bytes() < heap + 65536 + kept_by_library_bytes(200));
}

static void refuse(const struct encoder_config *config, int expected, const char *word)
{
    struct encoder *encoder = NULL;
    struct encoder_text why = {""};

    assert_int_equal(encoder_open(driver, config, &encoder, &why), expected);
    assert_null(encoder);
    if (!strstr(why.text, word))
        fail_msg("\"%s\" does not say \"%s\"", why.text, word);
}

static void wrong_arguments_are_refused(void **state)
{
    const struct encoder_config good = default_config();
    struct encoder_config bad;

    (void)state;
#define REFUSE(change, expected, word)                                                                       \
    do {                                                                                                     \
        bad = good;                                                                                          \
        change;                                                                                              \
        refuse(&bad, expected, word);                                                                        \
    } while (0)
    REFUSE(bad.format.width_px = 641, CASTOR_ERR_INVALID, "641");
    REFUSE(bad.format.height_px = 361, CASTOR_ERR_INVALID, "361");
    REFUSE(bad.format.width_px = 0, CASTOR_ERR_INVALID, "even");
    REFUSE(bad.format.width_px = 8192, CASTOR_ERR_INVALID, "8192");
    REFUSE(bad.format.rate.num = 0, CASTOR_ERR_INVALID, "rate");
    REFUSE(bad.format.rate.den = 0, CASTOR_ERR_INVALID, "rate");
    REFUSE(bad.format.pixel = 77, CASTOR_ERR_INVALID, "77");
    REFUSE(bad.bitrate_bps = 0, CASTOR_ERR_INVALID, "bitrate");
    REFUSE(bad.bitrate_bps = UINT32_MAX, CASTOR_ERR_INVALID, "bitrate");
    REFUSE(bad.vbv_ms = 1000000, CASTOR_ERR_INVALID, "VBV");
    REFUSE(bad.gop_frames = UINT32_MAX, CASTOR_ERR_INVALID, "GOP");
    REFUSE(bad.preset = "sideways", CASTOR_ERR_INVALID, "sideways");
    REFUSE(bad.script = "at noon jump", CASTOR_ERR_INVALID, "script");
    REFUSE(bad.codec = 0, CASTOR_ERR_UNSUPPORTED, "codec");
    REFUSE(bad.codec = 30, CASTOR_ERR_UNSUPPORTED, "codec");
    REFUSE(bad.codec = 500, CASTOR_ERR_UNSUPPORTED, "codec");
    REFUSE(bad.device = "/dev/no-such", CASTOR_ERR_NOT_FOUND, "/dev/no-such");
#undef REFUSE
}

static bool is_parameter_set(const struct nal_span *nal)
{
    return (coded_classify(codec, nal->data, nal->size_bytes) & (NAL_IS_VPS | NAL_IS_SPS | NAL_IS_PPS)) != 0;
}

static size_t parameter_sets(const struct encoder_config *config, uint8_t *out, size_t capacity)
{
    struct encoder_output output;
    struct nal_span nal;
    struct rig rig;
    size_t position = 0, size = 0;

    rig_open(&rig, driver, config);
    rig_code(&rig, 1, 0, &output);
    while (nal_next(output.packet.data, output.packet.size_bytes, &position, &nal)) {
        if (!is_parameter_set(&nal))
            continue;
        assert_true(size + nal.size_bytes <= capacity);
        memcpy(out + size, nal.data, nal.size_bytes);
        size += nal.size_bytes;
    }
    rig_close(&rig);
    return size;
}

// Two paths of one driver are interchangeable, whatever bitrate each was opened with.
static void parameter_sets_are_equal(void **state)
{
    struct encoder_config config = default_config();
    uint8_t first[512], second[512];

    (void)state;
    size_t size = parameter_sets(&config, first, sizeof first);
    assert_true(size > 0);
    config.bitrate_bps = 18000000;
    assert_int_equal(parameter_sets(&config, second, sizeof second), size);
    assert_memory_equal(first, second, size);
}

// A decoder that is not ours makes exactly one picture of every access unit, without a complaint, and it is
// the one that went in.
static void ffmpeg_decodes_it(void **state)
{
    struct encoder_config config = default_config();
    struct rig rig;

    (void)state;
    if (!decoded_is_possible())
        skip();
    config.format.height_px = 362; // no multiple of 16: cropped
    config.format.pixel = other_pixel;
    rig_open(&rig, driver, &config);
    double difference = decoded_difference(&rig, 30);
    print_message("%s: a sample is off by %.1f of 255 in the worst picture\n", driver->name, difference);
    if (strcmp(driver->name, "fake") != 0) // which codes none of what it is given
        assert_true(difference < PICTURE_DIFFERENCE_MAX);
    rig_close(&rig);
}

// Finds the driver and what it can do. False: it was not asked for by name and finds no library or device
// here, so it is left out.
static bool find_driver(const char *name, bool asked_for, struct encoder_caps *caps)
{
    struct encoder_text why = {""};
    int error = encoder_driver_find(name, &driver, &why);

    if (error == CASTOR_OK)
        error = driver->probe("", caps, &why);
    if (!asked_for && (error == CASTOR_ERR_UNSUPPORTED || error == CASTOR_ERR_NOT_FOUND)) {
        print_message("%s is left out: %s\n", name, why.text);
        return false;
    }
    if (error != CASTOR_OK) {
        (void)fprintf(stderr, "%s: %s\n", name, why.text);
        exit(2);
    }
    return true;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(order_and_identity),          cmocka_unit_test(idr_on_request),
    cmocka_unit_test(gop_of_fixed_length),         cmocka_unit_test(bitrate_follows),
    cmocka_unit_test(deadlines_and_limits),        cmocka_unit_test(flush_loses_nothing),
    cmocka_unit_test(open_and_close_leak_nothing), cmocka_unit_test(wrong_arguments_are_refused),
    cmocka_unit_test(parameter_sets_are_equal),    cmocka_unit_test(ffmpeg_decodes_it),
};

// The other format of the same depth where the device takes it, else the same.
static enum castor_pixel_format other_of(const struct encoder_caps *caps)
{
    static const enum castor_pixel_format others[CASTOR_PIXEL_END] = {
        [CASTOR_PIXEL_I420] = CASTOR_PIXEL_NV12,
        [CASTOR_PIXEL_NV12] = CASTOR_PIXEL_I420,
        [CASTOR_PIXEL_P010] = CASTOR_PIXEL_P010,
    };

    return encoder_caps_take(caps, codec, others[pixel]) ? others[pixel] : pixel;
}

// What was asked for on the command line; NULL is all that the driver offers.
struct asked {
    const char *codec, *pixel;
};

static bool is_wanted(const struct asked *asked, const struct encoder_caps *caps)
{
    if (!encoder_caps_take(caps, codec, pixel))
        return false;
    if (asked->codec && strcmp(asked->codec, encoder_codec_name(codec)) != 0)
        return false;
    if (asked->pixel)
        return strcmp(asked->pixel, castor_pixel_name(pixel)) == 0;
    return other_of(caps) >= pixel; // else it was tried beside the other
}

static int run_driver(const struct encoder_caps *caps, const struct asked *asked, int *runs)
{
    char name[64];
    int failed = 0;

    small_width_px = caps->min_width_px > 320 ? caps->min_width_px : 320;
    small_height_px = caps->min_height_px > 180 ? caps->min_height_px : 180;
    for (codec = ENCODER_CODEC_H264; codec < ENCODER_CODEC_END; codec++) {
        for (pixel = CASTOR_PIXEL_I420; pixel < CASTOR_PIXEL_END; pixel++) {
            if (!is_wanted(asked, caps))
                continue;
            other_pixel = other_of(caps);
            (void)snprintf(name, sizeof name, "%s %s %s", driver->name, encoder_codec_name(codec),
                           castor_pixel_name(pixel));
            failed += cmocka_run_group_tests_name(name, tests, NULL, NULL);
            *runs += 1;
        }
    }
    return failed;
}

int main(int argc, char **argv)
{
    const struct asked asked = {argc > 2 ? argv[2] : NULL, argc > 3 ? argv[3] : NULL};
    struct encoder_caps caps;
    int failed = 0, runs = 0;

    for (size_t i = 0; argc < 2 && encoder_driver_name(i); i++)
        if (find_driver(encoder_driver_name(i), false, &caps))
            failed += run_driver(&caps, &asked, &runs);
    if (argc >= 2 && find_driver(argv[1], true, &caps))
        failed += run_driver(&caps, &asked, &runs);
    if (runs == 0) {
        (void)fprintf(stderr, "nothing was tested: no such codec or pixel format is offered\n");
        failed = 2;
    }
    return failed;
}
