// SPDX-License-Identifier: Apache-2.0
#include "probe/timing.h"

#include <stdlib.h>
#include <string.h>

#define WRAP_90K (INT64_C(1) << 33)
#define WRAP_27M (WRAP_90K * 300)
#define SPREAD_WINDOW_NS (10 * CASTOR_NS_PER_S)
#define FIXED 1000 // interval_90k_fixed is in thousandths

// a - b on a clock that wraps, between -wrap/2 and wrap/2.
static int64_t wrapped_difference(uint64_t a, uint64_t b, int64_t wrap)
{
    int64_t d = ((int64_t)a - (int64_t)b) % wrap;
    if (d < -wrap / 2)
        d += wrap;
    else if (d >= wrap / 2)
        d -= wrap;
    return d;
}

static int64_t ns_from_27m(int64_t ticks)
{
    return ticks / 27 * 1000 + ticks % 27 * 1000 / 27;
}

static void check_spread(struct pcr_check *c, const struct probe_arrival *arrival)
{
    int64_t offset_ns = arrival->mono_ns - ns_from_27m(c->clock_27m);
    if (c->window_start_ns == 0 || arrival->mono_ns - c->window_start_ns > SPREAD_WINDOW_NS) {
        c->window_start_ns = arrival->mono_ns;
        c->window_low_ns = offset_ns;
        c->window_high_ns = offset_ns;
    }
    if (offset_ns < c->window_low_ns)
        c->window_low_ns = offset_ns;
    if (offset_ns > c->window_high_ns)
        c->window_high_ns = offset_ns;
    int64_t spread_us = (c->window_high_ns - c->window_low_ns) / 1000;
    if (spread_us > c->spread_max_us)
        c->spread_max_us = spread_us;
}

void pcr_check_feed(struct pcr_check *c, uint64_t value_27m, bool discontinuity,
                    const struct probe_arrival *arrival)
{
    c->count++;
    if (discontinuity) {
        c->discontinuities += c->known;
        pcr_check_restart(c);
    }
    int64_t step = c->known ? wrapped_difference(value_27m, c->last_27m, WRAP_27M) : 0;
    if (c->known && step <= 0) {
        c->backwards++;
        pcr_check_restart(c);
    } else if (c->known) {
        int64_t step_ns = ns_from_27m(step);
        c->clock_27m += step;
        c->gaps += step_ns > c->limit_ns + CASTOR_NS_PER_US; // a clock of 27 MHz rounds
        if (step_ns > c->interval_max_ns)
            c->interval_max_ns = step_ns;
        if (arrival->known && c->last_arrival.known)
            histogram_add(&c->jitter_us, llabs(arrival->mono_ns - c->last_arrival.mono_ns - step_ns) / 1000);
    }
    if (arrival->known)
        check_spread(c, arrival);
    c->known = true;
    c->last_27m = value_27m;
    c->last_arrival = *arrival;
}

void pcr_check_restart(struct pcr_check *c)
{
    c->known = false;
    c->window_start_ns = 0;
}

void pts_check_init(struct pts_check *c, struct castor_rational rate, int64_t tolerance_us)
{
    memset(c, 0, sizeof *c);
    if (rate.num > 0)
        c->interval_90k_fixed = (int64_t)rate.den * 90000 * FIXED / rate.num;
    c->tolerance_90k = tolerance_us * 90 / 1000;
}

static void judge_step(struct pts_check *c, int64_t step)
{
    if (step <= 0) {
        c->backwards++;
        return;
    }
    int64_t interval = c->interval_90k_fixed;
    int64_t times = (step * FIXED + interval / 2) / interval;
    if (times < 1)
        times = 1;
    int64_t off = llabs(step - (times * interval + FIXED / 2) / FIXED);
    c->jumps += times > 1;
    // An interval learned in whole ticks is up to half a tick off, every time it is counted.
    if (off <= c->tolerance_90k + 1 + times / 2)
        return;
    c->seams++;
    if (off > c->seam_max_90k)
        c->seam_max_90k = off;
}

static int compare_steps(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void end_learning(struct pts_check *c)
{
    if (c->learned == 0)
        return;
    int64_t sorted[PTS_LEARN_STEPS];
    memcpy(sorted, c->learn, sizeof sorted);
    qsort(sorted, c->learned, sizeof sorted[0], compare_steps);
    int64_t median = sorted[c->learned / 2];
    if (median <= 0)
        median = 1;
    c->interval_90k_fixed = median * FIXED;
    for (unsigned i = 0; i < c->learned; i++)
        judge_step(c, c->learn[i]);
}

void pts_check_feed(struct pts_check *c, uint64_t dts_90k)
{
    c->count++;
    if (c->known) {
        int64_t step = wrapped_difference(dts_90k, c->last_90k, WRAP_90K);
        if (c->interval_90k_fixed > 0) {
            judge_step(c, step);
        } else {
            c->learn[c->learned++] = step;
            if (c->learned == PTS_LEARN_STEPS)
                end_learning(c);
        }
    }
    c->known = true;
    c->last_90k = dts_90k;
}

void pts_check_restart(struct pts_check *c)
{
    c->known = false;
}

void pts_check_distance(struct pts_check *c, uint64_t pts_90k, uint64_t pcr_27m)
{
    int64_t distance = wrapped_difference(pts_90k * 300, pcr_27m, WRAP_27M);
    if (!c->distance_known || distance < c->distance_min_27m)
        c->distance_min_27m = distance;
    if (!c->distance_known || distance > c->distance_max_27m)
        c->distance_max_27m = distance;
    c->distance_known = true;
}

void pts_check_finish(struct pts_check *c)
{
    if (c->interval_90k_fixed == 0)
        end_learning(c);
}
