// SPDX-License-Identifier: Apache-2.0
// The timeline of the source's sound and what tracks are mixed of it: every sample at its place, silence
// where there is none, and no step that could be heard, whatever changes.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sound/mixer.h"

#define START UINT64_C(1000000)
#define ONE MESSAGE_SOUND_ONE

static struct timeline timeline;
static float block[48000 * SOUND_CHANNELS_MAX];
static float out[48000 * MESSAGE_SOUND_OUTPUTS_MAX];

// `count` samples that tell where they belong: channel c is position / 2^24 * (c + 1).
static void put(uint64_t position, uint32_t count, uint32_t channels)
{
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t c = 0; c < channels; c++)
            block[i * channels + c] = (float)(position + i) / (1 << 24) * (float)(c + 1);
    assert_true(timeline_put(&timeline, position, block, channels, count));
}

static void assert_near(float a, float b)
{
    if (fabsf(a - b) > 1e-6f)
        fail_msg("%.8f instead of %.8f", (double)a, (double)b);
}

static int setup(void **state)
{
    (void)state;
    assert_int_equal(timeline_create(&timeline), CASTOR_OK);
    timeline_begin(&timeline, START);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    timeline_destroy(&timeline);
    return 0;
}

static float largest_step(const float *samples, uint32_t count, uint32_t stride)
{
    float most = 0;

    for (uint32_t i = 1; i < count; i++)
        most = fmaxf(most, fabsf(samples[i * stride] - samples[(i - 1) * stride]));
    return most;
}

static void samples_stay_where_they_belong(void **unused)
{
    (void)unused;
    put(START, 1000, 2);
    put(START + 1000, 1000, 2);
    assert_near(timeline_at(&timeline, START + 1500)[1], (float)(START + 1500) / (1 << 24) * 2);
    assert_near(timeline_at(&timeline, START + 1500)[2], 0);
    assert_near(timeline_at(&timeline, START - 1)[0], 0);
    assert_near(timeline_at(&timeline, START + 2000)[0], 0);
    // What comes too late is dropped, what overlaps is cut, and the rest is where it would have been.
    timeline_silence_until(&timeline, START + 5000);
    put(START + 3000, 1000, 2);
    assert_int_equal(timeline.late_samples, 1000);
    put(START + 4500, 2000, 2);
    assert_int_equal(timeline.late_samples, 1500);
    assert_int_equal(timeline.end, START + 6500);
    assert_near(timeline_at(&timeline, START + 4800)[0], 0);
    assert_near(timeline_at(&timeline, START + 6000)[0], (float)(START + 6000) / (1 << 24));
    assert_int_equal(timeline.silence_samples, 3000);
    // Far ahead is no time at all.
    assert_false(timeline_put(&timeline, START + TIMELINE_KEPT * 2, block, 2, 10));
    // A pause that is longer than what is kept.
    timeline_silence_until(&timeline, START + 3 * TIMELINE_KEPT);
    assert_int_equal(timeline.end, START + 3 * TIMELINE_KEPT);
    assert_near(timeline_at(&timeline, START + 6000)[0], 0);
}

static void silence_begins_and_ends_softly(void **unused)
{
    float samples[4000];

    (void)unused;
    for (int i = 0; i < 48000; i++)
        block[i] = 0.8f;
    assert_true(timeline_put(&timeline, START, block, 1, 1000));
    timeline_silence_until(&timeline, START + 2000);
    assert_true(timeline_put(&timeline, START + 2000, block, 1, 1000));
    for (uint32_t i = 0; i < 3000; i++)
        samples[i] = timeline_at(&timeline, START + i)[0];
    assert_near(samples[0], 0);
    assert_near(samples[999], 0.8f);
    assert_near(samples[1500], 0);
    assert_near(samples[2999], 0.8f);
    if (largest_step(samples, 3000, 1) > 0.8f / TIMELINE_RAMP * 1.01f)
        fail_msg("a step of %f", (double)largest_step(samples, 3000, 1));
}

static struct message_sound_mix identity(int32_t delay_ms)
{
    struct message_sound_mix mix = {.delay_ms = delay_ms, .level = ONE};

    mix.factor[0][0] = mix.factor[1][1] = ONE;
    return mix;
}

static void map_level_and_delay_are_exact(void **unused)
{
    struct message_sound_mix mix = identity(2);
    struct mixer mixer;

    (void)unused;
    put(START, 20000, 3);
    mix.level = ONE / 2;
    mix.factor[1][2] = -ONE;
    mixer_init(&mixer, 2, &mix);
    assert_int_equal(mixer_needs(&mixer, START + 1000, 1024), START + 1000 + 1024 - 96);
    mixer_run(&mixer, &timeline, START + 1000, 10, out);
    const float at = (float)(START + 1009 - 96) / (1 << 24);
    assert_near(out[9 * 2], at * 0.5f);
    assert_near(out[9 * 2 + 1], (2 * at - 3 * at) * 0.5f);
    // Earlier than the picture.
    mix = identity(-2);
    mixer_init(&mixer, 2, &mix);
    assert_int_equal(mixer_needs(&mixer, START + 1000, 1024), START + 1000 + 1024 + 96);
    mixer_run(&mixer, &timeline, START + 1000, 1, out);
    assert_near(out[0], (float)(START + 1096) / (1 << 24));
}

