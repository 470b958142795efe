// SPDX-License-Identifier: Apache-2.0
// What every sound driver promises in hal/sound.h, asked of each of them. The card is a stand-in under the
// real libasound.
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../unit/made_files.h"
#include "descriptors.h"
#include "hal/sound.h"
#include "standin.h"

#define MS CASTOR_NS_PER_MS
#define ROOM 4800
#define BUDGET_MS 10000 // for a machine under load; a healthy source needs one block

static char folder[] = "/tmp/castor-contract-XXXXXX";
static float samples[ROOM * SOUND_CHANNELS_MAX];

struct subject {
    const char *name;
    const char *path; // within the folder, unless it is a card
    bool exact;
};

static const struct subject subjects[] = {
    {"tone", "", true},
    {"clip", "clip.mkv", true},
    {"alsa", "castor0", false},
};

static int make_files(void **state)
{
    static const char *const recipe =
        "ffmpeg -v error -f lavfi -i testsrc2=size=320x180:rate=25:duration=1 -f lavfi -i "
        "sine=sample_rate=44100:duration=1 -c:v mpeg4 -c:a flac -y %s/clip.mkv";
    char path[64];

    (void)state;
    if (made_files_make(folder, &recipe, 1) != 0)
        return -1;
    snprintf(path, sizeof path, "%s/asound.conf", folder);
    return standin_alsa_install(path);
}

static int remove_files(void **state)
{
    (void)state;
    return made_files_remove(folder);
}

static int try_open(const struct subject *subject, struct sound_config config, struct sound **out)
{
    const struct sound_driver *driver;
    struct source_text why = {""};
    char path[128];
    int error;

    snprintf(path, sizeof path, "%s%s%s", subject->exact ? folder : "", subject->exact ? "/" : "",
             subject->path);
    config.path = path;
    assert_int_equal(sound_driver_find(subject->name, &driver, &why), 0);
    assert_string_equal(driver->name, subject->name);
    error = sound_open(driver, &config, out, &why);
    assert_true((error == 0) == (why.text[0] == '\0')); // a refusal is told
    return error;
}

static struct sound *open_with(const struct subject *subject, struct sound_format format)
{
    const struct sound_config config = {.format = format, .video_rate = {25, 1}};
    struct sound *sound = NULL;

    assert_int_equal(try_open(subject, config, &sound), 0);
    assert_int_equal(sound->exact, subject->exact);
    assert_in_range(sound->format.sample, SOUND_SAMPLE_S16, SOUND_SAMPLE_FLOAT);
    return sound;
}

static struct sound_block next_block(struct sound *sound, uint32_t room)
{
    struct sound_block block;
    int error;

    // Asked before the descriptor says so too: nothing may come out ahead of its time.
    while ((error = sound_read(sound, samples, room, &block)) == CASTOR_ERR_AGAIN) {
        struct pollfd poll_fd = {.fd = sound_descriptor(sound), .events = POLLIN};
        assert_int_equal(poll(&poll_fd, 1, BUDGET_MS), 1);
    }
    assert_int_equal(error, 0);
    return block;
}

// How late the block's stamp is against the first one's, by the source's own clock.
static int64_t late_ns(const struct sound *sound, const struct sound_block *first,
                       const struct sound_block *block)
{
    return block->capture_ns - first->capture_ns -
           sound_time_ns(sound->format.rate_hz, block->index - first->index);
}

static void check_run(const struct subject *subject, struct sound_format format, uint32_t room)
{
    struct sound *sound = open_with(subject, format);
    struct sound_block first = next_block(sound, room), block;
    uint64_t given = first.samples;

    if (format.rate_hz)
        assert_int_equal(sound->format.rate_hz, format.rate_hz);
    if (format.channels)
        assert_int_equal(sound->format.channels, format.channels);
    assert_true(first.anew);
    for (int i = 0; i < 40; i++) {
        block = next_block(sound, room);
        given += block.samples;
        int64_t end_ns = block.capture_ns + sound_time_ns(sound->format.rate_hz, block.samples - 1);
        assert_true(end_ns <= castor_now_ns() + (subject->exact ? 0 : MS));
        if (!block.anew)
            assert_in_range(late_ns(sound, &first, &block) + 20 * MS, subject->exact ? 20 * MS - 2 : 0,
                            subject->exact ? 20 * MS + 2 : 40 * MS);
        for (uint32_t k = 0; k < block.samples * sound->format.channels; k++)
            assert_true(samples[k] >= -1 && samples[k] <= 1);
    }
    assert_int_equal(sound_counters(sound).samples, given);
    assert_int_equal(sound_signal(sound), SOURCE_SIGNAL_PRESENT);
    sound_close(sound);
}

