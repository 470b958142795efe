// SPDX-License-Identifier: Apache-2.0
// Sequence numbers, histogram, clocks, and the number in the picture.
#include "probe/histogram.h"
#include "probe/pattern.h"
#include "probe/sequence.h"
#include "probe/timing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static enum sequence_verdict feed(struct sequence_track *t, uint64_t number)
{
    return sequence_feed(t, (struct sequence_input){.number = number});
}

static void test_sequence(void **state)
{
    (void)state;
    struct sequence_track t = {0};
    assert_int_equal(feed(&t, 100), SEQUENCE_NEXT);
    assert_int_equal(feed(&t, 101), SEQUENCE_NEXT);
    assert_int_equal(feed(&t, 104), SEQUENCE_GAP);
    assert_int_equal(t.lost, 2);
    assert_int_equal(feed(&t, 103), SEQUENCE_OUT_OF_ORDER);
    assert_int_equal(t.lost, 1);
    assert_int_equal(feed(&t, 103), SEQUENCE_REPEATED);
    assert_int_equal(feed(&t, 104), SEQUENCE_REPEATED);
    assert_int_equal(feed(&t, 99), SEQUENCE_OUT_OF_ORDER); // before the first: was never lost
    assert_int_equal(t.lost, 1);
    assert_int_equal(feed(&t, 105), SEQUENCE_NEXT);
    assert_int_equal(t.gaps_total, 1);
    assert_int_equal(t.gaps[0].first, 102);
    assert_int_equal(t.gaps[0].count, 2);
}

static void test_sequence_limits(void **state)
{
    (void)state;
    struct sequence_track t = {0};
    feed(&t, 0);
    assert_int_equal(feed(&t, 10000), SEQUENCE_GAP); // wider than the window
    assert_int_equal(t.lost, 9999);
    assert_int_equal(feed(&t, 9999), SEQUENCE_OUT_OF_ORDER);
    assert_int_equal(feed(&t, 1), SEQUENCE_RESTART); // further back than the window
    assert_int_equal(feed(&t, 2), SEQUENCE_NEXT);
    assert_int_equal(feed(&t, UINT64_MAX), SEQUENCE_RESTART); // no number to count up to
    assert_int_equal(t.lost, 9998);
    // More gaps than are kept.
    struct sequence_track u = {0};
    for (uint64_t n = 0; n <= 400; n += 2)
        feed(&u, n);
    assert_int_equal(u.gaps_total, 200);
    assert_int_equal(u.lost, 200);
    assert_int_equal(u.gaps[SEQUENCE_GAPS - 1].first, 199);
}

static void test_sequence_reconnection(void **state)
{
    (void)state;
    struct sequence_track t = {0};
    sequence_reconnected(&t); // before anything came it means nothing
    sequence_feed(&t, (struct sequence_input){.number = 50, .capture_us = 1000});
    sequence_reconnected(&t);
    sequence_feed(&t, (struct sequence_input){.number = 53, .capture_us = 2000});
    assert_int_equal(t.lost_reconnect, 2);
    assert_true(t.gaps[0].reconnect);
    sequence_feed(&t, (struct sequence_input){.number = 55, .capture_us = 3000});
    assert_int_equal(t.lost, 3);
    assert_int_equal(t.lost_reconnect, 2);
    // An old frame again is repeated, even after a reconnection; a newer one with an old number is a new
    // count.
    sequence_reconnected(&t);
    assert_int_equal(sequence_feed(&t, (struct sequence_input){.number = 55, .capture_us = 3000}),
                     SEQUENCE_REPEATED);
    sequence_reconnected(&t);
    assert_int_equal(sequence_feed(&t, (struct sequence_input){.number = 1, .capture_us = 9000}),
                     SEQUENCE_RESTART);
    assert_int_equal(t.lost, 3);
    assert_int_equal(t.restarts, 1);
}

