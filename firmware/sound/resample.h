// SPDX-License-Identifier: Apache-2.0
// Sound of any clock brought to the house clock: in go blocks as sources give them, out come 48000 samples a
// second that lie exactly on a grid of the house clock, one after the other, for ever. The speed of the
// resampling follows the source's clock; nothing is dropped or repeated while blocks come. Where none come,
// and around what was lost, there is silence, faded out and in within 5 ms, and what comes after it is at
// its own time again.
//
// The resampler is libsoxr's of variable rate. libspeexdsp, measured beside it, keeps its position as a
// fraction whose parts must stay below 2^16, so that its speed can be set in steps of 15 ppm only; it rounds
// the position whenever the fraction changes, so that it wanders (SNR of a 1 kHz tone at 48 kHz 13 dB against
// 88 dB); and it works out its filter anew with each change, for 1.5 times the time at less quality.
#ifndef SOUND_RESAMPLE_H
#define SOUND_RESAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/sound.h"

#define RESAMPLE_HZ 48000
// What is not pulled is kept for this long; more is dropped.
#define RESAMPLE_KEPT_NS (1000 * CASTOR_NS_PER_MS)

struct resample;

struct resample_state {
    bool locked;             // the source's clock is known
    double ppm;              // how much faster than its name it is
    bool speed_known;        // so well that it can be presumed when the source is opened again
    uint64_t silent_samples; // of the grid, which got no sound
    uint64_t late_samples;   // of the source, which came when their time on the grid had passed, or when
                             // its clock was not known yet
    uint64_t placements;     // times that sound began at its time: 1 at the start, and one for each gap
};

// What: sound of `format` to the grid whose sample k is at origin_ns + k / 48000 s; the first pulled is
// `first`. exact: as the source's member. Owner: the caller, of *out. Errors: NO_MEMORY.
CASTOR_MUST_USE int resample_create(const struct sound_format *format, bool exact, int64_t origin_ns,
                                    uint64_t first, struct resample **out);

// What: before the first block, how fast the source's clock was when it was open before: then its times are
// told sooner. Never blocks or fails.
void resample_presume_ppm(struct resample *resample, double ppm);

// What: takes a block, as sound_read() gave it. Never blocks or fails.
void resample_push(struct resample *resample, const struct sound_block *block, const float *samples);

// What: the next samples, at most `room`, floats of the format's channels interleaved. Those whose time is
// before silence_ns are there in any case: as silence where no sound came. Returns how many.
uint32_t resample_pull(struct resample *resample, int64_t silence_ns, float *out, uint32_t room);

// The number on the grid of the sample that is pulled next.
uint64_t resample_next(const struct resample *resample);

struct resample_state resample_state(const struct resample *resample);

// Accepts NULL.
void resample_destroy(struct resample *resample);

#endif
