// SPDX-License-Identifier: Apache-2.0
// Every figure the probe reports, once: its place in the JSON document, its words in the text report, its
// limit on the command line. README.md documents the keys; they are stable.
#ifndef PROBE_KPI_H
#define PROBE_KPI_H

#include <stdbool.h>
#include <stddef.h>

enum kpi_id {
    KPI_FRAMES,
    KPI_LOST,
    KPI_LOST_PER_THOUSAND,
    KPI_LOST_RECONNECT,
    KPI_REPEATED,
    KPI_OUT_OF_ORDER,
    KPI_LATE,
    KPI_RESTARTS,
    KPI_WITHOUT_IDENTITY,
    KPI_WITHOUT_TIME,
    KPI_CHANGES,
    KPI_EPOCH,
    KPI_FIRST_SEQUENCE,
    KPI_LAST_SEQUENCE,
    KPI_LATENCY_MIN,
    KPI_LATENCY_P50,
    KPI_LATENCY_P95,
    KPI_LATENCY_P99,
    KPI_LATENCY_MAX,
    KPI_GAP_P99,
    KPI_GAP_MAX,
    KPI_WIDTH,
    KPI_HEIGHT,
    KPI_BIT_DEPTH,
    KPI_PROFILE,
    KPI_LEVEL,
    KPI_SIZE_CHANGES,
    KPI_FRAME_RATE,
    KPI_IDR_FRAMES,
    KPI_IDR_INTERVAL_FRAMES,
    KPI_IDR_INTERVAL,
    KPI_FIRST_NOT_IDR,
    KPI_MISSING_AUD,
    KPI_MISSING_PARAMETER_SETS,
    KPI_RANDOM_ACCESS,
    KPI_H264_ERRORS,
    KPI_AU_MAX,
    KPI_AU_MEAN,
    KPI_PTS_SEAMS,
    KPI_PTS_SEAM_MAX,
    KPI_PTS_BACKWARDS,
    KPI_PTS_MISSING,
    KPI_PTS_JUMPS,
    KPI_PTS_PCR_MIN,
    KPI_PTS_PCR_MAX,
    KPI_PCR_COUNT,
    KPI_PCR_INTERVAL,
    KPI_PCR_GAPS,
    KPI_PCR_BACKWARDS,
    KPI_PCR_DISCONTINUITIES,
    KPI_PCR_JITTER_P99,
    KPI_PCR_JITTER_MAX,
    KPI_PCR_SPREAD,
    KPI_TS_BYTES,
    KPI_TS_PACKETS,
    KPI_TS_BITRATE,
    KPI_TS_NULL_SHARE,
    KPI_SYNC_LOSSES,
    KPI_SKIPPED_BYTES,
    KPI_TRANSPORT_ERRORS,
    KPI_HEADER_ERRORS,
    KPI_CC_ERRORS,
    KPI_DUPLICATES,
    KPI_SCRAMBLED,
    KPI_TABLES_MISSING,
    KPI_PSI_CRC,
    KPI_PSI_SYNTAX,
    KPI_PSI_VERSIONS,
    KPI_PAT_INTERVAL,
    KPI_PMT_INTERVAL,
    KPI_PES_ERRORS,
    KPI_PES_PARTIAL,
    KPI_DAMAGED,
    KPI_SOUND_TRACKS,
    KPI_SOUND_UNITS,
    KPI_SOUND_HOLES,
    KPI_SOUND_OVERLAPS,
    KPI_SOUND_GAP_MAX,
    KPI_SOUND_WITHOUT_PTS,
    KPI_SOUND_ERRORS,
    KPI_SOUND_FORMATS,
    KPI_SOUND_DAMAGED,
    KPI_SOUND_LATE,
    KPI_SOUND_OVERFLOWS,
    KPI_PICTURES,
    KPI_DECODE_ERRORS,
    KPI_PICTURES_NUMBERED,
    KPI_PICTURES_UNREADABLE,
    KPI_PICTURE_LOST,
    KPI_PICTURE_REPEATED,
    KPI_PICTURE_OUT_OF_ORDER,
    KPI_PICTURE_MISMATCHES,
    KPI_SRT_CONNECTIONS,
    KPI_SRT_DISCONNECTIONS,
    KPI_SRT_RTT,
    KPI_SRT_BITRATE,
    KPI_SRT_PACKETS,
    KPI_SRT_LOST,
    KPI_SRT_RETRANSMITTED,
    KPI_SRT_BELATED,
    KPI_SRT_DROPPED,
    KPI_SRT_UNDECRYPTED,
    KPI_SRT_OVERRUNS,
    KPI_COUNT,
};

struct kpi {
    const char *group; // object in the JSON document
    const char *key;
    const char *label;
    const char *unit;  // empty for a plain count
    const char *limit; // --max-LIMIT and --min-LIMIT
    int decimals;
    bool fault; // any count above zero is a fault of the stream; --strict allows none
};

struct kpi_value {
    bool known; // false: was not measured in this run
    double value;
};

struct kpi_set {
    struct kpi_value values[KPI_COUNT];
};

extern const struct kpi kpi_table[KPI_COUNT];

// The row whose limit has this name, or KPI_COUNT.
enum kpi_id kpi_find_limit(const char *limit);

// Heading of a group in the text report.
const char *kpi_group_title(const char *group);

#endif
