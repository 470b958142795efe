// SPDX-License-Identifier: Apache-2.0
// The test signal, on the house clock: sample n is the one at n / rate since the clock's zero, so that a
// restart continues tone and clicks. Options: level=N the tone's level in dB below full scale, 0 no tone;
// click=0 no clicks.
#include "tone.h"

#include <stdlib.h>
#include <unistd.h>

#include "wave.h"
#include "source/ticker.h"

#define BLOCK_NS (10 * CASTOR_NS_PER_MS)

struct tone {
    struct sound sound;
    struct wave wave;
    int ticker;
    uint64_t first, next; // on the clock's own numbering
};

static struct tone *from_sound(struct sound *sound)
{
    return (struct tone *)sound;
}

static void tone_close(struct sound *sound)
{
    struct tone *tone = from_sound(sound);

    if (!tone)
        return;
    if (tone->ticker >= 0)
        close(tone->ticker);
    free(tone);
}

static void arm(const struct tone *tone)
{
    ticker_set(tone->ticker, sound_time_ns(tone->sound.format.rate_hz, tone->next) + BLOCK_NS);
}

static int tone_open(const struct sound_config *config, struct sound **out, struct source_text *why)
{
    uint32_t level = 40, click = 1;
    const struct source_option known[] = {{.key = "level", .high = 96, .value = &level},
                                          {.key = "click", .high = 1, .value = &click}};
    struct tone *tone = calloc(1, sizeof *tone);
    int error = CASTOR_ERR_NO_MEMORY;

    if (!tone)
        return source_text_set(why, error, "out of memory for the tone");
    tone->ticker = -1;
    tone->sound.exact = true;
    tone->sound.format =
        (struct sound_format){config->format.rate_hz ? config->format.rate_hz : 48000,
                              config->format.channels ? config->format.channels : 2, SOUND_SAMPLE_FLOAT};
    error = source_options_parse(config->options, known, 2, why);
    if (error)
        goto fail;
    error = ticker_open(&tone->ticker);
    if (error) {
        source_text_set(why, error, "out of descriptors for the tone");
        goto fail;
    }
    wave_init(&tone->wave, config, &tone->sound.format, level, click);
    tone->first = tone->next = sound_samples_in(tone->sound.format.rate_hz, castor_now_ns()) + 1;
    arm(tone);
    *out = &tone->sound;
    return CASTOR_OK;
fail:
    tone_close(&tone->sound);
    return error;
}

// What nobody read for too long is lost, as from a card. Returns how many samples.
static uint64_t forget(struct tone *tone, int64_t now_ns)
{
    const uint32_t rate_hz = tone->sound.format.rate_hz;
    uint64_t oldest = sound_samples_in(rate_hz, now_ns - SOUND_KEPT_NS);
    uint64_t lost;

    if (oldest <= tone->next)
        return 0;
    lost = oldest - tone->next;
    tone->next = oldest;
    tone->sound.counters.lost_samples += lost;
    tone->sound.counters.overruns++;
    return lost;
}

static int tone_read(struct sound *sound, float *samples, uint32_t room_samples, struct sound_block *out)
{
    struct tone *tone = from_sound(sound);
    const uint32_t rate_hz = sound->format.rate_hz, channels = sound->format.channels;
    int64_t now_ns = castor_now_ns();
    struct sound_block block = {0};

    if (sound_time_ns(rate_hz, tone->next) > now_ns)
        return CASTOR_ERR_AGAIN;
    block.anew = tone->next == tone->first;
    block.lost = forget(tone, now_ns);
    block.index = tone->next - tone->first;
    block.capture_ns = sound_time_ns(rate_hz, tone->next);
    while (block.samples < room_samples && sound_time_ns(rate_hz, tone->next) <= now_ns) {
        wave_sample(&tone->wave, sound_time_ns(rate_hz, tone->next),
                    samples + (size_t)block.samples * channels);
        tone->next++;
        block.samples++;
    }
    arm(tone);
    *out = block;
    return CASTOR_OK;
}

static int tone_descriptor(const struct sound *sound)
{
    return ((const struct tone *)sound)->ticker;
}

static enum source_signal tone_signal(const struct sound *sound)
{
    (void)sound;
    return SOURCE_SIGNAL_PRESENT;
}

static void tone_set_origin(struct sound *sound, const struct source_origin *origin)
{
    wave_set_origin(&from_sound(sound)->wave, origin);
}

const struct sound_driver sound_tone = {
    .name = "tone",
    .description = "a soft tone and a click every second, in step with the pattern's flash",
    .open = tone_open,
    .read = tone_read,
    .descriptor = tone_descriptor,
    .signal = tone_signal,
    .set_origin = tone_set_origin,
    .close = tone_close,
};
