// SPDX-License-Identifier: Apache-2.0
#include "supervisor/sound.h"

#include <stdio.h>
#include <string.h>

#include "base/sound_grid.h"
#include "supervisor/config_sound.h"

// It makes a unit every 20 ms. Opening a source may take longer, and it says so before.
#define SILENCE_NS (1000 * CASTOR_NS_PER_MS)
#define OPENING_NS (8 * CASTOR_NS_PER_S)
// A unit's time against now: what is made of the sound of now is ready soon after, and what is made late is
// not too late for the recorder.
#define EARLY_NS (200 * CASTOR_NS_PER_MS)
#define LATE_NS (10 * CASTOR_NS_PER_S)
// Four tracks make 200 units a second; after a pause it has those of half a second to say at once.
#define MESSAGES_PER_S 500
#define BURST_NS CASTOR_NS_PER_S

static const struct restart_config sound_restart = {
    .first_delay_ns = 50 * CASTOR_NS_PER_MS,
    .delay_max_ns = 5 * CASTOR_NS_PER_S,
    .stable_ns = 500 * CASTOR_NS_PER_MS,
    .attempts_max = 0,
    .revive_ns = 0,
};

int sound_part_init(struct sound_part *part, const struct config *config, int64_t now_ns)
{
    memset(part, 0, sizeof *part);
    // Whole seconds are whole ticks of every clock: the grid begins on one of 90 kHz.
    part->grid_origin_ns = now_ns / CASTOR_NS_PER_S * CASTOR_NS_PER_S;
    worker_init(&part->worker, "castor-sound", "sound", MESSAGE_FROM_SOUND, &sound_restart);
    return sound_part_reconfigure(part, config);
}

int sound_part_reconfigure(struct sound_part *part, const struct config *config)
{
    part->ready.header.type = 0;
    part->drift_known = false; // it may be another card
    part->stats.drift_known = 0;
    for (uint32_t i = 0; i < config->sound.track_count; i++) {
        // Indexes count units: of another length they mean other times.
        if (part->samples[i] != config_track_samples(&config->sound.tracks[i]))
            part->next_index[i] = 0;
        part->samples[i] = config_track_samples(&config->sound.tracks[i]);
    }
    if (part->ring || !config_sound_is_on(config))
        return CASTOR_OK;
    return ring_create(MESSAGE_SOUND_RING_BYTES, &part->ring);
}

void sound_part_finish(struct sound_part *part)
{
    worker_close_channel(&part->worker);
    ring_destroy(part->ring);
    part->ring = NULL;
}

static void keep_totals(struct sound_part *part)
{
    const struct message_sound_stats *last = &part->stats;

    part->silence_before += last->silence_samples;
    part->late_before += last->late_samples;
    part->lost_before += last->lost_samples;
    part->skipped_before += last->skipped_units;
    part->openings_before += last->openings;
    if (last->drift_known) {
        part->drift_ppb = last->drift_ppb;
        part->drift_known = true;
    }
    memset(&part->stats, 0, sizeof part->stats);
}

int sound_part_start(struct sound_part *part, const char *folder, int64_t now_ns)
{
    keep_totals(part);
    part->told = false;
    part->heard_ns = part->quota_ns = now_ns;
    return worker_start(&part->worker, folder, now_ns);
}

static void mix(const struct sound_part *part, const struct config *config, const struct config_track *track,
                struct message_sound_mix *out)
{
    config_track_mix(config, track, out);
    if (part->silent)
        out->level = 0;
}

int sound_part_tell(struct sound_part *part, const struct config *config, struct castor_rational video_rate)
{
    struct message message;
    struct message_sound_start *start = &message.body.sound_start;
    const int ring_fd = ring_writer_fd(part->ring);

    message_init(&message, MESSAGE_SOUND_START);
    snprintf(start->driver, sizeof start->driver, "%s", config_sound_driver(config));
    snprintf(start->path, sizeof start->path, "%s", config_sound_path(config));
    snprintf(start->options, sizeof start->options, "%s", config->sound.options);
    start->rate_hz = config->sound.rate_hz;
    start->channels = config->sound.channels;
    start->video_rate = video_rate;
    start->origin = part->origin;
    start->grid_origin_ns = part->grid_origin_ns;
    start->drift_ppb = part->drift_ppb;
    start->drift_known = part->drift_known;
    start->ring_position = part->ring_head;
    start->ring_bytes = MESSAGE_SOUND_RING_BYTES;
    start->track_count = config->sound.track_count;
    for (uint32_t i = 0; i < config->sound.track_count; i++) {
        const struct config_track *track = &config->sound.tracks[i];
        start->tracks[i] = (struct message_sound_track){
            .codec = track->codec == CONFIG_SOUND_OPUS ? MESSAGE_SOUND_OPUS : MESSAGE_SOUND_AAC,
            .channels = config_track_channels(track),
            .bitrate_bps = config_track_bitrate_bps(track),
        };
        mix(part, config, track, &start->tracks[i].mix);
    }
    part->told = true;
    return worker_send(&part->worker, &message, &ring_fd, 1);
}

