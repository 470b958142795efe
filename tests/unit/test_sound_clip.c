// SPDX-License-Identifier: Apache-2.0
// The sound of clips: where a click of the file comes to lie against the told origin, in every kind of file.
#include <math.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hal/sound.h"
#include "made_files.h"

#define TAU 6.283185307179586
#define MS CASTOR_NS_PER_MS
#define S CASTOR_NS_PER_S
#define LOOP_NS S    // of the pictures
#define CLICK_S 0.25 // in the file
#define CLICK_MS 10
#define RATE_MAX 48000

static char folder[] = "/tmp/castor-heard-XXXXXX";

// One second of pictures, and a click of 2 kHz at 0.25 s in a sound of some length.
#define CLICK(seconds)                                                                                       \
    "-f lavfi -i aevalsrc='gte(t\\,0.25)*lt(t\\,0.26)*0.5*cos(2*PI*2000*(t-0.25))|0:s=48000:d=" seconds "' "
#define PICTURES "ffmpeg -v error -f lavfi -i testsrc2=size=320x180:rate=30:duration=1 "
#define VIDEO "-c:v mpeg4 -bf 2 "

static const char *const recipes[] = {
    PICTURES CLICK("1") VIDEO "-c:a pcm_s16le -y %s/pcm.mov",
    PICTURES CLICK("1") VIDEO "-c:a aac -ar 44100 -b:a 192k -y %s/aac.mp4",
    PICTURES CLICK("1") "-c:v mpeg2video -c:a aac -b:a 192k -y %s/aac.ts",
    PICTURES CLICK("1") VIDEO "-c:a libopus -b:a 192k -y %s/opus.mp4",
    PICTURES CLICK("1") VIDEO "-c:a ac3 -b:a 192k -y %s/ac3.mkv",
    PICTURES "-itsoffset 0.1 " CLICK("1") VIDEO "-c:a pcm_s16le -y %s/later.mov",
    PICTURES CLICK("3") VIDEO "-c:a pcm_s16le -y %s/longer.mov",
    PICTURES CLICK("0.4") VIDEO "-c:a aac -y %s/shorter.mp4",
    PICTURES VIDEO "-y %s/mute.mp4",
    "ffmpeg -v error -f lavfi -i testsrc2=size=320x180:rate=30:duration=20 -f lavfi -i "
    "aevalsrc='0.5*cos(2*PI*2000*mod(t-0.25\\,1))*lt(mod(t+0.75\\,1)\\,0.01)|0:s=48000:d=20' -c:v mpeg2video "
    "-c:a "
    "mp2 "
    "-b:a 192k -y %s/long.ts",
    "ffmpeg -v error -i %1$s/aac.ts -c:v copy -c:a mp2 -b:a 192k -bsf:a "
    "'noise=amount=not(mod(n\\,4))*3:drop=eq(mod(n\\,9)\\,5)' -y %1$s/broken.mkv",
    "ffmpeg -v error " CLICK("1") "-y %s/alone.wav",
    "echo this is no sound > %s/text.mp4",
};

static int make_files(void **state)
{
    (void)state;
    return made_files_make(folder, recipes, sizeof recipes / sizeof recipes[0]);
}

static int remove_files(void **state)
{
    (void)state;
    return made_files_remove(folder);
}

static int try_open(const char *name, struct sound_config config, struct sound **out, struct source_text *why)
{
    const struct sound_driver *driver;
    char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    config.path = path;
    why->text[0] = '\0';
    assert_int_equal(sound_driver_find("clip", &driver, why), 0);
    return sound_open(driver, &config, out, why);
}

// What was heard of the first channel, from a time on.
struct heard {
    struct sound *sound;
    int64_t start_ns, lost_ns; // when something was lost last
    uint32_t count, rate_hz;
    float value[RATE_MAX * 8];
};

static struct heard *listen(const char *name, struct sound_config config)
{
    struct heard *heard = calloc(1, sizeof *heard);
    struct source_text why;

    if (try_open(name, config, &heard->sound, &why))
        fail_msg("%s: %s", name, why.text);
    heard->rate_hz = heard->sound->format.rate_hz;
    return heard;
}

static void listen_until(struct heard *heard, int64_t until_ns)
{
    static float samples[RATE_MAX * SOUND_CHANNELS_MAX];
    struct sound_block block = {0};

    while (heard->start_ns + sound_time_ns(heard->rate_hz, heard->count) < until_ns) {
        struct pollfd poll_fd = {.fd = sound_descriptor(heard->sound), .events = POLLIN};
        int error = sound_read(heard->sound, samples, RATE_MAX, &block);
        if (error == CASTOR_ERR_AGAIN) {
            assert_int_equal(poll(&poll_fd, 1, 10000), 1);
            continue;
        }
        assert_int_equal(error, 0);
        if (heard->count == 0)
            heard->start_ns = block.capture_ns - sound_time_ns(heard->rate_hz, block.index);
        heard->count = (uint32_t)block.index;
        if (block.lost > 0)
            heard->lost_ns = block.capture_ns;
        for (uint32_t i = 0; i < block.samples && heard->count < RATE_MAX * 8; i++)
            heard->value[heard->count++] = samples[i * heard->sound->format.channels];
    }
}

