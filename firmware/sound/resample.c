// SPDX-License-Identifier: Apache-2.0
#include "sound/resample.h"

#include <assert.h>
#include <math.h>
#include <soxr.h>
#include <stdlib.h>
#include <string.h>

#include "sound/drift.h"
#include "sound/halver.h"

#define CHUNK 480            // source samples between two looks at the clock
#define OUT_ROOM HALVER_ROOM // what a chunk at the lowest rate can yield, and more
#define HALVERS_MAX 3
#define BASE_MAX 0.95
#define KEPT ((uint32_t)(RESAMPLE_KEPT_NS * RESAMPLE_HZ / CASTOR_NS_PER_S))
#define FADE (RESAMPLE_HZ / 200)
#define CORRECT_S 0.2          // an error in position is worked off like this
#define CORRECT_MAX 2e-3       // but never faster: 3.5 cents
#define SEAM_S 5e-3            // a greater one is a gap
#define RATIO_ROOM 1.01        // more than both clocks and corrections need
#define RATIO_STEPS 16777216.0 // libsoxr has 2^-32: ratios in these steps are the same there and here

struct resample {
    struct sound_format format;
    int64_t origin_ns;
    struct drift drift;
    soxr_t soxr;
    // libsoxr works towards a grid that is finer by this: at the ratio 1 and its multiples it changes from
    // one way of working to another, which is a millisecond's flutter each time, and clocks that are nearly
    // right would pass it for ever. So it always has less than one source sample for an output.
    uint32_t finer, halvers;
    double base; // source samples for one on the finer grid, by the rates' names
    // Sound that runs without a gap: what libsoxr is working on.
    bool running;
    uint64_t from, fed; // its first source sample, and the one after the last
    uint64_t start;     // its first sample on the grid
    uint64_t fine;      // samples that libsoxr has given
    uint64_t given;     // samples on the grid
    double position;    // of what libsoxr gives next, in source samples since `from`
    double ratio;
    uint32_t fade_in; // outputs that are still to be faded in
    // What is ready: samples `next`, next + 1, ... of the grid.
    float *ready;
    uint32_t ready_count;
    uint64_t next;
    bool pushed; // there was a block
    struct resample_state state;
    struct halver halver[HALVERS_MAX];
    float fresh[OUT_ROOM * SOUND_CHANNELS_MAX];
};

static int64_t grid_ns(const struct resample *resample, uint64_t index)
{
    return resample->origin_ns + sound_time_ns(RESAMPLE_HZ, index);
}

static uint64_t ready_end(const struct resample *resample)
{
    return resample->next + resample->ready_count;
}

static float *ready_at(const struct resample *resample, uint32_t index)
{
    return resample->ready + (size_t)index * resample->format.channels;
}

static void scale(float *samples, uint32_t channels, float factor)
{
    for (uint32_t c = 0; c < channels; c++)
        samples[c] *= factor;
}

// Puts silence at the end of what is ready.
static void pad(struct resample *resample, uint32_t count)
{
    memset(ready_at(resample, resample->ready_count), 0,
           (size_t)count * resample->format.channels * sizeof *resample->ready);
    resample->ready_count += count;
    resample->state.silent_samples += count;
}

// What libsoxr has given goes to the grid, and becomes ready.
static void take(struct resample *resample, uint32_t count)
{
    const uint32_t channels = resample->format.channels;
    float *out = ready_at(resample, resample->ready_count);

    resample->fine += count;
    resample->position += count * resample->ratio;
    for (uint32_t i = 0; i < resample->halvers; i++)
        count = halver_run(&resample->halver[i], resample->fresh, count, resample->fresh);
    assert(count <= KEPT - resample->ready_count); // feed() has looked
    memcpy(out, resample->fresh, (size_t)count * channels * sizeof *out);
    for (uint32_t i = 0; i < count && resample->fade_in > 0; i++, resample->fade_in--)
        scale(out + (size_t)i * channels, channels, 1 - (float)resample->fade_in / FADE);
    resample->ready_count += count;
    resample->given += count;
}

