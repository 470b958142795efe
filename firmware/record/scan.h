// SPDX-License-Identifier: Apache-2.0
// Looks through a segment that was not closed: how far it is whole, and which frames are in it. Pure: the
// bytes are fed in pieces of any size, any bytes. Frames are known by the SEI that the multiplexer puts
// before the first slice of each (mux_sei_write()): capture time in UTC and identity.
//
// A transport stream is whole up to its last access unit that is complete; one that does not state its length
// is when its last packet is filled up with stuffing. An MP4 file is whole up to its last complete fragment.
// Source: ISO/IEC 13818-1 2.4.3; ISO/IEC 14496-12 clauses 4.2, 8.8; MISB ST 0604.
#ifndef RECORD_SCAN_H
#define RECORD_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive/name.h"

#define SCAN_NAME_BYTES 96 // of the SEI, from the time stamp's UUID to its end, escapes included

struct scan_frames {
    uint64_t count;
    uint64_t first_sequence, last_sequence;
    int64_t first_utc_us, last_utc_us;
};

struct scan {
    enum archive_container container;
    uint64_t position; // bytes fed
    uint64_t whole_bytes;
    bool broken;               // what follows cannot be read
    struct scan_frames frames; // in the whole part
    struct scan_frames so_far; // those in the piece that is not whole yet, too

    // the packet or box header that is being gathered
    uint8_t gathered[188];
    size_t gathered_bytes;

    // TS: the PES packet that is open
    bool pes_open;
    uint16_t pid;
    int64_t pes_left; // bytes still to come; -1 = not stated
    // MP4: what is left of the present box
    uint64_t box_left;
    uint32_t box_type;
    bool had_moov;

    // the search for names
    uint8_t tail[SCAN_NAME_BYTES];
    size_t tail_bytes;
};

void scan_init(struct scan *scan, enum archive_container container);
void scan_feed(struct scan *scan, const uint8_t *data, size_t size_bytes);
// After the last byte: whole_bytes and frames are then final. 0 = nothing of it can be used.
void scan_finish(struct scan *scan);

#endif