static void changes_fade(void **unused)
{
    struct message_sound_mix mix = identity(0);
    struct mixer mixer;

    (void)unused;
    for (int i = 0; i < 48000; i++)
        block[i] = 0.5f;
    assert_true(timeline_put(&timeline, START, block, 1, 40000));
    mixer_init(&mixer, 2, &mix);
    mixer_run(&mixer, &timeline, START + 1000, 500, out);
    mix.level = 0;
    mixer_set(&mixer, &mix);
    mixer_run(&mixer, &timeline, START + 1500, 500, out + 1000);
    mix.level = 2 * ONE; // while the fade goes on
    mixer_set(&mixer, &mix);
    mixer_run(&mixer, &timeline, START + 2000, 6000, out + 2000);
    assert_near(out[0], 0.5f);
    assert_near(out[2 * (500 + MIXER_FADE)], 0);
    assert_near(out[2 * 6000], 1);
    assert_int_equal(mixer.clipped, 0);
    if (largest_step(out, 6500, 2) > 1.01f / MIXER_FADE)
        fail_msg("a step of %f", (double)largest_step(out, 6500, 2));
}

static void a_change_to_earlier_sound_waits_for_it(void **unused)
{
    struct message_sound_mix mix = identity(0);
    struct mixer mixer;

    (void)unused;
    mixer_init(&mixer, 2, &mix);
    mix = identity(-100);
    mixer_set(&mixer, &mix);
    assert_int_equal(mixer_needs(&mixer, START, 1024), START + 1024 + 4800);
    mix = identity(-200);
    mixer_set(&mixer, &mix);
    assert_int_equal(mixer_needs(&mixer, START, 1024), START + 1024 + 9600);
    // And on the way back, as long as the fade goes on.
    mixer_run(&mixer, &timeline, START, 2 * MIXER_FADE + 1, out);
    mix = identity(0);
    mixer_set(&mixer, &mix);
    assert_int_equal(mixer_needs(&mixer, START, 1024), START + 1024 + 9600);
    mixer_run(&mixer, &timeline, START, MIXER_FADE, out);
    assert_int_equal(mixer_needs(&mixer, START, 1024), START + 1024);
}

static void standard_maps_suit(void **unused)
{
    const struct message_sound_mix mix = {.standard = 1, .level = ONE};
    struct mixer mixer;

    (void)unused;
    put(START, 8000, 2);
    const float at = (float)(START + 5000) / (1 << 24);
    mixer_init(&mixer, 1, &mix);
    mixer_set_inputs(&mixer, 2);
    mixer_run(&mixer, &timeline, START + 1000, 4001, out);
    assert_near(out[4000], at * 1.5f);
    mixer_init(&mixer, 2, &mix);
    mixer_set_inputs(&mixer, 1);
    mixer_run(&mixer, &timeline, START + 1000, 4001, out);
    assert_near(out[2 * 4000 + 1], at);
    mixer_init(&mixer, 6, &mix);
    mixer_set_inputs(&mixer, 2);
    mixer_run(&mixer, &timeline, START + 1000, 4001, out);
    assert_near(out[6 * 4000 + 1], at * 2);
    assert_near(out[6 * 4000 + 2], 0);
    // All of six at full scale: two channels of them do not overload.
    for (int i = 0; i < 48000; i++)
        block[i] = 1;
    assert_true(timeline_put(&timeline, START + 8000, block, 6, 8000));
    mixer_init(&mixer, 2, &mix);
    mixer_set_inputs(&mixer, 6);
    mixer_run(&mixer, &timeline, START + 9000, 4001, out);
    assert_near(out[2 * 4000], 1);
    assert_int_equal(mixer.clipped, 0);
}

static void nothing_goes_beyond_full_scale(void **unused)
{
    struct message_sound_mix mix = identity(0);
    struct mixer mixer;

    (void)unused;
    for (int i = 0; i < 48000; i++)
        block[i] = i % 2 ? NAN : i % 4 ? 3.0f : -3.0f;
    assert_true(timeline_put(&timeline, START, block, 2, 2000));
    mixer_init(&mixer, 2, &mix);
    mixer_run(&mixer, &timeline, START + 500, 1000, out);
    for (int i = 0; i < 2000; i++)
        assert_true(out[i] >= -1.0f && out[i] <= 1.0f);
    assert_int_equal(mixer.clipped, 2000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(samples_stay_where_they_belong),         TEST(silence_begins_and_ends_softly),
        TEST(map_level_and_delay_are_exact),          TEST(changes_fade),
        TEST(a_change_to_earlier_sound_waits_for_it), TEST(standard_maps_suit),
        TEST(nothing_goes_beyond_full_scale),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
