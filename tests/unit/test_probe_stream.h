// SPDX-License-Identifier: Apache-2.0
// Builds transport streams packet by packet, by hand and independent of any multiplexer, with faults on
// request.
#ifndef TEST_PROBE_STREAM_H
#define TEST_PROBE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_BYTES (1U << 20)
#define STREAM_PMT_PID 0x1000
#define STREAM_VIDEO_PID 0x100
#define STREAM_FRAME_90K 3000 // 30 fps

struct stream {
    uint8_t data[STREAM_BYTES];
    size_t bytes;
    uint8_t cc[8192];
    bool hevc; // H.265 instead of H.264: in the PMT, and in what stream_good() makes
};

// One access unit. stream_frame_init gives a good one; a test changes what it wants to be wrong.
struct stream_frame {
    uint64_t sequence;
    uint8_t path;
    uint32_t epoch;
    int64_t capture_us; // 0: no time stamp in the stream
    uint64_t pts_90k;
    uint64_t pcr_27m;
    bool identity;
    bool hevc;
    bool idr;
    bool aud;
    bool sps;
    bool pps;
    bool random_access;
    bool pcr;
    bool has_pts;
    bool broken_pes; // wrong start code
    unsigned width_mbs;
    size_t slice_bytes;
};

void stream_frame_init(struct stream_frame *f, uint64_t sequence);
void stream_tables(struct stream *s, bool pat, bool pmt); // of version 0
void stream_frame(struct stream *s, const struct stream_frame *f);
// PAT and PMT before every tenth frame, which is an IDR; frames first to last.
void stream_good(struct stream *s, uint64_t first, uint64_t last);

// Where packet `index` begins; STREAM_BYTES must not be passed.
uint8_t *stream_packet(struct stream *s, size_t index);
size_t stream_packets(const struct stream *s);
void stream_remove(struct stream *s, size_t index); // a lost packet
void stream_repeat(struct stream *s, size_t index); // a packet sent twice
// The first packet at or after `index` of that PID, with or without the start of a unit.
size_t stream_find(const struct stream *s, size_t index, uint16_t pid, bool unit_start);

// One SEI NAL unit with both marks, start code included; returns its length. Room for 160 bytes.
size_t stream_sei(const struct stream_frame *f, uint8_t *out);

#endif
