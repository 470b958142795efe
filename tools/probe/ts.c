// SPDX-License-Identifier: Apache-2.0
#include "probe/ts.h"

#include <stdlib.h>
#include <string.h>

#define SYNC_BYTE 0x47
#define HOLD_BYTES (TS_PACKET_BYTES * 64)
#define LOCK_BYTES (TS_PACKET_BYTES * 2 + 1) // three sync bytes in a row make a lock

struct ts_demux {
    struct ts_handler handler;
    struct ts_counters counters;
    struct ts_pid pids[TS_PIDS];
    struct psi_section pat_section;
    struct psi_section pmt_section;
    struct psi_pat pat;
    struct psi_pmt pmt;
    uint16_t video_pid;
    uint8_t video_type;
    uint16_t pcr_pid;
    bool locked;
    bool ever_locked;
    uint8_t hold[HOLD_BYTES];
    size_t held;
    struct probe_arrival arrival;
    struct { // the PES packet being put together, header included
        uint8_t *data;
        size_t bytes;
        bool open;
        bool damaged;
        bool too_long;
        bool random_access;
        bool ends_stuffed; // the last packet was filled up, as the last one of a PES packet is
        struct probe_arrival first;
        struct probe_arrival last;
    } pes;
};

struct packet {
    uint16_t pid;
    bool unit_start;
    bool has_payload;
    bool discontinuity;
    bool random_access;
    bool has_pcr;
    bool stuffed;
    uint8_t cc;
    uint64_t pcr_27m;
    const uint8_t *payload;
    size_t payload_bytes;
};

int ts_create(const struct ts_handler *handler, struct ts_demux **ts)
{
    struct ts_demux *t = calloc(1, sizeof *t);
    if (t == NULL)
        return CASTOR_ERR_NO_MEMORY;
    t->pes.data = malloc(TS_PES_MAX_BYTES);
    if (t->pes.data == NULL) {
        free(t);
        return CASTOR_ERR_NO_MEMORY;
    }
    t->handler = *handler;
    t->video_pid = TS_NULL_PID;
    t->pcr_pid = TS_NULL_PID;
    *ts = t;
    return CASTOR_OK;
}

void ts_destroy(struct ts_demux *ts)
{
    if (ts == NULL)
        return;
    free(ts->pes.data);
    free(ts);
}

static void emit_pes(struct ts_demux *ts)
{
    if (!ts->pes.open)
        return;
    ts->pes.open = false;
    ts->counters.pes_packets++;
    struct ts_pes pes = {
        .random_access = ts->pes.random_access,
        .damaged = ts->pes.damaged,
        .first = ts->pes.first,
        .last = ts->pes.last,
    };
    if (pes_parse_header(ts->pes.data, ts->pes.bytes, &pes.header) != CASTOR_OK) {
        ts->counters.pes_errors++;
        return;
    }
    size_t total = pes.header.total_bytes;
    // A length that does not fit is the damage itself where packets are missing, and an error otherwise.
    if (ts->pes.too_long || (total > 0 && total != ts->pes.bytes)) {
        if (!ts->pes.damaged)
            ts->counters.pes_errors++;
        pes.damaged = true;
    }
    pes.data = ts->pes.data + pes.header.header_bytes;
    pes.bytes = ts->pes.bytes - pes.header.header_bytes;
    ts->handler.on_pes(ts->handler.context, &pes);
}

static void append_pes(struct ts_demux *ts, const struct packet *p)
{
    if (p->unit_start) {
        ts->pes.open = true;
        ts->pes.bytes = 0;
        ts->pes.damaged = false;
        ts->pes.too_long = false;
        ts->pes.random_access = p->random_access;
        ts->pes.first = ts->arrival;
    }
    if (!ts->pes.open)
        return;
    if (p->payload_bytes > TS_PES_MAX_BYTES - ts->pes.bytes) {
        ts->pes.too_long = true;
        return;
    }
    memcpy(ts->pes.data + ts->pes.bytes, p->payload, p->payload_bytes);
    ts->pes.bytes += p->payload_bytes;
    ts->pes.last = ts->arrival;
    ts->pes.ends_stuffed = p->stuffed;
    if (ts->pes.bytes >= 6) {
        size_t stated = (size_t)(ts->pes.data[4] << 8 | ts->pes.data[5]);
        if (stated > 0 && ts->pes.bytes >= stated + 6)
            emit_pes(ts);
    }
}

