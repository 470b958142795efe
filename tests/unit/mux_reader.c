// SPDX-License-Identifier: Apache-2.0
#include "mux_reader.h"

#include <stdlib.h>
#include <string.h>

#define PCR_WRAP ((UINT64_C(1) << 33) * 300)

static void see_pcr(struct reader *r, const uint8_t *packet)
{
    uint64_t base = (uint64_t)packet[6] << 25 | (uint64_t)packet[7] << 17 | (uint64_t)packet[8] << 9 |
                    (uint64_t)packet[9] << 1 | packet[10] >> 7;
    uint64_t pcr = base * 300 + ((packet[10] & 1u) << 8 | packet[11]);
    uint64_t byte = r->packets * 188 + 10;
    if (r->pcrs++ == 0) {
        r->first_pcr = pcr;
        r->first_pcr_byte = byte;
    } else {
        uint64_t gap = (pcr + PCR_WRAP - r->last_pcr) % PCR_WRAP;
        if (gap > r->max_pcr_gap && (packet[5] & 0x80) == 0)
            r->max_pcr_gap = gap;
        if (r->rate_bps != 0) {
            long double should = (long double)(byte - r->first_pcr_byte) * 8 * 27000000 / r->rate_bps;
            long double is = (long double)((pcr + PCR_WRAP - r->first_pcr) % PCR_WRAP);
            if (is - should > 1 || should - is > 1)
                r->pcr_place_errors++;
        }
    }
    r->last_pcr = pcr;
    r->last_pcr_byte = byte;
}

static void see_pes(struct reader *r, const uint8_t *packet, uint32_t at, bool start)
{
    if (start) {
        r->pes_size_bytes = 0;
        r->pes_packets++;
        r->random_access = (packet[3] & 0x20) != 0 && packet[4] > 0 && (packet[5] & 0x40) != 0;
    }
    memcpy(r->pes + r->pes_size_bytes, packet + at, 188 - at);
    r->pes_size_bytes += 188 - at;
}

static void see_table(struct reader *r, uint32_t pid, const uint8_t *packet, bool start)
{
    if (pid == 0) {
        if (r->pats++ > 0 && r->source_ns - r->last_pat_ns > r->max_pat_gap_ns)
            r->max_pat_gap_ns = r->source_ns - r->last_pat_ns;
        r->last_pat_ns = r->source_ns;
        if (reader_crc(packet + 5, 3 + packet[7]) != 0)
            r->shape_errors++;
        r->pmt_pid = (uint16_t)((packet[15] & 0x1f) << 8 | packet[16]);
    } else if (pid == 0x11) {
        if (r->last_sdt_ns != 0 && r->source_ns - r->last_sdt_ns > r->max_sdt_gap_ns)
            r->max_sdt_gap_ns = r->source_ns - r->last_sdt_ns;
        r->last_sdt_ns = r->source_ns;
        memcpy(r->sdt, packet + 5, 183);
    } else if (pid == r->pmt_pid && r->pmt_pid != 0) {
        uint32_t from = start ? 5 : 4;
        if (start) {
            r->pmts++;
            r->pmt_size_bytes = 0;
        }
        if (r->pmt_size_bytes + 188 <= sizeof r->pmt) {
            memcpy(r->pmt + r->pmt_size_bytes, packet + from, 188 - from);
            r->pmt_size_bytes += 188 - from;
        }
    }
}

static void see_packet(struct reader *r, const uint8_t *packet)
{
    uint32_t pid = (packet[1] & 0x1fu) << 8 | packet[2];
    bool start = (packet[1] & 0x40) != 0;
    bool field = (packet[3] & 0x20) != 0;
    bool has_payload = (packet[3] & 0x10) != 0;
    uint32_t at = field ? 5u + packet[4] : 4u;
    if (packet[0] != 0x47 || at > 188 || (at == 188) == has_payload || !(field || has_payload))
        r->shape_errors++;
    if (pid != 0x1fff) {
        int next = (packet[3] & 0xf) + 1;
        int last = r->continuity[pid];
        if (last != 0 && next != (has_payload ? last % 16 + 1 : last))
            r->continuity_errors++;
        r->continuity[pid] = next;
    } else {
        r->nulls++;
    }
    if (field && packet[4] > 0) {
        r->discontinuities += packet[5] >> 7;
        if ((packet[5] & 0x10) != 0) {
            if (pid == r->pcr_pid)
                see_pcr(r, packet);
            else
                r->shape_errors++;
        }
    }
    if (has_payload && at < 188 && pid == r->pes_pid)
        see_pes(r, packet, at, start);
    else if (has_payload)
        see_table(r, pid, packet, start);
    r->packets++;
}

static int reader_write(struct mux_sink *sink, const struct mux_payload *payload)
{
    struct reader *r = (struct reader *)sink; // the sink is its first member
    if (payload->size_bytes == 0 || payload->size_bytes % 188 != 0 || payload->size_bytes > 1316)
        r->shape_errors++;
    if (r->payloads++ > 0 && payload->source_ns < r->source_ns)
        r->order_errors++;
    r->source_ns = payload->source_ns;
    if (r->first_source_ns < 0)
        r->first_source_ns = payload->source_ns;
    if ((payload->flags & MUX_PAYLOAD_JOIN) != 0) {
        r->joins++;
        if (payload->data[1] != 0x40 || payload->data[2] != 0)
            r->shape_errors++; // has to begin with a PAT
    }
    for (size_t at = 0; at < payload->size_bytes; at += 188)
        see_packet(r, payload->data + at);
    return r->answer;
}

