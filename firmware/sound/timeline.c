// SPDX-License-Identifier: Apache-2.0
#include "sound/timeline.h"

#include <stdlib.h>
#include <string.h>

int timeline_create(struct timeline *timeline)
{
    memset(timeline, 0, sizeof *timeline);
    timeline->samples = calloc(TIMELINE_KEPT, sizeof *timeline->samples);
    return timeline->samples ? CASTOR_OK : CASTOR_ERR_NO_MEMORY;
}

void timeline_destroy(struct timeline *timeline)
{
    free(timeline->samples);
    timeline->samples = NULL;
}

void timeline_begin(struct timeline *timeline, uint64_t position)
{
    timeline->start = timeline->end = position;
    timeline->fade = 0;
    timeline->decay = TIMELINE_RAMP;
}

static float *next_sample(struct timeline *timeline)
{
    float *sample = timeline->samples[timeline->end % TIMELINE_KEPT];

    timeline->end++;
    if (timeline->end - timeline->start > TIMELINE_KEPT)
        timeline->start = timeline->end - TIMELINE_KEPT;
    return sample;
}

void timeline_silence_until(struct timeline *timeline, uint64_t position)
{
    if (position <= timeline->end)
        return;
    timeline->silence_samples += position - timeline->end;
    if (position - timeline->end > TIMELINE_KEPT) {
        timeline_begin(timeline, position);
        return;
    }
    while (timeline->end < position) {
        float *sample = next_sample(timeline);
        float rest = 1.0f - (float)timeline->decay / TIMELINE_RAMP;

        for (unsigned i = 0; i < SOUND_CHANNELS_MAX; i++)
            sample[i] = timeline->last[i] * rest;
        if (timeline->decay < TIMELINE_RAMP)
            timeline->decay++;
    }
    timeline->fade = 0;
}

bool timeline_put(struct timeline *timeline, uint64_t position, const float *samples, uint32_t channels,
                  uint32_t count)
{
    uint64_t late = position < timeline->end ? timeline->end - position : 0;

    if (position > timeline->end + TIMELINE_KEPT / 2)
        return false;
    if (late > count)
        late = count;
    timeline->late_samples += late;
    if (late == count)
        return true;
    timeline_silence_until(timeline, position);
    for (uint32_t i = (uint32_t)late; i < count; i++) {
        float *sample = next_sample(timeline);
        float share = (float)timeline->fade / TIMELINE_RAMP;

        memset(sample, 0, sizeof *timeline->samples);
        for (uint32_t c = 0; c < channels; c++)
            sample[c] = samples[(size_t)i * channels + c] * share;
        if (timeline->fade < TIMELINE_RAMP)
            timeline->fade++;
    }
    memcpy(timeline->last, timeline->samples[(timeline->end - 1) % TIMELINE_KEPT], sizeof timeline->last);
    timeline->decay = 0;
    return true;
}

const float *timeline_at(const struct timeline *timeline, uint64_t position)
{
    static const float nothing[SOUND_CHANNELS_MAX];

    if (position < timeline->start || position >= timeline->end)
        return nothing;
    return timeline->samples[position % TIMELINE_KEPT];
}
