// SPDX-License-Identifier: Apache-2.0
// The v4l2 source's pictures, from every format that a device can deliver, compared with what the stand-in
// drew.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reference.h"
#include "source_v4l2_rig.h"

// How far a picture may be from the original: everywhere, and on average in thousandths.
struct tolerance {
    int most;
    uint64_t mean_thousandths;
};
static const struct tolerance exact = {0, 0}, rounded = {3, 1000}, coded = {48, 2500},
                              colourless = {48, 8000}; // luma of BT.601 instead of BT.709

struct difference {
    int most;
    uint64_t sum, count;
};

static void differ(struct difference *difference, uint8_t a, uint8_t b)
{
    int d = a > b ? a - b : b - a;

    difference->sum += (uint64_t)d;
    difference->count++;
    if (d > difference->most)
        difference->most = d;
}

static uint8_t chroma_of(const struct castor_format *format, const struct castor_frame *frame, uint32_t plane,
                         uint32_t x, uint32_t y)
{
    if (format->pixel == CASTOR_PIXEL_NV12)
        return frame->plane[1][(size_t)y * frame->stride_bytes[1] + 2 * x + plane - 1];
    return frame->plane[plane][(size_t)y * frame->stride_bytes[plane] + x];
}

static void compare(const char *what, const struct castor_format *format, const struct castor_frame *frame,
                    uint64_t number, struct tolerance tolerance, bool grey)
{
    struct castor_format i420 = *format;
    struct castor_frame_layout layout;
    struct castor_frame drawn = {0};
    struct difference difference = {0};
    uint8_t *memory;

    i420.pixel = CASTOR_PIXEL_I420;
    assert_int_equal(castor_frame_layout_compute(&i420, 64, &layout), 0);
    memory = malloc(layout.size_bytes);
    assert_non_null(memory);
    castor_frame_map(&layout, memory, &drawn);
    standin_v4l2cap_reference(&i420, &drawn, number);
    for (uint32_t y = 0; y < format->height_px; y++)
        for (uint32_t x = 0; x < format->width_px; x++)
            differ(&difference, frame->plane[0][(size_t)y * frame->stride_bytes[0] + x],
                   drawn.plane[0][(size_t)y * drawn.stride_bytes[0] + x]);
    for (uint32_t plane = 1; plane < 3; plane++)
        for (uint32_t y = 0; y < format->height_px / 2; y++)
            for (uint32_t x = 0; x < format->width_px / 2; x++)
                differ(&difference, chroma_of(format, frame, plane, x, y),
                       grey ? 128 : chroma_of(&i420, &drawn, plane, x, y));
    free(memory);
    if (difference.most > tolerance.most ||
        difference.sum * 1000 > tolerance.mean_thousandths * difference.count)
        fail_msg("%s: off by up to %d, by %.3f on average", what, difference.most,
                 (double)difference.sum / (double)difference.count);
}

static void check_format(const char *made, uint32_t pixel, struct tolerance tolerance, uint64_t copies)
{
    struct castor_format wanted = rig_format;
    bool grey = strstr(made, "jpeg=400") != NULL;
    uint64_t first_number = 0, first_sequence = 0;
    struct rig rig;

    wanted.pixel = pixel;
    rig_open(&rig, made, "", &wanted);
    for (int i = 0; i < 4; i++) {
        struct castor_frame frame = rig_frame(&rig);
        uint64_t number = rig_number(&rig, &frame);
        if (i == 0) {
            first_number = number;
            first_sequence = frame.sequence;
        }
        assert_int_equal(frame.sequence - first_sequence, number - first_number);
        compare(made, &wanted, &frame, number, tolerance, grey);
    }
    assert_int_equal(source_counters(rig.source).cpu_copies, 4 * copies);
    rig_close(&rig);
}