static bool parse_adaptation(const uint8_t *p, struct packet *out)
{
    size_t bytes = p[4];
    if (bytes > (out->has_payload ? 182U : 183U))
        return false;
    if (bytes == 0) {
        out->stuffed = true;
        return true;
    }
    out->discontinuity = p[5] & 0x80;
    out->random_access = p[5] & 0x40;
    size_t used = 1;
    if (p[5] & 0x10) {
        if (bytes < 7)
            return false;
        uint64_t base = (uint64_t)p[6] << 25 | (uint64_t)p[7] << 17 | (uint64_t)p[8] << 9 |
                        (uint64_t)p[9] << 1 | p[10] >> 7;
        out->has_pcr = true;
        out->pcr_27m = base * 300 + (uint64_t)((p[10] & 1) << 8 | p[11]);
        used += 6;
    }
    out->stuffed = bytes > used;
    return true;
}

static bool parse_packet(const uint8_t *p, struct packet *out)
{
    memset(out, 0, sizeof *out);
    out->pid = (uint16_t)((p[1] & 0x1F) << 8 | p[2]);
    out->unit_start = p[1] & 0x40;
    out->has_payload = p[3] & 0x10;
    out->cc = p[3] & 0x0F;
    size_t start = 4;
    if (p[3] & 0x20) {
        if (!parse_adaptation(p, out))
            return false;
        start = 5 + (size_t)p[4];
    }
    if (out->has_payload) {
        out->payload = p + start;
        out->payload_bytes = TS_PACKET_BYTES - start;
    }
    return (p[3] & 0x30) != 0;
}

// FNV-1a over the packet; a duplicate may carry a PCR of its own (2.4.3.3).
static uint64_t hash_packet(const uint8_t *p, bool has_pcr)
{
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 1; i < TS_PACKET_BYTES; i++) {
        if (has_pcr && i >= 6 && i < 12)
            continue;
        hash = (hash ^ p[i]) * UINT64_C(0x100000001B3);
    }
    return hash;
}

enum continuity { CONTINUITY_GOOD, CONTINUITY_BROKEN, CONTINUITY_COPY };

static enum continuity check_continuity(struct ts_pid *pid, const struct packet *p, uint64_t content)
{
    bool same =
        pid->known && pid->had_payload && p->has_payload && p->cc == pid->last_cc && content == pid->content;
    enum continuity result = CONTINUITY_GOOD;
    if (same) {
        pid->duplicates++;
        if (pid->was_duplicate)
            pid->cc_errors++;
        pid->was_duplicate = true;
        return CONTINUITY_COPY;
    }
    if (pid->known && !p->discontinuity) {
        uint8_t expected = p->has_payload ? (pid->last_cc + 1) & 0x0F : pid->last_cc;
        if (p->cc != expected) {
            pid->cc_errors++;
            result = CONTINUITY_BROKEN;
        }
    }
    pid->known = true;
    pid->was_duplicate = false;
    pid->had_payload = p->has_payload;
    pid->last_cc = p->cc;
    pid->content = content;
    return result;
}

static void take_pat(struct ts_demux *ts, const uint8_t *section, size_t bytes)
{
    struct psi_pat pat;
    int result = psi_parse_pat(section, bytes, &pat);
    if (result == CASTOR_ERR_INVALID)
        ts->counters.psi_syntax_errors++;
    if (result != CASTOR_OK)
        return;
    if (ts->counters.pats++ > 0 && pat.version != ts->pat.version)
        ts->counters.psi_version_changes++;
    ts->pat = pat;
    ts->handler.on_table(ts->handler.context, PSI_TABLE_PAT);
}