void sound_part_silence(struct sound_part *part, const struct config *config, bool silent)
{
    if (silent == part->silent)
        return;
    part->silent = silent;
    sound_part_mix(part, config);
}

void sound_part_mix(struct sound_part *part, const struct config *config)
{
    struct message message;

    for (uint32_t i = 0; i < config->sound.track_count && part->told && part->worker.pid > 0; i++) {
        message_init(&message, MESSAGE_SOUND_SET_MIX);
        message.body.sound_set_mix.track = i;
        mix(part, config, &config->sound.tracks[i], &message.body.sound_set_mix.mix);
        // One that cannot hear it is killed by worker_send() and starts again with the new mix.
        if (worker_send(&part->worker, &message, NULL, 0) != CASTOR_OK)
            return;
    }
}

void sound_part_origin(struct sound_part *part, const struct message *origin)
{
    part->origin = origin->body.capture_origin;
    if (!part->told || part->worker.pid <= 0)
        return;
    if (worker_send(&part->worker, origin, NULL, 0) != CASTOR_OK)
        return; // it has been killed, and learns it when it starts again
}

int sound_part_unit(struct sound_part *part, const struct config *config,
                    const struct message_sound_unit *unit, int64_t now_ns, bool *relay, const char **why)
{
    const struct config_track *track = &config->sound.tracks[unit->track];

    if (!part->worker.ready || unit->track >= config->sound.track_count ||
        unit->samples != config_track_samples(track)) {
        *why = "sent a unit of a track that does not exist";
        return CASTOR_ERR_INVALID;
    }
    if (unit->capture_ns != sound_grid_unit_ns(part->grid_origin_ns, unit->samples, unit->index) ||
        unit->capture_ns > now_ns + EARLY_NS || unit->capture_ns < now_ns - LATE_NS) {
        *why = "sent a unit with an impossible time";
        return CASTOR_ERR_INVALID;
    }
    if (unit->position < part->ring_head || unit->position > part->ring_head + MESSAGE_SOUND_RING_BYTES ||
        unit->position % MESSAGE_SOUND_RING_BYTES + unit->size_bytes > MESSAGE_SOUND_RING_BYTES) {
        *why = "sent a unit where none can be";
        return CASTOR_ERR_INVALID;
    }
    part->ring_head = unit->position + unit->size_bytes;
    // A worker that was replaced may make again what the one before it had made.
    *relay = unit->index >= part->next_index[unit->track];
    if (*relay) {
        part->next_index[unit->track] = unit->index + 1;
        part->units++;
    } else {
        part->repeated++;
    }
    return CASTOR_OK;
}

bool sound_part_may_speak(struct sound_part *part, int64_t now_ns)
{
    if (part->quota_ns < now_ns)
        part->quota_ns = now_ns;
    part->quota_ns += CASTOR_NS_PER_S / MESSAGES_PER_S;
    return part->quota_ns - now_ns <= BURST_NS;
}

int sound_part_ready(struct sound_part *part, const struct config *config, const struct message *ready,
                     int64_t now_ns)
{
    const struct message_sound_ready *body = &ready->body.sound_ready;

    if (!part->told || body->track_count != config->sound.track_count)
        return CASTOR_ERR_INVALID;
    for (uint32_t i = 0; i < body->track_count; i++)
        if (body->tracks[i].samples_per_unit != config_track_samples(&config->sound.tracks[i]) ||
            body->tracks[i].channels != config_track_channels(&config->sound.tracks[i]))
            return CASTOR_ERR_INVALID;
    part->ready = *ready;
    part->worker.ready = true;
    restart_ready(&part->worker.restart, now_ns);
    return CASTOR_OK;
}

const char *sound_part_hangs(const struct sound_part *part, int64_t now_ns)
{
    if (part->worker.pid == 0 || part->worker.killed || !part->told)
        return NULL;
    // Loading its libraries takes a while on a busy machine.
    bool slow = !part->worker.ready || part->stats.source == MESSAGE_SOUND_SOURCE_OPENING;
    if (now_ns - part->heard_ns <= (slow ? OPENING_NS : SILENCE_NS))
        return NULL;
    if (!part->worker.ready)
        return "said nothing for too long while it started";
    if (part->stats.source == MESSAGE_SOUND_SOURCE_OPENING)
        return "said nothing for too long: the sound driver hangs in opening the source. There is silence "
               "meanwhile; look at the card or file of sound.path and at the kernel's log, or set "
               "sound.driver "
               "to another one";
    if (part->stats.source == MESSAGE_SOUND_SOURCE_RUNNING)
        return "said nothing for too long: most likely the sound driver hangs in reading. There is silence "
               "meanwhile; look at the card of sound.path and at the kernel's log, or set sound.driver to "
               "another one";
    return "said nothing for too long";
}
