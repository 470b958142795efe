// SPDX-License-Identifier: Apache-2.0
// Colour bars of the standards, in the forms that cameras deliver, become the BT.709 bars of SMPTE RP 219.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "recolour.h"

#define BARS 7

struct colour {
    uint8_t y, u, v;
};

static const struct colour bars_709[BARS] = {{180, 128, 128}, {168, 44, 136}, {145, 147, 44}, {133, 63, 52},
                                             {63, 193, 204},  {51, 109, 212}, {28, 212, 120}};
// ITU-R BT.601, 75 %, limited range.
static const struct colour bars_601[BARS] = {{180, 128, 128}, {162, 44, 142}, {131, 156, 44}, {112, 72, 58},
                                             {84, 184, 198},  {65, 100, 212}, {35, 212, 114}};
// The same in the full range of JFIF.
static const struct colour bars_jpeg[BARS] = {{191, 128, 128}, {169, 32, 144}, {134, 160, 32}, {112, 65, 48},
                                              {79, 191, 208},  {57, 96, 224},  {22, 224, 112}};

static void near(uint8_t value, uint8_t expected)
{
    assert_in_range(value, expected < 2 ? 0 : expected - 2, expected > 253 ? 255 : expected + 2);
}

// A picture of one colour, with I420 or NV12 chroma, in the middle of memory that must stay as it is.
static struct colour convert_one(bool bt601, enum recolour_range range, struct colour in, int chroma_step)
{
    uint8_t luma[6 * 8], chroma[2][4 * 16];
    struct recolour colour;
    struct recolour_planes planes = {.y = luma + 8,
                                     .u = chroma[0] + 16,
                                     .v = chroma_step == 1 ? chroma[1] + 16 : chroma[0] + 17,
                                     .y_stride = 8,
                                     .u_stride = 16,
                                     .v_stride = 16,
                                     .chroma_step = chroma_step,
                                     .width = 6,
                                     .height = 4};

    memset(luma, 7, sizeof luma);
    memset(chroma, 7, sizeof chroma);
    for (int y = 0; y < 4; y++)
        memset(planes.y + 8 * y, in.y, 6);
    for (int y = 0; y < 2; y++)
        for (int x = 0; x < 3; x++) {
            planes.u[16 * y + chroma_step * x] = in.u;
            planes.v[16 * y + chroma_step * x] = in.v;
        }
    recolour_init(&colour, bt601, range);
    assert_true(colour.needed);
    recolour_apply(&colour, &planes);
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 6; x++)
            assert_int_equal(planes.y[8 * y + x], planes.y[0]);
    assert_int_equal(planes.u[16 + 2 * chroma_step], planes.u[0]);
    assert_int_equal(planes.v[16 + 2 * chroma_step], planes.v[0]);
    assert_int_equal(luma[7], 7);
    assert_int_equal(luma[8 + 6], 7);
    assert_int_equal(luma[5 * 8], 7);
    assert_int_equal(chroma[0][16 + 3 * chroma_step], 7);
    assert_int_equal(chroma[0][3 * 16], 7);
    return (struct colour){planes.y[0], planes.u[0], planes.v[0]};
}

static void check_bars(bool bt601, enum recolour_range range, const struct colour *in)
{
    for (int step = 1; step <= 2; step++)
        for (int i = 0; i < BARS; i++) {
            struct colour out = convert_one(bt601, range, in[i], step);
            near(out.y, bars_709[i].y);
            near(out.u, bars_709[i].u);
            near(out.v, bars_709[i].v);
        }
}

static void test_bars(void **state)
{
    (void)state;
    check_bars(true, RECOLOUR_LIMITED, bars_601);
    check_bars(true, RECOLOUR_FULL, bars_jpeg);
}

static void test_ends_of_the_range(void **state)
{
    struct colour out = convert_one(false, RECOLOUR_FULL, (struct colour){0, 128, 128}, 1);

    (void)state;
    assert_int_equal(out.y, 16);
    assert_int_equal(out.u, 128);
    out = convert_one(false, RECOLOUR_FULL, (struct colour){255, 255, 1}, 1);
    assert_int_equal(out.y, 235);
    near(out.u, 240);
    near(out.v, 16);
    out = convert_one(true, RECOLOUR_LIMITED, (struct colour){255, 255, 255},
                      1); // no colour at all: nothing wraps
    near(out.y, 214);
    assert_int_equal(out.u, 255);
    assert_int_equal(out.v, 255);
}

static void test_right_colours_stay(void **state)
{
    struct recolour colour;

    (void)state;
    recolour_init(&colour, false, RECOLOUR_LIMITED);
    assert_false(colour.needed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bars),
        cmocka_unit_test(test_ends_of_the_range),
        cmocka_unit_test(test_right_colours_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
