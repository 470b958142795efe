// SPDX-License-Identifier: Apache-2.0
#include "sound/drift.h"

#include <math.h>

#define NS_PER_S 1e9
#define BUCKET_NS 1e9       // how long stamps are looked at that do not agree with each other
#define QUICK_NS 100e6      // and those that do
#define QUICK_STAMPS 4      // when there are so many
#define QUICK_SPREAD_NS 5e5 // they agree when they are that near to each other
#define SEEK_NS 200e6       // where only the place is to be found, as the speed is known, also those
#define SEEK_SPREAD_NS 4e6  // that are this near: their earliest is no seam away from the truth
#define LOCK_BUCKETS 3      // stamps that do not agree have to tell for so long
#define FAR_NS 20e6         // a stamp that is farther from the line is not believed
#define FAR_BUCKETS 2       // unless nearly all are, for so long
#define FORGET 0.85         // of the loop, for each bucket
#define QUICK_FORGET 0.95

static double nominal_ns(const struct drift *drift)
{
    return NS_PER_S / drift->rate_hz;
}

static void bound_speed(struct drift *drift)
{
    const double most_ns = nominal_ns(drift) * DRIFT_PPM_MAX / 1e6;

    drift->period_ns = fmax(drift->period_ns, nominal_ns(drift) - most_ns);
    drift->period_ns = fmin(drift->period_ns, nominal_ns(drift) + most_ns);
}

void drift_init(struct drift *drift, uint32_t rate_hz, bool exact)
{
    *drift = (struct drift){.rate_hz = rate_hz, .exact = exact};
    drift->period_ns = nominal_ns(drift);
}

void drift_restart(struct drift *drift)
{
    const struct drift before = *drift;

    drift_init(drift, before.rate_hz, before.exact);
    drift->period_ns = before.period_ns;
    drift->speed_known = drift_speed_known(&before);
}

void drift_presume_ppm(struct drift *drift, double ppm)
{
    if (drift->exact)
        return;
    drift->period_ns = nominal_ns(drift) / (1 + ppm * 1e-6);
    bound_speed(drift);
    drift->speed_known = true;
}

bool drift_speed_known(const struct drift *drift)
{
    return drift->speed_known || drift->buckets >= LOCK_BUCKETS;
}

static void open_bucket(struct drift *drift, uint64_t index)
{
    drift->stamps = drift->far_stamps = 0;
    drift->first_index = index;
    drift->best_ns = INFINITY;
    drift->worst_ns = -INFINITY;
}

static void begin_line(struct drift *drift, uint64_t index, int64_t time_ns)
{
    drift->index = index;
    drift->time_ns = time_ns;
    drift->buckets = 0;
    drift->far_buckets = 0;
    drift->started = true;
    open_bucket(drift, index);
}

// How far a stamp is from the line; positive: late.
static double beside_ns(const struct drift *drift, uint64_t index, int64_t time_ns)
{
    return (double)(time_ns - drift->time_ns) - (double)(index - drift->index) * drift->period_ns;
}

// Whether the bucket's stamps agree with each other.
static bool agreeing(const struct drift *drift)
{
    return drift->stamps >= QUICK_STAMPS && drift->far_stamps == 0 &&
           drift->worst_ns - drift->best_ns <= QUICK_SPREAD_NS;
}

// How much of the bucket's distance from the line goes into its place and into its speed.
static void gains(const struct drift *drift, double *place, double *speed)
{
    const double forget = agreeing(drift) ? QUICK_FORGET : FORGET;
    const double k = drift->buckets;

    *place = 1 - forget * forget; // the loop's
    *speed = (1 - forget) * (1 - forget);
    if (!drift->speed_known) { // at first a regression over k
        *place = fmax(*place, 2 * (2 * k - 1) / (k * (k + 1)));
        *speed = fmax(*speed, 6 / (k * (k + 1)));
    } else if (k <= LOCK_BUCKETS) { // a speed that is known seeks its place; an earlier stamp is a truer one
        *place = drift->best_ns < 0 ? 1 : fmax(*place, 1 / k);
        *speed = 0;
    }
}

// Draws the line through the bucket's best stamp, more or less.
static void correct(struct drift *drift)
{
    const double samples = (double)(drift->best_index - drift->index);
    double gain, speed_gain;

    drift->buckets++;
    gains(drift, &gain, &speed_gain);
    drift->time_ns += (int64_t)llround(samples * drift->period_ns + gain * drift->best_ns);
    drift->index = drift->best_index;
    // Two best stamps may lie next to each other, with a bucket on either side: that tells nothing of the
    // speed.
    if (drift->buckets > 1)
        drift->period_ns += speed_gain * drift->best_ns /
                            fmax(samples, (agreeing(drift) ? QUICK_NS : BUCKET_NS) / nominal_ns(drift));
    bound_speed(drift);
}

static void close_bucket(struct drift *drift, uint64_t index, int64_t time_ns)
{
    if (drift->far_stamps > drift->stamps) { // the device jumped without saying so
        uint32_t far_buckets = drift->far_buckets + 1;
        if (far_buckets >= FAR_BUCKETS) {
            drift_restart(drift);
            begin_line(drift, index, time_ns);
        } else {
            open_bucket(drift, index);
            drift->far_buckets = far_buckets;
        }
        return;
    }
    drift->far_buckets = 0;
    correct(drift);
    if (drift->buckets >= LOCK_BUCKETS || drift->speed_known)
        drift->locked = true;
    open_bucket(drift, index);
}

// Whether the bucket has told enough.
static bool bucket_is_full(struct drift *drift, uint64_t index)
{
    const double age_ns = (double)(index - drift->first_index) * nominal_ns(drift);
    const bool seeking = drift->speed_known && !drift->locked && drift->far_stamps < drift->stamps &&
                         drift->worst_ns - drift->best_ns <= SEEK_SPREAD_NS;

    if (age_ns >= BUCKET_NS)
        return true;
    if (agreeing(drift) ? age_ns < QUICK_NS : age_ns < SEEK_NS || !seeking)
        return false;
    drift->locked = true; // stamps that agree are believed at once
    return true;
}

void drift_add(struct drift *drift, uint64_t index, int64_t time_ns)
{
    double beside;

    if (drift->exact || !drift->started) {
        begin_line(drift, index, time_ns);
        drift->locked = drift->exact;
    }
    if (bucket_is_full(drift, index))
        close_bucket(drift, index, time_ns);
    beside = beside_ns(drift, index, time_ns);
    // The first stamp was very late.
    if (beside < -FAR_NS && drift->buckets == 0 && !drift->locked) {
        begin_line(drift, index, time_ns);
        beside = 0;
    }
    if (fabs(beside) > FAR_NS) {
        drift->far_stamps++;
        return;
    }
    drift->stamps++;
    if (beside > drift->worst_ns)
        drift->worst_ns = beside;
    if (beside < drift->best_ns) {
        drift->best_ns = beside;
        drift->best_index = index;
    }
}

bool drift_locked(const struct drift *drift)
{
    return drift->locked;
}

double drift_position(const struct drift *drift, int64_t time_ns, uint64_t from)
{
    return (double)(int64_t)(drift->index - from) + (double)(time_ns - drift->time_ns) / drift->period_ns;
}

int64_t drift_time_ns(const struct drift *drift, uint64_t index)
{
    return drift->time_ns + llround((double)(int64_t)(index - drift->index) * drift->period_ns);
}

double drift_ppm(const struct drift *drift)
{
    return (nominal_ns(drift) / drift->period_ns - 1) * 1e6;
}
