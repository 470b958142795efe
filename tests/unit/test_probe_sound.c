// SPDX-License-Identifier: Apache-2.0
// What the probe says of sound tracks: built here byte by byte, with one thing wrong at a time.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "probe/sound.h"

#define PID 0x101
static struct sound_check check;
static uint64_t pts_90k;

static int setup(void **state)
{
    const struct psi_pmt pmt = {
        .streams = 3,
        .stream = {{.pid = 0x100, .type = 0x1B},
                   {.pid = PID, .type = 0x0F, .language = "eng"},
                   {.pid = PID + 1, .type = 0x06, .is_opus = true, .opus_channels = 2}}};

    (void)state;
    memset(&check, 0, sizeof check);
    sound_take_pmt(&check, &pmt);
    pts_90k = (UINT64_C(1) << 33) - 100000; // wraps on the way
    return 0;
}

static void feed_pes(uint16_t pid, uint64_t pts, const uint8_t *data, size_t bytes)
{
    uint8_t pes[8000] = {0, 0, 1, 0xC0, (uint8_t)((bytes + 8) >> 8), (uint8_t)(bytes + 8), 0x80, 0x80, 5};

    pts &= (UINT64_C(1) << 33) - 1;
    pes[9] = (uint8_t)(0x21 | (pts >> 29 & 0xE));
    pes[10] = (uint8_t)(pts >> 22);
    pes[11] = (uint8_t)(pts >> 14 | 1);
    pes[12] = (uint8_t)(pts >> 7);
    pes[13] = (uint8_t)(pts << 1 | 1);
    memcpy(pes + 14, data, bytes);
    for (size_t at = 0; at < bytes + 14; at += 184) {
        size_t left = bytes + 14 - at;
        sound_feed(&check, pid, pes + at, left < 184 ? left : 184, at == 0, false);
    }
}

static size_t adts(uint8_t *out, unsigned rate, unsigned channels, size_t bytes)
{
    memset(out, 0x55, bytes);
    out[0] = 0xFF;
    out[1] = 0xF1;
    out[2] = (uint8_t)(1 << 6 | rate << 2 | channels >> 2);
    out[3] = (uint8_t)((channels & 3) << 6 | bytes >> 11);
    out[4] = (uint8_t)(bytes >> 3);
    out[5] = (uint8_t)((bytes & 7) << 5 | 0x1F);
    out[6] = 0xFC;
    return bytes;
}

// A unit of 48 kHz stereo, `step` ticks after the one before.
static void aac(uint64_t step, size_t bytes)
{
    uint8_t unit[4000];

    pts_90k += step;
    feed_pes(PID, pts_90k, unit, adts(unit, 3, 2, bytes));
}

static const struct sound_track *track(void)
{
    return &check.track[0];
}

static void good_sound_is_good(void **unused)
{
    (void)unused;
    assert_int_equal(check.tracks, 2);
    for (int i = 0; i < 200; i++) {
        sound_take_pcr(&check, (pts_90k + 1920 - 9000) % (UINT64_C(1) << 33) * 300);
        aac(1920, 300);
    }
    assert_int_equal(track()->units, 200);
    assert_int_equal(track()->samples, 200 * 1024);
    assert_int_equal(track()->rate_hz, 48000);
    assert_int_equal(track()->channels, 2);
    assert_string_equal(track()->language, "eng");
    assert_int_equal(track()->holes + track()->overlaps + track()->syntax_errors + track()->late +
                         track()->overflows + track()->damaged + track()->format_changes,
                     0);
    assert_int_equal(track()->pts_minus_pcr_min_27m, 9000 * 300);
}

static void holes_and_overlaps_are_counted(void **unused)
{
    (void)unused;
    aac(0, 300);
    aac(1921, 300); // rounded
    aac(1919, 300);
    assert_int_equal(track()->holes + track()->overlaps, 0);
    aac(1920 * 2, 300);
    assert_int_equal(track()->holes, 1);
    aac(1920, 300);
    aac(1900, 300);
    assert_int_equal(track()->overlaps, 1);
    assert_int_equal(track()->gap_max_90k, 1920);
    assert_int_equal(track()->holes, 1);
}

