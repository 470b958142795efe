// SPDX-License-Identifier: Apache-2.0
// Sound between its samples: values of a band-limited signal at evenly spaced times, at any distance from
// each other, that may be changed at any time without a seam. A windowed sinc (Kaiser's window: 110 dB), read
// from a table with PHASES rows for a sample, between which it is linear (109 dB at 20 kHz). Of the narrower
// band of input and output it passes nine tenths as they are; at rates of 44.1 kHz and more, what is 5 %
// above the band's end is gone, so that what folds back is above 20 kHz; at lower ones what is at its end.
// Pure but for create and destroy; allocates nothing between them.
#ifndef SOUND_INTERPOLATE_H
#define SOUND_INTERPOLATE_H

#include <stdint.h>

#include "hal/error.h"

#define INTERPOLATE_SAMPLES 480 // input at once
// What these can yield: sound of 8 kHz at 48 kHz, and more.
#define INTERPOLATE_ROOM 3600

struct interpolate;

// in_hz and out_hz by their names; what ratio they really have is told with each call. Owner: the caller, of
// *out. Errors: NO_MEMORY.
CASTOR_MUST_USE int interpolate_create(uint32_t in_hz, uint32_t out_hz, uint32_t channels,
                                       struct interpolate **out);

// Forgets all sound. The next output lies where the next input does; before that there was silence.
void interpolate_clear(struct interpolate *interpolate);

// Where the next output lies, in input samples since the last clear.
double interpolate_position(const struct interpolate *interpolate);

// Takes `count` samples, at most INTERPOLATE_SAMPLES, channels interleaved, and gives those outputs that they
// decide, at most INTERPOLATE_ROOM; each lies `ratio` input samples after the one before. Returns how many.
uint32_t interpolate_run(struct interpolate *interpolate, double ratio, const float *in, uint32_t count,
                         float *out);

// Accepts NULL.
void interpolate_destroy(struct interpolate *interpolate);

#endif
