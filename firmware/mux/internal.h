// SPDX-License-Identifier: Apache-2.0
// What the files of the mux share. Nobody else includes this.
#ifndef MUX_INTERNAL_H
#define MUX_INTERNAL_H

#include <bitstream/mpeg/ts.h>
#include <bitstream/mpeg/pes.h>
#include <bitstream/mpeg/psi/psi.h>

#include "base/hevc.h"
#include "hal/encoder.h"
#include "mux/mux.h"

// One section of at most 1024 bytes and its pointer_field, in payloads of 184 bytes.
#define MUX_TABLE_PACKETS_MAX 6

// A PSI or SI table, ready to send but for its continuity counters.
struct mux_table {
    uint8_t packets[MUX_TABLE_PACKETS_MAX][TS_SIZE];
    uint32_t count;
    uint8_t continuity;
};

// Bytes of a PES packet, in pieces, so that an access unit goes straight from the encoder's ring into TS
// packets.
#define MUX_PIECES_MAX 5

struct mux_bytes {
    struct {
        const uint8_t *data;
        size_t size_bytes;
    } pieces[MUX_PIECES_MAX];
    uint32_t count;
    uint32_t current;
    size_t left_bytes; // of all pieces together
};

// Where the next packet of a constant-rate stream lies: `bits` after `anchor_ns`. Whole seconds move from the
// one to the other, which is exact at any rate and keeps the products below 64 bits.
struct mux_pace {
    int64_t anchor_ns;
    uint64_t bits;       // below rate_bps
    int64_t deadline_ns; // nothing may lie later: PTS of the current access unit, in capture time
};

struct mux {
    struct mux_config config;
    enum encoder_codec codec; // of streams[0]
    struct mux_table pat;
    struct mux_table pmt;
    uint8_t pmt_version;
    uint8_t profile[HEVC_PROFILE_BYTES]; // HEVC: what the PMT says of the video; all 0 = nothing yet
    struct mux_table sdt;
    uint8_t continuity[MUX_STREAMS_MAX];
    uint64_t pts_offset_90k;

    bool started;        // one access unit has been written
    int64_t capture_ns;  // of the last access unit
    int64_t last_pcr_ns; // time of the last PCR
    int64_t last_psi_ns;
    int64_t last_sdt_ns;
    bool overflow;                   // this access unit met its deadline
    struct mux_pace pace;            // only with a constant rate
    struct mux_companion *companion; // may be NULL

    // The payload being filled.
    uint8_t payload[MUX_PAYLOAD_BYTES_MAX];
    size_t used_bytes;
    int64_t payload_ns;
    uint32_t payload_flags;
    struct mux_sink *sink; // of the call in progress
    int sink_error;        // the first one of the call in progress

    struct mux_statistics statistics;
};

// ---- packet.c: TS packets into payloads

// Room for one TS packet whose time is `time_ns`; hands out the payload before it when that is full.
uint8_t *mux_packet_add(struct mux *mux, int64_t time_ns);

// Hands out what has been gathered, if anything.
void mux_payload_flush(struct mux *mux);

enum mux_packet_flags {
    MUX_PACKET_START = 1 << 0,         // payload_unit_start_indicator
    MUX_PACKET_RANDOM_ACCESS = 1 << 1, // random_access_indicator
    MUX_PACKET_PCR = 1 << 2,
    MUX_PACKET_DISCONTINUITY = 1 << 3, // discontinuity_indicator
};

// One packet of a PES packet, taking as much of `bytes` as fits. `pcr` (27 MHz) counts with MUX_PACKET_PCR.
void mux_packet_pes(struct mux *mux, uint32_t stream, int64_t time_ns, uint32_t flags, uint64_t pcr,
                    struct mux_bytes *bytes);

// A packet with nothing but a PCR; its continuity counter does not advance (13818-1 2.4.3.3).
void mux_packet_pcr(struct mux *mux, int64_t time_ns, uint32_t flags, uint64_t pcr);

void mux_packet_null(struct mux *mux, int64_t time_ns);

// The given packet of a table.
void mux_packet_table(struct mux *mux, int64_t time_ns, struct mux_table *table, uint32_t index);

void mux_bytes_add(struct mux_bytes *bytes, const uint8_t *data, size_t size_bytes);

// ---- psi.c: tables

// Builds PAT, PMT and SDT from the configuration. Returns CASTOR_ERR_INVALID when one does not fit a section.
CASTOR_MUST_USE int mux_tables_build(struct mux *mux);

// Lets the PMT say which profile, tier and level the HEVC video has (HEVC_video_descriptor, 13818-1 2.6.95),
// as its SPS has them. A PMT that was sent already gets the next version. Without room it stays as it was.
void mux_tables_describe_hevc(struct mux *mux, const uint8_t profile[HEVC_PROFILE_BYTES]);

// ---- pace.c: when packets lie

// Capture time in 27 MHz and 90 kHz ticks, rounded to the nearest, not yet wrapped.
uint64_t mux_ticks_27m(int64_t ns);
uint64_t mux_ticks_90k(int64_t ns);

// Begins the constant-rate clock at `time_ns`.
void mux_pace_start(struct mux *mux, int64_t time_ns);

// Moves the constant-rate clock on by one packet; nothing without a constant rate.
void mux_pace_advance(struct mux *mux);

// Bridges the time up to `until_ns`, the capture time of the next access unit: with a constant rate by null
// packets, else by lone PCR packets, with tables where they are due. Marks a hole where `gap_ns`, the gap in
// capture, is too long.
void mux_bridge(struct mux *mux, int64_t until_ns, int64_t gap_ns);

// Writes the tables that are due at `time_ns`; PAT and PMT in any case when `force`.
void mux_write_tables(struct mux *mux, int64_t time_ns, bool force);

// Writes a PES packet of another stream than the video. False when stream, size or time cannot be; nothing is
// written then.
bool mux_write_other(struct mux *mux, const struct mux_pes *pes);

// Writes a whole PES packet; stream 0 gets a PCR at its start. `flags`: MUX_PACKET_RANDOM_ACCESS or 0.
void mux_write_bytes(struct mux *mux, uint32_t stream, int64_t time_ns, uint32_t flags,
                     struct mux_bytes *bytes);

// ---- config.c

// Is everything in range? Returns CASTOR_ERR_INVALID when not.
CASTOR_MUST_USE int mux_config_check(const struct mux_config *config);

#endif
