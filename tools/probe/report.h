// SPDX-License-Identifier: Apache-2.0
// What the probe says, as text for people and as JSON for programs.
#ifndef PROBE_REPORT_H
#define PROBE_REPORT_H

#include "hal/error.h"
#include "probe/analysis.h"
#include "probe/kpi.h"
#include "probe/limits.h"
#include "probe/srt_stats.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

// The last full second.
struct report_recent {
    bool known;
    double frame_rate;
    double bitrate_bps;
    bool has_latency;
    double latency_p50_ms;
    double latency_max_ms;
};

// All borrowed; nothing is kept.
struct report {
    const char *input; // without its passphrase
    const char *state; // "running" or "ended"
    const char
        *because; // why it ended: "duration", "frames", "idle", "end of input", "signal"; NULL while running
    int64_t started_utc_ns;
    int64_t elapsed_ns; // since the first byte; of a file by its PCR
    const struct analysis *analysis;
    const struct srt_stats *srt;
    struct kpi_set kpis;
    const struct limit *broken[LIMITS_MAX];
    unsigned broken_count;
    unsigned limit_count;
    struct report_recent recent;
};

// One line for the running display.
void report_write_line(const struct report *r, FILE *out);
void report_write_text(const struct report *r, FILE *out);

// One document. Errors: NO_MEMORY, IO.
int CASTOR_MUST_USE report_write_json(const struct report *r, FILE *out);
// Replaces the file in one step, so that a reader never sees half of it. Errors: NO_MEMORY, or that of the
// system.
int CASTOR_MUST_USE report_replace_json(const struct report *r, const char *path);

#endif