static void test_histogram(void **state)
{
    (void)state;
    struct histogram *h = calloc(1, sizeof *h);
    assert_non_null(h);
    assert_int_equal(histogram_quantile(h, 500), 0);
    for (int64_t v = 1; v <= 100000; v++)
        histogram_add(h, v);
    static const unsigned per_mille[] = {10, 500, 950, 990, 1000};
    for (size_t i = 0; i < sizeof per_mille / sizeof per_mille[0]; i++) {
        int64_t exact = (int64_t)per_mille[i] * 100;
        int64_t got = histogram_quantile(h, per_mille[i]);
        assert_in_range(got, exact - exact / 500, exact + exact / 500);
    }
    assert_int_equal(h->min, 1);
    assert_int_equal(h->max, 100000);
    histogram_clear(h);
    histogram_add(h, -5);
    assert_int_equal(histogram_quantile(h, 990), -5);
    histogram_add(h, INT64_MAX);
    histogram_add(h, INT64_MAX);
    assert_int_equal(histogram_quantile(h, 1000) > INT64_MAX / 2048, 1);
    free(h);
}

static void test_pts_wrap(void **state)
{
    (void)state;
    struct pts_check c;
    pts_check_init(&c, (struct castor_rational){25, 1}, 1000);
    uint64_t wrap = UINT64_C(1) << 33;
    for (uint64_t i = 0; i < 10; i++)
        pts_check_feed(&c, (wrap - 5 * 3600 + i * 3600) % wrap);
    assert_int_equal(c.seams + c.backwards + c.jumps, 0);
    pts_check_distance(&c, 100, wrap * 300 - 900 * 300);
    assert_int_equal(c.distance_min_27m, 1000 * 300);
}

// 23.976 fps: 3753.75 ticks, so steps of 3753 and 3754 are no seams, with and without being told the rate.
static void test_pts_of_broken_rates(void **state)
{
    (void)state;
    static const struct castor_rational rates[] = {{24000, 1001}, {30000, 1001}, {60000, 1001}, {50, 1}};
    for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++) {
        for (int told = 0; told < 2; told++) {
            struct pts_check c;
            pts_check_init(&c, told ? rates[r] : (struct castor_rational){0, 0}, 0);
            for (uint64_t i = 0; i < 1000; i++) {
                if (i % 100 > 0 || i < 100) // after the first hundred one in a hundred is missing
                    pts_check_feed(&c, i * 90000 * rates[r].den / rates[r].num);
            }
            pts_check_finish(&c);
            assert_int_equal(c.seams, 0);
            assert_int_equal(c.backwards, 0);
            assert_int_equal(c.jumps, 9);
        }
    }
}

static void test_pts_few_frames(void **state)
{
    (void)state;
    struct pts_check c;
    pts_check_init(&c, (struct castor_rational){0, 0}, 1000);
    static const uint64_t pts[] = {0, 3000, 6000, 9900, 12000, 15000};
    for (size_t i = 0; i < sizeof pts / sizeof pts[0]; i++)
        pts_check_feed(&c, pts[i]);
    assert_int_equal(c.seams, 0);
    pts_check_finish(&c);
    assert_int_equal(c.seams, 2);
}

static void test_pcr(void **state)
{
    (void)state;
    struct pcr_check *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->limit_ns = 40 * CASTOR_NS_PER_MS;
    uint64_t wrap = (UINT64_C(1) << 33) * 300;
    uint64_t pcr = wrap - 27000 * 60;
    struct probe_arrival at = {true, 1000 * CASTOR_NS_PER_MS, 0};
    for (int i = 0; i < 5;
         i++) { // 40 ms is allowed, also where rounding adds a tick; the clock wraps on the way
        pcr_check_feed(c, pcr, false, &at);
        pcr = (pcr + 27000 * 40 + 1) % wrap;
        at.mono_ns += (i == 2 ? 45 : 40) * CASTOR_NS_PER_MS;
    }
    assert_int_equal(c->gaps, 0);
    assert_int_equal(c->backwards, 0);
    assert_in_range(c->jitter_us.max, 4999, 5001);
    assert_in_range(c->spread_max_us, 4999, 5001);
    assert_in_range(c->clock_27m, 27000 * 160, 27000 * 160 + 4);
    pcr_check_feed(c, pcr + 27000 * 10, false, &at); // 50 ms
    assert_int_equal(c->gaps, 1);
    pcr_check_feed(c, 5, true, &at); // announced
    assert_int_equal(c->discontinuities, 1);
    assert_int_equal(c->backwards, 0);
    assert_in_range(c->interval_max_ns, 50 * CASTOR_NS_PER_MS, 50 * CASTOR_NS_PER_MS + 100);
    free(c);
}

