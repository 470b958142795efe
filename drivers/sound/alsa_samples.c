// SPDX-License-Identifier: Apache-2.0
#include "alsa_samples.h"

#include <string.h>

#define FULL_SCALE 2147483648.0f

uint32_t alsa_sample_bytes(uint32_t sample)
{
    return sample == SOUND_SAMPLE_S16 ? 2 : sample == SOUND_SAMPLE_S24_3 ? 3 : 4;
}

// A value, its bytes at the top of 32 bits.
static int32_t read_top(const uint8_t *in, uint32_t bytes)
{
    uint32_t value = 0;

    for (uint32_t i = 0; i < bytes; i++)
        value |= (uint32_t)in[i] << 8 * (4 - bytes + i);
    return (int32_t)value;
}

void alsa_samples_to_floats(uint32_t sample, const uint8_t *in, size_t count, float *out)
{
    const uint32_t bytes = alsa_sample_bytes(sample);
    const uint32_t used = sample == SOUND_SAMPLE_S24 ? 3 : bytes; // what the fourth byte holds is undefined

    if (sample == SOUND_SAMPLE_FLOAT) {
        memcpy(out, in, count * sizeof *out);
        return;
    }
    for (size_t i = 0; i < count; i++, in += bytes)
        out[i] = (float)read_top(in, used) / FULL_SCALE;
}
