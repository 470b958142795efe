// SPDX-License-Identifier: Apache-2.0
// Halves the rate of sound: every second sample of a symmetric half-band filter (Kaiser's window), flat to
// 5/12 of the new rate, 100 dB from 7/12 of it on. Output k is centred on input 2 k.
#ifndef SOUND_HALVER_H
#define SOUND_HALVER_H

#include <stdint.h>

#define HALVER_PAIRS 20 // coefficients on each side of the middle; those between are zero
#define HALVER_TAPS (4 * HALVER_PAIRS - 1)
#define HALVER_ROOM 3600 // samples at once
#define HALVER_CHANNELS_MAX 8

struct halver {
    float taps[HALVER_PAIRS]; // from the middle outwards
    uint32_t channels, held;
    float samples[(HALVER_TAPS + HALVER_ROOM) * HALVER_CHANNELS_MAX];
};

void halver_init(struct halver *halver, uint32_t channels);

// Forgets all sound.
void halver_clear(struct halver *halver);

// Takes `count` samples, at most HALVER_ROOM, and gives half as many, one more or one less; fewer at first.
// in and out may be the same.
uint32_t halver_run(struct halver *halver, const float *in, uint32_t count, float *out);

#endif
