// SPDX-License-Identifier: Apache-2.0
// The driver of sound cards under the real libasound, on a stand-in card: formats, and every way to fail. No
// hardware.
#include <alsa/asoundlib.h>
#include <math.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "hal/sound.h"
#include "made_files.h"
#include "standin.h"

#define MS CASTOR_NS_PER_MS
#define ROOM 4800

static char folder[] = "/tmp/castor-alsa-XXXXXX";

static int set_up(void **state)
{
    char path[64];

    (void)state;
    if (made_files_make(folder, NULL, 0) != 0)
        return -1;
    snprintf(path, sizeof path, "%s/asound.conf", folder);
    return standin_alsa_install(path);
}

static int tear_down(void **state)
{
    (void)state;
    return made_files_remove(folder);
}

static int try_open(const char *path, struct sound_format format, struct sound **out, struct source_text *why)
{
    const struct sound_config config = {.path = path, .format = format};
    const struct sound_driver *driver;

    why->text[0] = '\0';
    assert_int_equal(sound_driver_find("alsa", &driver, why), 0);
    return sound_open(driver, &config, out, why);
}

static struct sound *open_card(struct standin_alsa has, struct sound_format format)
{
    struct source_text why;
    struct sound *sound = NULL;

    standin_alsa = has;
    if (try_open("castor0", format, &sound, &why))
        fail_msg("%s", why.text);
    return sound;
}

static int read_block(struct sound *sound, float *samples, struct sound_block *block)
{
    int error;

    while ((error = sound_read(sound, samples, ROOM, block)) == CASTOR_ERR_AGAIN) {
        struct pollfd poll_fd = {.fd = sound_descriptor(sound), .events = POLLIN};
        assert_int_equal(poll(&poll_fd, 1, 10000), 1);
    }
    return error;
}

// Every format, rate and number of channels: each value is the card's.
static void test_formats(void **state)
{
    static const struct {
        struct sound_format format;
        uint32_t mask;
    } cases[] = {
        {{48000, 2, SOUND_SAMPLE_S16}, 0xffff0000},   {{44100, 1, SOUND_SAMPLE_S24}, 0xffffff00},
        {{96000, 8, SOUND_SAMPLE_S24_3}, 0xffffff00}, {{48000, 6, SOUND_SAMPLE_S32}, 0xffffffff},
        {{44100, 8, SOUND_SAMPLE_S32}, 0xffffffff},   {{96000, 2, SOUND_SAMPLE_FLOAT}, 0xffffffff},
        {{96000, 7, SOUND_SAMPLE_S16}, 0xffff0000},
    };
    static float samples[ROOM * SOUND_CHANNELS_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sound *sound = open_card((struct standin_alsa){0}, cases[i].format);
        struct sound_block block;
        assert_memory_equal(&sound->format, &cases[i].format, sizeof sound->format);
        for (uint64_t seen = 0; seen < 2000; seen += block.samples) {
            assert_int_equal(read_block(sound, samples, &block), 0);
            for (uint32_t k = 0; k < block.samples * cases[i].format.channels; k++) {
                int32_t value = standin_alsa_value(block.index + k / cases[i].format.channels,
                                                   k % cases[i].format.channels);
                float wanted = (float)(int32_t)((uint32_t)value & cases[i].mask) / 2147483648.0f;
                assert_true(samples[k] == wanted);
            }
        }
        assert_string_equal(sound_note(sound), "");
        sound_close(sound);
    }
}

static void test_own_format(void **state)
{
    static const unsigned short_only[] = {SND_PCM_FORMAT_S16_LE};
    struct sound *sound = open_card((struct standin_alsa){0}, (struct sound_format){0});

    (void)state;
    assert_int_equal(sound->format.rate_hz, 48000);
    assert_int_equal(sound->format.channels, 2);
    assert_int_equal(sound->format.sample, SOUND_SAMPLE_S32);
    sound_close(sound);
    sound = open_card((struct standin_alsa){.formats = short_only,
                                            .format_count = 1,
                                            .rate_low_hz = 32000,
                                            .rate_high_hz = 44100,
                                            .channels_low = 4,
                                            .channels_high = 4},
                      (struct sound_format){0});
    assert_int_equal(sound->format.rate_hz, 44100);
    assert_int_equal(sound->format.channels, 4);
    assert_int_equal(sound->format.sample, SOUND_SAMPLE_S16);
    sound_close(sound);
}

