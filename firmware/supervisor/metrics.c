// SPDX-License-Identifier: Apache-2.0
#include "supervisor/metrics.h"

#include <string.h>

#include "hal/time.h"

#define STEPS_PER_OCTAVE 16u
#define HALF_MINUTE_NS (30 * CASTOR_NS_PER_S)

// ---- histogram ----

// Bucket 0 is below a microsecond; above, the 4 bits behind the leading one choose among 16 steps.
static uint32_t bucket_of(int64_t latency_ns)
{
    uint64_t us = latency_ns > 0 ? (uint64_t)latency_ns / 1000 : 0;

    if (us < STEPS_PER_OCTAVE)
        return (uint32_t)us;
    uint32_t octave = 63u - (uint32_t)__builtin_clzll(us); // >= 4
    uint32_t step = (uint32_t)(us >> (octave - 4)) & (STEPS_PER_OCTAVE - 1);
    uint32_t bucket = (octave - 3) * STEPS_PER_OCTAVE + step;
    return bucket < METRICS_BUCKETS ? bucket : METRICS_BUCKETS - 1;
}

// The upper end of a bucket: a percentile is never reported better than it was.
static int64_t bucket_top_ns(uint32_t bucket)
{
    if (bucket < STEPS_PER_OCTAVE)
        return ((int64_t)bucket + 1) * CASTOR_NS_PER_US;
    uint32_t octave = bucket / STEPS_PER_OCTAVE + 3;
    uint64_t step = bucket % STEPS_PER_OCTAVE + STEPS_PER_OCTAVE + 1;
    return (int64_t)(step << (octave - 4)) * CASTOR_NS_PER_US;
}

static void histogram_add(struct metrics_histogram *histogram, int64_t latency_ns)
{
    histogram->bucket[bucket_of(latency_ns)]++;
    histogram->count++;
    if (latency_ns > histogram->max_ns)
        histogram->max_ns = latency_ns;
}

// ---- windows ----

// The entry of the present second. The seconds that passed in silence are emptied; after a silence longer
// than the history all of them.
static struct metrics_second *second_at(struct metrics *metrics, int64_t now_ns)
{
    int64_t second = (now_ns - metrics->started_ns) / CASTOR_NS_PER_S;

    if (second - metrics->second > METRICS_SECONDS)
        metrics->second = second - METRICS_SECONDS;
    while (metrics->second < second) {
        metrics->second++;
        memset(&metrics->history[metrics->second % METRICS_SECONDS], 0, sizeof metrics->history[0]);
    }
    return &metrics->history[metrics->second % METRICS_SECONDS];
}

void metrics_init(struct metrics *metrics, int64_t now_ns)
{
    memset(metrics, 0, sizeof *metrics);
    metrics->started_ns = now_ns;
}

void metrics_add(struct metrics *metrics, int64_t now_ns, enum metrics_count what, uint64_t number)
{
    metrics->count[what] += number;
    second_at(metrics, now_ns)->count[what] += (uint32_t)number;
}

void metrics_lose(struct metrics *metrics, int64_t now_ns, enum metrics_loss cause, uint64_t number)
{
    metrics->lost[cause] += number;
    second_at(metrics, now_ns)->lost[cause] += (uint32_t)number;
}

void metrics_destination(struct metrics *metrics, int64_t now_ns, uint32_t index, uint64_t sent,
                         uint64_t lost)
{
    struct metrics_destination *total = &metrics->destination[index];
    struct metrics_second *second = second_at(metrics, now_ns);

    // Another destination has taken this place.
    if (sent < total->sent_seen || lost < total->lost_seen) {
        memset(total, 0, sizeof *total);
        for (int i = 0; i < METRICS_SECONDS; i++)
            metrics->history[i].destination_sent[index] = metrics->history[i].destination_lost[index] = 0;
    }
    second->destination_sent[index] += (uint32_t)(sent - total->sent_seen);
    second->destination_lost[index] += (uint32_t)(lost - total->lost_seen);
    total->sent_seen = sent;
    total->lost_seen = lost;
}

void metrics_latency(struct metrics *metrics, int64_t now_ns, enum metrics_stage stage, int64_t latency_ns)
{
    int64_t half = (now_ns - metrics->started_ns) / HALF_MINUTE_NS;

    if (half != metrics->half_minute) {
        for (int i = 0; i < METRICS_STAGES; i++) {
            if (half == metrics->half_minute + 1)
                metrics->recent[i][1] = metrics->recent[i][0];
            else
                memset(&metrics->recent[i][1], 0, sizeof metrics->recent[i][1]);
            memset(&metrics->recent[i][0], 0, sizeof metrics->recent[i][0]);
        }
        metrics->half_minute = half;
    }
    histogram_add(&metrics->all[stage], latency_ns);
    histogram_add(&metrics->recent[stage][0], latency_ns);
}

// ---- changes of path ----

void metrics_switched(struct metrics *metrics, const struct metrics_switch *change)
{
    struct metrics_switch *entry = &metrics->switches[metrics->switch_count++ % METRICS_SWITCH_LOG];

    *entry = *change;
    entry->duration_ns = -1;
}

void metrics_resumed(struct metrics *metrics, uint32_t epoch, uint64_t sequence, int64_t now_ns)
{
    uint64_t kept = metrics->switch_count < METRICS_SWITCH_LOG ? metrics->switch_count : METRICS_SWITCH_LOG;

    for (uint64_t i = 1; i <= kept; i++) {
        struct metrics_switch *entry = &metrics->switches[(metrics->switch_count - i) % METRICS_SWITCH_LOG];
        if (entry->epoch != epoch || entry->duration_ns != -1)
            continue;
        entry->sequence = sequence;
        entry->duration_ns = now_ns - entry->at_ns;
        return;
    }
}

