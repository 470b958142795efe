// SPDX-License-Identifier: Apache-2.0
// What goes through the recorder: an access unit of the stream with its name and times.
#ifndef RECORD_UNIT_H
#define RECORD_UNIT_H

#include <stdbool.h>
#include <stdint.h>

// Frames that went on air and that the recorder did not take.
struct record_gap {
    uint64_t first_sequence, last_sequence;
    int64_t capture_ns; // of the first
    uint64_t frames;    // 0 = there is no gap
};

// An access unit of the picture, or of a sound track.
struct record_unit {
    const uint8_t *data; // Annex B; of sound an ADTS frame or an Opus packet
    bool sound;
    uint32_t track;   // of sound
    uint32_t samples; // of sound, at 48 kHz
    uint32_t size_bytes;
    uint32_t epoch;
    uint64_t sequence;
    int64_t capture_ns;
    int64_t utc_offset_ns;
    uint8_t path;
    bool idr;
    bool after_switch;
    struct record_gap gap; // what is missing before it
};

#endif
