// SPDX-License-Identifier: Apache-2.0
// MPEG transport stream demultiplexer with the checks of ISO/IEC 13818-1 2.4.3: synchronization, continuity,
// tables, PES packets of the first H.264 or H.265 stream of the first program.
#ifndef PROBE_TS_H
#define PROBE_TS_H

#include "hal/error.h"
#include "probe/arrival.h"
#include "probe/pes.h"
#include "probe/psi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TS_PACKET_BYTES 188
#define TS_PIDS 8192
#define TS_NULL_PID 0x1FFF
#define TS_STREAM_H264 0x1B
#define TS_STREAM_HEVC 0x24
#define TS_PES_MAX_BYTES (8U << 20) // a longer access unit is cut and counted as a PES error

struct ts_pid {
    uint64_t packets;
    uint64_t content; // hash of the last packet without its PCR, to tell a duplicate from a jump
    uint32_t cc_errors;
    uint32_t duplicates;
    uint8_t last_cc;
    bool known;         // last_cc holds
    bool had_payload;   // the last packet had
    bool was_duplicate; // one copy is allowed, not two
};

struct ts_counters {
    uint64_t bytes;
    uint64_t packets; // null packets included
    uint64_t null_packets;
    uint64_t sync_losses;
    uint64_t skipped_bytes;
    uint64_t transport_errors;
    uint64_t header_errors; // adaptation field does not fit, or reserved control value
    uint64_t scrambled;
    uint64_t cc_errors;
    uint64_t duplicates;
    uint64_t psi_crc_errors;
    uint64_t psi_syntax_errors;
    uint64_t psi_version_changes;
    uint64_t pats;
    uint64_t pmts;
    uint64_t pes_packets; // of the video stream
    uint64_t pes_errors;
    uint64_t pes_partial; // dropped: cut off by a new connection, or the start is missing
};

struct ts_pcr {
    uint64_t value_27m;
    bool discontinuity; // discontinuity_indicator
    struct probe_arrival arrival;
};

// One PES packet of the video stream. `data` is the payload, valid during the call only.
struct ts_pes {
    const uint8_t *data;
    size_t bytes;
    struct pes_header header;
    bool random_access; // random_access_indicator of its first packet
    bool damaged;       // packets are missing inside
    struct probe_arrival first;
    struct probe_arrival last; // of its last TS packet
};

// Called from within ts_feed and ts_finish, in the order of the stream. All members set.
struct ts_handler {
    void *context;
    void (*on_pcr)(void *context, const struct ts_pcr *pcr);
    void (*on_pes)(void *context, const struct ts_pes *pes);
    void (*on_table)(void *context, unsigned table_id);
    // The payload of a packet of any PID that is neither a table's nor the video's; `broken`: packets are
    // missing before it.
    void (*on_other)(void *context, uint16_t pid, const uint8_t *payload, size_t bytes, bool unit_start,
                     bool broken);
};

struct ts_demux;

// Allocates everything it will ever need. Errors: NO_MEMORY.
int CASTOR_MUST_USE ts_create(const struct ts_handler *handler, struct ts_demux **ts);
void ts_destroy(struct ts_demux *ts); // NULL is fine

// Takes any number of bytes, in packets or not. Never blocks.
void ts_feed(struct ts_demux *ts, const uint8_t *data, size_t bytes, const struct probe_arrival *arrival);

// The connection broke: what is incomplete is dropped, continuity starts anew.
void ts_reconnected(struct ts_demux *ts);

// The stream is over: hands out the last PES packet.
void ts_finish(struct ts_demux *ts);

const struct ts_counters *ts_get_counters(const struct ts_demux *ts);
const struct ts_pid *ts_get_pid(const struct ts_demux *ts, uint16_t pid); // pid < TS_PIDS
const struct psi_pat *ts_get_pat(const struct ts_demux *ts);              // NULL until one came
const struct psi_pmt *ts_get_pmt(const struct ts_demux *ts);              // NULL until one came
uint16_t ts_get_video_pid(const struct ts_demux *ts);                     // TS_NULL_PID if there is none
uint8_t ts_get_video_type(const struct ts_demux *ts); // its stream_type; 0 if there is none

#endif
