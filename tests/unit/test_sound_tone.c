// SPDX-License-Identifier: Apache-2.0
// The test signal: where its clicks are, what each channel has, and that a restart does not show in it.
#include <math.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "hal/sound.h"
#include "wave.h"

#define RATE_HZ 48000
#define S CASTOR_NS_PER_S

static const struct sound_format stereo = {RATE_HZ, 2, SOUND_SAMPLE_FLOAT};

// The clicks within [from_ns, to_ns): the times of their first samples. Returns how many.
static unsigned clicks_in(struct wave *wave, int64_t from_ns, int64_t to_ns, int64_t *times, unsigned most)
{
    unsigned count = 0;
    bool within = false;

    for (uint64_t n = sound_samples_in(RATE_HZ, from_ns); sound_time_ns(RATE_HZ, n) < to_ns; n++) {
        int64_t time_ns = sound_time_ns(RATE_HZ, n);
        float value[SOUND_CHANNELS_MAX];
        wave_sample(wave, time_ns, value);
        if (fabsf(value[0]) > 0.4f * WAVE_CLICK_PEAK && !within) {
            assert_true(count < most);
            times[count++] = time_ns;
            within = true;
        } else if (within && time_ns - times[count - 1] > WAVE_CLICK_NS) {
            within = false;
        }
    }
    return count;
}

static void assert_near(int64_t a, int64_t b)
{
    assert_in_range(a - b + S / RATE_HZ, S / 2 / RATE_HZ - 1, S / RATE_HZ * 3 / 2 + 1);
}

// At each rate the click is at the frame whose number is a multiple of the rate, from the origin on.
static void test_clicks_are_at_frames(void **state)
{
    static const struct castor_rational rates[] = {{24000, 1001}, {25, 1},       {30000, 1001}, {30, 1},
                                                   {50, 1},       {60000, 1001}, {60, 1},       {240, 1}};

    (void)state;
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        const struct sound_config config = {.video_rate = rates[i], .origin = {7001, 5 * S + 1234567, 0}};
        const uint64_t every = (rates[i].num + rates[i].den - 1) / rates[i].den;
        uint64_t frame = (7001 + every - 1) / every * every;
        int64_t times[8];
        struct wave wave;
        unsigned count;

        wave_init(&wave, &config, &stereo, 0, true);
        count = clicks_in(&wave, 4 * S, 10 * S, times, 8);
        assert_in_range(count, 4, 5);
        for (unsigned k = 0; k < count; k++, frame += every)
            assert_near(times[k], config.origin.capture_ns + castor_frame_time_ns(rates[i], frame - 7001));
    }
}

static void test_origin_moves(void **state)
{
    const struct sound_config config = {.video_rate = {25, 1}};
    const struct source_origin first = {0, 10 * S + 300 * CASTOR_NS_PER_MS, 0},
                               second = {500, 12 * S + 700 * CASTOR_NS_PER_MS, 0};
    struct wave wave;
    int64_t times[8];

    (void)state;
    wave_init(&wave, &config, &stereo, 40, true);
    assert_int_equal(clicks_in(&wave, 8 * S, 10 * S, times, 8), 0); // nothing is known
    wave_set_origin(&wave, &first);
    assert_int_equal(clicks_in(&wave, 10 * S, 12 * S, times, 8), 2);
    assert_near(times[0], first.capture_ns);
    assert_near(times[1], first.capture_ns + S);
    wave_set_origin(&wave, &second); // ahead: what lies before it is the first one's
    assert_int_equal(clicks_in(&wave, 12 * S, 14 * S, times, 8), 3);
    assert_near(times[0], first.capture_ns + 2 * S);
    assert_near(times[1], second.capture_ns);
    assert_near(times[2], second.capture_ns + S);
    wave_init(&wave, &(struct sound_config){0}, &stereo, 40, true); // no picture: whole seconds
    assert_int_equal(clicks_in(&wave, 3 * S - 1, 5 * S - 1, times, 8), 2);
    assert_near(times[0], 3 * S);
    wave_init(&wave, &(struct sound_config){0}, &stereo, 40, false);
    assert_int_equal(clicks_in(&wave, 3 * S - 1, 5 * S - 1, times, 8), 0);
}

// A capture process that starts anew goes on with the grid from its newest frame, whichever that is. Wherever
// the samples are by then, behind it, within a click or beyond, no click is lost, cut or made twice.
static void test_no_origin_costs_a_click(void **state)
{
    const struct sound_config config = {.video_rate = {240, 1}, .origin = {480, 10 * S, 0}};

    (void)state;
    for (int64_t told = -30; told <= 30; told++)           // so many milliseconds from the click on
        for (uint64_t frame = 700; frame < 740; frame++) { // 720 clicks
            const int64_t at_ns = 11 * S + told * CASTOR_NS_PER_MS;
            const struct source_origin anew = {
                frame, 10 * S + castor_frame_time_ns(config.video_rate, frame - 480), 0};
            struct wave wave, whole;
            wave_init(&wave, &config, &stereo, 0, true);
            whole = wave;
            for (uint64_t n = sound_samples_in(RATE_HZ, 11 * S - 32 * CASTOR_NS_PER_MS);
                 sound_time_ns(RATE_HZ, n) < 11 * S + 32 * CASTOR_NS_PER_MS; n++) {
                const int64_t time_ns = sound_time_ns(RATE_HZ, n);
                float value[SOUND_CHANNELS_MAX], expected[SOUND_CHANNELS_MAX];
                if (time_ns >= at_ns && wave.next.capture_ns == 0 && wave.origin.sequence != frame)
                    wave_set_origin(&wave, &anew);
                wave_sample(&wave, time_ns, value);
                wave_sample(&whole, time_ns, expected);
                assert_true(fabsf(value[0] - expected[0]) < 1e-3f);
            }
        }
}

