// SPDX-License-Identifier: Apache-2.0
// The test signal as a function of time on the house clock: a soft tone, another one in each channel, and a
// click in all of them at every frame whose sequence is a multiple of the frame rate, rounded up to a whole
// number. Pure: reads no clock, allocates nothing.
#ifndef SOUND_WAVE_H
#define SOUND_WAVE_H

#include "hal/sound.h"

#define WAVE_TONE_HZ(channel) (300 + 100 * (channel))
#define WAVE_CLICK_HZ 2000
#define WAVE_CLICK_NS (10 * CASTOR_NS_PER_MS)
#define WAVE_CLICK_PEAK 0.5f

struct wave {
    uint32_t channels, rate_hz;
    float tone_peak; // 0: no tone
    bool clicks;
    struct castor_rational video_rate;
    struct source_origin origin; // in force; capture_ns 0: none
    struct source_origin next;   // told, and in force from its time on; capture_ns 0: none
    int64_t click_ns;            // where the click in force or the next one begins; INT64_MAX: there is none
};

// Without a picture (config->video_rate.num 0) the clicks are at whole seconds of the house clock; with one,
// and no origin yet, there are none. tone_db is below full scale.
void wave_init(struct wave *wave, const struct sound_config *config, const struct sound_format *format,
               uint32_t tone_db, bool clicks);

// The first is in force at once, another for what lies after it: sound is made later than its picture, so
// that samples from before it may still have to come.
void wave_set_origin(struct wave *wave, const struct source_origin *origin);

// One sample, `channels` floats, at a time that is not before that of the call before.
void wave_sample(struct wave *wave, int64_t time_ns, float *out);

#endif