// How far from `expected_ns` the click is that fits best, within 40 ms; how well it fits in *fit, 1 is
// wholly.
static double click_off_ms(const struct heard *heard, int64_t expected_ns, double *fit)
{
    const int length = (int)heard->rate_hz * CLICK_MS / 1000, around = (int)heard->rate_hz / 25;
    const int64_t middle = (int64_t)sound_samples_in(heard->rate_hz, expected_ns - heard->start_ns);
    double off_ms = NAN;

    *fit = 0;
    for (int64_t at = middle - around; at <= middle + around; at++) {
        double sum = 0, own = 0;
        for (int i = 0; i < length; i++) {
            double wave = 0.5 * cos(TAU * 2000 * i / heard->rate_hz);
            sum += wave * (at + i >= 0 && at + i < (int64_t)heard->count ? heard->value[at + i] : 0);
            own += wave * wave;
        }
        if (sum / own > *fit) {
            *fit = sum / own;
            off_ms = (double)(heard->start_ns + sound_time_ns(heard->rate_hz, (uint64_t)(at < 0 ? 0 : at)) -
                              expected_ns) *
                     1e-6;
        }
    }
    return off_ms;
}

static double energy(const struct heard *heard, int64_t from_ns, int64_t to_ns)
{
    double sum = 0;

    for (uint64_t i = sound_samples_in(heard->rate_hz, from_ns - heard->start_ns);
         i < sound_samples_in(heard->rate_hz, to_ns - heard->start_ns); i++)
        sum += (double)heard->value[i] * heard->value[i];
    return sum;
}

static void heard_close(struct heard *heard)
{
    sound_close(heard->sound);
    free(heard);
}

// Listens to all of them at once: each keeps its sound for a short while only.
static void listen_all(struct heard **heard, size_t count, int64_t until_ns)
{
    for (int64_t now_ns = castor_now_ns(); now_ns < until_ns; now_ns += 20 * MS)
        for (size_t i = 0; i < count; i++)
            listen_until(heard[i], now_ns);
}

// Two rounds, each told 60 ms ahead, as a source of pictures does. Returns the time of the first.
static int64_t two_rounds(struct heard **heard, size_t count)
{
    int64_t zero_ns;

    listen_all(heard, count, castor_now_ns() + 30 * MS);
    zero_ns = castor_now_ns() + 60 * MS;
    for (int round = 0; round < 2; round++) {
        struct source_origin origin = {(uint64_t)round * 30, zero_ns + round * LOOP_NS, 0};
        for (size_t i = 0; i < count; i++)
            sound_set_origin(heard[i]->sound, &origin);
        listen_all(heard, count, origin.capture_ns + LOOP_NS - 60 * MS);
    }
    return zero_ns;
}

static void test_clicks_are_at_their_time(void **state)
{
    static const struct {
        const char *name;
        struct sound_format format;
        double click_s, off_ms;
    } files[] = {
        {"pcm.mov", {0}, CLICK_S, 0.03},
        {"aac.mp4", {0}, CLICK_S, 0.1},
        {"aac.ts", {0}, CLICK_S, 0.1},
        {"opus.mp4", {0}, CLICK_S, 0.6},
        {"ac3.mkv", {0}, CLICK_S, 0.6},
        {"later.mov", {0}, CLICK_S + 0.1, 0.03},
        {"longer.mov", {0}, CLICK_S, 0.03},
        {"shorter.mp4", {0}, CLICK_S, 0.1},
        {"pcm.mov", {44100, 1, 0}, CLICK_S, 0.05},
    };

    enum { COUNT = sizeof files / sizeof files[0] };
    struct heard *all[COUNT];
    int64_t zero_ns;

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        all[i] =
            listen(files[i].name, (struct sound_config){.video_rate = {30, 1}, .format = files[i].format});
        listen_all(all, i + 1, castor_now_ns());
    }
    zero_ns = two_rounds(all, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        struct heard *heard = all[i];
        for (int round = 0; round < 2; round++) {
            double fit,
                off_ms =
                    click_off_ms(heard, zero_ns + round * LOOP_NS + llround(files[i].click_s * 1e9), &fit);
            print_message("%-12s round %d: click %+.3f ms off, fits %.2f\n", files[i].name, round, off_ms,
                          fit);
            assert_true(fit > (files[i].format.channels == 1 ? 0.4 : 0.7));
            assert_true(fabs(off_ms) < files[i].off_ms);
        }
        assert_int_equal(sound_counters(heard->sound).decode_errors, 0);
        assert_true(heard->lost_ns < zero_ns); // while the others were opened
        // Silence before the file began, and after a sound that is shorter.
        assert_true(energy(heard, heard->start_ns, zero_ns - MS) < 1e-6);
        assert_true(energy(heard, zero_ns + 500 * MS, zero_ns + LOOP_NS - MS) < 0.05);
        heard_close(heard);
    }
}