static void test_refusals_say_why(void **state)
{
    static const unsigned odd_only[] = {SND_PCM_FORMAT_S16_BE}, short_only[] = {SND_PCM_FORMAT_S16_LE};
    const struct {
        struct standin_alsa has;
        struct sound_format wanted;
        int error;
        const char *path, *says;
    } cases[] = {
        {{.busy_opens = 1}, {0}, CASTOR_ERR_BUSY, "castor0", "in use by another program"},
        {{.gone = true}, {0}, CASTOR_ERR_NOT_FOUND, "castor0", "arecord -L"},
        {{.gone = false}, {0}, CASTOR_ERR_NOT_FOUND, "nosuch", "no sound card \"nosuch\""},
        {{.gone = false}, {0}, CASTOR_ERR_NOT_FOUND, "hw:99", "no sound card \"hw:99\""},
        {{.gone = false}, {192000, 0, 0}, CASTOR_ERR_UNSUPPORTED, "castor0", "44100 to 96000 Hz"},
        {{.gone = false}, {8000, 0, 0}, CASTOR_ERR_UNSUPPORTED, "castor0", "not capture at 8000 Hz"},
        {{.channels_high = 2}, {0, 6, 0}, CASTOR_ERR_UNSUPPORTED, "castor0", "1 to 2 channels, not 6"},
        {{.channels_low = 10, .channels_high = 18}, {0}, CASTOR_ERR_UNSUPPORTED, "castor0", "10 to 18"},
        {{.formats = odd_only, .format_count = 1}, {0}, CASTOR_ERR_UNSUPPORTED, "castor0", "format"},
        {{.formats = short_only, .format_count = 1},
         {0, 0, SOUND_SAMPLE_S32},
         CASTOR_ERR_UNSUPPORTED,
         "castor0",
         "no samples of format S32"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sound *sound = NULL;
        struct source_text why;
        standin_alsa = cases[i].has;
        int error = try_open(cases[i].path, cases[i].wanted, &sound, &why);
        if (error != cases[i].error || sound || !strstr(why.text, cases[i].says))
            fail_msg("%zu: %d, %s", i, error, why.text);
    }
    // The next attempt finds it free.
    sound_close(open_card((struct standin_alsa){0}, (struct sound_format){0}));
}

static void wait_ms(int ms)
{
    assert_int_equal(poll(NULL, 0, ms), 0);
}

// What was not read in time is lost; the times of what follows are true, and the loss is what they say.
static void test_overrun(void **state)
{
    static float samples[ROOM * 2];
    struct sound *sound = open_card((struct standin_alsa){0}, (struct sound_format){48000, 2, 0});
    struct sound_block block, after;

    (void)state;
    for (int i = 0; i < 10; i++)
        assert_int_equal(read_block(sound, samples, &block), 0);
    wait_ms(600);
    assert_int_equal(read_block(sound, samples, &after), 0);
    assert_true(after.anew);
    assert_int_equal(sound_counters(sound).overruns, 1);
    assert_int_equal(sound_counters(sound).restarts, 1);
    assert_true(after.lost > 48000 * 4 / 10);
    assert_int_equal(after.lost, sound_counters(sound).lost_samples);
    int64_t between_ns = after.capture_ns - block.capture_ns - sound_time_ns(48000, block.samples);
    assert_true(llabs(between_ns - sound_time_ns(48000, after.lost)) < MS);
    assert_int_equal(read_block(sound, samples, &block), 0);
    assert_false(block.anew);
    sound_close(sound);
}

static void test_sleep(void **state)
{
    static float samples[ROOM * 2];
    struct sound *sound = open_card((struct standin_alsa){0}, (struct sound_format){48000, 2, 0});
    struct sound_block block;

    (void)state;
    for (int i = 0; i < 10; i++)
        assert_int_equal(read_block(sound, samples, &block), 0);
    standin_alsa.asleep = true;
    do
        assert_int_equal(read_block(sound, samples, &block), 0);
    while (!block.anew);
    assert_int_equal(sound_counters(sound).restarts, 1);
    assert_int_equal(standin_alsa.starts, 2);
    sound_close(sound);
}

static void test_pulled_out(void **state)
{
    static float samples[ROOM * 2];
    struct sound *sound = open_card((struct standin_alsa){0}, (struct sound_format){48000, 2, 0});
    struct sound_block block;
    int error;

    (void)state;
    for (int i = 0; i < 10; i++)
        assert_int_equal(read_block(sound, samples, &block), 0);
    standin_alsa.gone = true;
    while ((error = read_block(sound, samples, &block)) == 0)
        ;
    assert_int_equal(error, CASTOR_ERR_LOST);
    assert_non_null(strstr(sound_fault(sound), "gone"));
    sound_close(sound);
}

static void test_no_samples(void **state)
{
    static float samples[ROOM * 2];
    struct sound *sound = open_card((struct standin_alsa){0}, (struct sound_format){48000, 2, 0});
    struct sound_block block;

    (void)state;
    assert_int_equal(sound_signal(sound), SOURCE_SIGNAL_UNKNOWN);
    for (int i = 0; i < 10; i++)
        assert_int_equal(read_block(sound, samples, &block), 0);
    assert_int_equal(sound_signal(sound), SOURCE_SIGNAL_PRESENT);
    standin_alsa.stalled = true;
    wait_ms(1100);
    while (sound_read(sound, samples, ROOM, &block) == 0)
        ;
    wait_ms(1100);
    assert_int_equal(sound_signal(sound), SOURCE_SIGNAL_NONE);
    assert_non_null(strstr(sound_fault(sound), "no samples"));
    sound_close(sound);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_own_format),
        cmocka_unit_test(test_refusals_say_why),
        cmocka_unit_test(test_overrun),
        cmocka_unit_test(test_sleep),
        cmocka_unit_test(test_pulled_out),
        cmocka_unit_test(test_no_samples),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
