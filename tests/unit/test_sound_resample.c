// SPDX-License-Identifier: Apache-2.0
// Simulated cards through the resampler: where their sound comes to lie, how clean it is, and what gaps do.
// An argument gives the simulated minutes of each card.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sound/resample.h"
#include "sound_card.h"

#define TAU 6.283185307179586
#define MS CASTOR_NS_PER_MS
#define S CASTOR_NS_PER_S
#define WINDOW 4800 // 0.1 s of the grid

static double minutes = 0.4;

// A card whose sound is a sine of the true time, and its resampler.
struct rig {
    struct sound_card card;
    struct resample *resample;
    double hz;
    uint64_t index;
    uint32_t block;
    float in[19200], out[2 * RESAMPLE_HZ];
    uint32_t out_count;
    uint64_t out_first; // on the grid
};

static void rig_open(struct rig *rig, struct sound_card card, double hz, bool exact)
{
    const struct sound_format format = {card.rate_hz, 1, SOUND_SAMPLE_FLOAT};

    memset(rig, 0, sizeof *rig);
    rig->card = card;
    rig->hz = hz;
    rig->block = card.rate_hz / 100;
    rig->out_first = 1234;
    assert_int_equal(resample_create(&format, exact, card.start_ns - sound_time_ns(RESAMPLE_HZ, 1234) - 777,
                                     rig->out_first, &rig->resample),
                     0);
}

static double out_s(const struct rig *rig, uint32_t at)
{
    return (double)(rig->card.start_ns - sound_time_ns(RESAMPLE_HZ, 1234) - 777 +
                    sound_time_ns(RESAMPLE_HZ, rig->out_first + at)) *
           1e-9;
}

// The card's next block; anew and lost as the block tells them.
static void push(struct rig *rig, uint64_t lost, bool anew)
{
    struct sound_block block = {.lost = lost, .anew = anew, .samples = rig->block};

    rig->index += lost;
    block.index = rig->index;
    block.capture_ns = sound_card_stamp_ns(&rig->card, rig->index);
    for (uint32_t i = 0; i < rig->block; i++)
        rig->in[i] = 0.5f * (float)sin(TAU * rig->hz * 1e-9 *
                                       sound_card_true_ns(&rig->card, (double)(rig->index + i)));
    resample_push(rig->resample, &block, rig->in);
    rig->index += rig->block;
}

static void pull(struct rig *rig, int64_t silence_ns)
{
    uint32_t room = sizeof rig->out / sizeof *rig->out - rig->out_count;

    rig->out_count += resample_pull(rig->resample, silence_ns, rig->out + rig->out_count, room);
}

static void drop(struct rig *rig, uint32_t count)
{
    memmove(rig->out, rig->out + count, (rig->out_count - count) * sizeof *rig->out);
    rig->out_count -= count;
    rig->out_first += count;
}

struct sine {
    double late_ms, noise; // noise: what is not the sine, as a part of it
    double level, kink;    // the greatest second difference, as a part of the sine's own
};

// Solves four equations by Gauss and Jordan; the right sides are the fifth column.
static void solve(double m[4][5])
{
    for (int p = 0; p < 4; p++)
        for (int row = 0; row < 4; row++) {
            double factor = row == p ? 1 - 1 / m[p][p] : m[row][p] / m[p][p];
            for (int column = 4; column >= p; column--)
                m[row][column] -= factor * m[p][column];
        }
}

static double kink_in(const struct rig *rig, uint32_t first, uint32_t count)
{
    const double turn = TAU * rig->hz / RESAMPLE_HZ, own = 0.5 * turn * turn;
    double most = 0;

    for (const float *x = rig->out + first + 1; x < rig->out + first + count - 1; x++)
        most = fmax(most, fabs((double)x[1] - 2. * x[0] + x[-1]));
    return most / own;
}

// The sine in `count` outputs, by least squares. Level and phase may change evenly meanwhile: the speed of a
// clock that is being followed is not noise; a click is.
static struct sine sine_in(const struct rig *rig, uint32_t first, uint32_t count)
{
    double m[4][5] = {{0}}, xx = 0, rest;

