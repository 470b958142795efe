// SPDX-License-Identifier: Apache-2.0
// A sound card whose clock is off: a module in the place of driver `alsa` (CASTOR_MODULE_DIR), for a whole
// box. It hears the tone with its clicks (drivers/sound/wave.h) at their true times, takes samples at its own
// speed, hands them out in periods, and tells times that are late by a little, as a card does. Options:
// slow=PPM or fast=PPM its clock's error, jitter_us=N how late its stamps are at most, level=N the tone's
// level below full scale.
#include <stdlib.h>
#include <unistd.h>

#include "module/module.h"
#include "source/ticker.h"
#include "wave.h"

#define PERIOD_SAMPLES 480
#define BUFFER_SAMPLES (16 * PERIOD_SAMPLES)

struct card {
    struct sound sound;
    struct wave wave;
    double ns_per_sample; // true
    uint32_t jitter_us;
    uint64_t random, next;
    int64_t start_ns;
    int ticker;
};

static struct card *from_sound(struct sound *sound)
{
    return (struct card *)sound;
}

static int64_t true_ns(const struct card *card, uint64_t index)
{
    return card->start_ns + (int64_t)((double)index * card->ns_per_sample);
}

static void arm(const struct card *card)
{
    ticker_set(card->ticker, true_ns(card, card->next + PERIOD_SAMPLES));
}

static void card_close(struct sound *sound)
{
    struct card *card = from_sound(sound);

    if (!card)
        return;
    if (card->ticker >= 0)
        close(card->ticker);
    free(card);
}

static int card_open(const struct sound_config *config, struct sound **out, struct source_text *why)
{
    uint32_t level = 40, slow = 0, fast = 0, jitter_us = 500;
    const struct source_option known[] = {{.key = "level", .high = 96, .value = &level},
                                          {.key = "slow", .high = 1000, .value = &slow},
                                          {.key = "fast", .high = 1000, .value = &fast},
                                          {.key = "jitter_us", .high = 5000, .value = &jitter_us}};
    struct card *card = calloc(1, sizeof *card);
    int error = CASTOR_ERR_NO_MEMORY;

    if (!card)
        return source_text_set(why, error, "out of memory for the card");
    card->ticker = -1;
    card->sound.format =
        (struct sound_format){config->format.rate_hz ? config->format.rate_hz : 48000,
                              config->format.channels ? config->format.channels : 2, SOUND_SAMPLE_S16};
    error = source_options_parse(config->options, known, 4, why);
    if (error)
        goto fail;
    error = ticker_open(&card->ticker);
    if (error) {
        source_text_set(why, error, "out of descriptors for the card");
        goto fail;
    }
    wave_init(&card->wave, config, &card->sound.format, level, true);
    card->ns_per_sample = 1e9 / (card->sound.format.rate_hz * (1 + ((double)fast - (double)slow) * 1e-6));
    card->jitter_us = jitter_us;
    card->random = 1;
    card->start_ns = castor_now_ns();
    arm(card);
    *out = &card->sound;
    return CASTOR_OK;
fail:
    card_close(&card->sound);
    return error;
}

static int64_t stamp_ns(struct card *card, uint64_t index)
{
    card->random = card->random * 6364136223846793005u + 1442695040888963407u; // Knuth, MMIX
    return true_ns(card, index) + (int64_t)((card->random >> 33) % ((uint64_t)card->jitter_us * 1000 + 1));
}

static int card_read(struct sound *sound, float *samples, uint32_t room_samples, struct sound_block *out)
{
    struct card *card = from_sound(sound);
    const int64_t now_ns = castor_now_ns();
    uint64_t there = (uint64_t)((double)(now_ns - card->start_ns) / card->ns_per_sample);
    struct sound_block block = {.anew = card->next == 0};

    there -= there % PERIOD_SAMPLES;
    if (there <= card->next) {
        arm(card);
        return CASTOR_ERR_AGAIN;
    }
    if (there - card->next > BUFFER_SAMPLES) {
        block.lost = there - card->next - BUFFER_SAMPLES;
        block.anew = true;
        sound->counters.lost_samples += block.lost;
        sound->counters.overruns++;
        card->next += block.lost;
    }
    block.index = card->next;
    block.capture_ns = stamp_ns(card, card->next);
    for (; block.samples < room_samples && card->next < there; card->next++, block.samples++)
        wave_sample(&card->wave, true_ns(card, card->next),
                    samples + (size_t)block.samples * sound->format.channels);
    arm(card);
    *out = block;
    return CASTOR_OK;
}

static int card_descriptor(const struct sound *sound)
{
    return ((const struct card *)sound)->ticker;
}

static enum source_signal card_signal(const struct sound *sound)
{
    (void)sound;
    return SOURCE_SIGNAL_PRESENT;
}

static void card_set_origin(struct sound *sound, const struct source_origin *origin)
{
    wave_set_origin(&from_sound(sound)->wave, origin);
}

static const struct sound_driver card_driver = {
    .name = "alsa",
    .description = "a simulated card whose clock is off",
    .open = card_open,
    .read = card_read,
    .descriptor = card_descriptor,
    .signal = card_signal,
    .set_origin = card_set_origin,
    .close = card_close,
};

DRIVER_MODULE(card_driver)
