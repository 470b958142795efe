// SPDX-License-Identifier: Apache-2.0
// When bytes reached the probe, on both clocks, read once right after the receiving call returned.
#ifndef PROBE_ARRIVAL_H
#define PROBE_ARRIVAL_H

#include <stdbool.h>
#include <stdint.h>

struct probe_arrival {
    bool known;      // false for a regular file, which has no arrival
    int64_t mono_ns; // CLOCK_MONOTONIC, for intervals
    int64_t utc_ns;  // CLOCK_REALTIME, for latency against the capture time in the stream
};

#endif