// Opened while the file is under way, and told that it jumped.
static void test_joins_and_follows(void **state)
{
    int64_t zero_ns = castor_now_ns() - 12 * S - 340 * MS;
    struct heard *heard = listen(
        "long.ts", (struct sound_config){.video_rate = {30, 1}, .origin = {100, zero_ns + 5 * S, 5 * S}});
    struct source_origin jumped;
    double fit;

    (void)state;
    listen_until(heard, zero_ns + 13 * S + 600 * MS);
    assert_true(fabs(click_off_ms(heard, zero_ns + 13 * S + 250 * MS, &fit)) < 0.6 && fit > 0.7);
    jumped = (struct source_origin){500, zero_ns + 13 * S + 900 * MS, 13 * S + 600 * MS}; // 0.3 s stood still
    sound_set_origin(heard->sound, &jumped);
    listen_until(heard, zero_ns + 15 * S);
    assert_true(fabs(click_off_ms(heard, zero_ns + 14 * S + 550 * MS, &fit)) < 0.6 && fit > 0.7);
    (void)click_off_ms(heard, zero_ns + 14 * S + 250 * MS, &fit);
    assert_true(fit < 0.1);
    jumped = (struct source_origin){900, zero_ns + 15 * S - 500 * MS, 0}; // told much too late
    sound_set_origin(heard->sound, &jumped);
    listen_until(heard, zero_ns + 16 * S);
    assert_true(fabs(click_off_ms(heard, zero_ns + 15 * S + 750 * MS, &fit)) < 0.6 && fit > 0.7);
    heard_close(heard);
}

static void test_broken_packets_are_silence(void **state)
{
    struct heard *heard = listen("broken.mkv", (struct sound_config){.video_rate = {30, 1}});
    int64_t zero_ns = two_rounds(&heard, 1);

    (void)state;
    // What is whole is where it was; nothing has moved.
    for (int round = 0; round < 2; round++) {
        double fit, off_ms = click_off_ms(heard, zero_ns + round * LOOP_NS + 250 * MS, &fit);
        assert_true(fit < 0.7 || fabs(off_ms) < 0.6);
    }
    assert_true(sound_counters(heard->sound).decode_errors > 0);
    assert_int_equal(sound_signal(heard->sound), SOURCE_SIGNAL_PRESENT);
    heard_close(heard);
}

static void test_no_sound_is_silence(void **state)
{
    struct heard *heard = listen("mute.mp4", (struct sound_config){.video_rate = {30, 1}});
    int64_t zero_ns = two_rounds(&heard, 1);

    (void)state;
    assert_true(energy(heard, heard->start_ns, zero_ns + LOOP_NS) == 0);
    assert_non_null(strstr(sound_note(heard->sound), "has no sound"));
    assert_int_equal(heard->rate_hz, 48000);
    heard_close(heard);
}

// A file without pictures, and nobody who tells an origin: it goes round by itself.
static void test_alone_it_goes_round(void **state)
{
    struct heard *heard = listen("alone.wav", (struct sound_config){.video_rate = {0, 0}});
    int64_t first_ns = 0;
    double fit;

    (void)state;
    listen_until(heard, castor_now_ns() + 5 * S);
    for (uint32_t i = 0; i < heard->count && first_ns == 0; i++)
        if (fabsf(heard->value[i]) > 0.2f)
            first_ns = heard->start_ns + sound_time_ns(heard->rate_hz, i);
    assert_true(first_ns > 0);
    for (int round = 0; round < 2; round++)
        assert_true(fabs(click_off_ms(heard, first_ns + round * S, &fit)) < 0.03 && fit > 0.9);
    heard_close(heard);
}

static void test_bad_files_are_refused(void **state)
{
    static const struct {
        const char *name, *options, *says;
        int error;
    } bad[] = {
        {"missing.mp4", "", "No such file", CASTOR_ERR_NOT_FOUND},
        {"", "", "directory", CASTOR_ERR_INVALID},
        {"text.mp4", "", "not a media file", CASTOR_ERR_INVALID},
        {"pcm.mov", "loud=1", "loud=1", CASTOR_ERR_INVALID},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sound *sound = NULL;
        struct source_text why;
        int error = try_open(bad[i].name, (struct sound_config){.options = bad[i].options}, &sound, &why);
        if (error != bad[i].error || sound || !strstr(why.text, bad[i].says))
            fail_msg("%s: %d, %s", bad[i].name, error, why.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clicks_are_at_their_time),   cmocka_unit_test(test_joins_and_follows),
        cmocka_unit_test(test_broken_packets_are_silence), cmocka_unit_test(test_no_sound_is_silence),
        cmocka_unit_test(test_alone_it_goes_round),        cmocka_unit_test(test_bad_files_are_refused),
    };

    return cmocka_run_group_tests(tests, make_files, remove_files);
}
