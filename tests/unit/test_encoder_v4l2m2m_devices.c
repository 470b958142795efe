// SPDX-License-Identifier: Apache-2.0
// The V4L2 encoder driver finds devices, tells what they can do, refuses bad ones with a reason, and copies
// pictures as they want them. Runs against the stand-in.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../contract/encoder_named.h"
#include "encoder_rig.h"
#include "hal/time.h"

#ifndef OPENINGS
#define OPENINGS 10000
#endif

static const struct encoder_driver *driver;

static void set_device(const char *words)
{
    setenv("CASTOR_STANDIN_V4L2M2M", words, 1);
    setenv("CASTOR_STANDIN_V4L2M2M_FAULT", "", 1);
}

static void devices_are_listed(void **state)
{
    struct encoder_device list[4];
    uint32_t count = 9;

    (void)state;
    set_device("nodes=2");
    assert_int_equal(driver->devices(list, 4, &count), CASTOR_OK);
    assert_int_equal(count, 2);
    assert_string_equal(list[0].name, "/dev/video90");
    assert_string_equal(list[1].name, "/dev/video91");
    assert_string_equal(list[0].fault_domain, "platform:castor-standin");
    assert_int_equal(driver->devices(list, 1, &count), CASTOR_OK);
    assert_int_equal(count, 1);
    set_device("nodes=0");
    assert_int_equal(driver->devices(list, 4, &count), CASTOR_OK);
    assert_int_equal(count, 0);
    set_device("bad=not_m2m");
    assert_int_equal(driver->devices(list, 4, &count), CASTOR_OK);
    assert_int_equal(count, 0);
}

static void capabilities_are_the_device_s(void **state)
{
    struct encoder_caps caps;
    struct encoder_text why = {""};

    (void)state;
    set_device("");
    assert_int_equal(driver->probe("", &caps, &why), CASTOR_OK);
    assert_int_equal(caps.flags,
                     ENCODER_CAP_DMABUF | ENCODER_CAP_FORCE_IDR | ENCODER_CAP_SET_BITRATE | ENCODER_CAP_VBV);
    assert_int_equal(caps.max_width_px, 4096);
    set_device("no_vbv,hoard=3");
    assert_int_equal(driver->probe("/dev/video90", &caps, &why), CASTOR_OK);
    assert_int_equal(caps.flags, ENCODER_CAP_DMABUF | ENCODER_CAP_SET_BITRATE);
}

static void codecs_and_depths_are_the_device_s(void **state)
{
    const uint32_t eight = 1u << CASTOR_PIXEL_I420 | 1u << CASTOR_PIXEL_NV12, ten = 1u << CASTOR_PIXEL_P010;
    const struct {
        const char *words;
        uint32_t h264, hevc;
    } devices[] = {{"", eight, 0},
                   {"hevc", eight, eight},
                   {"hevc,nv12,p010", eight, eight | ten},
                   {"hevc,p010", 0, ten}};
    struct encoder_config config = rig_default_config(CASTOR_PIXEL_P010);
    struct encoder_text why = {""};
    struct encoder *encoder = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        struct encoder_caps caps;
        set_device(devices[i].words);
        assert_int_equal(driver->probe("", &caps, &why), CASTOR_OK);
        assert_int_equal(caps.pixels[ENCODER_CODEC_H264], devices[i].h264);
        assert_int_equal(caps.pixels[ENCODER_CODEC_HEVC], devices[i].hevc);
    }
    set_device("hevc,nv12,p010");
    assert_int_equal(encoder_open(driver, &config, &encoder, &why), CASTOR_ERR_UNSUPPORTED);
    assert_non_null(strstr(why.text, "h264 from pictures in pixel format p010 is not offered"));
    config.codec = ENCODER_CODEC_HEVC;
    set_device("hevc,nv12");
    assert_int_equal(encoder_open(driver, &config, &encoder, &why), CASTOR_ERR_UNSUPPORTED);
    assert_non_null(strstr(why.text, "p010 is not offered"));
}

