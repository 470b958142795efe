// SPDX-License-Identifier: Apache-2.0
#include "alsa_device.h"

#include <errno.h>

#define PERIOD_US 10000u
#define BUFFER_US 500000u // what a busy machine may be late without a gap; costs no latency
#define PERIOD_MAX_NS (40 * CASTOR_NS_PER_MS)
#define OPEN_MODE                                                                                            \
    (SND_PCM_NONBLOCK | SND_PCM_NO_AUTO_RESAMPLE | SND_PCM_NO_AUTO_CHANNELS | SND_PCM_NO_AUTO_FORMAT)

// What a reader gets of a card's format; the best first.
static const struct {
    uint32_t sample;
    snd_pcm_format_t pcm;
    const char *name;
} formats[] = {
    {SOUND_SAMPLE_S32, SND_PCM_FORMAT_S32_LE, "S32"},
    {SOUND_SAMPLE_S24, SND_PCM_FORMAT_S24_LE, "S24"},
    {SOUND_SAMPLE_S24_3, SND_PCM_FORMAT_S24_3LE, "S24_3LE"},
    {SOUND_SAMPLE_FLOAT, SND_PCM_FORMAT_FLOAT_LE, "FLOAT"},
    {SOUND_SAMPLE_S16, SND_PCM_FORMAT_S16_LE, "S16"},
};
#define FORMAT_COUNT (sizeof formats / sizeof formats[0])

static void say_nothing(const char *file, int line, const char *function, int error, const char *format, ...)
{
    (void)file, (void)line, (void)function, (void)error, (void)format; // what counts is told by us
}

static int refuse_open(const char *name, int error, struct source_text *why)
{
    switch (-error) {
    case EBUSY:
        return source_text_set(why, CASTOR_ERR_BUSY,
                               "sound card \"%.60s\" is in use by another program: end that program (fuser "
                               "-v /dev/snd/* shows it); it is tried again until then",
                               name);
    case EACCES:
    case EPERM:
        return source_text_set(why, CASTOR_ERR_DENIED,
                               "no permission for sound card \"%.60s\": its users belong to the group of "
                               "/dev/snd, on most systems \"audio\"",
                               name);
    case ENOENT:
    case ENODEV:
    case ENXIO:
    case EINVAL: // a card's name that libasound cannot look up
        return source_text_set(why, CASTOR_ERR_NOT_FOUND,
                               "there is no sound card \"%.60s\" that can capture: \"arecord -L\" lists the "
                               "names there are",
                               name);
    default:
        return source_text_set(why, CASTOR_ERR_IO, "cannot open sound card \"%.60s\": %s", name,
                               snd_strerror(error));
    }
}

static int choose_format(struct alsa_device *device, snd_pcm_hw_params_t *params, uint32_t wanted,
                         struct source_text *why)
{
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        if (wanted != SOUND_SAMPLE_ANY && wanted != formats[i].sample)
            continue;
        if (snd_pcm_hw_params_set_format(device->pcm, params, formats[i].pcm) == 0) {
            device->format.sample = formats[i].sample;
            return CASTOR_OK;
        }
        if (wanted != SOUND_SAMPLE_ANY)
            return source_text_set(why, CASTOR_ERR_UNSUPPORTED,
                                   "the sound card has no samples of format %s: leave the format out for the "
                                   "best it has",
                                   formats[i].name);
    }
    return source_text_set(
        why, CASTOR_ERR_UNSUPPORTED,
        "the sound card has samples of no format that is known here (S16, S24, S24_3LE, S32 "
        "or FLOAT, little-endian)");
}

static int choose_channels(struct alsa_device *device, snd_pcm_hw_params_t *params, uint32_t wanted,
                           struct source_text *why)
{
    unsigned low = 0, high = 0, channels = wanted ? wanted : 2;
    int error;

    (void)snd_pcm_hw_params_get_channels_min(params, &low); // for the message
    (void)snd_pcm_hw_params_get_channels_max(params, &high);
    error = wanted ? snd_pcm_hw_params_set_channels(device->pcm, params, wanted)
                   : snd_pcm_hw_params_set_channels_near(device->pcm, params, &channels);
    if (error == 0 && channels <= SOUND_CHANNELS_MAX) {
        device->format.channels = channels;
        return CASTOR_OK;
    }
    return source_text_set(why, CASTOR_ERR_UNSUPPORTED,
                           "the sound card has %u to %u channels, not %u: choose a number that it has, %d at "
                           "most, or take some of them by a \"route\" in asound.conf",
                           low, high, wanted ? wanted : channels, SOUND_CHANNELS_MAX);
}

