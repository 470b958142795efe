// SPDX-License-Identifier: Apache-2.0
// Makes the channels of a track from those of the source: map, level and delay. A change on air fades from
// the old setting to the new one, so that nothing clicks and nothing is left out. Pure.
#ifndef SOUND_MIXER_H
#define SOUND_MIXER_H

#include "ipc/message_sound.h"
#include "sound/timeline.h"

#define MIXER_FADE 960u // samples of a fade from one setting to another: 20 ms

struct mixer_setting {
    float factor[MESSAGE_SOUND_OUTPUTS_MAX][SOUND_CHANNELS_MAX];
    int32_t delay; // in samples; negative = sooner
};

struct mixer {
    uint32_t outputs;
    uint32_t inputs; // 0 = not known yet
    struct message_sound_mix wanted;
    struct mixer_setting now, next;
    uint32_t fade; // samples of the fade that are done; MIXER_FADE = none is going on
    bool changed;  // `wanted` is to be faded to when the present fade is over
    uint64_t clipped;
};

// Begins with that setting at once.
void mixer_init(struct mixer *mixer, uint32_t outputs, const struct message_sound_mix *mix);

// Another setting, to be faded to.
void mixer_set(struct mixer *mixer, const struct message_sound_mix *mix);

// The source has so many channels; what suits them is taken where nothing else is set.
void mixer_set_inputs(struct mixer *mixer, uint32_t inputs);

// The source's sound must be known before this position for mixer_run(position, count).
uint64_t mixer_needs(const struct mixer *mixer, uint64_t position, uint32_t count);

// `count` samples of all outputs, interleaved, from `position` on; never beyond full scale.
void mixer_run(struct mixer *mixer, const struct timeline *timeline, uint64_t position, uint32_t count,
               float *out);

#endif
