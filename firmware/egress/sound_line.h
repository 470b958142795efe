// SPDX-License-Identifier: Apache-2.0
// The time line of the sound that is sent: which access unit of which track is next, when it is due, and what
// stands in for one that is not there. Of each track every unit of the grid goes out once, in order; where
// the sound worker has given none in time, it is a unit of silence. So a worker that dies, hangs or lies
// leaves silence, and neither a gap in time nor a wait.
//
// Units leave SOUND_LINE_LEAD_NS before their PTS, or later where a receiver's buffer would overflow: the
// audio buffer of the T-STD (13818-1 2.4.2.7: BS_n = 3584 bytes for up to 2 channels, 8976 for 3 to 8; for
// Opus, which 13818-1 does not know, the same is kept). Pure: no clock, no I/O; memory is taken in create.
#ifndef EGRESS_SOUND_LINE_H
#define EGRESS_SOUND_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/time.h"
#include "ipc/message.h"

#define SOUND_LINE_LEAD_NS (50 * CASTOR_NS_PER_MS)

struct sound_line;

struct sound_line_config {
    int64_t grid_origin_ns;
    int64_t pts_offset_ns;
    uint32_t track_count;
    struct message_egress_track tracks[MESSAGE_SOUND_TRACKS_MAX];
};

// A unit to be sent. `data` is valid until the next call.
struct sound_line_unit {
    uint32_t track;
    uint64_t index;
    const uint8_t *data;
    size_t size_bytes;
    int64_t capture_ns; // of its first sample
    int64_t source_ns;  // when it leaves
    bool silence;       // it stands in for one that was not there
};

CASTOR_MUST_USE int sound_line_create(const struct sound_line_config *config, struct sound_line **out);
void sound_line_destroy(struct sound_line *line); // accepts NULL

// What silence is in each track. Before that is known, and of tracks that it does not tell, missing units are
// left out.
void sound_line_ready(struct sound_line *line, const struct message_sound_ready *ready);

// A unit of the sound worker; `data` are its bytes, which are copied, NULL: they are not there.
void sound_line_put(struct sound_line *line, const struct message_sound_unit *unit, const uint8_t *data);

// The stream begins, or goes on after a hole, at this time: units that would have left before are left out.
void sound_line_begin(struct sound_line *line, int64_t time_ns);

// The next unit that leaves at `until_ns` or before; source_ns never goes back. False: there is none.
bool sound_line_next(struct sound_line *line, int64_t until_ns, struct sound_line_unit *out);

// Totals of a track; `track` is set too.
void sound_line_totals(const struct sound_line *line, uint32_t track, struct message_egress_sound *out);

#endif