static int choose_rate(struct alsa_device *device, snd_pcm_hw_params_t *params, uint32_t wanted,
                       struct source_text *why)
{
    unsigned low = 0, high = 0, rate = wanted ? wanted : 48000;
    int error;

    (void)snd_pcm_hw_params_get_rate_min(params, &low, NULL); // for the message
    (void)snd_pcm_hw_params_get_rate_max(params, &high, NULL);
    error = wanted ? snd_pcm_hw_params_set_rate(device->pcm, params, wanted, 0)
                   : snd_pcm_hw_params_set_rate_near(device->pcm, params, &rate, NULL);
    if (error == 0 && rate >= SOUND_RATE_MIN_HZ && rate <= SOUND_RATE_MAX_HZ) {
        device->format.rate_hz = rate;
        return CASTOR_OK;
    }
    return source_text_set(
        why, CASTOR_ERR_UNSUPPORTED,
        "the sound card does not capture at %u Hz (it has %u to %u Hz): choose a rate that "
        "it has, or leave it out for the card's own",
        rate, low, high);
}

static int set_hardware(struct alsa_device *device, const struct sound_format *wanted,
                        struct source_text *note, struct source_text *why)
{
    snd_pcm_hw_params_t *params;
    unsigned period_us = PERIOD_US, buffer_us = BUFFER_US;
    int error;

    snd_pcm_hw_params_alloca(&params);
    if (snd_pcm_hw_params_any(device->pcm, params) < 0 ||
        snd_pcm_hw_params_set_access(device->pcm, params, SND_PCM_ACCESS_RW_INTERLEAVED) < 0)
        return source_text_set(why, CASTOR_ERR_UNSUPPORTED,
                               "the sound card does not give interleaved samples");
    error = choose_format(device, params, wanted->sample, why);
    if (!error)
        error = choose_channels(device, params, wanted->channels, why);
    if (!error)
        error = choose_rate(device, params, wanted->rate_hz, why);
    if (error)
        return error;
    // A card that has other sizes takes the nearest; what it took is read back.
    (void)snd_pcm_hw_params_set_period_time_near(device->pcm, params, &period_us, NULL);
    (void)snd_pcm_hw_params_set_buffer_time_near(device->pcm, params, &buffer_us, NULL);
    error = snd_pcm_hw_params(device->pcm, params);
    if (error < 0 || snd_pcm_hw_params_get_period_size(params, &device->period, NULL) < 0 ||
        snd_pcm_hw_params_get_buffer_size(params, &device->buffer) < 0)
        return source_text_set(why, CASTOR_ERR_IO, "the sound card refuses what it says it can do: %s",
                               snd_strerror(error));
    if (sound_time_ns(device->format.rate_hz, device->period) > PERIOD_MAX_NS)
        source_text_set(
            note, 0, "the sound card hands out sound only every %lld ms: expect that much more latency",
            (long long)(sound_time_ns(device->format.rate_hz, device->period) / CASTOR_NS_PER_MS));
    return CASTOR_OK;
}

static int set_software(struct alsa_device *device, struct source_text *why)
{
    snd_pcm_sw_params_t *params;

    snd_pcm_sw_params_alloca(&params);
    if (snd_pcm_sw_params_current(device->pcm, params) < 0 ||
        snd_pcm_sw_params_set_avail_min(device->pcm, params, device->period) < 0 ||
        snd_pcm_sw_params_set_stop_threshold(device->pcm, params, device->buffer) < 0 ||
        snd_pcm_sw_params_set_tstamp_mode(device->pcm, params, SND_PCM_TSTAMP_ENABLE) < 0 ||
        snd_pcm_sw_params_set_tstamp_type(device->pcm, params, SND_PCM_TSTAMP_TYPE_MONOTONIC) < 0 ||
        snd_pcm_sw_params(device->pcm, params) < 0)
        return source_text_set(why, CASTOR_ERR_UNSUPPORTED,
                               "the sound card gives no time stamps of the monotonic clock");
    return CASTOR_OK;
}

int alsa_device_open(const char *name, const struct sound_format *wanted, struct alsa_device *device,
                     struct source_text *note, struct source_text *why)
{
    struct alsa_device opened = {0};
    int error;

    (void)snd_lib_error_set_handler(say_nothing);
    error = snd_pcm_open(&opened.pcm, name, SND_PCM_STREAM_CAPTURE, OPEN_MODE);
    if (error < 0)
        return refuse_open(name, error, why);
    error = set_hardware(&opened, wanted, note, why);
    if (!error)
        error = set_software(&opened, why);
    if (error) {
        (void)snd_pcm_close(opened.pcm);
        return error;
    }
    *device = opened;
    return CASTOR_OK;
}
