// SPDX-License-Identifier: Apache-2.0
// What a box counts: frames, losses with their causes, latencies, changes of path. Pure and allocation-free;
// time comes in with each call. "Dropped per thousand" is always lost / (delivered + lost) of the stage.
#ifndef SUPERVISOR_METRICS_H
#define SUPERVISOR_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#define METRICS_SWITCH_LOG 64
#define METRICS_SECONDS 300 // the longest window
#define METRICS_DESTINATIONS 8

enum metrics_count {
    METRICS_CAPTURED, // frames that reached the supervisor
    METRICS_ENCODED,  // access units from any path
    METRICS_EMITTED,  // access units that went on to egress
    METRICS_SENT,     // access units that at least one destination took
    METRICS_BYTES,    // of transport stream
    METRICS_COUNTS,
};

// Why a frame is missing in the stream that leaves the box; every missing frame is counted under exactly one.
enum metrics_loss {
    METRICS_LOSS_CAPTURE, // never captured
    METRICS_LOSS_NO_PATH, // no encoder path in time
    METRICS_LOSS_EGRESS,  // egress was down or died with it, after a destination had been connected once
    METRICS_LOSSES,
};

enum metrics_stage {
    METRICS_STAGE_CAPTURE, // capture time to arrival at the supervisor
    METRICS_STAGE_ENCODE,  // capture time to coded access unit at the supervisor
    METRICS_STAGE_ENCODER, // inside the encoder
    METRICS_STAGE_EGRESS,  // order to egress until handed to SRT
    METRICS_STAGE_ORIGIN,  // capture time until handed to SRT: the box's own latency
    METRICS_STAGES,
};

enum metrics_window { METRICS_MINUTE, METRICS_FIVE_MINUTES, METRICS_SINCE_START, METRICS_WINDOWS };

// Log-linear: 16 steps an octave from 1 us to over a minute, so that a percentile is right within 6 %.
#define METRICS_BUCKETS 432
struct metrics_histogram {
    uint32_t bucket[METRICS_BUCKETS];
    uint64_t count;
    int64_t max_ns;
};

struct metrics_switch {
    int64_t at_ns; // house clock, when the fault was noticed
    uint32_t from; // path, or UINT32_MAX
    uint32_t to;
    int cause;         // enum switch_cause
    uint64_t sequence; // first frame of the new path
    uint32_t epoch;
    uint32_t replayed;   // frames encoded again
    int64_t duration_ns; // fault noticed to first access unit emitted; -1 = not yet
};

struct metrics_second {
    uint32_t count[METRICS_COUNTS];
    uint32_t lost[METRICS_LOSSES];
    uint32_t destination_sent[METRICS_DESTINATIONS];
    uint32_t destination_lost[METRICS_DESTINATIONS];
};

struct metrics_destination { // totals that were told last
    uint64_t sent_seen;
    uint64_t lost_seen;
};

struct metrics {
    int64_t started_ns;
    int64_t second; // index of the newest second, since start
    struct metrics_destination destination[METRICS_DESTINATIONS];
    uint64_t count[METRICS_COUNTS];
    uint64_t lost[METRICS_LOSSES];
    struct metrics_second history[METRICS_SECONDS]; // by second % METRICS_SECONDS
    struct metrics_histogram all[METRICS_STAGES];
    struct metrics_histogram recent[METRICS_STAGES][2]; // this half minute and the one before
    int64_t half_minute;
    uint64_t switch_count;
    struct metrics_switch switches[METRICS_SWITCH_LOG]; // by count % METRICS_SWITCH_LOG
};

void metrics_init(struct metrics *metrics, int64_t now_ns);
void metrics_add(struct metrics *metrics, int64_t now_ns, enum metrics_count what, uint64_t number);
void metrics_lose(struct metrics *metrics, int64_t now_ns, enum metrics_loss cause, uint64_t number);
void metrics_latency(struct metrics *metrics, int64_t now_ns, enum metrics_stage stage, int64_t latency_ns);
// The totals of a destination as they are now, told at least once a second: access units that it took, and
// those that it did not get. What came since the last call counts for the present second; totals that have
// gone back are another destination's.
void metrics_destination(struct metrics *metrics, int64_t now_ns, uint32_t index, uint64_t sent,
                         uint64_t lost);
// A change of path begins (duration_ns is set to -1) and ends.
void metrics_switched(struct metrics *metrics, const struct metrics_switch *change);
void metrics_resumed(struct metrics *metrics, uint32_t epoch, uint64_t sequence, int64_t now_ns);

// Lost frames per thousand in a window, for one cause or in all (METRICS_LOSSES). 0 when nothing passed.
double metrics_lost_per_mille(const struct metrics *metrics, int64_t now_ns, enum metrics_window window,
                              enum metrics_loss cause);
double metrics_destination_lost_per_mille(const struct metrics *metrics, int64_t now_ns,
                                          enum metrics_window window, uint32_t index);
// Number of `what` a second, over the last `seconds` complete seconds (1..60).
double metrics_rate(const struct metrics *metrics, int64_t now_ns, enum metrics_count what, uint32_t seconds);
// Percentile (0..100) of a stage over the last half to whole minute, or since start. 0 when empty.
int64_t metrics_percentile(const struct metrics *metrics, enum metrics_stage stage, bool since_start,
                           double percent);
int64_t metrics_max(const struct metrics *metrics, enum metrics_stage stage, bool since_start);

const char *metrics_loss_name(enum metrics_loss loss);    // "capture", "no_path", "egress"
const char *metrics_stage_name(enum metrics_stage stage); // "capture", "encode", …

#endif