    for (uint32_t i = 0; i < count; i++) {
        double t = TAU * rig->hz * out_s(rig, first + i), x = rig->out[first + i], u = 2. * i / count - 1;
        double base[5] = {sin(t), cos(t), u * sin(t), u * cos(t), x};
        for (int row = 0; row < 4; row++)
            for (int column = 0; column < 5; column++)
                m[row][column] += base[row] * base[column];
        xx += x * x;
    }
    double right[4] = {m[0][4], m[1][4], m[2][4], m[3][4]};
    solve(m);
    rest = xx;
    for (int i = 0; i < 4; i++)
        rest -= m[i][4] * right[i];
    return (struct sine){-atan2(m[1][4], m[0][4]) / TAU / rig->hz * 1e3, sqrt(fmax(rest, 1e-20) / xx),
                         sqrt(m[0][4] * m[0][4] + m[1][4] * m[1][4]), kink_in(rig, first, count)};
}

// Runs a card; every `every`th window is looked at once sound is there.
static struct sine worst_of(struct sound_card card, double hz, bool exact, uint32_t every)
{
    const uint64_t end = (uint64_t)(card.rate_hz * 60 * minutes);
    struct sine worst = {0};
    struct resample_state state;
    uint64_t windows = 0;
    struct rig *rig = malloc(sizeof *rig);

    rig_open(rig, card, hz, exact);
    while (rig->index < end) {
        push(rig, 0, rig->index == 0);
        pull(rig, llround(sound_card_true_ns(&card, (double)rig->index)) - 100 * MS);
        for (; rig->out_count >= WINDOW; drop(rig, WINDOW)) {
            if (rig->out_first < 4 * RESAMPLE_HZ || windows++ % every != 0)
                continue;
            struct sine sine = sine_in(rig, 0, WINDOW);
            worst.kink = fmax(worst.kink, sine.kink);
            worst.level = fmax(worst.level, fabs(sine.level - 0.5));
            worst.late_ms = fmax(worst.late_ms, fabs(sine.late_ms));
            worst.noise = fmax(worst.noise, sine.noise);
        }
    }
    state = resample_state(rig->resample);
    assert_int_equal(state.placements, 1);
    assert_true(fabs(state.ppm - card.ppm) < 60 + card.wobble_ppm);
    // All that came was given out, but for what libsoxr and the window hold.
    assert_true(sound_card_index(&card, out_s(rig, rig->out_count) * 1e9) > (double)end - 1400);
    resample_destroy(rig->resample);
    free(rig);
    return worst;
}

static const struct {
    const char *name;
    struct sound_card card;
    bool exact;
    double worst_ms, noise_db;
} cards[] = {
    {"exact 48 kHz", {48000, 0, 0, 0, 0, 1, 3 * S + 12345}, true, 0.01, -105},
    {"exact 44.1 kHz", {44100, 0, 0, 0, 0, 1, 3 * S + 12345}, true, 0.01, -105},
    {"+200 ppm", {48000, 200, 0, 0, 0, 1, 3 * S}, false, 0.06, -105},
    {"-200 ppm, 44.1 kHz", {44100, -200, 0, 0, 0, 1, 3 * S}, false, 0.06, -105},
    {"+1000 ppm, 96 kHz", {96000, 1000, 0, 0, 0, 1, 3 * S}, false, 0.06, -105},
    {"-1000 ppm", {48000, -1000, 0, 0, 0, 1, 3 * S}, false, 0.06, -105},
    {"+-20 ppm", {48000, 0, 20, 60, 0, 1, 3 * S}, false, 0.06, -75},
    {"0 ppm, 0.3 ms late", {96000, 0, 0, 0, MS * 3 / 10, 1, 3 * S}, false, 0.2, 0},
    {"+200 ppm, 10 ms late", {48000, 200, 0, 0, 10 * MS, 1, 3 * S}, false, 1, 0},
    {"-1000 ppm, 10 ms late", {48000, -1000, 0, 0, 10 * MS, 1, 3 * S}, false, 1, 0},
    {"+-300 ppm, 10 ms late", {48000, 0, 300, 300, 10 * MS, 1, 3 * S}, false, 1, 0},
};