static void take_pmt(struct ts_demux *ts, const uint8_t *section, size_t bytes)
{
    struct psi_pmt pmt;
    int result = psi_parse_pmt(section, bytes, &pmt);
    if (result == CASTOR_ERR_INVALID)
        ts->counters.psi_syntax_errors++;
    if (result != CASTOR_OK || pmt.program != ts->pat.program)
        return;
    if (ts->counters.pmts++ > 0 && pmt.version != ts->pmt.version)
        ts->counters.psi_version_changes++;
    ts->pmt = pmt;
    uint16_t video = TS_NULL_PID;
    uint8_t type = 0;
    for (unsigned i = pmt.streams; i-- > 0;) {
        if (pmt.stream[i].type == TS_STREAM_H264 || pmt.stream[i].type == TS_STREAM_HEVC) {
            video = pmt.stream[i].pid;
            type = pmt.stream[i].type;
        }
    }
    if (video != ts->video_pid || type != ts->video_type)
        ts->pes.open = false;
    ts->video_pid = video;
    ts->video_type = type;
    ts->pcr_pid = pmt.pcr_pid;
    ts->handler.on_table(ts->handler.context, PSI_TABLE_PMT);
}

static void take_section(void *context, const uint8_t *section, size_t bytes)
{
    struct ts_demux *ts = context;
    if (section[0] != PSI_TABLE_PAT && section[0] != PSI_TABLE_PMT)
        return;
    if (!psi_crc_is_good(section, bytes))
        ts->counters.psi_crc_errors++;
    else if (section[0] == PSI_TABLE_PAT)
        take_pat(ts, section, bytes);
    else
        take_pmt(ts, section, bytes);
}

static void take_payload(struct ts_demux *ts, const struct packet *p, enum continuity continuity)
{
    struct psi_section *section = NULL;
    if (p->pid == 0)
        section = &ts->pat_section;
    else if (ts->counters.pats > 0 && p->pid == ts->pat.pmt_pid)
        section = &ts->pmt_section;
    if (section != NULL) {
        if (continuity == CONTINUITY_BROKEN)
            section->open = false;
        psi_feed(section, p->payload, p->payload_bytes, p->unit_start, take_section, ts);
    } else if (p->pid == ts->video_pid) {
        append_pes(ts, p);
    } else {
        ts->handler.on_other(ts->handler.context, p->pid, p->payload, p->payload_bytes, p->unit_start,
                             continuity == CONTINUITY_BROKEN);
    }
}

// Ends the open PES packet where a new one starts, before that packet's PCR is taken: it ended earlier.
static void close_pes(struct ts_demux *ts, const struct packet *p, enum continuity continuity)
{
    if (continuity == CONTINUITY_BROKEN && ts->pes.open && ts->pes.ends_stuffed) {
        // It was whole; what is missing belongs to a later one.
        emit_pes(ts);
        ts->counters.pes_partial += !p->unit_start;
    } else if (continuity == CONTINUITY_BROKEN) {
        ts->pes.damaged = true;
    }
    if (p->unit_start)
        emit_pes(ts);
}

static void take_packet(struct ts_demux *ts, const uint8_t *data)
{
    struct packet p;
    ts->counters.packets++;
    if (data[1] & 0x80) {
        // Nothing in such a packet can be trusted; its place in the count is unknown.
        ts->counters.transport_errors++;
        ts->pids[(data[1] & 0x1F) << 8 | data[2]].known = false;
        return;
    }
    if (!parse_packet(data, &p)) {
        ts->counters.header_errors++;
        return;
    }
    struct ts_pid *pid = &ts->pids[p.pid];
    pid->packets++;
    if (p.pid == TS_NULL_PID) {
        ts->counters.null_packets++;
        return;
    }
    if (data[3] & 0xC0)
        ts->counters.scrambled++;
    uint32_t errors_before = pid->cc_errors;
    enum continuity continuity = check_continuity(pid, &p, hash_packet(data, p.has_pcr));
    ts->counters.cc_errors += pid->cc_errors - errors_before;
    ts->counters.duplicates += continuity == CONTINUITY_COPY;
    if (p.pid == ts->video_pid && continuity != CONTINUITY_COPY)
        close_pes(ts, &p, continuity);
    if (p.has_pcr && p.pid == ts->pcr_pid && continuity != CONTINUITY_COPY) {
        struct ts_pcr pcr = {p.pcr_27m, p.discontinuity, ts->arrival};
        ts->handler.on_pcr(ts->handler.context, &pcr);
    }
    if (p.has_payload && continuity != CONTINUITY_COPY && !(data[3] & 0xC0))
        take_payload(ts, &p, continuity);
}

