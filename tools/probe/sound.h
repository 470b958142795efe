// SPDX-License-Identifier: Apache-2.0
// The sound tracks of a stream: AAC in ADTS (14496-3 1.A) and Opus (its mapping into transport streams).
// Whether each access unit follows on the one before, whether what is in it is what it says, and whether a
// receiver's buffer would hold it (13818-1 2.4.2.7). Pure: nothing blocks, nothing is allocated after the
// start.
#ifndef PROBE_SOUND_H
#define PROBE_SOUND_H

#include "probe/psi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOUND_TRACKS 8
#define SOUND_PES_BYTES 16384
#define SOUND_BUFFERED 128

enum sound_kind { SOUND_AAC, SOUND_OPUS };

struct sound_track {
    uint16_t pid;
    enum sound_kind kind;
    char language[4];           // "" = not said
    unsigned channels, rate_hz; // 0 until a unit told
    uint64_t units;
    uint64_t samples;    // at 48 kHz in Opus, at rate_hz in AAC
    uint64_t holes;      // times that the next unit begins later than the one before ends
    uint64_t overlaps;   // earlier
    int64_t gap_max_90k; // the largest of both
    uint64_t without_pts;
    uint64_t syntax_errors;  // a header that is wrong, or a unit of the wrong size
    uint64_t format_changes; // of rate or channels
    uint64_t damaged;        // packets missing inside
    uint64_t late;           // came after their PTS
    uint64_t overflows;      // more was there than a receiver's buffer holds
    uint64_t bytes;          // of access units
    uint64_t bytes_buffered_max;
    int64_t pts_minus_pcr_min_27m, pts_minus_pcr_max_27m;
    bool distance_known;

    // The PES packet being put together.
    uint8_t pes[SOUND_PES_BYTES];
    size_t pes_bytes;
    bool open, broken;
    // The next unit's PTS follows from this one and the samples since, so that no rounding adds up.
    bool anchored;
    uint64_t anchor_90k, anchor_samples;
    struct {
        uint64_t pts_90k;
        uint32_t bytes;
    } buffered[SOUND_BUFFERED];
    unsigned buffered_first, buffered_count;
    uint64_t buffered_bytes;
};

struct sound_check {
    unsigned tracks;
    struct sound_track track[SOUND_TRACKS];
    bool clock_known;
    uint64_t clock_27m; // the last PCR
};

// The PMT is known or has changed: tracks that stay keep their counts.
void sound_take_pmt(struct sound_check *s, const struct psi_pmt *pmt);
// Whether this PID is one of the tracks.
bool sound_has_pid(const struct sound_check *s, uint16_t pid);
// The payload of one packet; `broken`: packets are missing before it.
void sound_feed(struct sound_check *s, uint16_t pid, const uint8_t *payload, size_t bytes, bool unit_start,
                bool broken);
void sound_take_pcr(struct sound_check *s, uint64_t value_27m);
// The connection broke, or the clock jumped on purpose: what follows is compared to nothing before.
void sound_restart(struct sound_check *s);

#endif