// Runs source samples through.
static void run(struct resample *resample, const float *samples, uint32_t count)
{
    while (count > 0) {
        size_t taken = 0, given = 0;
        if (soxr_process(resample->soxr, samples, count, &taken, resample->fresh, OUT_ROOM, &given) ||
            (taken == 0 && given == 0))
            return; // no memory: the clock sees a seam and places what comes after it
        take(resample, (uint32_t)given);
        samples += taken * resample->format.channels;
        count -= (uint32_t)taken;
    }
}

// Gets what is still in the works, fades it out, and ends it.
static void stop(struct resample *resample)
{
    static const float silence[CHUNK * SOUND_CHANNELS_MAX];
    const double left = (double)(resample->fed - resample->from) - resample->position;
    uint32_t before = resample->ready_count, wanted, more;

    if (!resample->running)
        return;
    resample->running = false;
    wanted = left > 0 ? (uint32_t)((resample->fine + left / resample->ratio) / resample->finer) : 0;
    for (unsigned tries = 0; resample->given < wanted && tries < 8; tries++)
        run(resample, silence, CHUNK);
    more = resample->given > wanted ? resample->given - wanted : 0;
    resample->ready_count -= more < resample->ready_count - before ? more : resample->ready_count - before;
    for (uint32_t i = 1; i <= FADE && i <= resample->ready_count - before; i++)
        scale(ready_at(resample, resample->ready_count - i), resample->format.channels,
              (float)(i - 1) / FADE);
}

// Sets the speed so that the next output comes to lie where the clock says. False where it is too far off.
static bool steer(struct resample *resample)
{
    const uint32_t fine_hz = RESAMPLE_HZ * resample->finer;
    const int64_t next_ns =
        resample->origin_ns + sound_time_ns(fine_hz, resample->start * resample->finer + resample->fine);
    const double error = drift_position(&resample->drift, next_ns, resample->from) - resample->position;
    const double speed = 1e9 / fine_hz / resample->drift.period_ns;
    double correction = error / (CORRECT_S * fine_hz);

    if (fabs(error) > SEAM_S * resample->format.rate_hz)
        return false;
    correction = fmax(-CORRECT_MAX * speed, fmin(CORRECT_MAX * speed, correction));
    resample->ratio = round((speed + correction) * RATIO_STEPS) / RATIO_STEPS;
    return !soxr_set_io_ratio(resample->soxr, resample->ratio, 0);
}

// Begins with the first of `count` samples from `index` on that is not late, and silence before it. Returns
// how many are late; all, where their time is so far ahead that it cannot be true.
static uint32_t start(struct resample *resample, uint64_t index, uint32_t count)
{
    const uint64_t end = ready_end(resample);
    const double late = drift_position(&resample->drift, grid_ns(resample, end), index);
    uint32_t skipped = 0;

    if (late > count - 1)
        return count;
    if (late > 0) {
        skipped = (uint32_t)ceil(late);
    } else {
        double ahead = -late * resample->drift.period_ns * 1e-9 * RESAMPLE_HZ;
        if (ahead >= KEPT - resample->ready_count - 2 * OUT_ROOM)
            return count;
        pad(resample, (uint32_t)ahead);
    }
    if (soxr_clear(resample->soxr) || soxr_set_io_ratio(resample->soxr, resample->base * RATIO_ROOM, 0))
        return count;
    resample->from = resample->fed = index + skipped;
    resample->start = ready_end(resample);
    resample->fine = 0;
    resample->given = 0;
    resample->position = 0;
    for (uint32_t i = 0; i < resample->halvers; i++)
        halver_clear(&resample->halver[i]);
    resample->fade_in = FADE;
    resample->running = true;
    resample->state.placements++;
    return skipped;
}

