// SPDX-License-Identifier: Apache-2.0
// The source's sound on the grid: what is known of each sample, in order of time, once and for all. Where the
// source gives nothing in time there is silence, faded into and out of so that nothing clicks; what comes too
// late for its place is dropped, so that a source that returns stands exactly where it belongs. Pure.
#ifndef SOUND_TIMELINE_H
#define SOUND_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/error.h"
#include "hal/sound.h"

#define TIMELINE_KEPT 131072u // samples: the longest delay both ways, and time to be late
#define TIMELINE_RAMP 240u    // samples of a fade: 5 ms

struct timeline {
    float (*samples)[SOUND_CHANNELS_MAX]; // a ring of TIMELINE_KEPT
    uint64_t start;                       // nothing is known before
    uint64_t end;                         // first sample that is not known yet
    float last[SOUND_CHANNELS_MAX];       // the last sample that the source gave
    uint32_t fade;                        // samples since silence ended, at most TIMELINE_RAMP
    uint32_t decay;                       // samples since sound ended, at most TIMELINE_RAMP
    uint64_t silence_samples;             // for which the source gave nothing
    uint64_t late_samples;                // that came when their place was taken
};

CASTOR_MUST_USE int timeline_create(struct timeline *timeline);
void timeline_destroy(struct timeline *timeline);

// Begins, or begins again, at `position`: all before is unknown.
void timeline_begin(struct timeline *timeline, uint64_t position);

// `count` samples of `channels` channels, interleaved, the first of which belongs to `position`. False: they
// lie so far ahead that they cannot be right; nothing was taken.
bool timeline_put(struct timeline *timeline, uint64_t position, const float *samples, uint32_t channels,
                  uint32_t count);

// Up to `position` nothing more will come.
void timeline_silence_until(struct timeline *timeline, uint64_t position);

// One sample, all channels; zeros where nothing is known. Valid until the timeline goes on.
const float *timeline_at(const struct timeline *timeline, uint64_t position);

#endif