static void test_every_format(void **state)
{
    static const struct {
        const char *made;
        const struct tolerance *tolerance;
        uint64_t copies[2]; // of each picture, to I420 and to NV12
    } formats[] = {
        {"formats=NV12", &exact, {1, 1}},
        {"formats=YU12", &exact, {1, 1}},
        {"formats=YUYV", &exact, {1, 1}},
        {"formats=UYVY", &exact, {1, 1}},
        {"formats=RGB3", &rounded, {1, 2}},
        {"formats=MJPG", &coded, {0, 1}},
        {"formats=MJPG,jpeg=422", &coded, {1, 2}},
        {"formats=MJPG,jpeg=444", &coded, {1, 2}},
        {"formats=MJPG,jpeg=400", &colourless, {1, 2}},
        {"formats=NV12,pad=64", &exact, {1, 1}},
        {"formats=YU12,pad=64", &exact, {1, 1}},
        {"formats=YUYV,pad=96", &exact, {1, 1}},
        {"formats=UYVY,pad=32", &exact, {1, 1}},
        {"formats=RGB3,pad=64", &rounded, {1, 2}},
        {"mplane,formats=NV12,pad=64", &exact, {1, 1}},
        {"mplane,formats=NM12,pad=64", &exact, {1, 1}},
        {"mplane,formats=YM12,pad=64", &exact, {1, 1}},
        {"mplane,formats=YUYV", &exact, {1, 1}},
        {"mplane,formats=MJPG", &coded, {0, 1}},
        {"formats=RGB3,video", &rounded, {1, 2}},
        {"formats=NV12,sd", &rounded, {1, 1}},
        {"formats=YUYV,sd,full", &rounded, {1, 1}},
        {"mplane,formats=YM12,full", &rounded, {1, 1}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        for (uint32_t pixel = CASTOR_PIXEL_I420; pixel <= CASTOR_PIXEL_NV12; pixel++)
            check_format(formats[i].made, pixel, *formats[i].tolerance,
                         formats[i].copies[pixel - CASTOR_PIXEL_I420]);
}

static void test_ten_bits(void **state)
{
    struct castor_format wanted = rig_format;
    struct castor_format i420 = rig_format;
    struct castor_frame_layout layout;
    struct castor_frame drawn = {0}, frame;
    uint8_t *memory;
    uint64_t number = 0;
    struct rig rig;

    (void)state;
    wanted.pixel = CASTOR_PIXEL_P010;
    rig_open(&rig, "formats=P010,pad=64", "", &wanted);
    frame = rig_frame(&rig);
    assert_int_equal(castor_frame_layout_compute(&i420, 64, &layout), 0);
    memory = malloc(layout.size_bytes);
    assert_non_null(memory);
    castor_frame_map(&layout, memory, &drawn);
    for (uint32_t y = 0; y < 180; y++) // the high bytes are an 8-bit picture, whose number can be read
        for (uint32_t x = 0; x < 320; x++)
            drawn.plane[0][(size_t)y * drawn.stride_bytes[0] + x] =
                frame.plane[0][(size_t)y * frame.stride_bytes[0] + 2 * x + 1];
    number = rig_number(&rig, &drawn);
    standin_v4l2cap_reference(&i420, &drawn, number);
    for (uint32_t y = 0; y < 180; y++)
        for (uint32_t x = 0; x < 320; x++) {
            const uint8_t *sample = frame.plane[0] + (size_t)y * frame.stride_bytes[0] + 2 * x;
            assert_int_equal(sample[0], STANDIN_V4L2CAP_LOW_BITS(x, y));
            assert_int_equal(sample[1], drawn.plane[0][(size_t)y * drawn.stride_bytes[0] + x]);
        }
    for (uint32_t y = 0; y < 90; y++)
        for (uint32_t x = 0; x < 320; x++) {
            const uint8_t *sample = frame.plane[1] + (size_t)y * frame.stride_bytes[1] + 2 * x;
            assert_int_equal(sample[0], STANDIN_V4L2CAP_LOW_BITS(x, y));
            assert_int_equal(sample[1],
                             drawn.plane[x % 2 ? 2 : 1][(size_t)y * drawn.stride_bytes[1] + x / 2]);
        }
    free(memory);
    rig_close(&rig);
}

// A device of another size: scaled, its shape kept, black beside it.
static void test_other_size_is_fitted(void **state)
{
    static const char *const made[] = {"formats=NV12", "formats=YU12", "formats=YUYV", "formats=MJPG"};

    (void)state;
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
        for (uint32_t pixel = CASTOR_PIXEL_I420; pixel <= CASTOR_PIXEL_NV12; pixel++) {
            struct castor_format wanted = {640, 360, pixel, {100, 1}};
            char device[64];
            struct castor_frame frame;
            struct rig rig;

            snprintf(device, sizeof device, "size=320x240,rate=100/1,fixed,%s", made[i]);
            rig_open(&rig, device, "", &wanted);
            frame = rig_frame(&rig);
            for (uint32_t y = 0; y < 360; y += 40) { // 480x360 stands in the middle
                const uint8_t *row = frame.plane[0] + (size_t)y * frame.stride_bytes[0];
                assert_int_equal(row[0], 16);
                assert_int_equal(row[79], 16);
                assert_int_equal(row[561], 16);
            }
            for (uint32_t x = 0; x < 480; x += 16) {
                int expected = (int)(64 + 64 * x / 480 + 32 * 300 / 360);
                assert_in_range(frame.plane[0][300 * (size_t)frame.stride_bytes[0] + 80 + x], expected - 4,
                                expected + 4);
            }
            assert_int_equal(chroma_of(&wanted, &frame, 2, 2, 45), 128);
            assert_in_range(chroma_of(&wanted, &frame, 2, 160, 45), 152 - 48 / 4 - 4, 152 - 48 / 4 + 4);
            rig_close(&rig);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_format),
        cmocka_unit_test(test_ten_bits),
        cmocka_unit_test(test_other_size_is_fitted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
