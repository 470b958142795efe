// SPDX-License-Identifier: Apache-2.0
#include "hal/sound.h"

#include <assert.h>

static int check_format(const struct sound_format *format, struct source_text *why)
{
    if (format->rate_hz != 0 && (format->rate_hz < SOUND_RATE_MIN_HZ || format->rate_hz > SOUND_RATE_MAX_HZ))
        return source_text_set(why, CASTOR_ERR_INVALID,
                               "sound rate %u Hz: must be %d to %d, or 0 for the source's own",
                               format->rate_hz, SOUND_RATE_MIN_HZ, SOUND_RATE_MAX_HZ);
    if (format->channels > SOUND_CHANNELS_MAX)
        return source_text_set(why, CASTOR_ERR_INVALID,
                               "%u sound channels: must be 1 to %d, or 0 for the source's own",
                               format->channels, SOUND_CHANNELS_MAX);
    if (format->sample > SOUND_SAMPLE_FLOAT)
        return source_text_set(why, CASTOR_ERR_INVALID, "sample format %u is not known", format->sample);
    return CASTOR_OK;
}

static int check_config(const struct sound_config *config, struct source_text *why)
{
    const struct castor_rational rate = config->video_rate;
    int error = check_format(&config->format, why);

    if (error)
        return error;
    if (rate.num != 0 &&
        (rate.den == 0 || rate.num < rate.den || rate.num > (uint64_t)SOURCE_RATE_MAX * rate.den))
        return source_text_set(why, CASTOR_ERR_INVALID, "the picture's rate %u/%u is out of range", rate.num,
                               rate.den);
    if (config->origin.capture_ns < 0)
        return source_text_set(why, CASTOR_ERR_INVALID, "the media origin lies before all time");
    return CASTOR_OK;
}

int sound_open(const struct sound_driver *driver, const struct sound_config *config, struct sound **out,
               struct source_text *why)
{
    struct sound *sound;
    int error = check_config(config, why);

    if (error)
        return error;
    why->text[0] = '\0';
    error = driver->open(config, &sound, why);
    if (error)
        return error;
    sound->driver = driver;
    assert(sound->format.rate_hz >= SOUND_RATE_MIN_HZ && sound->format.rate_hz <= SOUND_RATE_MAX_HZ);
    assert(sound->format.channels >= 1 && sound->format.channels <= SOUND_CHANNELS_MAX);
    *out = sound;
    return CASTOR_OK;
}

int sound_read(struct sound *sound, float *samples, uint32_t room_samples, struct sound_block *out)
{
    struct sound_block block;
    int error;

    assert(room_samples >= 1);
    error = sound->driver->read(sound, samples, room_samples, &block);
    if (error)
        return error;
    if (block.samples == 0 || block.samples > room_samples || block.capture_ns <= 0 ||
        block.index != sound->next_index + block.lost)
        return source_text_set(&sound->fault, CASTOR_ERR_INTERNAL,
                               "driver %s gave a block that does not follow the one before",
                               sound->driver->name);
    sound->next_index = block.index + block.samples;
    sound->counters.samples += block.samples;
    *out = block;
    return CASTOR_OK;
}

int sound_descriptor(const struct sound *sound)
{
    return sound->driver->descriptor(sound);
}

enum source_signal sound_signal(const struct sound *sound)
{
    return sound->driver->signal(sound);
}

void sound_set_origin(struct sound *sound, const struct source_origin *origin)
{
    sound->driver->set_origin(sound, origin);
}

struct sound_counters sound_counters(const struct sound *sound)
{
    return sound->counters;
}

const char *sound_fault(const struct sound *sound)
{
    return sound->fault.text;
}

const char *sound_note(const struct sound *sound)
{
    return sound->note.text;
}

void sound_close(struct sound *sound)
{
    if (sound)
        sound->driver->close(sound);
}
