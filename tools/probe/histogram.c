// SPDX-License-Identifier: Apache-2.0
#include "probe/histogram.h"

#include <stddef.h>
#include <string.h>

static size_t bucket_of(int64_t value)
{
    if (value < 0)
        return 0;
    if (value < HISTOGRAM_STEPS)
        return (size_t)value;
    unsigned shift = 63U - (unsigned)__builtin_clzll((unsigned long long)value) - 9U;
    size_t index = (size_t)(shift + 1) * HISTOGRAM_STEPS + (size_t)(value >> shift) - HISTOGRAM_STEPS;
    return index < HISTOGRAM_BUCKETS ? index : HISTOGRAM_BUCKETS - 1;
}

static int64_t middle_of(size_t bucket)
{
    if (bucket < HISTOGRAM_STEPS)
        return (int64_t)bucket;
    unsigned shift = (unsigned)(bucket / HISTOGRAM_STEPS) - 1;
    int64_t low = (int64_t)(bucket % HISTOGRAM_STEPS + HISTOGRAM_STEPS) << shift;
    return low + ((INT64_C(1) << shift) >> 1);
}

void histogram_add(struct histogram *h, int64_t value)
{
    if (h->count == 0 || value < h->min)
        h->min = value;
    if (h->count == 0 || value > h->max)
        h->max = value;
    h->count++;
    // A stream with absurd time stamps must not overflow the sum.
    if (__builtin_add_overflow(h->sum, value, &h->sum))
        h->sum = value > 0 ? INT64_MAX : INT64_MIN;
    h->buckets[bucket_of(value)]++;
}

int64_t histogram_quantile(const struct histogram *h, unsigned per_mille)
{
    if (h->count == 0)
        return 0;
    uint64_t rank = (h->count * per_mille + 999) / 1000;
    uint64_t below = 0;
    int64_t value = h->max;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        below += h->buckets[i];
        if (below >= rank && h->buckets[i] > 0) {
            // The last bucket takes everything above its range; only its maximum is known.
            value = i + 1 < HISTOGRAM_BUCKETS ? middle_of(i) : h->max;
            break;
        }
    }
    if (value > h->max)
        return h->max;
    return value < h->min ? h->min : value;
}

void histogram_clear(struct histogram *h)
{
    memset(h, 0, sizeof *h);
}
