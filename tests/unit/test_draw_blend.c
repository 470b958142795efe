// SPDX-License-Identifier: Apache-2.0
// Every sample of a blended frame against the same in floating point, written plainly.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "draw/blend.h"

#define WIDTH 320
#define HEIGHT 180

static const uint32_t pixels[] = {CASTOR_PIXEL_I420, CASTOR_PIXEL_NV12, CASTOR_PIXEL_P010};

struct picture {
    struct castor_format format;
    struct castor_frame_layout layout;
    struct castor_frame frame;
    uint8_t *memory;
};

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void make_picture(struct picture *picture, uint32_t pixel, uint32_t seed)
{
    picture->format = (struct castor_format){WIDTH, HEIGHT, pixel, {25, 1}};
    assert_int_equal(castor_frame_layout_compute(&picture->format, 64, &picture->layout), 0);
    picture->memory = aligned_alloc(64, (picture->layout.size_bytes + 63) & ~(size_t)63);
    assert_non_null(picture->memory);
    for (size_t i = 0; i < picture->layout.size_bytes; i++)
        picture->memory[i] = (uint8_t)next_random(&seed);
    if (pixel == CASTOR_PIXEL_P010) // the low six bits are 0
        for (size_t i = 0; i < picture->layout.size_bytes; i += 2)
            picture->memory[i] &= 0xc0;
    memset(&picture->frame, 0, sizeof picture->frame);
    castor_frame_map(&picture->layout, picture->memory, &picture->frame);
}

// A sample in its own bits. Component 0 Y, 1 Cb, 2 Cr.
static double sample_at(const struct picture *picture, int component, int x, int y)
{
    bool three = picture->format.pixel == CASTOR_PIXEL_I420;
    int plane = component == 0 ? 0 : three ? component : 1;
    int column = component == 0 ? x : three ? x / 2 : x / 2 * 2 + component - 1;
    const uint8_t *row =
        picture->frame.plane[plane] + (size_t)(component ? y / 2 : y) * picture->frame.stride_bytes[plane];

    if (picture->format.pixel == CASTOR_PIXEL_P010)
        return (row[2 * column] | row[2 * column + 1] << 8) / 64.0;
    return row[column];
}

static double clear_at(const struct bitmap *bitmap, int x, int y)
{
    bool outside = x < 0 || y < 0 || x >= (int)bitmap->width_px || y >= (int)bitmap->height_px;

    return outside ? 0.0 : bitmap->rgba[4 * ((size_t)y * bitmap->width_px + (size_t)x) + 3] / 255.0;
}

// BT.709 of one pixel, limited range, in 8-bit units.
static double component_at(const struct bitmap *bitmap, int component, int x, int y)
{
    const uint8_t *p = bitmap->rgba + 4 * ((size_t)y * bitmap->width_px + (size_t)x);
    double luma = (0.2126 * p[0] + 0.7152 * p[1] + 0.0722 * p[2]) / 255;

    if (component == 0)
        return 16 + 219 * luma;
    return 128 + 224 * (component == 1 ? (p[2] / 255.0 - luma) / 1.8556 : (p[0] / 255.0 - luma) / 1.5748);
}

// What the sample should be: the average over the pixels that share it of colour * alpha, over what was
// there.
static double expected(const struct bitmap *bitmap, double opacity, int component, int x, int y,
                       double before, double unit)
{
    int pixels_of = component == 0 ? 1 : 4;
    double alpha = 0;
    double colour = 0;

    for (int i = 0; i < pixels_of; i++) {
        double one = clear_at(bitmap, x + i % 2, y + i / 2) * opacity / pixels_of;

        alpha += one;
        if (one > 0)
            colour += one * component_at(bitmap, component, x + i % 2, y + i / 2) * unit;
    }
    return colour + before * (1 - alpha);
}

static struct bitmap *random_bitmap(uint32_t width_px, uint32_t height_px, uint32_t seed)
{
    struct draw_reason why;
    struct bitmap *bitmap;

    assert_int_equal(bitmap_create(width_px, height_px, &bitmap, &why), 0);
    for (size_t i = 0; i < (size_t)width_px * height_px; i++) {
        uint32_t kind = next_random(&seed) % 4;

        for (int c = 0; c < 3; c++)
            bitmap->rgba[4 * i + c] = (uint8_t)next_random(&seed);
        bitmap->rgba[4 * i + 3] = kind == 0 ? 0 : kind == 1 ? 255 : (uint8_t)next_random(&seed);
    }
    return bitmap;
}

// Alpha is kept in 255 steps, so that what is between may be off by half a step of the difference.
static void check(const struct picture *before, const struct picture *after, const struct bitmap *bitmap,
                  uint32_t opacity_percent, int x_px, int y_px)
{
    double unit = before->format.pixel == CASTOR_PIXEL_P010 ? 4 : 1;
    int left = x_px - (x_px & 1);
    int top = y_px - (y_px & 1);

    for (int component = 0; component < 3; component++) {
        int step = component == 0 ? 1 : 2;
        bool exact = component == 0 && opacity_percent == 100;

        for (int y = 0; y < HEIGHT; y += step)
            for (int x = 0; x < WIDTH; x += step) {
                double was = sample_at(before, component, x, y);
                double wanted =
                    expected(bitmap, opacity_percent / 100.0, component, x - left, y - top, was, unit);
                double error = fabs(sample_at(after, component, x, y) - wanted);

                if (error > (exact ? 0.52 : 0.5 + 0.52 * unit))
                    fail_msg("component %d at %d, %d: %f instead of %f", component, x, y,
                             sample_at(after, component, x, y), wanted);
                if (wanted == was && error != 0)
                    fail_msg("component %d at %d, %d was changed", component, x, y);
            }
    }
}

