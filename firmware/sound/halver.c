// SPDX-License-Identifier: Apache-2.0
#include "sound/halver.h"

#include <math.h>
#include <string.h>

#define PI 3.14159265358979323846
#define KAISER_BETA 10.06 // 0.1102 (A - 8.7), A = 100 dB: Oppenheim and Schafer, 7.6

// The modified Bessel function of the first kind and order zero.
static double bessel(double x)
{
    double sum = 1, term = 1;

    for (int k = 1; k < 40; k++) {
        term *= x / 2 / k * (x / 2 / k);
        sum += term;
    }
    return sum;
}

void halver_init(struct halver *halver, uint32_t channels)
{
    double sum = 0;

    halver->channels = channels;
    for (int i = 0; i < HALVER_PAIRS; i++) {
        double at = 2 * i + 1, within = at / (2 * HALVER_PAIRS);
        double window = bessel(KAISER_BETA * sqrt(1 - within * within)) / bessel(KAISER_BETA);
        halver->taps[i] = (float)(sin(PI * at / 2) / (PI * at) * window);
        sum += halver->taps[i];
    }
    for (int i = 0; i < HALVER_PAIRS; i++) // with the middle's 0.5 they make 1
        halver->taps[i] *= (float)(0.25 / sum);
    halver_clear(halver);
}

void halver_clear(struct halver *halver)
{
    halver->held = HALVER_TAPS / 2; // before the first sample there is silence
    memset(halver->samples, 0, (size_t)halver->held * halver->channels * sizeof *halver->samples);
}

// The filter around `middle`.
static float filter(const struct halver *halver, const float *middle)
{
    const long channels = halver->channels;
    float sum = middle[0] * 0.5f;

    for (long i = 0; i < HALVER_PAIRS; i++)
        sum += halver->taps[i] * (middle[-(2 * i + 1) * channels] + middle[(2 * i + 1) * channels]);
    return sum;
}

uint32_t halver_run(struct halver *halver, const float *in, uint32_t count, float *out)
{
    const uint32_t channels = halver->channels;
    uint32_t done = 0, given = 0;

    memcpy(halver->samples + (size_t)halver->held * channels, in, (size_t)count * channels * sizeof *in);
    halver->held += count;
    for (; done + HALVER_TAPS <= halver->held; done += 2, given++)
        for (uint32_t c = 0; c < channels; c++)
            out[given * channels + c] =
                filter(halver, halver->samples + (size_t)(done + HALVER_TAPS / 2) * channels + c);
    halver->held -= done;
    memmove(halver->samples, halver->samples + (size_t)done * channels,
            (size_t)halver->held * channels * sizeof *halver->samples);
    return given;
}
