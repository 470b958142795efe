// SPDX-License-Identifier: Apache-2.0
// The comparison that judges captured pictures has to tell right from wrong itself.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bars.h"

#define WIDTH 640
#define HEIGHT 360

static const uint32_t pixels[] = {CASTOR_PIXEL_I420, CASTOR_PIXEL_NV12, CASTOR_PIXEL_P010};
#define PIXELS (sizeof pixels / sizeof pixels[0])

// ITU-R BT.601 values of the same colours: what a wrong matrix makes.
static const int bt601[BARS_COLUMNS][3] = {{180, 128, 128}, {162, 44, 142}, {131, 156, 44}, {112, 72, 58},
                                           {84, 184, 198},  {65, 100, 212}, {35, 212, 114}, {16, 128, 128}};

struct picture {
    struct castor_format format;
    struct castor_frame_layout layout;
    struct castor_frame frame;
    uint8_t *memory;
};

static void put(struct picture *picture, uint32_t component, uint32_t x, uint32_t y, int value)
{
    uint32_t pixel = picture->format.pixel;
    uint32_t plane = pixel == CASTOR_PIXEL_I420 ? component : component > 0;
    uint32_t column = pixel == CASTOR_PIXEL_I420 || component == 0 ? x : 2 * x + component - 1;
    uint8_t *line = picture->frame.plane[plane] + (size_t)y * picture->frame.stride_bytes[plane];

    if (pixel == CASTOR_PIXEL_P010) {
        line[2 * column] = 0xC0; // the two lowest bits of ten
        line[2 * column + 1] = (uint8_t)value;
    } else {
        line[column] = (uint8_t)value;
    }
}

// Bars of `colours`, each row moved to the right by y * shear_px / 100.
static void paint(struct picture *picture, uint32_t pixel, const int colours[BARS_COLUMNS][3],
                  uint32_t shear_px)
{
    picture->format = (struct castor_format){WIDTH, HEIGHT, pixel, {30, 1}};
    assert_int_equal(castor_frame_layout_compute(&picture->format, 64, &picture->layout), 0);
    picture->memory = calloc(1, picture->layout.size_bytes);
    assert_non_null(picture->memory);
    castor_frame_map(&picture->layout, picture->memory, &picture->frame);
    for (uint32_t y = 0; y < HEIGHT; y++)
        for (uint32_t x = 0; x < WIDTH; x++) {
            uint32_t bar = (x + y * shear_px / 100) % WIDTH * BARS_COLUMNS / WIDTH;
            put(picture, 0, x, y, colours[bar][0]);
            if (x % 2 == 0 && y % 2 == 0)
                for (uint32_t component = 1; component < 3; component++)
                    put(picture, component, x / 2, y / 2, colours[bar][component]);
        }
}

static struct bars_error judge(uint32_t pixel, const int colours[BARS_COLUMNS][3], uint32_t shear_px)
{
    struct picture picture = {0};
    struct bars_error error;

    paint(&picture, pixel, colours, shear_px);
    error = bars_compare(&picture.format, &picture.frame);
    free(picture.memory);
    return error;
}

static void right_colours(int colours[BARS_COLUMNS][3])
{
    for (uint32_t bar = 0; bar < BARS_COLUMNS; bar++)
        bars_expected(bar, colours[bar]);
}

static void test_expected_values(void **state)
{
    static const int rp219[BARS_COLUMNS][3] = {{180, 128, 128}, {168, 44, 136}, {145, 147, 44},
                                               {133, 63, 52},   {63, 193, 204}, {51, 109, 212},
                                               {28, 212, 120},  {16, 128, 128}};
    int colours[BARS_COLUMNS][3];

    (void)state;
    right_colours(colours);
    for (uint32_t bar = 0; bar < BARS_COLUMNS; bar++)
        for (uint32_t component = 0; component < 3; component++)
            assert_in_range(colours[bar][component], rp219[bar][component] - 1, rp219[bar][component] + 1);
}

static void test_right_picture(void **state)
{
    int colours[BARS_COLUMNS][3];

    (void)state;
    right_colours(colours);
    for (size_t i = 0; i < PIXELS; i++) {
        struct bars_error error = judge(pixels[i], colours, 0);
        assert_int_equal(error.luma, 0);
        assert_int_equal(error.chroma, 0);
    }
}

static void test_wrong_matrix(void **state)
{
    (void)state;
    for (size_t i = 0; i < PIXELS; i++) {
        struct bars_error error = judge(pixels[i], bt601, 0);
        assert_in_range(error.luma, 20, 22);
        assert_in_range(error.chroma, 8, 10);
    }
}

static void test_wrong_stride(void **state)
{
    int colours[BARS_COLUMNS][3];

    (void)state;
    right_colours(colours);
    for (size_t i = 0; i < PIXELS; i++)
        assert_true(judge(pixels[i], colours, 25).luma > 10);
}

static void test_swapped_chroma(void **state)
{
    int colours[BARS_COLUMNS][3];

    (void)state;
    right_colours(colours);
    for (uint32_t bar = 0; bar < BARS_COLUMNS; bar++) {
        int cb = colours[bar][1];
        colours[bar][1] = colours[bar][2];
        colours[bar][2] = cb;
    }
    for (size_t i = 0; i < PIXELS; i++)
        assert_true(judge(pixels[i], colours, 0).chroma > 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expected_values), cmocka_unit_test(test_right_picture),
        cmocka_unit_test(test_wrong_matrix),    cmocka_unit_test(test_wrong_stride),
        cmocka_unit_test(test_swapped_chroma),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
