// SPDX-License-Identifier: Apache-2.0
#include "wave.h"

#include <math.h>

#define TAU 6.283185307179586
#define FADE_NS (2 * CASTOR_NS_PER_MS)

static int64_t frame_ns(const struct wave *wave, uint64_t since_origin)
{
    return wave->origin.capture_ns + castor_frame_time_ns(wave->video_rate, since_origin);
}

// The first click that has not ended at time_ns. None begins before the origin: frames of that time belong to
// the origin before it, or there are none.
static int64_t click_from(const struct wave *wave, int64_t time_ns)
{
    const struct castor_rational rate = wave->video_rate;
    const uint64_t every = ((uint64_t)rate.num + rate.den - 1) / rate.den;
    int64_t past_ns = time_ns - WAVE_CLICK_NS - wave->origin.capture_ns;
    uint64_t frame =
        past_ns <= 0
            ? 0
            : (uint64_t)((castor_uint128)past_ns * rate.num / ((castor_uint128)rate.den * CASTOR_NS_PER_S));

    frame += (every - (wave->origin.sequence + frame) % every) % every;
    while (frame_ns(wave, frame) + WAVE_CLICK_NS <= time_ns)
        frame += every;
    return frame_ns(wave, frame);
}

void wave_init(struct wave *wave, const struct sound_config *config, const struct sound_format *format,
               uint32_t tone_db, bool clicks)
{
    *wave = (struct wave){.channels = format->channels,
                          .rate_hz = format->rate_hz,
                          .tone_peak = tone_db ? powf(10, -(float)tone_db / 20) : 0,
                          .clicks = clicks,
                          .video_rate = config->video_rate,
                          .click_ns = INT64_MAX};
    if (config->video_rate.num == 0) {
        wave->video_rate = (struct castor_rational){1, 1};
        wave->click_ns = clicks ? 0 : INT64_MAX;
    } else if (config->origin.capture_ns != 0) {
        wave_set_origin(wave, &config->origin);
    }
}

static void take_over(struct wave *wave, const struct source_origin *origin)
{
    wave->origin = *origin;
    wave->next.capture_ns = 0;
    if (wave->clicks)
        wave->click_ns = 0; // looked up anew with the next sample
}

void wave_set_origin(struct wave *wave, const struct source_origin *origin)
{
    if (wave->origin.capture_ns == 0)
        take_over(wave, origin);
    else
        wave->next = *origin;
}

static float sine(uint32_t hz, int64_t time_ns)
{
    return (float)sin(TAU * (double)(time_ns % CASTOR_NS_PER_S * hz % CASTOR_NS_PER_S) / CASTOR_NS_PER_S);
}

// Begins with its peak, so that its first sample is its loudest.
static float click(int64_t since_ns)
{
    float value = WAVE_CLICK_PEAK * (float)cos(TAU * WAVE_CLICK_HZ * (double)since_ns / CASTOR_NS_PER_S);
    int64_t left_ns = WAVE_CLICK_NS - since_ns;

    return left_ns < FADE_NS ? value * (float)left_ns / FADE_NS : value;
}

static void look_up(struct wave *wave, int64_t time_ns)
{
    if (wave->click_ns != INT64_MAX && time_ns >= wave->click_ns + WAVE_CLICK_NS)
        wave->click_ns = click_from(wave, time_ns);
}

void wave_sample(struct wave *wave, int64_t time_ns, float *out)
{
    const int64_t half_sample_ns = CASTOR_NS_PER_S / 2 / wave->rate_hz;
    const int64_t next_ns = wave->next.capture_ns - half_sample_ns;
    float common = 0;

    look_up(wave, time_ns);
    // A click that began before is brought to its end.
    if (wave->next.capture_ns != 0 && time_ns >= next_ns && wave->click_ns >= next_ns) {
        take_over(wave, &wave->next);
        look_up(wave, time_ns);
    }
    if (time_ns >= wave->click_ns - half_sample_ns) // its first sample is the one nearest to the frame
        common = click(time_ns - wave->click_ns);
    for (uint32_t c = 0; c < wave->channels; c++)
        out[c] = common + wave->tone_peak * (wave->tone_peak > 0 ? sine(WAVE_TONE_HZ(c), time_ns) : 0);
}
