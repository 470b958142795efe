// SPDX-License-Identifier: Apache-2.0
#include "sound/intake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define BLOCK_SAMPLES 4096u
#define BLOCKS_AT_ONCE 64 // as much as a source may hold, and more
#define PAUSE_FIRST_NS (250 * CASTOR_NS_PER_MS)
#define PAUSE_LONGEST_NS (4 * CASTOR_NS_PER_S)

int intake_init(struct intake *intake, const struct message_sound_start *start, intake_find find,
                struct timeline *timeline)
{
    *intake = (struct intake){.find = find, .start = *start, .timeline = timeline, .retry_ns = INT64_MIN};
    intake->origin =
        (struct source_origin){start->origin.sequence, start->origin.capture_ns, start->origin.media_ns};
    intake->ppm = (double)start->drift_ppb / 1000;
    intake->ppm_known = start->drift_known;
    if (start->driver[0] == '\0') {
        intake->retry_ns = INT64_MAX;
        return CASTOR_OK;
    }
    intake->state = MESSAGE_SOUND_SOURCE_OPENING;
    intake->block = calloc((size_t)BLOCK_SAMPLES * SOUND_CHANNELS_MAX, sizeof *intake->block);
    return intake->block ? CASTOR_OK : CASTOR_ERR_NO_MEMORY;
}

static void close_source(struct intake *intake)
{
    sound_close(intake->sound);
    resample_destroy(intake->resample);
    intake->sound = NULL;
    intake->resample = NULL;
}

void intake_finish(struct intake *intake)
{
    close_source(intake);
    free(intake->block);
    intake->block = NULL;
}

int64_t intake_open_ns(const struct intake *intake)
{
    return intake->sound ? INT64_MAX : intake->retry_ns;
}

// It is not there; the next try comes after a pause that doubles.
static void wait_for_it(struct intake *intake, const char *reason, int64_t now_ns)
{
    if (strcmp(intake->reason.text, reason) != 0)
        log_warning("no sound, silence until there is: %s", reason);
    snprintf(intake->reason.text, sizeof intake->reason.text, "%s", reason);
    intake->pause_ns = intake->pause_ns == 0 ? PAUSE_FIRST_NS : intake->pause_ns * 2;
    if (intake->pause_ns > PAUSE_LONGEST_NS)
        intake->pause_ns = PAUSE_LONGEST_NS;
    intake->retry_ns = now_ns + intake->pause_ns;
    intake->state = MESSAGE_SOUND_SOURCE_WAITING;
}

static void lose(struct intake *intake, int error, int64_t now_ns)
{
    char reason[sizeof intake->reason.text];

    snprintf(reason, sizeof reason, "%s",
             sound_fault(intake->sound)[0] ? sound_fault(intake->sound) : castor_error_text(error));
    struct resample_state state = resample_state(intake->resample);
    intake->lost_samples += sound_counters(intake->sound).lost_samples;
    intake->silent_samples += state.silent_samples;
    intake->late_samples += state.late_samples;
    if (state.speed_known) {
        intake->ppm = state.ppm;
        intake->ppm_known = true;
    }
    close_source(intake);
    wait_for_it(intake, reason, now_ns);
}

void intake_open(struct intake *intake, int64_t now_ns)
{
    const struct message_sound_start *start = &intake->start;
    const struct sound_config config = {
        .path = start->path,
        .options = start->options,
        .format = {.rate_hz = start->rate_hz, .channels = start->channels},
        .video_rate = start->video_rate,
        .origin = intake->origin,
    };
    const struct sound_driver *driver;
    struct source_text why = {""};
    int error = intake->find(start->driver, &driver, &why);

    if (error == CASTOR_OK)
        error = sound_open(driver, &config, &intake->sound, &why);
    if (error == CASTOR_OK)
        error = resample_create(&intake->sound->format, intake->sound->exact, start->grid_origin_ns,
                                intake->timeline->end, &intake->resample);
    if (error != CASTOR_OK) {
        close_source(intake);
        wait_for_it(intake, why.text[0] ? why.text : castor_error_text(error), now_ns);
        return;
    }
    if (intake->ppm_known) // most likely it is the same card
        resample_presume_ppm(intake->resample, intake->ppm);
    intake->openings++;
    intake->state = MESSAGE_SOUND_SOURCE_RUNNING;
    intake->reason.text[0] = '\0';
    log_info("sound from %s: %u Hz, %u channel%s", start->driver, intake->sound->format.rate_hz,
             intake->sound->format.channels, intake->sound->format.channels == 1 ? "" : "s");
}

uint32_t intake_channels(const struct intake *intake)
{
    return intake->sound ? intake->sound->format.channels : 0;
}

int intake_descriptor(const struct intake *intake)
{
    return intake->sound ? sound_descriptor(intake->sound) : -1;
}

// What is known by now of the source's sound, and silence where it should have come before `silence_ns`.
static void lay(struct intake *intake, int64_t silence_ns)
{
    uint32_t count;

    do {
        uint64_t position = resample_next(intake->resample);
        count = resample_pull(intake->resample, silence_ns, intake->block, BLOCK_SAMPLES);
        if (count > 0 &&
            !timeline_put(intake->timeline, position, intake->block, intake->sound->format.channels, count))
            log_debug("sound with an impossible time was left out");
    } while (count > 0);
}

void intake_read(struct intake *intake, int64_t silence_ns, int64_t now_ns)
{
    struct sound_block block;

    for (int i = 0; i < BLOCKS_AT_ONCE && intake->sound; i++) {
        int error = sound_read(intake->sound, intake->block, BLOCK_SAMPLES, &block);
        if (error == CASTOR_ERR_AGAIN)
            break;
        if (error != CASTOR_OK) {
            lose(intake, error, now_ns);
            return;
        }
        intake->pause_ns = 0; // it works: the next loss is a new one
        resample_push(intake->resample, &block, intake->block);
        // What is taken meanwhile waits for the next time: one by one, samples are dear.
        if (block.capture_ns + sound_time_ns(intake->sound->format.rate_hz, block.samples + 1) > now_ns)
            break;
    }
    if (intake->sound)
        lay(intake, silence_ns);
}

void intake_set_origin(struct intake *intake, const struct source_origin *origin)
{
    intake->origin = *origin;
    if (intake->sound)
        sound_set_origin(intake->sound, origin);
}

void intake_stats(const struct intake *intake, struct message_sound_stats *out)
{
    const char *reason = intake->reason.text;

    out->source = intake->state;
    out->openings = intake->openings;
    out->lost_samples = intake->lost_samples;
    out->silence_samples += intake->silent_samples;
    out->late_samples += intake->late_samples;
    snprintf(out->driver, sizeof out->driver, "%s", intake->start.driver);
    if (intake->sound) {
        out->signal = (uint32_t)sound_signal(intake->sound);
        out->rate_hz = intake->sound->format.rate_hz;
        out->channels = intake->sound->format.channels;
        out->lost_samples += sound_counters(intake->sound).lost_samples;
        struct resample_state state = resample_state(intake->resample);
        out->silence_samples += state.silent_samples;
        out->late_samples += state.late_samples;
        out->drift_ppb = (int64_t)(state.ppm * 1000);
        out->drift_known = state.speed_known;
        reason = out->signal == MESSAGE_SIGNAL_NONE ? sound_fault(intake->sound) : "";
    }
    snprintf(out->reason, sizeof out->reason, "%.*s", (int)sizeof out->reason - 1, reason);
}
