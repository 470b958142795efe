// SPDX-License-Identifier: Apache-2.0
// The clock of a sound card, recovered on the house clock. In: the number of a block's first sample and the
// time it is said to be taken at. Out: the time of any sample. Pure: reads no clock, allocates nothing.
//
// A stamp is late rather than early: the card's position moves in steps, an interrupt or a thread waits. So
// of all stamps within a while the earliest, measured against the line so far, is the true one, and a line is
// drawn through these: at first as a regression, later as a critically damped loop of second order, which
// forgets, so that a clock that changes is followed. The while is 0.1 s where the stamps agree with each
// other to half a millisecond, and one second otherwise.
#ifndef SOUND_DRIFT_H
#define SOUND_DRIFT_H

#include <stdbool.h>
#include <stdint.h>

#define DRIFT_PPM_MAX 3000 // clocks that are farther off are not believed

struct drift {
    uint32_t rate_hz;
    bool exact;       // stamps are true: nothing is smoothed
    uint32_t buckets; // closed ones that the line has gone through
    // The line: sample `index` is taken at time_ns, and each one after it period_ns later.
    uint64_t index;
    int64_t time_ns;
    double period_ns;
    // The bucket that is open.
    uint32_t stamps, far_stamps; // near the line, far from it
    uint64_t first_index, best_index;
    double best_ns, worst_ns; // the least and the greatest distance of a stamp from the line
    uint32_t far_buckets;     // closed ones in a row in which the line was wrong
    bool started, locked;
    bool speed_known; // from before the last restart, or told
};

void drift_init(struct drift *drift, uint32_t rate_hz, bool exact);

// A stamp. Indices rise.
void drift_add(struct drift *drift, uint64_t index, int64_t time_ns);

// The source was started anew: what is known of its speed stays, its times do not hold any more.
void drift_restart(struct drift *drift);

// Before the first stamp: how fast the clock was when it was used before. Ignored with exact stamps.
void drift_presume_ppm(struct drift *drift, double ppm);

// Whether the speed is worth being presumed the next time.
bool drift_speed_known(const struct drift *drift);

// Whether times can be told: at once with exact stamps, after 0.1 s when stamps agree with each other, and
// otherwise after 3 s; where the speed is known from before, after 0.2 s, or 1 s when stamps are far apart.
bool drift_locked(const struct drift *drift);

// Where in the source's samples time_ns is, counted from sample `from`. Only when locked.
double drift_position(const struct drift *drift, int64_t time_ns, uint64_t from);

// The time of a sample. Only when locked.
int64_t drift_time_ns(const struct drift *drift, uint64_t index);

// How much faster than its name the source's clock is.
double drift_ppm(const struct drift *drift);

#endif
