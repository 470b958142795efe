// SPDX-License-Identifier: Apache-2.0
// Which of a device's formats is chosen, and that devices that lie are found out. Runs against the stand-in.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "v4l2_layout.h"

static const struct castor_format eight_bits = {640, 360, CASTOR_PIXEL_I420, {30, 1}};

static int negotiate(const char *made, const struct castor_format *wanted, struct v4l2_layout *out,
                     struct source_text *why)
{
    struct v4l2_device device;
    int error;

    setenv("CASTOR_STANDIN_STRICT", "1", 1);
    setenv("CASTOR_STANDIN_V4L2CAP", made, 1);
    assert_int_equal(v4l2_device_open("/dev/video-castor0", V4L2_DEVICE_INPUT_AS_IS, "", &device, why), 0);
    error = v4l2_layout_negotiate(&device, wanted, out, why);
    v4l2_device_close(&device);
    return error;
}

static void expect_format(const char *made, const char *fourcc)
{
    struct v4l2_layout layout;
    struct source_text why = {""};

    if (negotiate(made, &eight_bits, &layout, &why) != CASTOR_OK)
        fail_msg("%s: %s", made, why.text);
    if (memcmp(&layout.fourcc, fourcc, 4) != 0)
        fail_msg("%s: %.4s was chosen instead of %s", made, (const char *)&layout.fourcc, fourcc);
}

static void test_order_of_preference(void **state)
{
    (void)state;
    expect_format("formats=P010:RGB3:MJPG:UYVY:YUYV:NV12", "NV12");
    expect_format("formats=P010:RGB3:MJPG:UYVY:YUYV:YU12", "YU12");
    expect_format("formats=P010:RGB3:MJPG:UYVY:YUYV", "YUYV");
    expect_format("formats=P010:RGB3:MJPG:UYVY", "UYVY");
    expect_format("formats=P010:RGB3:MJPG", "MJPG");
    expect_format("formats=P010:RGB3", "RGB3");
    expect_format("mplane,formats=NM12", "NM12");
    expect_format("mplane,formats=YM12", "YM12");
}

// What needs no conversion comes first.
static void test_wanted_pixels_are_preferred(void **state)
{
    static const struct {
        const char *made;
        uint32_t pixel;
        enum v4l2_kind kind;
    } cases[] = {
        {"formats=YU12:NV12", CASTOR_PIXEL_I420, V4L2_KIND_I420},
        {"formats=YU12:NV12", CASTOR_PIXEL_NV12, V4L2_KIND_NV12},
        {"formats=YU12:NV12", CASTOR_PIXEL_NONE, V4L2_KIND_NV12},
        {"mplane,formats=YM12:NM12", CASTOR_PIXEL_I420, V4L2_KIND_I420},
        {"formats=YUYV:YU12", CASTOR_PIXEL_NV12, V4L2_KIND_I420},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct castor_format wanted = eight_bits;
        struct v4l2_layout layout;
        struct source_text why = {""};

        wanted.pixel = cases[i].pixel;
        assert_int_equal(negotiate(cases[i].made, &wanted, &layout, &why), 0);
        assert_int_equal(layout.kind, cases[i].kind);
    }
}

static void test_ten_bits_only_where_wanted(void **state)
{
    struct castor_format ten_bits = eight_bits;
    struct v4l2_layout layout;
    struct source_text why = {""};

    (void)state;
    ten_bits.pixel = CASTOR_PIXEL_P010;
    assert_int_equal(negotiate("formats=NV12:P010", &ten_bits, &layout, &why), 0);
    assert_int_equal(layout.kind, V4L2_KIND_P010);
    assert_int_equal(layout.plane[1].offset_bytes, 2 * 640 * 360);
    assert_int_equal(negotiate("formats=P010", &eight_bits, &layout, &why), CASTOR_ERR_UNSUPPORTED);
    assert_non_null(strstr(why.text, "10-bit pictures (P010) only"));
    assert_int_equal(negotiate("formats=NV12", &ten_bits, &layout, &why), CASTOR_ERR_UNSUPPORTED);
    assert_non_null(strstr(why.text, "set source.depth to 8"));
}