// Where the next lock can be, from `pos` on; false if more bytes are needed to tell.
static bool find_lock(const struct ts_demux *ts, size_t *pos)
{
    for (size_t i = *pos; i + LOCK_BYTES <= ts->held; i++) {
        *pos = i;
        if (ts->hold[i] == SYNC_BYTE && ts->hold[i + TS_PACKET_BYTES] == SYNC_BYTE &&
            ts->hold[i + 2 * TS_PACKET_BYTES] == SYNC_BYTE)
            return true;
        *pos = i + 1;
    }
    return false;
}

static void consume(struct ts_demux *ts)
{
    size_t pos = 0;
    for (;;) {
        if (!ts->locked) {
            size_t start = pos;
            ts->locked = find_lock(ts, &pos);
            ts->counters.skipped_bytes += pos - start;
            if (!ts->locked)
                break;
            ts->ever_locked = true;
        }
        if (pos + TS_PACKET_BYTES > ts->held)
            break;
        if (ts->hold[pos] != SYNC_BYTE) {
            ts->counters.sync_losses++;
            ts->locked = false;
            continue;
        }
        take_packet(ts, ts->hold + pos);
        pos += TS_PACKET_BYTES;
    }
    memmove(ts->hold, ts->hold + pos, ts->held - pos);
    ts->held -= pos;
}

void ts_feed(struct ts_demux *ts, const uint8_t *data, size_t bytes, const struct probe_arrival *arrival)
{
    ts->counters.bytes += bytes;
    ts->arrival = *arrival;
    while (bytes > 0) {
        size_t room = HOLD_BYTES - ts->held;
        size_t take = bytes < room ? bytes : room;
        memcpy(ts->hold + ts->held, data, take);
        ts->held += take;
        data += take;
        bytes -= take;
        consume(ts);
    }
}

void ts_reconnected(struct ts_demux *ts)
{
    // Without a stated length only the stuffing of the last packet says that the PES packet is whole.
    if (ts->pes.open && ts->pes.ends_stuffed) {
        emit_pes(ts);
    } else if (ts->pes.open) {
        ts->pes.open = false;
        ts->counters.pes_partial++;
    }
    for (size_t i = 0; i < TS_PIDS; i++)
        ts->pids[i].known = false;
    ts->pat_section.open = false;
    ts->pmt_section.open = false;
    ts->locked = false;
    ts->held = 0;
}

void ts_finish(struct ts_demux *ts)
{
    // A very short or freshly resynchronized stream may end before three sync bytes were seen.
    if (!ts->locked && ts->held >= TS_PACKET_BYTES && ts->hold[0] == SYNC_BYTE) {
        ts->locked = true;
        consume(ts);
    }
    emit_pes(ts);
}

const struct ts_counters *ts_get_counters(const struct ts_demux *ts)
{
    return &ts->counters;
}

const struct ts_pid *ts_get_pid(const struct ts_demux *ts, uint16_t pid)
{
    return &ts->pids[pid];
}

const struct psi_pat *ts_get_pat(const struct ts_demux *ts)
{
    return ts->counters.pats > 0 ? &ts->pat : NULL;
}

const struct psi_pmt *ts_get_pmt(const struct ts_demux *ts)
{
    return ts->counters.pmts > 0 ? &ts->pmt : NULL;
}

uint16_t ts_get_video_pid(const struct ts_demux *ts)
{
    return ts->video_pid;
}

uint8_t ts_get_video_type(const struct ts_demux *ts)
{
    return ts->video_type;
}