// How much of a frequency a channel has, by its level in the middle of a second.
static double level_at(struct wave *wave, uint32_t channel, uint32_t hz, int64_t start_ns)
{
    double re = 0, im = 0;
    const unsigned count = RATE_HZ / 10;

    for (unsigned i = 0; i < count; i++) {
        int64_t time_ns = start_ns + sound_time_ns(RATE_HZ, i);
        float value[SOUND_CHANNELS_MAX];
        wave_sample(wave, time_ns, value);
        re += value[channel] * cos(6.283185307179586 * hz * i / RATE_HZ);
        im += value[channel] * sin(6.283185307179586 * hz * i / RATE_HZ);
    }
    return 2 * sqrt(re * re + im * im) / count;
}

static void test_each_channel_has_its_tone(void **state)
{
    const struct sound_format eight = {RATE_HZ, 8, SOUND_SAMPLE_FLOAT};
    struct wave wave;

    (void)state;
    wave_init(&wave, &(struct sound_config){0}, &eight, 20, true);
    for (uint32_t channel = 0; channel < 8; channel++)
        for (uint32_t other = 0; other < 8; other++) {
            // The times rise as they must.
            int64_t start_ns = (int64_t)(channel * 8 + other + 1) * S + S / 2;
            double level = level_at(&wave, channel, (uint32_t)WAVE_TONE_HZ(other), start_ns);
            if (channel == other)
                assert_true(fabs(level - 0.1) < 0.001);
            else
                assert_true(level < 0.001);
        }
}

static struct sound *open_tone(struct sound_config config)
{
    const struct sound_driver *driver;
    struct source_text why = {""};
    struct sound *sound = NULL;

    assert_int_equal(sound_driver_find("tone", &driver, &why), 0);
    assert_int_equal(sound_open(driver, &config, &sound, &why), 0);
    return sound;
}

// What is read is the signal at the times that are told, and goes on where another tone left off.
static void test_driver_gives_the_signal(void **state)
{
    const struct sound_config config = {.options = "level=20", .format = {44100, 3, 0}};
    float samples[4410 * 3];
    int64_t end_ns = 0;

    (void)state;
    for (int run = 0; run < 2; run++) {
        struct sound *sound = open_tone(config);
        struct wave wave;
        wave_init(&wave, &config, &sound->format, 20, true);
        for (unsigned seen = 0; seen < 4410;) {
            struct pollfd poll_fd = {.fd = sound_descriptor(sound), .events = POLLIN};
            struct sound_block block;
            assert_int_equal(poll(&poll_fd, 1, 10000), 1);
            assert_int_equal(sound_read(sound, samples, 4410, &block), 0);
            if (seen > 0 && !block.lost)
                assert_in_range(block.capture_ns - end_ns, 0, 1);
            for (unsigned i = 0; i < block.samples; i++) {
                float value[3];
                int64_t whole = (int64_t)sound_samples_in(44100, block.capture_ns) + i;
                wave_sample(&wave, sound_time_ns(44100, (uint64_t)whole), value);
                assert_memory_equal(value, samples + i * 3, sizeof value);
            }
            end_ns = block.capture_ns + sound_time_ns(44100, block.samples);
            seen += block.samples;
        }
        sound_close(sound);
    }
}

static void test_configurations_are_checked(void **state)
{
    const struct sound_config bad[] = {
        {.format = {7999, 2, 0}},  {.format = {192001, 2, 0}}, {.format = {48000, 9, 0}},
        {.format = {48000, 2, 6}}, {.video_rate = {25, 0}},    {.video_rate = {241, 1}},
        {.video_rate = {1, 2}},    {.origin = {0, -1, 0}},     {.options = "level=97"},
        {.options = "loud=1"},
    };
    const struct sound_driver *driver;
    struct source_text why;

    (void)state;
    assert_int_equal(sound_driver_find("tone", &driver, &why), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sound *sound = NULL;
        why.text[0] = '\0';
        assert_int_equal(sound_open(driver, &bad[i], &sound, &why), CASTOR_ERR_INVALID);
        assert_null(sound);
        assert_true(strlen(why.text) > 10);
    }
    assert_int_equal(sound_driver_find("nosuch", &driver, &why), CASTOR_ERR_NOT_FOUND);
    assert_non_null(strstr(why.text, "tone"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clicks_are_at_frames),    cmocka_unit_test(test_origin_moves),
        cmocka_unit_test(test_no_origin_costs_a_click), cmocka_unit_test(test_each_channel_has_its_tone),
        cmocka_unit_test(test_driver_gives_the_signal), cmocka_unit_test(test_configurations_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
