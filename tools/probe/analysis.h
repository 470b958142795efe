// SPDX-License-Identifier: Apache-2.0
// Everything the probe finds out from the bytes of a stream: transport stream, H.264 or H.265, Castor's
// marks. Pure: time comes in with the bytes, nothing blocks, nothing grows with the length of the stream.
#ifndef PROBE_ANALYSIS_H
#define PROBE_ANALYSIS_H

#include "hal/time.h"
#include "probe/h264.h"
#include "probe/hevc.h"
#include "probe/histogram.h"
#include "probe/sequence.h"
#include "probe/sound.h"
#include "probe/timing.h"
#include "probe/ts.h"

#define ANALYSIS_CHANGES 100 // changes of path or epoch kept with their place; later ones are only counted

// One access unit for whoever decodes it. `data` has the length `bytes` and is valid during the call only.
struct analysis_picture {
    const uint8_t *data;
    size_t bytes;
    bool has_sequence;
    uint64_t sequence;
    bool hevc; // H.265, else H.264
};

struct analysis_settings {
    struct castor_rational rate; // {0, 0}: learn it
    int64_t seam_tolerance_us;
    int64_t pcr_limit_ns;
    int64_t late_ns;                                                           // 0: no frame counts as late
    void (*on_picture)(void *context, const struct analysis_picture *picture); // NULL: nobody decodes
    void *context;
};

struct analysis_change {
    uint64_t sequence; // first frame of the new path or epoch
    uint32_t epoch;
    uint8_t path;
    int64_t utc_ns; // its arrival, 0 if unknown
    int64_t gap_ns; // since the frame before arrived
};

struct analysis_video {
    uint64_t frames;
    uint64_t damaged; // packets missing inside
    uint64_t syntax_errors;
    uint64_t missing_aud;
    uint64_t idr_frames;
    uint64_t idr_unprepared; // IDR without its parameter sets before it
    uint64_t random_access_mismatches;
    uint64_t size_changes;
    bool first_is_idr;
    struct h264_sps sps;
    bool has_sps;
    uint64_t bytes;
    uint64_t bytes_max;
    uint64_t last_idr_frame;
    int64_t last_idr_27m;
    uint64_t idr_interval_max_frames;
    int64_t idr_interval_max_27m;
};

struct analysis_marks {
    uint64_t without_identity;
    uint64_t without_time;
    uint64_t late;
    struct sequence_track sequence;
    bool known; // path and epoch hold
    uint8_t path;
    uint32_t epoch;
    uint64_t changes_total;
    struct analysis_change changes[ANALYSIS_CHANGES];
    struct histogram latency_us; // capture to arrival
};

// The time since the last call of analysis_take_recent.
struct analysis_recent {
    uint64_t frames;
    uint64_t bytes;
    struct histogram latency_us;
};

struct analysis {
    struct analysis_settings settings;
    struct ts_demux *ts;
    struct pcr_check pcr;
    struct pts_check pts;
    struct analysis_video video;
    struct analysis_marks marks;
    struct sound_check sound;
    struct histogram gap_us; // between the arrivals of access units
    struct probe_arrival last_frame;
    struct probe_arrival first_byte;
    struct probe_arrival last_byte;
    int64_t table_last_27m[2]; // -1: none yet
    int64_t table_interval_max_27m[2];
    uint64_t clock_bytes_start; // bytes before the first PCR, for the bit rate
    uint64_t clock_bytes_end;
    struct analysis_recent recent;
};

// Errors: NO_MEMORY.
int CASTOR_MUST_USE analysis_create(const struct analysis_settings *settings, struct analysis **analysis);
void analysis_destroy(struct analysis *a); // NULL is fine

void analysis_feed(struct analysis *a, const uint8_t *data, size_t bytes,
                   const struct probe_arrival *arrival);
void analysis_reconnected(struct analysis *a); // before the first bytes of a second or later connection
void analysis_finish(struct analysis *a);

#endif
