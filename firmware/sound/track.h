// SPDX-License-Identifier: Apache-2.0
// One track of the stream: mixed from the timeline, measured, encoded, unit after unit.
#ifndef SOUND_TRACK_H
#define SOUND_TRACK_H

#include "sound/coder.h"
#include "sound/meter.h"
#include "sound/mixer.h"

struct track {
    struct message_sound_track config;
    struct mixer mixer;
    struct meter *meter;
    struct coder *coder;
    float *samples;    // of one unit
    uint64_t position; // on the grid, of the next unit's input
    uint64_t units, skipped;
};

CASTOR_MUST_USE int track_create(struct track *track, const struct message_sound_track *config, char *why,
                                 size_t size);
void track_destroy(struct track *track);

// The next unit is made of sound from about `position` on. When it was at work already, the encoder begins
// anew, and what lies between was not made.
CASTOR_MUST_USE int track_begin(struct track *track, uint64_t position);

// The source's sound must be known before this position for the next unit.
uint64_t track_needs(const struct track *track);

// Makes the next unit's input into samples and puts it into the encoder; take the units from track->coder.
CASTOR_MUST_USE int track_step(struct track *track, const struct timeline *timeline);

// Fills in what is told of the track.
void track_levels(struct track *track, struct message_sound_levels *out);

#endif