static void feed(struct resample *resample, uint64_t index, const float *samples, uint32_t count)
{
    while (count > 0) {
        uint32_t chunk = count < CHUNK ? count : CHUNK;
        if (KEPT - resample->ready_count < 2 * OUT_ROOM) { // nobody pulls
            stop(resample);
            resample->state.late_samples += count;
            return;
        }
        if (resample->running && !steer(resample))
            stop(resample);
        if (!resample->running) {
            chunk = start(resample, index, count);
            resample->state.late_samples += chunk;
            if (resample->running && !steer(resample))
                return;
        } else {
            run(resample, samples, chunk);
            resample->fed += chunk;
        }
        index += chunk;
        samples += (size_t)chunk * resample->format.channels;
        count -= chunk;
    }
}

int resample_create(const struct sound_format *format, bool exact, int64_t origin_ns, uint64_t first,
                    struct resample **out)
{
    struct resample *resample = calloc(1, sizeof *resample);
    const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, SOXR_VR);
    const soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
    soxr_error_t error = NULL;

    if (!resample)
        return CASTOR_ERR_NO_MEMORY;
    resample->format = *format;
    resample->origin_ns = origin_ns;
    resample->next = first;
    for (resample->finer = 1; format->rate_hz > BASE_MAX * RESAMPLE_HZ * resample->finer;
         resample->finer *= 2)
        halver_init(&resample->halver[resample->halvers++], format->channels);
    resample->base = (double)format->rate_hz / RESAMPLE_HZ / resample->finer;
    drift_init(&resample->drift, format->rate_hz, exact);
    resample->ready = malloc((size_t)KEPT * format->channels * sizeof *resample->ready);
    resample->soxr =
        soxr_create(resample->base * RATIO_ROOM, 1, format->channels, &error, &io, &quality, NULL);
    if (!resample->ready || !resample->soxr || error) {
        resample_destroy(resample);
        return CASTOR_ERR_NO_MEMORY;
    }
    *out = resample;
    return CASTOR_OK;
}

void resample_presume_ppm(struct resample *resample, double ppm)
{
    drift_presume_ppm(&resample->drift, ppm);
}

void resample_push(struct resample *resample, const struct sound_block *block, const float *samples)
{
    if (block->anew || block->lost > 0)
        stop(resample);
    if (block->anew && resample->pushed)
        drift_restart(&resample->drift);
    resample->pushed = true;
    drift_add(&resample->drift, block->index, block->capture_ns);
    if (drift_locked(&resample->drift))
        feed(resample, block->index, samples, block->samples);
    else
        resample->state.late_samples += block->samples;
}

// How many samples from `next` on lie before time_ns.
static uint64_t due(const struct resample *resample, int64_t time_ns)
{
    int64_t ahead_ns = time_ns - grid_ns(resample, resample->next);

    return ahead_ns > 0 ? sound_samples_in(RESAMPLE_HZ, ahead_ns) : 0;
}

uint32_t resample_pull(struct resample *resample, int64_t silence_ns, float *out, uint32_t room)
{
    const size_t sample_bytes = resample->format.channels * sizeof *out;
    uint64_t wanted = due(resample, silence_ns);
    uint32_t count;

    if (wanted > room)
        wanted = room;
    if (wanted > resample->ready_count) {
        stop(resample);
        if (wanted > KEPT)
            wanted = KEPT;
        if (wanted > resample->ready_count)
            pad(resample, (uint32_t)wanted - resample->ready_count);
    }
    count = resample->ready_count < room ? resample->ready_count : room;
    memcpy(out, resample->ready, count * sample_bytes);
    resample->ready_count -= count;
    memmove(resample->ready, ready_at(resample, count), resample->ready_count * sample_bytes);
    resample->next += count;
    return count;
}

uint64_t resample_next(const struct resample *resample)
{
    return resample->next;
}

struct resample_state resample_state(const struct resample *resample)
{
    struct resample_state state = resample->state;

    state.locked = drift_locked(&resample->drift);
    state.ppm = drift_ppm(&resample->drift);
    state.speed_known = drift_speed_known(&resample->drift);
    return state;
}

void resample_destroy(struct resample *resample)
{
    if (!resample)
        return;
    soxr_delete(resample->soxr);
    free(resample->ready);
    free(resample);
}
