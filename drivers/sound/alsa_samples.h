// SPDX-License-Identifier: Apache-2.0
// Samples as sound cards write them, little-endian, to floats.
#ifndef SOUND_ALSA_SAMPLES_H
#define SOUND_ALSA_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

#include "hal/sound.h"

// Bytes of one value of a format (enum sound_sample, not ANY).
uint32_t alsa_sample_bytes(uint32_t sample);

// `count` values; full scale becomes -1 to just below 1.
void alsa_samples_to_floats(uint32_t sample, const uint8_t *in, size_t count, float *out);

#endif
