// SPDX-License-Identifier: Apache-2.0
// The sound worker: its ring, what it says of its source and its tracks, and the grid that all of its
// processes continue. Nothing that it does or leaves undone touches the picture.
#ifndef SUPERVISOR_SOUND_H
#define SUPERVISOR_SOUND_H

#include "pool/ring.h"
#include "supervisor/config.h"
#include "supervisor/worker.h"

struct sound_part {
    struct worker worker;
    struct ring *ring;                             // NULL: the stream has no sound
    uint64_t ring_head;                            // end of the last access unit that was reported
    int64_t grid_origin_ns;                        // of all its processes
    bool silent;                                   // the slate is shown, and there is to be no sound with it
    bool told;                                     // SOUND_START was sent to the present process
    struct message_capture_origin origin;          // what capture told last; capture_ns 0: nothing
    struct message ready;                          // the last SOUND_READY, to be handed on; type 0: none yet
    uint32_t samples[MESSAGE_SOUND_TRACKS_MAX];    // of a unit, as the indexes count
    uint64_t next_index[MESSAGE_SOUND_TRACKS_MAX]; // least that a unit may have, of all processes
    struct message_sound_stats stats;              // of the present process
    int64_t drift_ppb; // of the source's clock, if drift_known: the next process need not find it anew
    bool drift_known;
    uint64_t silence_before, late_before, lost_before, skipped_before, openings_before;
    uint64_t units, repeated, unsent; // handed on; made again after a restart; that egress had no room for
    struct message_egress_sound sent[MESSAGE_SOUND_TRACKS_MAX]; // what egress says
    int64_t heard_ns;
    int64_t quota_ns; // until when what it said would have kept a worker busy that says as much as it may
};

// Makes the ring where the configuration has sound; no process yet.
CASTOR_MUST_USE int sound_part_init(struct sound_part *part, const struct config *config, int64_t now_ns);
void sound_part_finish(struct sound_part *part);

// The configuration has changed: makes a ring where there was none, forgets what was made before.
CASTOR_MUST_USE int sound_part_reconfigure(struct sound_part *part, const struct config *config);

// Starts the process without an order yet.
CASTOR_MUST_USE int sound_part_start(struct sound_part *part, const char *folder, int64_t now_ns);

// Tells a started process what to make, and the rate of the pictures that it goes with.
CASTOR_MUST_USE int sound_part_tell(struct sound_part *part, const struct config *config,
                                    struct castor_rational video_rate);

// Tells it how the tracks are mixed now. Nothing while there is no process: it learns it when it starts.
void sound_part_mix(struct sound_part *part, const struct config *config);

// There is to be silence, or not any more; fades like any change of the mix.
void sound_part_silence(struct sound_part *part, const struct config *config, bool silent);

// Capture has told where its media time line lies.
void sound_part_origin(struct sound_part *part, const struct message *origin);

// Judges a unit. *relay: it is to be handed on. CASTOR_ERR_INVALID: the message lies; *why says how.
CASTOR_MUST_USE int sound_part_unit(struct sound_part *part, const struct config *config,
                                    const struct message_sound_unit *unit, int64_t now_ns, bool *relay,
                                    const char **why);

// Counts a message. False: it says so much more than it has to say that reading it, and handing it on, would
// keep the supervisor and egress from the picture.
CASTOR_MUST_USE bool sound_part_may_speak(struct sound_part *part, int64_t now_ns);

// Judges a SOUND_READY and keeps it. CASTOR_ERR_INVALID: it is not what was ordered.
CASTOR_MUST_USE int sound_part_ready(struct sound_part *part, const struct config *config,
                                     const struct message *ready, int64_t now_ns);

// What is wrong with a process that lives but has said nothing for too long, and what to do; NULL: nothing.
const char *sound_part_hangs(const struct sound_part *part, int64_t now_ns);

#endif