// Draws as the definition of the pattern says; the checksum is worked out bit by bit.
static void draw(uint8_t *luma, size_t stride, unsigned cell_w, unsigned cell_h, uint64_t number)
{
    uint32_t crc = 0xFFFF;
    for (int bit = 47; bit >= 0; bit--) {
        uint32_t top = (crc >> 15 ^ (uint32_t)(number >> bit)) & 1;
        crc = (crc << 1 ^ (top ? 0x1021 : 0)) & 0xFFFF;
    }
    uint64_t bits = number | (uint64_t)crc << 48;
    for (unsigned i = 0; i < 64; i++) {
        uint8_t value = bits >> i & 1 ? 235 : 16;
        for (unsigned y = 0; y < cell_h; y++)
            memset(luma + (i / 32 * cell_h + y) * stride + i % 32 * cell_w, value, cell_w);
    }
}

// The same in 8 and in 10 bit.
static int read_pattern(const uint8_t *flat, size_t stride, unsigned width, unsigned height, uint64_t *number)
{
    uint8_t *deep = malloc(2 * stride * height);
    uint64_t again = *number;
    assert_non_null(deep);
    for (size_t i = 0; i < stride * height; i++) {
        deep[2 * i] = (uint8_t)(flat[i] << 2);
        deep[2 * i + 1] = flat[i] >> 6;
    }
    int result = pattern_read(&(struct pattern_luma){flat, stride, width, height, 8}, number);
    assert_int_equal(pattern_read(&(struct pattern_luma){deep, 2 * stride, width, height, 10}, &again),
                     result);
    assert_int_equal(again, *number);
    free(deep);
    return result;
}

static void test_pattern(void **state)
{
    (void)state;
    static const struct {
        unsigned width, height, cell_w, cell_h;
    } sizes[] = {{320, 180, 10, 10}, {720, 576, 22, 22}, {1280, 720, 40, 32}, {1920, 1080, 60, 32}};
    static const uint64_t numbers[] = {0, 1, 29, 0x123456789ABC, PATTERN_NUMBER_MASK};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        size_t stride = sizes[s].width + 64;
        uint8_t *luma = malloc(stride * sizes[s].height);
        assert_non_null(luma);
        for (size_t n = 0; n < sizeof numbers / sizeof numbers[0]; n++) {
            memset(luma, 77, stride * sizes[s].height);
            draw(luma, stride, sizes[s].cell_w, sizes[s].cell_h, numbers[n]);
            uint64_t number = 0;
            assert_int_equal(read_pattern(luma, stride, sizes[s].width, sizes[s].height, &number), CASTOR_OK);
            assert_int_equal(number, numbers[n]);
            // Blurred at the edges it can still be read; with one cell turned it must not be believed.
            for (unsigned i = 0; i < 64; i++)
                memset(luma + i / 32 * sizes[s].cell_h * stride + i % 32 * sizes[s].cell_w, 125, 2);
            assert_int_equal(read_pattern(luma, stride, sizes[s].width, sizes[s].height, &number), CASTOR_OK);
            for (unsigned y = 0; y < sizes[s].cell_h; y++) {
                for (unsigned x = 0; x < sizes[s].cell_w; x++)
                    luma[y * stride + x] = (uint8_t)(251 - luma[y * stride + x]);
            }
            number = 4711;
            assert_int_equal(read_pattern(luma, stride, sizes[s].width, sizes[s].height, &number),
                             CASTOR_ERR_NOT_FOUND);
            assert_int_equal(number, 4711);
        }
        free(luma);
    }
    uint8_t tiny[16 * 16] = {0};
    uint64_t number = 0;
    assert_int_equal(read_pattern(tiny, 16, 16, 16, &number), CASTOR_ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequence),
        cmocka_unit_test(test_sequence_limits),
        cmocka_unit_test(test_sequence_reconnection),
        cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_pts_wrap),
        cmocka_unit_test(test_pts_of_broken_rates),
        cmocka_unit_test(test_pts_few_frames),
        cmocka_unit_test(test_pcr),
        cmocka_unit_test(test_pattern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
