// SPDX-License-Identifier: Apache-2.0
#include "sound/interpolate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hal/sound.h"

#define PI 3.14159265358979323846
#define PHASES 512
#define LANES 4
#define TAPS 96       // at the narrower rate; a multiple of LANES
#define STRETCH_MAX 4 // times as many where the input is faster: 192 kHz
#define ATTENUATION_DB 110.0
#define KAISER_BETA (0.1102 * (ATTENUATION_DB - 8.7))         // Oppenheim and Schafer, 7.6
#define TRANSITION ((ATTENUATION_DB - 7.95) / (14.36 * TAPS)) // in parts of the rate; the same
#define HEARING_HZ 44100
#define HELD_MAX (TAPS * STRETCH_MAX + INTERPOLATE_SAMPLES + 8)

// Four at once, in whatever the processor has for that.
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

struct interpolate {
    uint32_t channels, taps;
    uint32_t held; // samples in `samples`
    double at;     // of the next output, counted from the first that is held
    uint64_t gone; // samples that are no longer held, less the silence before the first
    float weights[TAPS * STRETCH_MAX];
    float samples[SOUND_CHANNELS_MAX][HELD_MAX];
    float table[]; // PHASES + 1 rows of `taps`
};

// The modified Bessel function of the first kind and order zero.
static double bessel(double x)
{
    double sum = 1, term = 1;

    for (int k = 1; k < 50; k++) {
        term *= x / 2 / k * (x / 2 / k);
        sum += term;
    }
    return sum;
}

// One row: the weights of the samples around an output that lies `phase` after the middle one.
static void make_row(float *row, uint32_t taps, double cutoff, double phase)
{
    double values[TAPS * STRETCH_MAX], sum = 0;

    for (uint32_t i = 0; i < taps; i++) {
        const double from = phase + taps / 2 - 1 - i, within = from / (taps / 2);
        const double window = within * within < 1 ? bessel(KAISER_BETA * sqrt(1 - within * within)) : 0;
        values[i] = window * (from == 0 ? 2 * cutoff : sin(2 * PI * cutoff * from) / (PI * from));
        sum += values[i];
    }
    for (uint32_t i = 0; i < taps; i++) // what does not change is the same at each phase
        row[i] = (float)(values[i] / sum);
}

int interpolate_create(uint32_t in_hz, uint32_t out_hz, uint32_t channels, struct interpolate **out)
{
    const uint32_t stretch = in_hz > out_hz ? (in_hz + out_hz - 1) / out_hz : 1;
    const uint32_t taps = TAPS * (stretch < STRETCH_MAX ? stretch : STRETCH_MAX);
    const uint32_t narrow_hz = in_hz < out_hz ? in_hz : out_hz;
    const double edge = narrow_hz >= HEARING_HZ ? 1.05 : 1;
    const double cutoff = (edge - TRANSITION) / 2 * narrow_hz / in_hz;
    struct interpolate *interpolate =
        calloc(1, sizeof *interpolate + (size_t)(PHASES + 1) * taps * sizeof interpolate->table[0]);

    if (!interpolate)
        return CASTOR_ERR_NO_MEMORY;
    interpolate->channels = channels;
    interpolate->taps = taps;
    for (uint32_t i = 0; i <= PHASES; i++)
        make_row(interpolate->table + (size_t)i * taps, taps, cutoff, (double)i / PHASES);
    interpolate_clear(interpolate);
    *out = interpolate;
    return CASTOR_OK;
}

void interpolate_clear(struct interpolate *interpolate)
{
    interpolate->held = interpolate->taps / 2 - 1;
    interpolate->at = interpolate->held;
    interpolate->gone = 0;
    memset(interpolate->samples, 0, sizeof interpolate->samples);
}

double interpolate_position(const struct interpolate *interpolate)
{
    return (double)interpolate->gone + (interpolate->at - (interpolate->taps / 2 - 1));
}

static lanes load(const float *from)
{
    lanes value;

    memcpy(&value, from, sizeof value);
    return value;
}

// The weights between two rows.
static void weigh(struct interpolate *interpolate, double phase)
{
    const double row = phase * PHASES;
    const uint32_t number = row < PHASES ? (uint32_t)row : PHASES - 1;
    const float *before = interpolate->table + (size_t)number * interpolate->taps;
    const float *after = before + interpolate->taps;
    const float part = (float)(row - number);

    for (uint32_t i = 0; i < interpolate->taps; i += LANES) {
        const lanes a = load(before + i), weight = a + (load(after + i) - a) * part;
        memcpy(interpolate->weights + i, &weight, sizeof weight);
    }
}

static float sum(const float *weights, const float *samples, uint32_t taps)
{
    lanes even = {0}, odd = {0};

    for (uint32_t i = 0; i < taps; i += 2 * LANES) {
        even += load(weights + i) * load(samples + i);
        odd += load(weights + i + LANES) * load(samples + i + LANES);
    }
    even += odd;
    return (even[0] + even[1]) + (even[2] + even[3]);
}

static void take(struct interpolate *interpolate, const float *in, uint32_t count)
{
    const uint32_t channels = interpolate->channels;

    for (uint32_t c = 0; c < channels; c++)
        for (uint32_t i = 0; i < count; i++)
            interpolate->samples[c][interpolate->held + i] = in[(size_t)i * channels + c];
    interpolate->held += count;
}

// Lets go of what no output needs any more.
static void forget(struct interpolate *interpolate)
{
    const uint32_t done = (uint32_t)interpolate->at - (interpolate->taps / 2 - 1);

    interpolate->held -= done;
    interpolate->at -= done;
    interpolate->gone += done;
    for (uint32_t c = 0; c < interpolate->channels; c++)
        memmove(interpolate->samples[c], interpolate->samples[c] + done,
                interpolate->held * sizeof interpolate->samples[c][0]);
}

uint32_t interpolate_run(struct interpolate *interpolate, double ratio, const float *in, uint32_t count,
                         float *out)
{
    const uint32_t channels = interpolate->channels, taps = interpolate->taps;
    uint32_t given = 0;

    take(interpolate, in, count);
    for (; given < INTERPOLATE_ROOM && (uint32_t)interpolate->at + taps / 2 < interpolate->held; given++) {
        const uint32_t whole = (uint32_t)interpolate->at, first = whole - (taps / 2 - 1);
        weigh(interpolate, interpolate->at - whole);
        for (uint32_t c = 0; c < channels; c++)
            out[(size_t)given * channels + c] =
                sum(interpolate->weights, interpolate->samples[c] + first, taps);
        interpolate->at += ratio;
    }
    forget(interpolate);
    return given;
}

void interpolate_destroy(struct interpolate *interpolate)
{
    free(interpolate);
}
