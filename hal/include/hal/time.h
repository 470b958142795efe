// SPDX-License-Identifier: Apache-2.0
// The house has one clock: CLOCK_MONOTONIC in nanoseconds, int64_t, names ending in _ns.
#ifndef HAL_TIME_H
#define HAL_TIME_H

#include <stdint.h>
#include <time.h>

#define CASTOR_NS_PER_S INT64_C(1000000000)
#define CASTOR_NS_PER_MS INT64_C(1000000)
#define CASTOR_NS_PER_US INT64_C(1000)

// A frame rate or time base as a fraction; both parts positive. 30000/1001 is 29.97 fps.
struct castor_rational {
    uint32_t num;
    uint32_t den;
};

// Now on the house clock. Never blocks, never fails.
static inline int64_t castor_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * CASTOR_NS_PER_S + t.tv_nsec;
}

// A length or a point of time as system calls take it; not negative.
static inline struct timespec castor_timespec(int64_t ns)
{
    return (struct timespec){(time_t)(ns / CASTOR_NS_PER_S), (long)(ns % CASTOR_NS_PER_S)};
}

__extension__ typedef unsigned __int128 castor_uint128;

// The start of frame number `index` relative to frame 0, exact to the nanosecond below for any index.
static inline int64_t castor_frame_time_ns(struct castor_rational rate, uint64_t index)
{
    return (int64_t)((castor_uint128)index * rate.den * CASTOR_NS_PER_S / rate.num);
}

// One frame interval, rounded down.
static inline int64_t castor_frame_interval_ns(struct castor_rational rate)
{
    return castor_frame_time_ns(rate, 1);
}

#endif
