// SPDX-License-Identifier: Apache-2.0
#include "sound/peak.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define PI 3.14159265358979323846
#define TIMES 4
#define LENGTH (TIMES * PEAK_TAPS + 1)
#define LANES 4

// Four at once, in whatever the processor has for that.
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t bits __attribute__((vector_size(LANES * sizeof(int32_t))));

void peak_init(struct peak *peak)
{
    memset(peak, 0, sizeof *peak);
    for (int i = 0; i < LENGTH; i++) {
        const double from = PI * (i - LENGTH / 2) / TIMES, window = (1 - cos(2 * PI * i / (LENGTH - 1))) / 2;
        if (i % TIMES != 0) // the other ones leave a sample as it is
            peak->taps[i % TIMES - 1][i / TIMES] = (float)(sin(from) / from * window);
    }
}

// The greater magnitude of each lane. Those of floats are in order as integers.
static bits greater(bits most, lanes value)
{
    bits magnitude, more;

    memcpy(&magnitude, &value, sizeof magnitude);
    magnitude &= INT32_MAX;
    more = magnitude > most;
    return (magnitude & more) | (most & ~more);
}

static float greatest(bits most, float so_far)
{
    float value[LANES];

    memcpy(value, &most, sizeof value);
    for (int i = 0; i < LANES; i++)
        so_far = value[i] > so_far ? value[i] : so_far;
    return so_far;
}

static lanes load(const float *from)
{
    lanes value;

    memcpy(&value, from, sizeof value);
    return value;
}

// One block, at most PEAK_SAMPLES.
static void put_block(struct peak *peak, const float *samples, uint32_t stride, uint32_t count)
{
    float *block = peak->samples + PEAK_TAPS;
    bits most_sample = {0}, most_between = {0};

    for (uint32_t i = 0; i < count; i++)
        block[i] = samples[(size_t)i * stride];
    for (uint32_t i = 0; i < count; i += LANES) {
        most_sample = greater(most_sample, load(block + i));
        for (int phase = 0; phase < TIMES - 1; phase++) {
            lanes value = {0};
            for (int tap = 0; tap < PEAK_TAPS; tap++)
                value += load(block + i - tap) * peak->taps[phase][tap];
            most_between = greater(most_between, value);
        }
    }
    peak->sample = greatest(most_sample, peak->sample);
    peak->between = greatest(most_between, peak->between);
    memmove(peak->samples, peak->samples + count, PEAK_TAPS * sizeof peak->samples[0]);
}

void peak_put(struct peak *peak, const float *samples, uint32_t stride, uint32_t count)
{
    assert(count % LANES == 0);
    while (count > 0) {
        const uint32_t block = count < PEAK_SAMPLES ? count : PEAK_SAMPLES;
        put_block(peak, samples, stride, block);
        samples += (size_t)block * stride;
        count -= block;
    }
}