static void bad_devices_are_refused(void **state)
{
    static const struct {
        const char *words;
        int error;
        const char *says;
    } cases[] = {
        {"bad=denied", CASTOR_ERR_DENIED, "permission"},
        {"nodes=0", CASTOR_ERR_NOT_FOUND, "none of the"},
        {"bad=not_m2m", CASTOR_ERR_NOT_FOUND, "none of the"},
        {"bad=sizeimage", CASTOR_ERR_IO, "sizeimage"},
        {"mplane,nv12m,bad=sizeimage", CASTOR_ERR_IO, "sizeimage"},
        {"bad=stride", CASTOR_ERR_IO, "bytesperline"},
        {"bad=coded", CASTOR_ERR_IO, "coded buffers"},
        {"bad=buffers", CASTOR_ERR_IO, "less than"},
        {"mplane,bad=buffers", CASTOR_ERR_IO, "less than"},
        {"bad=format", CASTOR_ERR_IO, "does not take"},
        {"bad=size", CASTOR_ERR_UNSUPPORTED, "at most 320x320"},
        {"bad=crop", CASTOR_ERR_UNSUPPORTED, "crops to"},
        {"rows=64,no_crop", CASTOR_ERR_UNSUPPORTED, "cannot crop"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct encoder_config config = rig_default_config(CASTOR_PIXEL_NV12);
        struct encoder_text why = {""};
        struct encoder *encoder = NULL;
        set_device(cases[i].words);
        int error = encoder_open(driver, &config, &encoder, &why);
        if (error != cases[i].error || !strstr(why.text, cases[i].says))
            fail_msg("%s: %s: %s", cases[i].words, castor_error_text(error), why.text);
        assert_null(encoder);
    }
}

static void paths_that_are_no_device(void **state)
{
    char folder[] = "/tmp/castor-v4l2m2m-XXXXXX";
    char file[64];
    struct encoder_caps caps;
    struct encoder_text why = {""};

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(file, sizeof file, "%s/video0", folder);
    FILE *stream = fopen(file, "w");
    assert_non_null(stream);
    (void)fclose(stream);
    assert_int_equal(driver->probe(folder, &caps, &why), CASTOR_ERR_UNSUPPORTED);
    assert_non_null(strstr(why.text, "directory"));
    assert_int_equal(driver->probe(file, &caps, &why), CASTOR_ERR_UNSUPPORTED);
    assert_non_null(strstr(why.text, "V4L2"));
    unlink(file);
    assert_int_equal(driver->probe(file, &caps, &why), CASTOR_ERR_NOT_FOUND);
    rmdir(folder);
}

static void impossible_answers_end_the_session(void **state)
{
    static const char *const words[] = {"bad=index", "bad=payload", "mplane,bad=payload"};

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct encoder_config config = rig_default_config(CASTOR_PIXEL_I420);
        struct encoder_output output;
        struct rig rig;
        set_device(words[i]);
        rig_open(&rig, driver, &config);
        assert_int_equal(rig_submit(&rig, 0, 0), CASTOR_OK);
        assert_int_equal(rig_receive(&rig, &output), CASTOR_ERR_IO);
        assert_non_null(strstr(encoder_fault(rig.encoder), "cannot be true"));
        rig_close(&rig);
    }
}

static void rates_out_of_range(void **state)
{
    struct encoder_config config = rig_default_config(CASTOR_PIXEL_I420);
    struct rig rig;

    (void)state;
    set_device("");
    rig_open(&rig, driver, &config);
    assert_int_equal(encoder_set_bitrate(rig.encoder, 300000000), CASTOR_ERR_UNSUPPORTED);
    assert_non_null(strstr(encoder_fault(rig.encoder), "300000000"));
    rig_close(&rig);
}

// What a decoder that is not ours makes of the stream, against the pictures that went in.
static double decoded_error(const struct rig *rig, const char *name, unsigned frames)
{
    const struct castor_format *format = &rig->config.format;
    const bool is_nv12 = format->pixel == CASTOR_PIXEL_NV12;
    char command[256];
    uint8_t row[4096];
    double sum = 0, samples = 0;

    (void)snprintf(command, sizeof command,
                   "LD_PRELOAD= ffmpeg -v error -f h264 -i %s -pix_fmt %s -f rawvideo - </dev/null", name,
                   is_nv12 ? "nv12" : "yuv420p");
    FILE *decoder = popen(command, "r");
    assert_non_null(decoder);
    for (unsigned i = 0; i < frames; i++) {
        for (uint32_t p = 0; p < (is_nv12 ? 2u : 3u); p++) {
            uint32_t bytes = p == 0 || is_nv12 ? format->width_px : format->width_px / 2;
            uint32_t rows = p == 0 ? format->height_px : format->height_px / 2;
            const struct castor_frame *picture = &rig->pictures[i % RIG_PICTURES];
            for (uint32_t y = 0; y < rows; y++) {
                assert_int_equal(fread(row, 1, bytes, decoder), bytes);
                const uint8_t *source = picture->plane[p] + (size_t)y * picture->stride_bytes[p];
                for (uint32_t x = 0; x < bytes; x++)
                    sum += (double)(row[x] - source[x]) * (row[x] - source[x]);
            }
            samples += (double)bytes * rows;
        }
    }
    assert_int_equal(fgetc(decoder), EOF);
    assert_int_equal(pclose(decoder), 0);
    return sum / samples;
}

