// SPDX-License-Identifier: Apache-2.0
// What an overlay may tell of a frame: its number, and its time of capture as date, time and time code, in
// UTC and in the time zone of the box.
#ifndef DRAW_MOMENT_H
#define DRAW_MOMENT_H

#include "draw/timecode.h"

enum moment_field {
    MOMENT_TIME,     // 10:11:12
    MOMENT_DATE,     // 2026-03-01
    MOMENT_TIMECODE, // 10:11:12:13
    MOMENT_FRAME,    // the last ten digits of its number
    MOMENT_FIELDS,
};

enum moment_zone { MOMENT_UTC, MOMENT_LOCAL, MOMENT_ZONES };

#define MOMENT_TEXT_BYTES 16

struct moment {
    int64_t second; // of UTC since 1970, for which dates and times stand
    int64_t offset_s[MOMENT_ZONES];
    struct timecode timecode[MOMENT_ZONES];
    char text[MOMENT_ZONES][MOMENT_FIELDS][MOMENT_TEXT_BYTES];
};

// Before the first frame; may read the file of the time zone.
void moment_init(struct moment *moment);

// Fills in all texts of frame `sequence`, which was captured `utc_ns` after 1970 (1970 to 9999; others count
// as the nearest of these). Reads no clock and allocates nothing.
void moment_set(struct moment *moment, struct castor_rational rate, uint64_t sequence, int64_t utc_ns);

#endif