// ---- reading ----

struct metrics_sum {
    uint64_t emitted;
    uint64_t lost[METRICS_LOSSES];
    uint64_t destination_sent[METRICS_DESTINATIONS];
    uint64_t destination_lost[METRICS_DESTINATIONS];
};

static double per_mille(uint64_t delivered, uint64_t lost)
{
    return delivered + lost > 0 ? 1000.0 * (double)lost / (double)(delivered + lost) : 0.0;
}

static uint64_t losses(const uint64_t *lost, enum metrics_loss cause)
{
    uint64_t sum = 0;

    for (int i = 0; i < METRICS_LOSSES; i++)
        if (cause == METRICS_LOSSES || cause == (enum metrics_loss)i)
            sum += lost[i];
    return sum;
}

static int64_t second_of(const struct metrics *metrics, int64_t now_ns)
{
    return (now_ns - metrics->started_ns) / CASTOR_NS_PER_S;
}

// Adds up the entries of a window that ends now. Entries that have been overwritten are older than any
// window.
static void window_sum(const struct metrics *metrics, int64_t now_ns, enum metrics_window window,
                       struct metrics_sum *out)
{
    int64_t seconds = window == METRICS_MINUTE ? 60 : METRICS_SECONDS;
    int64_t first = second_of(metrics, now_ns) - seconds + 1;

    for (int64_t i = first > 0 ? first : 0; i <= metrics->second; i++) {
        const struct metrics_second *second = &metrics->history[i % METRICS_SECONDS];
        out->emitted += second->count[METRICS_EMITTED];
        for (int k = 0; k < METRICS_LOSSES; k++)
            out->lost[k] += second->lost[k];
        for (int k = 0; k < METRICS_DESTINATIONS; k++) {
            out->destination_sent[k] += second->destination_sent[k];
            out->destination_lost[k] += second->destination_lost[k];
        }
    }
}

double metrics_lost_per_mille(const struct metrics *metrics, int64_t now_ns, enum metrics_window window,
                              enum metrics_loss cause)
{
    struct metrics_sum sum = {0};

    if (window == METRICS_SINCE_START) {
        sum.emitted = metrics->count[METRICS_EMITTED];
        memcpy(sum.lost, metrics->lost, sizeof sum.lost);
    } else {
        window_sum(metrics, now_ns, window, &sum);
    }
    // What egress lost had been emitted: it does not count twice.
    uint64_t egress = sum.lost[METRICS_LOSS_EGRESS];
    uint64_t delivered = sum.emitted > egress ? sum.emitted - egress : 0;
    uint64_t all = losses(sum.lost, METRICS_LOSSES);
    uint64_t lost = losses(sum.lost, cause);
    return per_mille(delivered + all - lost, lost);
}

double metrics_destination_lost_per_mille(const struct metrics *metrics, int64_t now_ns,
                                          enum metrics_window window, uint32_t index)
{
    struct metrics_sum sum = {0};

    if (window == METRICS_SINCE_START)
        return per_mille(metrics->destination[index].sent_seen, metrics->destination[index].lost_seen);
    window_sum(metrics, now_ns, window, &sum);
    return per_mille(sum.destination_sent[index], sum.destination_lost[index]);
}

double metrics_rate(const struct metrics *metrics, int64_t now_ns, enum metrics_count what, uint32_t seconds)
{
    int64_t now_second = second_of(metrics, now_ns);
    uint64_t sum = 0;
    uint32_t counted = 0;

    for (int64_t i = now_second - 1; i >= 0 && counted < seconds; i--, counted++)
        if (i <= metrics->second && i > metrics->second - METRICS_SECONDS)
            sum += metrics->history[i % METRICS_SECONDS].count[what];
    return counted > 0 ? (double)sum / counted : 0.0;
}

int64_t metrics_percentile(const struct metrics *metrics, enum metrics_stage stage, bool since_start,
                           double percent)
{
    const struct metrics_histogram *a = since_start ? &metrics->all[stage] : &metrics->recent[stage][0];
    const struct metrics_histogram *b = since_start ? NULL : &metrics->recent[stage][1];
    uint64_t count = a->count + (b ? b->count : 0);
    uint64_t seen = 0;

    if (count == 0)
        return 0;
    uint64_t wanted = (uint64_t)(percent / 100.0 * (double)count + 0.5);
    if (wanted < 1)
        wanted = 1;
    for (uint32_t i = 0; i < METRICS_BUCKETS; i++) {
        seen += a->bucket[i] + (b ? b->bucket[i] : 0u);
        if (seen >= wanted) {
            int64_t max_ns = metrics_max(metrics, stage, since_start);
            return bucket_top_ns(i) < max_ns ? bucket_top_ns(i) : max_ns;
        }
    }
    return metrics_max(metrics, stage, since_start);
}

int64_t metrics_max(const struct metrics *metrics, enum metrics_stage stage, bool since_start)
{
    int64_t recent_ns = metrics->recent[stage][0].max_ns > metrics->recent[stage][1].max_ns
                            ? metrics->recent[stage][0].max_ns
                            : metrics->recent[stage][1].max_ns;
    return since_start ? metrics->all[stage].max_ns : recent_ns;
}

const char *metrics_loss_name(enum metrics_loss loss)
{
    static const char *const names[] = {"capture", "no_path", "egress", "all"};
    return names[loss];
}

const char *metrics_stage_name(enum metrics_stage stage)
{
    static const char *const names[] = {"capture", "encode", "encoder", "egress", "origin"};
    return names[stage];
}
