// SPDX-License-Identifier: Apache-2.0
#include "sound/track.h"

#include <stdlib.h>
#include <string.h>

int track_create(struct track *track, const struct message_sound_track *config, char *why, size_t size)
{
    memset(track, 0, sizeof *track);
    track->config = *config;
    mixer_init(&track->mixer, config->channels, &config->mix);
    int error = coder_create(config, why, size, &track->coder);
    if (error == CASTOR_OK)
        error = meter_create(config->channels, &track->meter);
    if (error == CASTOR_OK) {
        track->samples = calloc((size_t)coder_stream(track->coder)->samples_per_unit * config->channels,
                                sizeof *track->samples);
        error = track->samples ? CASTOR_OK : CASTOR_ERR_NO_MEMORY;
    }
    if (error != CASTOR_OK)
        track_destroy(track);
    return error;
}

void track_destroy(struct track *track)
{
    coder_destroy(track->coder);
    meter_destroy(track->meter);
    free(track->samples);
    track->coder = NULL;
    track->meter = NULL;
    track->samples = NULL;
}

int track_begin(struct track *track, uint64_t position)
{
    const uint64_t before = track->position;

    if (before > 0) {
        struct coder *fresh = NULL;
        char why[8];
        int error = coder_create(&track->config, why, sizeof why, &fresh);
        if (error != CASTOR_OK)
            return error;
        coder_destroy(track->coder);
        track->coder = fresh;
    }
    track->position = coder_first(track->coder, position);
    if (before > 0 && track->position > before)
        track->skipped += (track->position - before) / coder_stream(track->coder)->samples_per_unit;
    return CASTOR_OK;
}

uint64_t track_needs(const struct track *track)
{
    return mixer_needs(&track->mixer, track->position, coder_stream(track->coder)->samples_per_unit);
}

int track_step(struct track *track, const struct timeline *timeline)
{
    const uint32_t count = coder_stream(track->coder)->samples_per_unit;

    mixer_run(&track->mixer, timeline, track->position, count, track->samples);
    meter_put(track->meter, track->samples, count);
    int error = coder_put(track->coder, track->samples, track->position);
    track->position += count;
    return error;
}

void track_levels(struct track *track, struct message_sound_levels *out)
{
    *out = (struct message_sound_levels){.units = track->units, .clipped = track->mixer.clipped};
    meter_take(track->meter, out);
}