static void test_what_stands_is_read_back(void **state)
{
    struct v4l2_layout layout;
    struct source_text why = {""};

    (void)state;
    assert_int_equal(negotiate("formats=YU12,pad=64", &eight_bits, &layout, &why), 0);
    assert_int_equal(layout.plane[0].stride_bytes, 704);
    assert_int_equal(layout.plane[2].stride_bytes, 352);
    assert_int_equal(layout.plane[2].offset_bytes, 704 * 360 + 352 * 180);
    assert_int_equal(layout.rate.num, 30);
    assert_int_equal(negotiate("formats=NV12,size=720x576,rate=25/1,fixed", &eight_bits, &layout, &why), 0);
    assert_int_equal(layout.width_px, 720);
    assert_int_equal(layout.rate.num, 25);
    assert_int_equal(negotiate("norate", &eight_bits, &layout, &why), 0);
    assert_int_equal(layout.rate.num, 0);
}

static void test_own_format_where_none_is_wanted(void **state)
{
    const struct castor_format any = {0, 0, CASTOR_PIXEL_NONE, {0, 1}};
    struct v4l2_layout layout;
    struct source_text why = {""};

    (void)state;
    assert_int_equal(negotiate("size=800x600,rate=25/1", &any, &layout, &why), 0);
    assert_int_equal(layout.width_px, 800);
    assert_int_equal(layout.rate.num, 25);
    assert_int_equal(negotiate("dv,size=1920x1080,rate=60000/1001", &any, &layout, &why), 0);
    assert_int_equal(layout.width_px, 1920);
    assert_int_equal(layout.rate.num, 60000);
    assert_int_equal(layout.rate.den, 1001);
}

static void expect_lie(const char *made, const char *words)
{
    struct v4l2_layout layout;
    struct source_text why = {""};

    assert_int_not_equal(negotiate(made, &eight_bits, &layout, &why), 0);
    if (!strstr(why.text, words))
        fail_msg("%s: \"%s\" is not in \"%s\"", made, words, why.text);
}

static void test_lies_are_found_out(void **state)
{
    (void)state;
    expect_lie("formats=NV12,lie=stride", "claims rows of 320 bytes for a picture that is 640 pixels wide");
    expect_lie("formats=RGB3,lie=stride", "claims rows of 960 bytes");
    expect_lie("formats=YUYV,lie=size", "claims pictures of");
    expect_lie("formats=NV12:YUYV,lie=format", "lists the pixel format YUYV and then does not set it");
    expect_lie("mplane,formats=NM12,lie=size", "claims pictures of");
    expect_format("formats=NV12:MJPG,lie=stride", "MJPG"); // what it says of others may be true
}

static void test_rates_are_tidied(void **state)
{
    static const struct {
        uint64_t num, den;
        struct castor_rational rate;
    } cases[] = {{10000000, 333333, {30, 1}},
                 {74175824, 1650 * 750, {60000, 1001}},
                 {2997, 100, {30000, 1001}},
                 {15, 1, {15, 1}},
                 {0, 1, {0, 1}},
                 {1, 0, {0, 1}},
                 {1000, 1, {0, 1}},
                 {1, 7, {0, 1}}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct castor_rational rate = v4l2_rate_tidy(cases[i].num, cases[i].den);
        assert_int_equal(rate.num, cases[i].rate.num);
        assert_int_equal(rate.den, cases[i].rate.den);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_of_preference),
        cmocka_unit_test(test_wanted_pixels_are_preferred),
        cmocka_unit_test(test_ten_bits_only_where_wanted),
        cmocka_unit_test(test_what_stands_is_read_back),
        cmocka_unit_test(test_own_format_where_none_is_wanted),
        cmocka_unit_test(test_lies_are_found_out),
        cmocka_unit_test(test_rates_are_tidied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