// U and V must not look alike, or nobody would see them change places.
static void invert_v(const struct rig *rig)
{
    const struct castor_format *format = &rig->config.format;
    bool is_nv12 = format->pixel == CASTOR_PIXEL_NV12;

    for (uint32_t i = 0; i < RIG_PICTURES; i++) {
        const struct castor_frame *picture = &rig->pictures[i];
        uint32_t plane = is_nv12 ? 1 : 2;
        for (uint32_t y = 0; y < format->height_px / 2; y++) {
            uint8_t *row = picture->plane[plane] + (size_t)y * picture->stride_bytes[plane];
            for (uint32_t x = 0; x < format->width_px / 2; x++)
                row[is_nv12 ? 2 * x + 1 : x] ^= 0xFF;
        }
    }
}

// Every raw format, stride and height of a device, from both formats of ours. A wrong plane, stride or order
// of U and V makes an error of hundreds.
static void pictures_arrive_unharmed(void **state)
{
    static const char *const words[] = {"i420",
                                        "nv12",
                                        "i420,stride=256,rows=64",
                                        "mplane,i420m",
                                        "mplane,nv12m,stride=512,rows=16",
                                        "nv12,stride=192,rows=32"};
    static const enum castor_pixel_format pixels[] = {CASTOR_PIXEL_I420, CASTOR_PIXEL_NV12};

    (void)state;
    if (system("command -v ffmpeg >/dev/null 2>&1") != 0)
        skip();
    for (size_t i = 0; i < 2 * sizeof words / sizeof words[0]; i++) {
        struct encoder_config config = rig_default_config(pixels[i % 2]);
        char name[] = "/tmp/castor-v4l2m2m-XXXXXX";
        struct encoder_output output;
        struct rig rig;
        config.format.width_px = 330;
        config.format.height_px = 250;
        config.bitrate_bps = 20000000;
        set_device(words[i / 2]);
        rig_open(&rig, driver, &config);
        invert_v(&rig);
        int fd = mkstemp(name);
        assert_true(fd >= 0);
        for (uint64_t n = 0; n < 6; n++) {
            rig_code(&rig, n, 0, &output);
            assert_int_equal(write(fd, output.packet.data, output.packet.size_bytes),
                             output.packet.size_bytes);
        }
        close(fd);
        double error = decoded_error(&rig, name, 6);
        print_message("%s from %s: mean squared error %.1f\n", words[i / 2], i % 2 ? "NV12" : "I420", error);
        assert_true(error < 30);
        unlink(name);
        rig_close(&rig);
    }
}

static unsigned lowest_free_descriptor(void)
{
    int fd = dup(0);

    assert_true(fd >= 0);
    close(fd);
    return (unsigned)fd;
}

static unsigned count_mappings(void)
{
    FILE *list = fopen("/proc/self/maps", "r");
    unsigned lines = 0;
    int c;

    assert_non_null(list);
    while ((c = fgetc(list)) != EOF)
        lines += c == '\n';
    (void)fclose(list);
    return lines;
}

// Opened and closed as often as a box in a year of trouble: no descriptor and no mapping is left.
static void open_and_close_many_times(void **state)
{
    struct encoder_config config = rig_default_config(CASTOR_PIXEL_I420);
    struct encoder_text why = {""};
    unsigned before = lowest_free_descriptor();
    unsigned mappings = count_mappings();

    (void)state;
    for (unsigned i = 0; i < OPENINGS; i++) {
        struct encoder *encoder = NULL;
        set_device(i % 4 == 0 ? "bad=buffers" : "mplane,nv12m");
        int error = encoder_open(driver, &config, &encoder, &why);
        if ((error == CASTOR_OK) != (i % 4 != 0))
            fail_msg("opening %u: %s: %s", i, castor_error_text(error), why.text);
        encoder_close(encoder);
    }
    assert_int_equal(lowest_free_descriptor(), before);
    assert_true(count_mappings() < mappings + 100); // the heap's own come and go
}

static int find_driver(void **state)
{
    (void)state;
    driver = encoder_named("v4l2m2m");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_are_listed),
        cmocka_unit_test(capabilities_are_the_device_s),
        cmocka_unit_test(codecs_and_depths_are_the_device_s),
        cmocka_unit_test(bad_devices_are_refused),
        cmocka_unit_test(paths_that_are_no_device),
        cmocka_unit_test(impossible_answers_end_the_session),
        cmocka_unit_test(rates_out_of_range),
        cmocka_unit_test(pictures_arrive_unharmed),
        cmocka_unit_test(open_and_close_many_times),
    };

    return cmocka_run_group_tests(tests, find_driver, NULL);
}
