// SPDX-License-Identifier: Apache-2.0
// The flash of the test pattern: where its description says, in the frames it says, in every pixel format,
// and gone again when the same slot is drawn for the next frame.
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hal/source.h"
#include "source_number_reader.h"

#define WIDTH 646 // neither bound is whole
#define HEIGHT 362
#define LEFT 484
#define RIGHT 604
#define TOP 90
#define BOTTOM 158
#define BUDGET_MS 20000

static uint8_t upper_eight(const struct castor_frame *frame, uint32_t pixel, int plane, uint32_t x,
                           uint32_t y)
{
    uint32_t bytes = castor_pixel_bytes(pixel);

    return frame->plane[plane][(size_t)y * frame->stride_bytes[plane] + x * bytes + bytes - 1];
}

static void assert_box(const struct castor_frame *frame, uint32_t pixel, uint8_t luma)
{
    const bool planar = pixel == CASTOR_PIXEL_I420;

    for (uint32_t y = TOP; y < BOTTOM; y++)
        for (uint32_t x = LEFT; x < RIGHT; x++)
            assert_int_equal(upper_eight(frame, pixel, 0, x, y), luma);
    for (uint32_t y = TOP / 2; y < BOTTOM / 2; y++) {
        for (uint32_t x = LEFT / 2; x < RIGHT / 2; x++) {
            assert_int_equal(upper_eight(frame, pixel, 1, planar ? x : 2 * x, y), 128);
            assert_int_equal(upper_eight(frame, pixel, planar ? 2 : 1, planar ? x : 2 * x + 1, y), 128);
        }
    }
}

// Beside the box are the bars, which are neither black nor white.
static void assert_bars_beside(const struct castor_frame *frame, uint32_t pixel)
{
    static const uint32_t places[][2] = {
        {LEFT - 1, TOP}, {RIGHT, TOP}, {LEFT, TOP - 1}, {LEFT, BOTTOM}, {RIGHT - 1, BOTTOM}};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        assert_in_range(upper_eight(frame, pixel, 0, places[i][0], places[i][1]), 20, 200);
}

static void next_frame(struct source *source, struct castor_frame *frame)
{
    int error;

    assert_int_equal(source_queue(source, frame), 0);
    do {
        struct pollfd poll_fd = {.fd = source_descriptor(source), .events = POLLIN};
        assert_int_equal(poll(&poll_fd, 1, BUDGET_MS), 1);
        error = source_dequeue(source, frame);
    } while (error == CASTOR_ERR_AGAIN);
    assert_int_equal(error, 0);
}

static void assert_number(const struct castor_frame *frame, uint32_t pixel)
{
    static uint8_t luma[WIDTH * 64];
    uint64_t number = 0;

    for (uint32_t i = 0; i < sizeof luma; i++)
        luma[i] = upper_eight(frame, pixel, 0, i % WIDTH, i / WIDTH);
    assert_true(number_read(luma, WIDTH, WIDTH, &number));
    assert_int_equal(number, frame->sequence);
}

static void assert_flashes(uint32_t pixel, struct castor_rational rate, uint64_t every)
{
    const struct source_driver *driver;
    struct source_config config = {.format = {WIDTH, HEIGHT, pixel, rate},
                                   .path = "",
                                   .anchor_sequence = 3 * every - 2,
                                   .anchor_ns = castor_now_ns()};
    struct castor_frame_layout layout;
    struct castor_frame frame = {.dmabuf_fd = -1};
    struct source_text why = {""};
    struct source *source = NULL;
    uint64_t flashes = 0, dark_after = 0;

    assert_int_equal(source_driver_find("pattern", &driver, &why), 0);
    assert_int_equal(source_open(driver, &config, &source, &why), 0);
    assert_int_equal(castor_frame_layout_compute(&source->format, 64, &layout), 0);
    uint8_t *memory = malloc(layout.size_bytes);
    assert_non_null(memory);
    castor_frame_map(&layout, memory, &frame);
    while (flashes == 0 || dark_after < 2) { // a busy machine skips frames; then the next flash is waited for
        next_frame(source, &frame);
        bool flash = frame.sequence % every == 0;
        assert_box(&frame, pixel, flash ? 235 : 16);
        assert_bars_beside(&frame, pixel);
        assert_number(&frame, pixel);
        flashes += flash;
        dark_after += flashes && !flash;
    }
    source_close(source);
    free(memory);
}

static void test_every_pixel_format(void **state)
{
    (void)state;
    assert_flashes(CASTOR_PIXEL_I420, (struct castor_rational){30, 1}, 30);
    assert_flashes(CASTOR_PIXEL_NV12, (struct castor_rational){30, 1}, 30);
    assert_flashes(CASTOR_PIXEL_P010, (struct castor_rational){30, 1}, 30);
}

static void test_rate_is_rounded_up(void **state)
{
    (void)state;
    assert_flashes(CASTOR_PIXEL_I420, (struct castor_rational){30000, 1001}, 30);
    assert_flashes(CASTOR_PIXEL_I420, (struct castor_rational){25, 2}, 13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_pixel_format),
        cmocka_unit_test(test_rate_is_rounded_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
