// SPDX-License-Identifier: Apache-2.0
// Time code as SMPTE ST 12-1 counts it, HH:MM:SS:FF: of a frame's time of day, and of its number after that.
// At 30000/1001 and its multiples it is drop-frame, HH:MM:SS;FF (ST 12-1, 5.2.2; above 30 frames a second the
// same with as many labels more): the first labels of a minute are left out, but for every tenth minute, so
// that it keeps up with the clock to two frames. 24000/1001 has no such form and falls behind the clock by
// 3.6 s an hour, from midnight on. Pure.
#ifndef DRAW_TIMECODE_H
#define DRAW_TIMECODE_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/time.h"

#define TIMECODE_TEXT_BYTES 16

struct timecode {
    bool known;
    uint64_t sequence; // of the last frame
    uint64_t count;    // frames since midnight
};

// The label of frame `sequence`, which was captured `day_ns` after midnight. From frame to frame it counts as
// the sequence does, whatever a device's stamps do; it is set by the clock at first and when it is more than
// a frame or so off, as at midnight.
void timecode_update(struct timecode *timecode, struct castor_rational rate, uint64_t sequence,
                     int64_t day_ns);

// How many frames a second its labels count: 30 for 30000/1001.
uint32_t timecode_base(struct castor_rational rate);

// "10:11:12:13"; ";" before the frame where labels are dropped. Three digits of frames above 100 a second.
void timecode_text(struct castor_rational rate, uint64_t count, char out[TIMECODE_TEXT_BYTES]);

#endif