static void test_sound_is_at_its_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cards / sizeof cards[0]; i++) {
        struct sine worst = worst_of(cards[i].card, 100, cards[i].exact, 1);
        print_message("%-22s worst %.3f ms\n", cards[i].name, worst.late_ms);
        assert_true(worst.late_ms < cards[i].worst_ms);
    }
}

// Distortion and noise of a sine, clicks included, in the worst tenth of a second.
static void test_sound_is_clean(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cards / sizeof cards[0]; i++) {
        struct sine worst = worst_of(cards[i].card, 1000, cards[i].exact, 1);
        double noise_db = 20 * log10(worst.noise);
        print_message("%-22s THD+N %.1f dB, sharpest kink %.4f of the sine's\n", cards[i].name, noise_db,
                      worst.kink);
        assert_true(noise_db < cards[i].noise_db);
        assert_true(worst.kink < 1.02);
        assert_true(worst.level < 0.001 || cards[i].card.late_max_ns > 0);
    }
}

// What can be heard passes; what the grid cannot hold does not come back as something else.
static void test_band(void **state)
{
    static const struct {
        uint32_t rate_hz;
        double hz, level;
    } tones[] = {{44100, 18000, 0.5}, {48000, 18000, 0.5}, {96000, 18000, 0.5}, {192000, 18000, 0.5},
                 {96000, 30000, 0},   {192000, 30000, 0},  {192000, 70000, 0},  {88200, 32000, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof tones / sizeof tones[0]; i++) {
        struct rig *rig = malloc(sizeof *rig);
        double power = 0;
        rig_open(rig, (struct sound_card){tones[i].rate_hz, 0, 0, 0, 0, 1, 3 * S}, tones[i].hz, true);
        for (int k = 0; k < 50; k++) {
            push(rig, 0, k == 0);
            pull(rig, 0);
        }
        for (uint32_t k = rig->out_count - WINDOW; k < rig->out_count; k++)
            power += (double)rig->out[k] * rig->out[k];
        assert_true(fabs(sqrt(2 * power / WINDOW) - tones[i].level) < 1e-3 * (tones[i].level > 0 ? 5 : 0.02));
        resample_destroy(rig->resample);
        free(rig);
    }
}

// How many outputs from `first` on are silence.
static uint32_t silent_from(const struct rig *rig, uint32_t first)
{
    uint32_t count = 0;

    while (first + count < rig->out_count && fabsf(rig->out[first + count]) < 1e-6f)
        count++;
    return count;
}

// Sound that is lost is silence of that length, and what follows is at its time.
static void check_gap(uint64_t lost, bool anew, double silent_s)
{
    struct rig *rig = malloc(sizeof *rig);
    struct sine sine;
    uint32_t gap = 0, silent;

    rig_open(rig, (struct sound_card){48000, 200, 0, 0, 0, 1, 3 * S}, 100, false);
    for (int i = 0; i < 100; i++) {
        push(rig, 0, i == 0);
        pull(rig, 0);
    }
    drop(rig, rig->out_count - 480);
    for (int i = 0; i < 60; i++) {
        push(rig, i == 0 ? lost : 0, i == 0 && anew);
        pull(rig, 0);
    }
    while (silent_from(rig, gap) < 20)
        assert_true(++gap < rig->out_count);
    silent = silent_from(rig, gap);
    assert_true(fabs(silent / 48000. - silent_s) < 0.003);
    sine = sine_in(rig, gap + silent + 480, WINDOW);
    assert_true(fabs(sine.late_ms) < 0.06 && fabs(sine.level - 0.5) < 0.001);
    assert_int_equal(resample_state(rig->resample).placements, 2);
    resample_destroy(rig->resample);
    free(rig);
}

static void test_gaps_keep_the_time(void **state)
{
    (void)state;
    check_gap(4800, false, 0.1);
    check_gap(480, false, 0.01);
    check_gap(4800, true, 0.2); // and 0.1 s until the clock is known again
    check_gap(20000, true, 20000 / 48000. + 0.1);
}

// Nothing comes for a while, and then goes on: silence by the deadline, no sample twice, the time is kept.
static void test_silence_when_nothing_comes(void **state)
{
    struct rig *rig = malloc(sizeof *rig);
    struct sine sine;
    uint64_t end;

    (void)state;
    rig_open(rig, (struct sound_card){44100, -200, 0, 0, 0, 1, 3 * S}, 100, false);
    pull(rig, 3 * S - 30 * MS); // before anything came
    assert_true(rig->out_count == 0 || silent_from(rig, 0) == rig->out_count);
    for (int i = 0; i < 100; i++) {
        push(rig, 0, i == 0);
        pull(rig, 0);
    }
    for (int i = 0; i < 30; i++) {
        drop(rig, rig->out_count);
        pull(rig, 4 * S + i * 10 * MS);
        if (i > 2)
            assert_true(silent_from(rig, 0) == rig->out_count);
    }
    end = resample_next(rig->resample);
    assert_true(labs((long)(out_s(rig, rig->out_count) * 1e6 - 4290000)) < 100);
    for (int i = 0; i < 60; i++) { // the card has kept it, but its time has passed
        push(rig, 0, false);
        pull(rig, 0);
    }
    assert_int_equal(resample_next(rig->resample), rig->out_first + rig->out_count);
    assert_true(resample_next(rig->resample) > end);
    sine = sine_in(rig, rig->out_count - WINDOW, WINDOW);
    assert_true(fabs(sine.late_ms) < 0.06 && fabs(sine.level - 0.5) < 0.001);
    assert_true(resample_state(rig->resample).late_samples > 44100 / 4);
    resample_destroy(rig->resample);
    free(rig);
}

// A reader that does not come: what is too much goes, and the time is kept.
static void test_nobody_pulls(void **state)
{
    struct rig *rig = malloc(sizeof *rig);
    struct sine sine;

    (void)state;
    rig_open(rig, (struct sound_card){48000, 200, 0, 0, 0, 1, 3 * S}, 100, false);
    for (int i = 0; i < 500; i++)
        push(rig, 0, i == 0);
    pull(rig, 0);
    assert_true(rig->out_count <= RESAMPLE_HZ);
    drop(rig, rig->out_count);
    for (int i = 0; i < 100; i++) {
        drop(rig, rig->out_count > WINDOW ? rig->out_count - WINDOW : 0);
        push(rig, 0, false);
        pull(rig, 8 * S - 100 * MS);
    }
    sine = sine_in(rig, rig->out_count - WINDOW, WINDOW);
    assert_true(fabs(sine.late_ms) < 0.06 && fabs(sine.level - 0.5) < 0.001);
    resample_destroy(rig->resample);
    free(rig);
}

// A device that jumps without saying so, ahead or back, and one stamp that is nonsense.
static void test_stamps_that_jump(void **state)
{
    static const int64_t jumps[] = {300 * MS, -60 * MS};

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct rig *rig = malloc(sizeof *rig);
        struct sine sine;
        rig_open(rig, (struct sound_card){48000, 200, 0, 0, 0, 1, 3 * S}, 100, false);
        for (int i = 0; i < 500; i++) {
            if (i == 100) {
                struct sound_card good = rig->card;
                rig->card.start_ns += 3 * S;
                push(rig, 0, false);
                rig->card = good;
            }
            if (i == 150)
                assert_int_equal(resample_state(rig->resample).placements, 1);
            if (i == 200)
                rig->card.start_ns += jumps[k];
            push(rig, 0, i == 0);
            pull(rig, 0);
            if (rig->out_count > RESAMPLE_HZ)
                drop(rig, rig->out_count - WINDOW);
        }
        sine = sine_in(rig, rig->out_count - WINDOW, WINDOW);
        // out_s() goes by the start, which the card has moved
        double late_ms = fmod(sine.late_ms + (double)jumps[k] / MS + 100, 10);
        assert_true((late_ms < 0.06 || late_ms > 9.94) && fabs(sine.level - 0.5) < 0.001);
        assert_int_equal(resample_state(rig->resample).placements, 2);
        resample_destroy(rig->resample);
        free(rig);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gaps_keep_the_time),
        cmocka_unit_test(test_silence_when_nothing_comes),
        cmocka_unit_test(test_nobody_pulls),
        cmocka_unit_test(test_stamps_that_jump),
        cmocka_unit_test(test_band),
        cmocka_unit_test(test_sound_is_at_its_time),
        cmocka_unit_test(test_sound_is_clean),
    };

    if (argc > 1)
        minutes = atof(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
