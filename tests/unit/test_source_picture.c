// SPDX-License-Identifier: Apache-2.0
// Where pictures of other shapes come to lie in a slot, what is made black beside them, and that they get
// there.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "picture.h"

#define WIDTH 64
#define HEIGHT 36
#define STRIDE 80
#define UNTOUCHED 77

static uint8_t memory[3][STRIDE * HEIGHT];

static struct castor_format format_of(uint32_t pixel)
{
    return (struct castor_format){WIDTH, HEIGHT, pixel, {30, 1}};
}

static struct castor_frame clean_slot(void)
{
    struct castor_frame slot = {.plane = {memory[0], memory[1], memory[2]},
                                .stride_bytes = {STRIDE, STRIDE, STRIDE}};

    memset(memory, UNTOUCHED, sizeof memory);
    return slot;
}

static void assert_area(int64_t width, int64_t height, struct picture_area expected)
{
    struct castor_format format = format_of(CASTOR_PIXEL_I420);
    struct picture_area area = picture_area_fit(&format, width, height);

    if (memcmp(&area, &expected, sizeof area) != 0)
        fail_msg("%lldx%lld comes to %d,%d %dx%d", (long long)width, (long long)height, area.x, area.y,
                 area.width, area.height);
}

static void test_fit(void **state)
{
    (void)state;
    assert_area(WIDTH, HEIGHT, (struct picture_area){0, 0, WIDTH, HEIGHT});
    assert_area(1920, 1080, (struct picture_area){0, 0, WIDTH, HEIGHT});
    assert_area(65, 36, (struct picture_area){0, 0, WIDTH, HEIGHT}); // as good as the same shape
    assert_area(4, 3, (struct picture_area){8, 0, 48, HEIGHT});
    assert_area(64, 27, (struct picture_area){0, 4, WIDTH, 28});
    assert_area(5, 4, (struct picture_area){8, 0, 46, HEIGHT}); // 45, made even
    assert_area(64, 25, (struct picture_area){0, 4, WIDTH, 26});
    assert_area(INT64_C(1) << 40, 1, (struct picture_area){0, 0, WIDTH, HEIGHT}); // nothing would be left
}

// Every byte: black beside the area, as it was within it and behind the rows.
static void assert_frame(uint32_t pixel, struct picture_area area)
{
    struct castor_format format = format_of(pixel);
    struct castor_frame slot = clean_slot();

    picture_area_frame(&format, &slot, &area);
    for (int plane = 0; plane < 3; plane++) {
        int rows = plane ? 2 : 1, bytes = plane && pixel == CASTOR_PIXEL_I420 ? 2 : 1;
        bool used = plane < 2 || pixel == CASTOR_PIXEL_I420;
        for (int y = 0; y < HEIGHT; y++) {
            for (int x = 0; x < STRIDE; x++) {
                bool visible = used && y < HEIGHT / rows && x < WIDTH / bytes;
                bool inside = y >= area.y / rows && y < (area.y + area.height) / rows &&
                              x >= area.x / bytes && x < (area.x + area.width) / bytes;
                int expected = !visible || inside ? UNTOUCHED : plane ? 128 : 16;
                if (memory[plane][y * STRIDE + x] != expected)
                    fail_msg("plane %d at %d,%d is %d, not %d", plane, x, y, memory[plane][y * STRIDE + x],
                             expected);
            }
        }
    }
}

static void test_black_beside(void **state)
{
    static const struct picture_area areas[] = {
        {8, 0, 48, HEIGHT}, {0, 4, WIDTH, 28}, {2, 2, 4, 6}, {0, 0, WIDTH, HEIGHT}};

    (void)state;
    for (size_t i = 0; i < sizeof areas / sizeof areas[0]; i++) {
        assert_frame(CASTOR_PIXEL_I420, areas[i]);
        assert_frame(CASTOR_PIXEL_NV12, areas[i]);
    }
}

// A picture of one colour, of this size, into an area: it arrives there, and nowhere else.
static void assert_written(uint32_t pixel, int width, int height)
{
    struct castor_format format = format_of(pixel);
    struct picture_area area = {8, 4, 16, 12};
    struct castor_frame slot = clean_slot();
    struct picture_view out = picture_area_view(&format, &slot, &area);
    struct picture_scratch in = {0}, scaled = {0};
    bool nv12 = pixel == CASTOR_PIXEL_NV12;
    bool scales = width != area.width || height != area.height;
    uint32_t copies = 0;

    assert_int_equal(picture_scratch_allocate(&in, width, height), CASTOR_OK);
    for (int i = 0; i < 3; i++)
        memset(in.view.plane[i], 100 + i,
               (size_t)in.view.stride[i] * (size_t)(i ? (height + 1) / 2 : height));
    assert_int_equal(picture_write_i420(&in.view, pixel, &scaled, &out, &copies), CASTOR_OK);
    assert_int_equal(copies, nv12 && scales ? 2 : 1);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < STRIDE; x++) {
            bool inside = x >= 8 && x < 24 && y >= 4 && y < 16;
            bool chroma = nv12 ? x >= 8 && x < 24 && y >= 2 && y < 8 : x >= 4 && x < 12 && y >= 2 && y < 8;
            assert_int_equal(memory[0][y * STRIDE + x], inside ? 100 : UNTOUCHED);
            assert_int_equal(memory[1][y * STRIDE + x], !chroma ? UNTOUCHED : nv12 ? 101 + x % 2 : 101);
            assert_int_equal(memory[2][y * STRIDE + x], chroma && !nv12 ? 102 : UNTOUCHED);
        }
    picture_scratch_free(&in);
    picture_scratch_free(&scaled);
}

static void test_write(void **state)
{
    static const uint32_t pixels[] = {CASTOR_PIXEL_I420, CASTOR_PIXEL_NV12};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_written(pixels[i], 16, 12); // of that size
        assert_written(pixels[i], 64, 48);
        assert_written(pixels[i], 7, 5); // odd, as files may be
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fit),
        cmocka_unit_test(test_black_beside),
        cmocka_unit_test(test_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
