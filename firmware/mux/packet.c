// SPDX-License-Identifier: Apache-2.0
#include "mux/internal.h"

#include <assert.h>
#include <string.h>

void mux_payload_flush(struct mux *mux)
{
    if (mux->used_bytes == 0)
        return;
    struct mux_payload payload = {
        .data = mux->payload,
        .size_bytes = mux->used_bytes,
        .source_ns = mux->payload_ns,
        .flags = mux->payload_flags,
    };
    int result = mux->sink->write(mux->sink, &payload);
    if (result < 0) {
        mux->statistics.sink_errors++;
        if (mux->sink_error == 0)
            mux->sink_error = result;
    }
    mux->statistics.payloads++;
    mux->used_bytes = 0;
    mux->payload_flags = 0;
}

uint8_t *mux_packet_add(struct mux *mux, int64_t time_ns)
{
    if (mux->used_bytes == MUX_PAYLOAD_BYTES_MAX)
        mux_payload_flush(mux);
    if (mux->used_bytes == 0)
        mux->payload_ns = time_ns;
    uint8_t *packet = mux->payload + mux->used_bytes;
    mux->used_bytes += TS_SIZE;
    mux_pace_advance(mux);
    mux->statistics.packets++;
    mux->statistics.bytes += TS_SIZE;
    return packet;
}

void mux_bytes_add(struct mux_bytes *bytes, const uint8_t *data, size_t size_bytes)
{
    assert(bytes->count < MUX_PIECES_MAX);
    if (size_bytes == 0)
        return;
    bytes->pieces[bytes->count].data = data;
    bytes->pieces[bytes->count].size_bytes = size_bytes;
    bytes->count++;
    bytes->left_bytes += size_bytes;
}

static void take_bytes(struct mux_bytes *bytes, uint8_t *out, size_t size_bytes)
{
    bytes->left_bytes -= size_bytes;
    while (size_bytes > 0) {
        size_t here = bytes->pieces[bytes->current].size_bytes;
        size_t take = size_bytes < here ? size_bytes : here;
        memcpy(out, bytes->pieces[bytes->current].data, take);
        bytes->pieces[bytes->current].data += take;
        bytes->pieces[bytes->current].size_bytes -= take;
        if (take == here)
            bytes->current++;
        out += take;
        size_bytes -= take;
    }
}

static void set_pcr(struct mux *mux, uint8_t *packet, uint64_t pcr)
{
    tsaf_set_pcr(packet, (pcr / 300) & ((UINT64_C(1) << 33) - 1));
    tsaf_set_pcrext(packet, (uint16_t)(pcr % 300));
    mux->statistics.pcr_packets++;
}

void mux_packet_pes(struct mux *mux, uint32_t stream, int64_t time_ns, uint32_t flags, uint64_t pcr,
                    struct mux_bytes *bytes)
{
    uint8_t *packet = mux_packet_add(mux, time_ns);
    const bool has_pcr = (flags & MUX_PACKET_PCR) != 0;
    const bool random_access = (flags & MUX_PACKET_RANDOM_ACCESS) != 0;
    size_t field = has_pcr ? TS_HEADER_SIZE_PCR - TS_HEADER_SIZE : random_access ? 2 : 0;
    size_t room = TS_SIZE - TS_HEADER_SIZE - field;
    if (bytes->left_bytes < room) { // stuffing belongs into the adaptation field (2.4.3.5)
        field += room - bytes->left_bytes;
        room = bytes->left_bytes;
    }
    ts_init(packet);
    ts_set_pid(packet, mux->config.streams[stream].pid);
    ts_set_payload(packet);
    mux->continuity[stream] = (mux->continuity[stream] + 1) & 0xf;
    ts_set_cc(packet, mux->continuity[stream]);
    if ((flags & MUX_PACKET_START) != 0)
        ts_set_unitstart(packet);
    if (field > 0)
        ts_set_adaptation(packet, (uint8_t)(field - 1));
    if (random_access)
        tsaf_set_randomaccess(packet);
    if (has_pcr)
        set_pcr(mux, packet, pcr);
    take_bytes(bytes, packet + TS_HEADER_SIZE + field, room);
}

void mux_packet_pcr(struct mux *mux, int64_t time_ns, uint32_t flags, uint64_t pcr)
{
    uint8_t *packet = mux_packet_add(mux, time_ns);
    ts_init(packet);
    ts_set_pid(packet, mux->config.streams[0].pid);
    ts_set_cc(packet, mux->continuity[0]);
    ts_set_adaptation(packet, TS_SIZE - TS_HEADER_SIZE - 1);
    if ((flags & MUX_PACKET_DISCONTINUITY) != 0)
        tsaf_set_discontinuity(packet);
    set_pcr(mux, packet, pcr);
}

void mux_packet_null(struct mux *mux, int64_t time_ns)
{
    ts_pad(mux_packet_add(mux, time_ns));
    mux->statistics.null_packets++;
}

void mux_packet_table(struct mux *mux, int64_t time_ns, struct mux_table *table, uint32_t index)
{
    uint8_t *packet = mux_packet_add(mux, time_ns);
    memcpy(packet, table->packets[index], TS_SIZE);
    table->continuity = (table->continuity + 1) & 0xf;
    ts_set_cc(packet, table->continuity);
    mux->statistics.psi_packets++;
}