static void test_runs(void **state)
{
    static const struct sound_format formats[] = {
        {0}, {44100, 1, 0}, {48000, 2, 0}, {48000, 6, 0}, {96000, 8, 0}};

    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        check_run(*state, formats[i], ROOM);
    check_run(*state, formats[2], 1);
    check_run(*state, formats[2], 333);
}

static void wait_until(int64_t time_ns)
{
    const struct timespec t = castor_timespec(time_ns);

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
        ;
}

// What is not read at once is kept for a while; after that it is lost, counted, and told.
static void test_late_reader(void **state)
{
    const struct subject *subject = *state;
    struct sound *sound = open_with(subject, (struct sound_format){48000, 2, 0});
    struct sound_block first = next_block(sound, ROOM), block = first;
    uint64_t lost = 0;

    for (int i = 0; i < 10; i++)
        block = next_block(sound, ROOM);
    // A machine under load may be later than this waits; then the loss has to be told just the same.
    wait_until(castor_now_ns() + SOUND_KEPT_NS / 2);
    int64_t before_ns = castor_now_ns();
    block = next_block(sound, ROOM);
    if (before_ns - block.capture_ns < SOUND_KEPT_NS * 3 / 4)
        assert_int_equal(block.lost, 0);
    wait_until(castor_now_ns() + 1200 * MS);
    for (int i = 0; i < 20; i++) {
        block = next_block(sound, ROOM);
        lost += block.lost;
        assert_in_range(late_ns(sound, &first, &block) + 20 * MS, 0, 40 * MS);
    }
    assert_true(lost > 48000 / 10);
    assert_true(sound_counters(sound).lost_samples >= lost);
    assert_true(sound_counters(sound).overruns > 0);
    sound_close(sound);
}

// An origin may come at any time, with any value.
static void test_origins_are_harmless(void **state)
{
    struct sound *sound = open_with(*state, (struct sound_format){0});

    for (int i = 0; i < 30; i++) {
        int64_t now_ns = castor_now_ns();
        const struct source_origin origins[] = {{0, now_ns, 0},
                                                {UINT64_MAX - 2, now_ns + 50 * MS, 5 * MS},
                                                {7, 1, 0},
                                                {7, now_ns + CASTOR_NS_PER_S, INT64_MAX / 4},
                                                {7, now_ns, -INT64_MAX / 4}};
        sound_set_origin(sound, &origins[i % 5]);
        (void)next_block(sound, ROOM);
    }
    sound_close(sound);
}

static void test_refusals(void **state)
{
    const struct sound_config bad[] = {{.options = "nosuch=1"},
                                       {.format = {7999, 2, 0}},
                                       {.format = {48000, 9, 0}},
                                       {.video_rate = {25, 0}},
                                       {.origin = {0, -5, 0}}};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sound *sound = NULL;
        assert_int_equal(try_open(*state, bad[i], &sound), CASTOR_ERR_INVALID);
        assert_null(sound);
    }
}

static void test_open_and_close_leaks_nothing(void **state)
{
    int before = 0;

    for (int i = 0; i < 51; i++) {
        if (i == 1) // the first may keep what is loaded once
            before = open_descriptors();
        sound_close(open_with(*state, (struct sound_format){0}));
    }
    assert_int_equal(open_descriptors(), before);
    sound_close(NULL);
}

#define SUITE(index)                                                                                         \
    {"runs", test_runs, NULL, NULL, (void *)(uintptr_t)&subjects[index]},                                    \
        {"late reader", test_late_reader, NULL, NULL, (void *)(uintptr_t)&subjects[index]},                  \
        {"origins", test_origins_are_harmless, NULL, NULL, (void *)(uintptr_t)&subjects[index]},             \
        {"refusals", test_refusals, NULL, NULL, (void *)(uintptr_t)&subjects[index]},                        \
    {                                                                                                        \
        "no leaks", test_open_and_close_leaks_nothing, NULL, NULL, (void *)(uintptr_t)&subjects[index]       \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {SUITE(0), SUITE(1), SUITE(2)};

    return cmocka_run_group_tests(tests, make_files, remove_files);
}