void reader_init(struct reader *reader)
{
    *reader = (struct reader){.sink = {.write = reader_write}, .pes_pid = 0x100, .pcr_pid = 0x100};
    reader->first_source_ns = -1;
    reader->pes = malloc(READER_PES_BYTES_MAX);
}

void reader_finish(struct reader *reader)
{
    free(reader->pes);
}

void reader_forget(struct reader *reader)
{
    reader->pes_size_bytes = 0;
    reader->joins = 0;
    reader->first_source_ns = -1;
}

uint64_t reader_pts(const struct reader *reader)
{
    const uint8_t *p = reader->pes;
    return (uint64_t)(p[9] & 0x0e) << 29 | (uint64_t)p[10] << 22 | (uint64_t)(p[11] & 0xfe) << 14 |
           (uint64_t)p[12] << 7 | p[13] >> 1;
}

uint32_t reader_pes_length(const struct reader *reader)
{
    return (uint32_t)reader->pes[4] << 8 | reader->pes[5];
}

const uint8_t *reader_unit(const struct reader *reader, uint32_t *size_bytes)
{
    uint32_t head = 9u + reader->pes[8];
    *size_bytes = reader->pes_size_bytes - head;
    return reader->pes + head;
}

bool reader_is_clean(const struct reader *reader)
{
    return reader->shape_errors == 0 && reader->continuity_errors == 0 && reader->order_errors == 0 &&
           reader->pcr_place_errors == 0;
}

uint32_t reader_crc(const uint8_t *data, uint32_t size_bytes)
{
    uint32_t crc = 0xffffffff;
    for (uint32_t i = 0; i < size_bytes; i++) {
        crc ^= (uint32_t)data[i] << 24;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 0x80000000) != 0 ? crc << 1 ^ 0x04c11db7 : crc << 1;
    }
    return crc;
}

uint32_t make_unit(uint8_t *out, uint32_t slice_bytes, bool idr, uint32_t seed, uint32_t *head_bytes)
{
    static const uint8_t aud[] = {0, 0, 0, 1, 9, 0xf0};
    static const uint8_t sets[] = {0,    0,    0, 1, 0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02,
                                   0x80, 0xf6, 0, 0, 0,    1,    0x68, 0xce, 0x3c, 0x80};
    uint32_t at = 0;
    memcpy(out, aud, sizeof aud);
    at += sizeof aud;
    if (idr) {
        memcpy(out + at, sets, sizeof sets);
        at += sizeof sets;
    }
    *head_bytes = at;
    const uint8_t slice[] = {0, 0, 0, 1, idr ? 0x65 : 0x41, 0x88};
    memcpy(out + at, slice, sizeof slice);
    for (uint32_t i = sizeof slice; i < slice_bytes; i++) {
        seed = seed * 1664525u + 1013904223u;
        out[at + i] = (uint8_t)((seed >> 24) | 4); // no emulated start codes
    }
    return at + slice_bytes;
}

static uint64_t be(const uint8_t *p, uint32_t bytes)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < bytes; i++)
        value = value << 8 | p[i];
    return value;
}

bool read_sei(const uint8_t *data, uint32_t size_bytes, struct sei_content *out, uint32_t *sei_bytes)
{
    uint8_t raw[256];
    uint32_t n = 0;
    if (size_bytes < 64 || memcmp(data, "\0\0\1\6", 4) != 0)
        return false;
    uint32_t at = 4;
    for (uint32_t zeros = 0; at + 2 < size_bytes && n < sizeof raw; at++) {
        if (zeros >= 2 && data[at] == 3) {
            zeros = 0;
            continue;
        }
        if (zeros >= 2 && data[at] < 3) // the next start code, or an emulated one
            return false;
        if (n == 64 + 1) // two messages of 28 and 32 bytes, their heads and the stop bit
            break;
        raw[n++] = data[at];
        zeros = data[at] == 0 ? zeros + 1 : 0;
    }
    *sei_bytes = at;
    if (n != 65 || raw[64] != 0x80 || raw[0] != 5 || raw[1] != 28 ||
        memcmp(raw + 2, "MISPmicrosectime", 16) != 0)
        return false;
    if (raw[30] != 5 || raw[31] != 32 || memcmp(raw + 32, "castor-frame-id1", 16) != 0)
        return false;
    if (raw[21] != 0xff || raw[24] != 0xff || raw[27] != 0xff)
        return false;
    out->status = raw[18];
    out->utc_us = be(raw + 19, 2) << 48 | be(raw + 22, 2) << 32 | be(raw + 25, 2) << 16 | be(raw + 28, 2);
    out->path = raw[48];
    out->flags = raw[49];
    out->epoch = (uint32_t)be(raw + 52, 4);
    out->sequence = be(raw + 56, 8);
    return true;
}