static void blend_and_check(const struct bitmap *bitmap, uint32_t pixel, uint32_t opacity_percent, int x_px,
                            int y_px)
{
    struct picture before;
    struct picture after;
    struct image *image;

    make_picture(&before, pixel, 7);
    make_picture(&after, pixel, 7);
    assert_int_equal(image_create(bitmap, pixel, opacity_percent, &image), 0);
    blend_image(image, &after.format, &after.frame, x_px, y_px);
    check(&before, &after, bitmap, opacity_percent, x_px, y_px);
    image_destroy(image);
    free(before.memory);
    free(after.memory);
}

static void test_as_in_floating_point(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct bitmap *bitmap = random_bitmap(61, 43, 11 + (uint32_t)i);

        blend_and_check(bitmap, pixels[i], 100, 40, 50);
        blend_and_check(bitmap, pixels[i], 100, 41, 51);
        blend_and_check(bitmap, pixels[i], 37, 40, 50);
        blend_and_check(bitmap, pixels[i], 0, 40, 50);
        bitmap_destroy(bitmap);
    }
}

static void test_cut_off_at_the_edges(void **state)
{
    static const int places[][2] = {{-20, -10}, {-61, 7},    {WIDTH - 30, HEIGHT - 21},
                                    {WIDTH, 4}, {4, HEIGHT}, {-100, -9},
                                    {5, -400},  {-30, 60},   {100, -7},
                                    {-62, -44}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct bitmap *small = random_bitmap(61, 43, 3);
        struct bitmap *large = random_bitmap(500, 300, 4);

        for (size_t k = 0; k < sizeof places / sizeof places[0]; k++)
            blend_and_check(small, pixels[i], 100, places[k][0], places[k][1]);
        blend_and_check(large, pixels[i], 100, -60, -50); // larger than the picture
        bitmap_destroy(small);
        bitmap_destroy(large);
    }
}

// A colour that lies over itself stays: no drift by rounding, at any opacity.
static void test_a_colour_over_itself_stays(void **state)
{
    struct draw_reason why;
    struct bitmap *bitmap;

    (void)state;
    assert_int_equal(bitmap_create(32, 32, &bitmap, &why), 0);
    for (size_t i = 0; i < 32 * 32; i++)
        memcpy(bitmap->rgba + 4 * i, (const uint8_t[]){200, 30, 90, 255}, 4);
    for (size_t i = 0; i < 3; i++)
        for (uint32_t percent = 0; percent <= 100; percent += 5) {
            struct picture picture;
            struct image *full;
            struct image *part;
            uint8_t before[32];

            make_picture(&picture, pixels[i], 9);
            assert_int_equal(image_create(bitmap, pixels[i], 100, &full), 0);
            assert_int_equal(image_create(bitmap, pixels[i], percent, &part), 0);
            blend_image(full, &picture.format, &picture.frame, 0, 0);
            for (int plane = 0; plane < 2; plane++) {
                memcpy(before, picture.frame.plane[plane], 16);
                blend_image(part, &picture.format, &picture.frame, 0, 0);
                assert_memory_equal(before, picture.frame.plane[plane], 16);
            }
            image_destroy(full);
            image_destroy(part);
            free(picture.memory);
        }
    bitmap_destroy(bitmap);
}

static void test_what_is_transparent_does_not_bleed_when_scaled(void **state)
{
    struct draw_reason why;
    struct bitmap *bitmap;
    struct bitmap *scaled;

    (void)state;
    assert_int_equal(bitmap_create(64, 64, &bitmap, &why), 0);
    for (size_t i = 0; i < 64 * 64; i++) // white, with clear green to its right
        memcpy(bitmap->rgba + 4 * i,
               i % 64 < 31 ? (const uint8_t[]){255, 255, 255, 255} : (const uint8_t[]){0, 255, 0, 0}, 4);
    assert_int_equal(bitmap_scale(bitmap, 24, 40, &scaled, &why), 0);
    assert_int_equal(scaled->width_px, 24);
    assert_int_equal(scaled->height_px, 40);
    for (size_t i = 0; i < 24 * 40; i++) {
        const uint8_t *p = scaled->rgba + 4 * i;

        if (p[3] > 0)
            assert_true(p[0] == 255 && p[1] == 255 && p[2] == 255);
        if (i % 24 < 10)
            assert_int_equal(p[3], 255);
        if (i % 24 > 13)
            assert_int_equal(p[3], 0);
    }
    bitmap_destroy(scaled);
    assert_int_equal(bitmap_scale(bitmap, 128, 64, &scaled, &why), 0); // larger: a line between neighbours
    assert_int_equal(scaled->rgba[4 * 60 + 3], 255);
    assert_int_equal(scaled->rgba[4 * 61 + 3], 191);
    assert_int_equal(scaled->rgba[4 * 62 + 3], 64);
    assert_int_equal(scaled->rgba[4 * 63 + 3], 0);
    assert_int_equal(bitmap_scale(bitmap, 5000, 40, &scaled, &why), CASTOR_ERR_INVALID);
    assert_non_null(strstr(why.text, "5000 x 40"));
    bitmap_destroy(bitmap);
    bitmap_destroy(scaled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_in_floating_point),
                                       cmocka_unit_test(test_cut_off_at_the_edges),
                                       cmocka_unit_test(test_a_colour_over_itself_stays),
                                       cmocka_unit_test(test_what_is_transparent_does_not_bleed_when_scaled)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
