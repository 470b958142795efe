// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "number.h"
#include "source_number_reader.h"

static const struct {
    uint32_t width, height;
} sizes[] = {{320, 180}, {322, 182}, {640, 360}, {720, 576}, {1280, 720}, {1920, 1080}, {3840, 2160}};

static uint32_t random_next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

// What a coarse encoder does to luma: each 4x4 block pulled towards its mean, edges blurred, noise, steps.
static void damage(uint8_t *luma, uint32_t stride, uint32_t width, uint32_t rows, uint32_t *seed)
{
    for (uint32_t y = 0; y + 4 <= rows; y += 4)
        for (uint32_t x = 0; x + 4 <= width; x += 4) {
            uint32_t sum = 0;
            for (uint32_t i = 0; i < 16; i++)
                sum += luma[(y + i / 4) * stride + x + i % 4];
            for (uint32_t i = 0; i < 16; i++) {
                uint8_t *p = &luma[(y + i / 4) * stride + x + i % 4];
                int value = (int)(*p + sum / 16) / 2 + (int)(random_next(seed) % 61) - 30;
                value = value / 24 * 24 + 12;
                *p = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
            }
        }
}

static void frame_make(const struct castor_format *format, struct castor_frame *frame, uint8_t **memory)
{
    struct castor_frame_layout layout;

    assert_int_equal(castor_frame_layout_compute(format, 64, &layout), 0);
    *memory = malloc(layout.size_bytes);
    assert_non_null(*memory);
    memset(*memory, 77, layout.size_bytes);
    castor_frame_map(&layout, *memory, frame);
}

static void test_number_survives_coding(void **state)
{
    uint32_t seed = 1;

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (uint32_t pixel = CASTOR_PIXEL_I420; pixel <= CASTOR_PIXEL_NV12; pixel++) {
            struct castor_format format = {sizes[i].width, sizes[i].height, pixel, {30, 1}};
            struct castor_frame frame = {0};
            uint8_t *memory;

            frame_make(&format, &frame, &memory);
            for (int round = 0; round < 50; round++) {
                uint64_t number = round == 0   ? 0
                                  : round == 1 ? UINT64_C(0xFFFFFFFFFFFF)
                                               : ((uint64_t)random_next(&seed) << 24 | random_next(&seed));
                uint64_t read = ~number;
                number_draw(&format, &frame, number);
                damage(frame.plane[0], frame.stride_bytes[0], format.width_px, number_height_px(&format),
                       &seed);
                assert_true(number_read(frame.plane[0], frame.stride_bytes[0], format.width_px, &read));
                assert_int_equal(read, number);
            }
            free(memory);
        }
}

static void test_number_stays_in_its_block(void **state)
{
    struct castor_format format = {1280, 720, CASTOR_PIXEL_I420, {30, 1}};
    struct castor_frame frame = {0};
    uint8_t *memory;

    (void)state;
    frame_make(&format, &frame, &memory);
    number_draw(&format, &frame, 0xA5A5A5);
    assert_int_equal(number_width_px(&format), 1280);
    assert_int_equal(number_height_px(&format), 64);
    for (uint32_t x = 0; x < 1280; x++) {
        assert_int_not_equal(frame.plane[0][63 * frame.stride_bytes[0] + x], 77);
        assert_int_equal(frame.plane[0][64 * frame.stride_bytes[0] + x], 77);
    }
    for (uint32_t x = 0; x < 640; x++) {
        assert_int_equal(frame.plane[1][31 * frame.stride_bytes[1] + x], 128);
        assert_int_equal(frame.plane[2][32 * frame.stride_bytes[2] + x], 77);
    }
    free(memory);
}

static void test_wrong_bit_is_refused(void **state)
{
    struct castor_format format = {640, 360, CASTOR_PIXEL_I420, {30, 1}};
    struct castor_frame frame = {0};
    uint8_t *memory;
    uint64_t read;

    (void)state;
    frame_make(&format, &frame, &memory);
    number_draw(&format, &frame, 4711);
    for (int line = 0; line < 20; line++) // invert cell 5 of row 0
        for (int x = 100; x < 120; x++)
            frame.plane[0][line * (int)frame.stride_bytes[0] + x] ^= 0xFF;
    assert_false(number_read(frame.plane[0], frame.stride_bytes[0], 640, &read));
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_number_survives_coding),
        cmocka_unit_test(test_number_stays_in_its_block),
        cmocka_unit_test(test_wrong_bit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
