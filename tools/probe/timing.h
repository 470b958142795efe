// SPDX-License-Identifier: Apache-2.0
// Checks of the two clocks in a stream: PCR (27 MHz) and the time stamps of the pictures (90 kHz).
// Pure and of fixed size; zero-initialized except where an init function is given.
#ifndef PROBE_TIMING_H
#define PROBE_TIMING_H

#include "hal/time.h"
#include "probe/arrival.h"
#include "probe/histogram.h"

#include <stdbool.h>
#include <stdint.h>

#define PTS_LEARN_STEPS 16 // steps whose median is the frame interval where none was given

struct pcr_check {
    int64_t limit_ns; // intervals above count as gaps
    uint64_t count;
    uint64_t gaps;
    uint64_t backwards;       // without discontinuity_indicator
    uint64_t discontinuities; // with it
    int64_t interval_max_ns;
    int64_t clock_27m; // time of the stream since its first PCR, never wrapping
    bool known;        // `last_27m` holds
    uint64_t last_27m;
    struct probe_arrival last_arrival;
    struct histogram jitter_us; // |arrival interval - PCR interval|
    int64_t spread_max_us;      // widest (arrival - PCR) within any ten seconds
    int64_t window_start_ns;
    int64_t window_low_ns;
    int64_t window_high_ns;
};

// Takes the next PCR of the programme.
void pcr_check_feed(struct pcr_check *c, uint64_t value_27m, bool discontinuity,
                    const struct probe_arrival *arrival);
// A new connection: the next PCR is compared to nothing.
void pcr_check_restart(struct pcr_check *c);

struct pts_check {
    int64_t interval_90k_fixed; // in 1/1000 of 90 kHz; 0 as long as it is not known
    int64_t tolerance_90k;
    uint64_t count;
    uint64_t missing;   // pictures without a PTS
    uint64_t backwards; // steps of zero or less
    uint64_t seams;     // steps that are no multiple of the frame interval
    uint64_t jumps;     // steps of several intervals
    int64_t seam_max_90k;
    bool known;
    uint64_t last_90k;
    unsigned learned;
    int64_t learn[PTS_LEARN_STEPS];
    bool distance_known;
    int64_t distance_min_27m; // PTS minus PCR when the picture was complete
    int64_t distance_max_27m;
};

// `rate` {0, 0}: learn the frame interval from the stream.
void pts_check_init(struct pts_check *c, struct castor_rational rate, int64_t tolerance_us);
// Takes the decoding time stamp of the next picture.
void pts_check_feed(struct pts_check *c, uint64_t dts_90k);
void pts_check_restart(struct pts_check *c);
// The distance from the last PCR to the PTS, both modulo their wrap.
void pts_check_distance(struct pts_check *c, uint64_t pts_90k, uint64_t pcr_27m);
// The stream is over: judges the first steps even if they were too few to fill the learning window.
void pts_check_finish(struct pts_check *c);

#endif