// 44.1 kHz: 2089.8 ticks, of which PTS has the whole ones.
static void rounding_does_not_add_up(void **unused)
{
    uint8_t unit[400];

    (void)unused;
    for (uint64_t i = 0; i < 5000; i++)
        feed_pes(PID, 77 + i * 1024 * 90000 / 44100, unit, adts(unit, 4, 2, 300));
    assert_int_equal(track()->holes + track()->overlaps, 0);
    assert_int_equal(track()->rate_hz, 44100);
}

static void bad_headers_are_counted(void **unused)
{
    uint8_t unit[1000];

    (void)unused;
    aac(0, 300);
    adts(unit, 3, 2, 300);
    unit[0] = 0xFE;
    feed_pes(PID, pts_90k + 1920, unit, 300);
    feed_pes(PID, pts_90k + 2 * 1920, unit, adts(unit, 15, 2, 300));
    adts(unit, 3, 2, 301); // longer than what is there
    feed_pes(PID, pts_90k + 3 * 1920, unit, 300);
    assert_int_equal(track()->syntax_errors, 3);
    feed_pes(PID, pts_90k + 4 * 1920, unit, adts(unit, 3, 6, 300));
    assert_int_equal(track()->format_changes, 1);
    size_t two = adts(unit, 3, 6, 300);
    feed_pes(PID, pts_90k + 5 * 1920, unit, two + adts(unit + two, 3, 6, 200));
    assert_int_equal(track()->units, 4);
    feed_pes(PID, pts_90k + 7 * 1920, unit, 300);
    assert_int_equal(track()->holes, 0);
}

static void missing_packets_are_no_hole_in_time(void **unused)
{
    uint8_t unit[400];

    (void)unused;
    aac(0, 300);
    adts(unit, 3, 2, 300);
    sound_feed(&check, PID, unit, 184, true, false);
    sound_feed(&check, PID, unit, 30, false, true);
    pts_90k += 1920;
    aac(1920, 300);
    assert_int_equal(track()->damaged, 1);
    assert_int_equal(track()->holes, 0);
}

static void lateness_and_buffer_are_judged_by_the_clock(void **unused)
{
    (void)unused;
    pts_90k = 900000;
    sound_take_pcr(&check, (900000 - 9000) * 300);
    for (int i = 0; i < 4; i++)
        aac(1920, 850);
    sound_take_pcr(&check, (900000 - 8000) * 300);
    assert_int_equal(track()->overflows, 0); // 4 * 864 = 3456 of 3584
    aac(1920, 850);
    sound_take_pcr(&check, (900000 - 7000) * 300);
    assert_int_equal(track()->overflows, 1);
    sound_take_pcr(&check, (900000 + 1920) * 300); // the first has left
    assert_int_equal(track()->overflows, 1);
    sound_take_pcr(&check, (900000 + 20 * 1920) * 300);
    assert_int_equal(track()->late, 0);
    aac(1920, 300);
    assert_int_equal(track()->late, 1);
}

static void opus_is_understood(void **unused)
{
    // CELT, 20 ms, one frame; a packet of 258 bytes.
    uint8_t unit[400] = {0x7F, 0xE0, 255, 3, 0xFC};
    const struct sound_track *t = &check.track[1];

    (void)unused;
    for (uint64_t i = 0; i < 10; i++)
        feed_pes(PID + 1, 5000 + i * 1800, unit, 4 + 258);
    assert_int_equal(t->units, 10);
    assert_int_equal(t->samples, 9600);
    assert_int_equal(t->holes + t->overlaps + t->syntax_errors, 0);
    assert_int_equal(t->channels, 2);
    unit[3] = 4;
    feed_pes(PID + 1, 5000 + 10 * 1800, unit, 4 + 258);
    assert_int_equal(t->syntax_errors, 1);
    unit[0] = 0x7E;
    feed_pes(PID + 1, 5000 + 11 * 1800, unit, 4 + 259);
    assert_int_equal(t->syntax_errors, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
    const struct CMUnitTest tests[] = {
        TEST(good_sound_is_good),
        TEST(holes_and_overlaps_are_counted),
        TEST(rounding_does_not_add_up),
        TEST(bad_headers_are_counted),
        TEST(missing_packets_are_no_hole_in_time),
        TEST(lateness_and_buffer_are_judged_by_the_clock),
        TEST(opus_is_understood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
