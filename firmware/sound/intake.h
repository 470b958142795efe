// SPDX-License-Identifier: Apache-2.0
// The sound source: opened, opened again with growing pauses when it is not there or was lost, and its
// samples laid on the timeline where they belong.
#ifndef SOUND_INTAKE_H
#define SOUND_INTAKE_H

#include "hal/sound.h"
#include "ipc/message_sound.h"
#include "sound/resample.h"
#include "sound/timeline.h"

typedef int (*intake_find)(const char *name, const struct sound_driver **out, struct source_text *why);

struct intake {
    intake_find find;
    struct message_sound_start start; // what to open
    struct source_origin origin;
    struct timeline *timeline;
    struct sound *sound; // NULL: not open
    float *block;
    struct resample *resample; // of the open source
    double ppm;                // of the source's clock, when it was known last
    bool ppm_known;
    int64_t retry_ns; // when to open it again
    int64_t pause_ns; // the last pause before that
    enum message_sound_source state;
    uint64_t openings, lost_samples, silent_samples, late_samples; // of all openings together
    struct source_text reason;                                     // why it is not there; "" = it is
    struct source_text note;                                       // the source's, that was logged last
};

// `start` and `timeline` must stay valid. Errors: NO_MEMORY. Opens nothing yet.
CASTOR_MUST_USE int intake_init(struct intake *intake, const struct message_sound_start *start,
                                intake_find find, struct timeline *timeline);
void intake_finish(struct intake *intake);

// When it is to be opened; INT64_MAX: it is open, or there is none.
int64_t intake_open_ns(const struct intake *intake);
// Opens it. Blocks: as the driver's open().
void intake_open(struct intake *intake, int64_t now_ns);

// The channels of the open source, 0 when there is none.
uint32_t intake_channels(const struct intake *intake);
// What to poll for; -1: nothing.
int intake_descriptor(const struct intake *intake);
// Takes what there is of the time before `now_ns`, and lays on the timeline what its resampler gives: up to
// `silence_ns` in any case. Never blocks.
void intake_read(struct intake *intake, int64_t silence_ns, int64_t now_ns);

void intake_set_origin(struct intake *intake, const struct source_origin *origin);

// Fills in what is told of the source.
void intake_stats(const struct intake *intake, struct message_sound_stats *out);

#endif
