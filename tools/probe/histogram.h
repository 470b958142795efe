// SPDX-License-Identifier: Apache-2.0
// A histogram of fixed size for times: 512 steps per power of two, so a quantile is right to 0.1 %.
#ifndef PROBE_HISTOGRAM_H
#define PROBE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEPS 512
#define HISTOGRAM_BUCKETS (33 * HISTOGRAM_STEPS)

// Values in any unit, here microseconds. Zero-initialized is empty.
struct histogram {
    uint64_t count;
    int64_t sum;
    int64_t min; // exact; meaningful when count > 0
    int64_t max; // exact; meaningful when count > 0
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

// Adds one value. A negative one counts in the lowest bucket; min keeps it exactly.
void histogram_add(struct histogram *h, int64_t value);

// The value below which `per_mille` thousandths of all values lie, between min and max; 0 when empty.
int64_t histogram_quantile(const struct histogram *h, unsigned per_mille);

void histogram_clear(struct histogram *h);

#endif
