// SPDX-License-Identifier: Apache-2.0
// The sound of the stream, between the ring that the sound worker writes and the mux: the tracks in the
// stream table, units copied out of the ring as they are announced, and handed to the mux at their time.
#ifndef EGRESS_SOUND_FEED_H
#define EGRESS_SOUND_FEED_H

#include "egress/sound_line.h"
#include "mux/mux.h"
#include "pool/ring.h"

#define SOUND_FEED_PID 0x101u // of the first track; the others follow

struct sound_feed {
    struct mux_companion companion; // first: the mux gives it back to us
    struct sound_line *line;        // NULL: the stream has no sound
    struct ring *ring;
    struct message_egress_track tracks[MESSAGE_SOUND_TRACKS_MAX];
    uint32_t track_count;
    uint8_t unit[MUX_OPUS_HEADER_BYTES_MAX + MESSAGE_SOUND_UNIT_MAX_BYTES]; // Opus with its control header
};

// Adds the tracks to the stream table. Errors: INVALID.
CASTOR_MUST_USE int sound_feed_announce(const struct message_stream *media, struct mux_config *config);

// Takes over the ring's descriptor on success. Nothing where the stream has no sound. Errors: NO_MEMORY, IO.
CASTOR_MUST_USE int sound_feed_start(struct sound_feed *feed, const struct message_egress_start *start,
                                     int ring_fd);
void sound_feed_stop(struct sound_feed *feed);

void sound_feed_ready(struct sound_feed *feed, const struct message_sound_ready *ready);
// Copies the unit at once: its bytes do not stay.
void sound_feed_unit(struct sound_feed *feed, const struct message_sound_unit *unit);
// The first picture of the stream has this capture time.
void sound_feed_begin(struct sound_feed *feed, int64_t capture_ns);

#endif
