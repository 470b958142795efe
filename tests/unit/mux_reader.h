// SPDX-License-Identifier: Apache-2.0
// A transport stream reader for the tests of the mux: a sink that takes apart what it gets. Written from the
// standard, sharing nothing with firmware/mux.
#ifndef TESTS_UNIT_MUX_READER_H
#define TESTS_UNIT_MUX_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "mux/mux.h"

#define READER_PES_BYTES_MAX (1024 * 1024)

struct reader {
    struct mux_sink sink;
    uint16_t pes_pid; // the stream whose PES packets are collected
    uint16_t pcr_pid;
    uint64_t rate_bps; // not 0: every PCR has to lie where this rate puts it
    int answer;        // what write() returns

    uint64_t payloads;
    uint64_t packets;
    uint64_t nulls;
    uint64_t shape_errors;      // payload sizes, sync bytes, adaptation field lengths
    uint64_t continuity_errors; // on any PID
    uint64_t order_errors;      // source time going back
    int continuity[8192];       // last counter + 1; 0 = none yet
    int64_t source_ns;
    int64_t first_source_ns; // of the payloads since reader_forget()
    uint32_t joins;

    uint64_t pcrs;
    uint64_t last_pcr; // 27 MHz, wrapped
    uint64_t last_pcr_byte;
    uint64_t first_pcr;
    uint64_t first_pcr_byte;
    uint64_t max_pcr_gap; // ticks; a step back shows as an enormous one
    uint64_t pcr_place_errors;
    uint32_t discontinuities;

    int64_t last_pat_ns;
    int64_t last_sdt_ns;
    int64_t max_pat_gap_ns;
    int64_t max_sdt_gap_ns;
    uint32_t pats;
    uint32_t pmts;
    uint8_t pmt[2048]; // sections of the last PMT, from table_id on
    uint32_t pmt_size_bytes;
    uint16_t pmt_pid;
    uint8_t sdt[256];

    uint32_t pes_packets;
    bool random_access;
    uint8_t *pes; // the last PES packet, header included
    uint32_t pes_size_bytes;
};

void reader_init(struct reader *reader);
void reader_finish(struct reader *reader);

// Forgets the PES packet and the join flags, not the stream.
void reader_forget(struct reader *reader);

uint64_t reader_pts(const struct reader *reader);
uint32_t reader_pes_length(const struct reader *reader);
const uint8_t *reader_unit(const struct reader *reader, uint32_t *size_bytes);

// No error of any kind so far?
bool reader_is_clean(const struct reader *reader);

// CRC-32 of a section (13818-1 annex A); 0 over a section with its CRC.
uint32_t reader_crc(const uint8_t *data, uint32_t size_bytes);

// Builds an access unit of `slice_bytes` of slice (at least 6): AUD, SPS and PPS when `idr`, then the slice.
// Returns its size; `head_bytes` is what lies before the slice.
uint32_t make_unit(uint8_t *out, uint32_t slice_bytes, bool idr, uint32_t seed, uint32_t *head_bytes);

// Takes the two messages out of a SEI NAL unit that begins with its start code.
struct sei_content {
    uint64_t utc_us;
    uint8_t status;
    uint8_t path;
    uint8_t flags;
    uint32_t epoch;
    uint64_t sequence;
};
bool read_sei(const uint8_t *data, uint32_t size_bytes, struct sei_content *out, uint32_t *sei_bytes);

#endif
