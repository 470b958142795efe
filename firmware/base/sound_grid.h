// SPDX-License-Identifier: Apache-2.0
// The grid on which all sound lies behind the sound worker: samples of 48 kHz, counted from a time on the
// house clock that does not change while the box is up. Pure.
#ifndef BASE_SOUND_GRID_H
#define BASE_SOUND_GRID_H

#include <stdint.h>

#include "hal/time.h"

#define SOUND_GRID_HZ 48000u

// When sample `sample` is captured; exact to the nanosecond below.
static inline int64_t sound_grid_time_ns(int64_t origin_ns, uint64_t sample)
{
    return origin_ns + (int64_t)((castor_uint128)sample * CASTOR_NS_PER_S / SOUND_GRID_HZ);
}

// The first sample that is not before `time_ns`; 0 for times before the origin.
static inline uint64_t sound_grid_sample_at(int64_t origin_ns, int64_t time_ns)
{
    if (time_ns <= origin_ns)
        return 0;
    return (uint64_t)(((castor_uint128)(time_ns - origin_ns) * SOUND_GRID_HZ + CASTOR_NS_PER_S - 1) /
                      CASTOR_NS_PER_S);
}

// The same for access units of `samples_per_unit`: the time of the first sample, and the first unit that does
// not begin before `time_ns`.
static inline int64_t sound_grid_unit_ns(int64_t origin_ns, uint32_t samples_per_unit, uint64_t index)
{
    return sound_grid_time_ns(origin_ns, index * samples_per_unit);
}

static inline uint64_t sound_grid_unit_at(int64_t origin_ns, uint32_t samples_per_unit, int64_t time_ns)
{
    return (sound_grid_sample_at(origin_ns, time_ns) + samples_per_unit - 1) / samples_per_unit;
}

#endif
