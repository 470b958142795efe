// SPDX-License-Identifier: Apache-2.0
#include "probe/kpi.h"

#include <string.h>

// clang-format off
#define COUNT(id, group, key, label, limit)        [id] = {group, key, label, "", limit, 0, false}
#define FAULT(id, group, key, label, limit)        [id] = {group, key, label, "", limit, 0, true}
#define VALUE(id, group, key, label, unit, limit, decimals) [id] = {group, key, label, unit, limit, decimals, false}

const struct kpi kpi_table[KPI_COUNT] = {
    COUNT(KPI_FRAMES, "frames", "received", "received", "frames"),
    FAULT(KPI_LOST, "frames", "lost", "lost", "lost"),
    VALUE(KPI_LOST_PER_THOUSAND, "frames", "lost_per_thousand", "lost per thousand", "", "lost-per-thousand", 3),
    COUNT(KPI_LOST_RECONNECT, "frames", "lost_in_reconnections", "of these in reconnections", "lost-in-reconnections"),
    FAULT(KPI_REPEATED, "frames", "repeated", "repeated", "repeated"),
    FAULT(KPI_OUT_OF_ORDER, "frames", "out_of_order", "out of order", "out-of-order"),
    FAULT(KPI_LATE, "frames", "late", "late", "late"),
    COUNT(KPI_RESTARTS, "frames", "sequence_restarts", "sender counted anew", "sequence-restarts"),
    COUNT(KPI_WITHOUT_IDENTITY, "frames", "without_identity", "without a frame number", "without-identity"),
    COUNT(KPI_WITHOUT_TIME, "frames", "without_capture_time", "without a capture time", "without-capture-time"),
    COUNT(KPI_CHANGES, "frames", "changes", "changes of path or epoch", "changes"),
    COUNT(KPI_EPOCH, "frames", "epoch", "epoch now", "epoch"),
    COUNT(KPI_FIRST_SEQUENCE, "frames", "first_sequence", "first number", "first-sequence"),
    COUNT(KPI_LAST_SEQUENCE, "frames", "last_sequence", "last number", "last-sequence"),

    VALUE(KPI_LATENCY_MIN, "arrival", "latency_min_ms", "capture to arrival, least", "ms", "latency-min-ms", 3),
    VALUE(KPI_LATENCY_P50, "arrival", "latency_p50_ms", "capture to arrival, p50", "ms", "latency-p50-ms", 3),
    VALUE(KPI_LATENCY_P95, "arrival", "latency_p95_ms", "capture to arrival, p95", "ms", "latency-p95-ms", 3),
    VALUE(KPI_LATENCY_P99, "arrival", "latency_p99_ms", "capture to arrival, p99", "ms", "latency-p99-ms", 3),
    VALUE(KPI_LATENCY_MAX, "arrival", "latency_max_ms", "capture to arrival, most", "ms", "latency-max-ms", 3),
    VALUE(KPI_GAP_P99, "arrival", "gap_p99_ms", "gap between frames, p99", "ms", "gap-p99-ms", 3),
    VALUE(KPI_GAP_MAX, "arrival", "gap_max_ms", "gap between frames, most", "ms", "gap-ms", 3),

    VALUE(KPI_WIDTH, "h264", "width_px", "picture width", "px", "width-px", 0),
    VALUE(KPI_HEIGHT, "h264", "height_px", "picture height", "px", "height-px", 0),
    VALUE(KPI_BIT_DEPTH, "h264", "bit_depth", "bits of a sample", "bits", "bit-depth", 0),
    COUNT(KPI_PROFILE, "h264", "profile_idc", "profile_idc", "profile"),
    COUNT(KPI_LEVEL, "h264", "level_idc", "level_idc", "level"),
    FAULT(KPI_SIZE_CHANGES, "h264", "size_changes", "size changes", "size-changes"),
    VALUE(KPI_FRAME_RATE, "h264", "frame_rate", "frame rate by PTS", "fps", "frame-rate", 3),
    COUNT(KPI_IDR_FRAMES, "h264", "idr_frames", "IDR frames", "idr-frames"),
    VALUE(KPI_IDR_INTERVAL_FRAMES, "h264", "idr_interval_max_frames", "longest IDR interval", "frames", "idr-interval-frames", 0),
    VALUE(KPI_IDR_INTERVAL, "h264", "idr_interval_max_ms", "longest IDR interval", "ms", "idr-interval-ms", 1),
    COUNT(KPI_FIRST_NOT_IDR, "h264", "first_not_idr", "begins with no IDR", "first-not-idr"),
    FAULT(KPI_MISSING_AUD, "h264", "missing_aud", "without AUD first", "missing-aud"),
    FAULT(KPI_MISSING_PARAMETER_SETS, "h264", "missing_parameter_sets", "IDR without parameter sets", "missing-parameter-sets"),
    FAULT(KPI_RANDOM_ACCESS, "h264", "random_access_mismatches", "random access flag wrong", "random-access-mismatches"),
    FAULT(KPI_H264_ERRORS, "h264", "syntax_errors", "syntax errors", "h264-errors"),
    VALUE(KPI_AU_MAX, "h264", "access_unit_max_bytes", "largest access unit", "bytes", "access-unit-bytes", 0),
    VALUE(KPI_AU_MEAN, "h264", "access_unit_mean_bytes", "mean access unit", "bytes", "access-unit-mean-bytes", 0),

    FAULT(KPI_PTS_SEAMS, "pts", "seams", "seams", "pts-seams"),
    VALUE(KPI_PTS_SEAM_MAX, "pts", "seam_max_ms", "largest seam", "ms", "pts-seam-ms", 3),
    FAULT(KPI_PTS_BACKWARDS, "pts", "backwards", "steps backwards", "pts-backwards"),
    FAULT(KPI_PTS_MISSING, "pts", "missing", "pictures without PTS", "pts-missing"),
    COUNT(KPI_PTS_JUMPS, "pts", "jumps", "steps of several frames", "pts-jumps"),
    VALUE(KPI_PTS_PCR_MIN, "pts", "pts_minus_pcr_min_ms", "PTS after PCR, least", "ms", "pts-pcr-min-ms", 3),
    VALUE(KPI_PTS_PCR_MAX, "pts", "pts_minus_pcr_max_ms", "PTS after PCR, most", "ms", "pts-pcr-max-ms", 3),

    COUNT(KPI_PCR_COUNT, "pcr", "count", "received", "pcr-count"),
    VALUE(KPI_PCR_INTERVAL, "pcr", "interval_max_ms", "longest interval", "ms", "pcr-interval-ms", 3),
    FAULT(KPI_PCR_GAPS, "pcr", "gaps", "intervals above the limit", "pcr-gaps"),
    FAULT(KPI_PCR_BACKWARDS, "pcr", "backwards", "steps backwards", "pcr-backwards"),
    COUNT(KPI_PCR_DISCONTINUITIES, "pcr", "discontinuities", "announced discontinuities", "pcr-discontinuities"),
    VALUE(KPI_PCR_JITTER_P99, "pcr", "jitter_p99_ms", "arrival jitter, p99", "ms", "pcr-jitter-p99-ms", 3),
    VALUE(KPI_PCR_JITTER_MAX, "pcr", "jitter_max_ms", "arrival jitter, most", "ms", "pcr-jitter-ms", 3),
    VALUE(KPI_PCR_SPREAD, "pcr", "spread_max_ms", "spread within ten seconds", "ms", "pcr-spread-ms", 3),

    VALUE(KPI_TS_BYTES, "ts", "bytes", "received", "bytes", "bytes", 0),
    COUNT(KPI_TS_PACKETS, "ts", "packets", "packets", "packets"),
    VALUE(KPI_TS_BITRATE, "ts", "bitrate_bps", "bit rate by PCR", "bit/s", "bitrate-bps", 0),
    VALUE(KPI_TS_NULL_SHARE, "ts", "null_percent", "null packets", "%", "null-percent", 2),
    FAULT(KPI_SYNC_LOSSES, "ts", "sync_losses", "sync losses", "sync-losses"),
    COUNT(KPI_SKIPPED_BYTES, "ts", "skipped_bytes", "bytes skipped to find sync", "skipped-bytes"),
    FAULT(KPI_TRANSPORT_ERRORS, "ts", "transport_errors", "transport errors", "transport-errors"),
    FAULT(KPI_HEADER_ERRORS, "ts", "header_errors", "header errors", "header-errors"),
    FAULT(KPI_CC_ERRORS, "ts", "cc_errors", "continuity errors", "cc-errors"),
    COUNT(KPI_DUPLICATES, "ts", "duplicates", "duplicate packets", "duplicates"),
    FAULT(KPI_SCRAMBLED, "ts", "scrambled", "scrambled packets", "scrambled"),

    FAULT(KPI_TABLES_MISSING, "psi", "tables_missing", "tables missing", "tables-missing"),
    FAULT(KPI_PSI_CRC, "psi", "crc_errors", "CRC errors", "psi-crc-errors"),
    FAULT(KPI_PSI_SYNTAX, "psi", "syntax_errors", "syntax errors", "psi-syntax-errors"),
    COUNT(KPI_PSI_VERSIONS, "psi", "version_changes", "version changes", "psi-version-changes"),
    VALUE(KPI_PAT_INTERVAL, "psi", "pat_interval_max_ms", "longest PAT interval", "ms", "pat-interval-ms", 1),
    VALUE(KPI_PMT_INTERVAL, "psi", "pmt_interval_max_ms", "longest PMT interval", "ms", "pmt-interval-ms", 1),

    FAULT(KPI_PES_ERRORS, "pes", "errors", "header or length errors", "pes-errors"),
    COUNT(KPI_PES_PARTIAL, "pes", "partial", "cut off and dropped", "pes-partial"),
    FAULT(KPI_DAMAGED, "pes", "damaged", "with packets missing inside", "damaged"),

    COUNT(KPI_SOUND_TRACKS, "sound", "tracks", "tracks", "sound-tracks"),
    COUNT(KPI_SOUND_UNITS, "sound", "units", "access units of all tracks", "sound-units"),
    FAULT(KPI_SOUND_HOLES, "sound", "holes", "holes in time", "sound-holes"),
    FAULT(KPI_SOUND_OVERLAPS, "sound", "overlaps", "overlaps in time", "sound-overlaps"),
    VALUE(KPI_SOUND_GAP_MAX, "sound", "gap_max_ms", "largest of both", "ms", "sound-gap-ms", 3),
    FAULT(KPI_SOUND_WITHOUT_PTS, "sound", "without_pts", "without PTS", "sound-without-pts"),
    FAULT(KPI_SOUND_ERRORS, "sound", "syntax_errors", "syntax errors", "sound-errors"),
    FAULT(KPI_SOUND_FORMATS, "sound", "format_changes", "changes of rate or channels", "sound-format-changes"),
    FAULT(KPI_SOUND_DAMAGED, "sound", "damaged", "with packets missing inside", "sound-damaged"),
    FAULT(KPI_SOUND_LATE, "sound", "late", "after their PTS", "sound-late"),
    FAULT(KPI_SOUND_OVERFLOWS, "sound", "buffer_overflows", "receiver's buffer too full", "sound-overflows"),

    COUNT(KPI_PICTURES, "decode", "pictures", "pictures", "pictures"),
    FAULT(KPI_DECODE_ERRORS, "decode", "errors", "errors", "decode-errors"),
    COUNT(KPI_PICTURES_NUMBERED, "decode", "numbered", "with a number in the picture", "pictures-numbered"),
    COUNT(KPI_PICTURES_UNREADABLE, "decode", "unreadable", "number unreadable", "pictures-unreadable"),
    FAULT(KPI_PICTURE_LOST, "decode", "lost", "lost", "pictures-lost"),
    FAULT(KPI_PICTURE_REPEATED, "decode", "repeated", "repeated", "pictures-repeated"),
    FAULT(KPI_PICTURE_OUT_OF_ORDER, "decode", "out_of_order", "out of order", "pictures-out-of-order"),
    FAULT(KPI_PICTURE_MISMATCHES, "decode", "mismatches", "picture and SEI differ", "picture-mismatches"),

    COUNT(KPI_SRT_CONNECTIONS, "srt", "connections", "connections", "connections"),
    COUNT(KPI_SRT_DISCONNECTIONS, "srt", "disconnections", "disconnections", "disconnections"),
    VALUE(KPI_SRT_RTT, "srt", "rtt_ms", "round trip now", "ms", "rtt-ms", 2),
    VALUE(KPI_SRT_BITRATE, "srt", "receive_mbps", "receive rate", "Mbit/s", "srt-mbps", 3),
    COUNT(KPI_SRT_PACKETS, "srt", "packets", "packets", "srt-packets"),
    COUNT(KPI_SRT_LOST, "srt", "lost", "lost on the network", "srt-lost"),
    COUNT(KPI_SRT_RETRANSMITTED, "srt", "retransmitted", "retransmitted", "srt-retransmitted"),
    COUNT(KPI_SRT_BELATED, "srt", "belated", "belated", "srt-belated"),
    FAULT(KPI_SRT_DROPPED, "srt", "dropped", "given up as too late", "srt-dropped"),
    FAULT(KPI_SRT_UNDECRYPTED, "srt", "undecrypted", "not decrypted", "srt-undecrypted"),
    FAULT(KPI_SRT_OVERRUNS, "srt", "overruns", "thrown away by the probe", "overruns"),
};
// clang-format on

static const struct {
    const char *group;
    const char *title;
} titles[] = {
    {"frames", "Frames (by number in the stream)"},
    {"arrival", "Arrival"},
    {"h264", "Video (H.264 or HEVC)"},
    {"pts", "Time stamps"},
    {"pcr", "PCR"},
    {"ts", "Transport stream"},
    {"psi", "Tables (PAT, PMT)"},
    {"pes", "PES packets"},
    {"sound", "Sound"},
    {"decode", "Pictures (decoded)"},
    {"srt", "SRT"},
};

enum kpi_id kpi_find_limit(const char *limit)
{
    for (enum kpi_id id = 0; id < KPI_COUNT; id++) {
        if (strcmp(kpi_table[id].limit, limit) == 0)
            return id;
    }
    return KPI_COUNT;
}

const char *kpi_group_title(const char *group)
{
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++) {
        if (strcmp(titles[i].group, group) == 0)
            return titles[i].title;
    }
    return group;
}
