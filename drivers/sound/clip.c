// SPDX-License-Identifier: Apache-2.0
// The sound of a media file, in step with its pictures: media time 0 is where the source of pictures has told
// its origin, each time the file starts anew. A longer sound is cut there, a shorter one is followed by
// silence. Without an origin (no clip shows the pictures) the file goes round by itself. Samples lie at
// n / rate on the house clock and are decoded ahead by a thread.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clip_track.h"
#include "module/module.h"
#include "source/ahead.h"
#include "source/ticker.h"

#define BLOCK_NS (10 * CASTOR_NS_PER_MS)
#define AHEAD_NS (300 * CASTOR_NS_PER_MS) // so much is decoded before its time
#define CHUNK_MAX 1920                    // 10 ms at the highest rate
#define ORIGIN_WAIT_NS (2 * CASTOR_NS_PER_S)
#define ORIGINS 8

// From sample `from` of the house clock on, media sample m is at `zero` + m.
struct line {
    uint64_t from;
    int64_t zero;
};

struct clip {
    struct sound sound;
    struct clip_track *track; // the thread's; NULL: the file has no sound
    uint64_t first;           // of the house clock's numbering: index 0
    int ticker;
    bool anew;
    struct ahead ahead;         // decodes; its lock guards everything below
    struct line lines[ORIGINS]; // the one in force, and those that will be
    uint32_t line_count;
    uint32_t moved;          // how often that changed
    bool told;               // an origin was told
    uint64_t next, produced; // samples of the house clock: to be read, to be decoded
    uint64_t lost;           // before `next`, not told yet
    float *ring;
    uint32_t ring_room;
    uint64_t errors;
    struct source_text failure;
};

static struct clip *from_sound(struct sound *sound)
{
    return (struct clip *)sound;
}

static uint64_t sample_at(const struct clip *clip, int64_t time_ns)
{
    return sound_samples_in(clip->sound.format.rate_hz, time_ns);
}

static int64_t time_of(const struct clip *clip, uint64_t sample)
{
    return sound_time_ns(clip->sound.format.rate_hz, sample);
}

// Puts a line into force from its first sample on: it ends all that begin later, and what was decoded by them
// is decoded anew. Called with the lock held.
static void add_line(struct clip *clip, struct line line)
{
    while (clip->line_count > 0 && clip->lines[clip->line_count - 1].from >= line.from)
        clip->line_count--;
    if (clip->line_count == ORIGINS) {
        memmove(clip->lines, clip->lines + 1, (ORIGINS - 1) * sizeof *clip->lines);
        clip->line_count--;
    }
    clip->lines[clip->line_count++] = line;
    if (clip->produced > line.from)
        clip->produced = line.from > clip->next ? line.from : clip->next;
    clip->moved++;
    pthread_cond_signal(&clip->ahead.changed);
}

// The line for sample `produced`; *count is cut where the next one begins. NULL: none yet. Called with the
// lock held.
static const struct line *line_for(struct clip *clip, uint32_t *count)
{
    while (clip->line_count > 1 && clip->lines[1].from <= clip->next) { // the first has ended
        clip->line_count--;
        memmove(clip->lines, clip->lines + 1, clip->line_count * sizeof *clip->lines);
    }
    for (uint32_t i = clip->line_count; i-- > 0;) {
        if (clip->lines[i].from <= clip->produced)
            return &clip->lines[i];
        if (clip->lines[i].from - clip->produced < *count)
            *count = (uint32_t)(clip->lines[i].from - clip->produced);
    }
    return NULL;
}

// Where no origin comes, the file goes round: a line of our own at the start and at each end. Called with the
// lock held.
static void go_round(struct clip *clip, const struct line *line)
{
    int64_t end = clip->track ? clip_track_end(clip->track) : -1;

    if (!line && clip->line_count == 0 &&
        time_of(clip, clip->produced) > time_of(clip, clip->first) + ORIGIN_WAIT_NS)
        add_line(clip, (struct line){clip->produced, (int64_t)clip->produced});
    else if (line && !clip->told && end > 0 && (int64_t)clip->produced >= line->zero + end)
        add_line(clip, (struct line){clip->produced, line->zero + end});
}

static void store(struct clip *clip, const float *samples, uint32_t count)
{
    const uint32_t channels = clip->sound.format.channels;

    for (uint32_t i = 0; i < count; i++, clip->produced++)
        memcpy(clip->ring + clip->produced % clip->ring_room * channels, samples + (size_t)i * channels,
               channels * sizeof *samples);
}

// Decodes the next samples. Called with the lock held, which it lets go meanwhile.
static void produce(struct clip *clip, float *samples)
{
    uint32_t count = clip->sound.format.rate_hz / 100;
    const struct line *line = line_for(clip, &count);
    const uint32_t moved = clip->moved;
    const int64_t media = line ? (int64_t)clip->produced - line->zero : -1;
    struct source_text why = {""};
    uint64_t errors = 0;

    go_round(clip, line);
    if (clip->moved != moved)
        return;
    pthread_mutex_unlock(&clip->ahead.lock);
    if (line && clip->track) {
        (void)clip_track_get(clip->track, media, samples, count,
                             &why); // why it failed is told; it is silence
        errors = clip_track_errors(clip->track);
    } else {
        memset(samples, 0, (size_t)count * clip->sound.format.channels * sizeof *samples);
    }
    pthread_mutex_lock(&clip->ahead.lock);
    clip->errors = errors;
    clip->failure = why;
    if (clip->moved == moved) // otherwise these samples are others now
        store(clip, samples, count);
}

static void decode_ahead(void *argument)
{
    static const int64_t step_ns = BLOCK_NS;
    struct clip *clip = argument;
    float *samples = malloc((size_t)CHUNK_MAX * clip->sound.format.channels * sizeof *samples);

    pthread_mutex_lock(&clip->ahead.lock);
    while (samples && !atomic_load(&clip->ahead.stop)) {
        int64_t now_ns = castor_now_ns();
        if (clip->produced < sample_at(clip, now_ns + AHEAD_NS)) {
            produce(clip, samples);
        } else {
            const struct timespec until = castor_timespec(now_ns + step_ns);
            (void)pthread_cond_timedwait(&clip->ahead.changed, &clip->ahead.lock,
                                         &until); // either way it looks again
        }
    }
    pthread_mutex_unlock(&clip->ahead.lock);
    free(samples);
}

static struct line line_of(const struct clip *clip, const struct source_origin *origin)
{
    const int64_t zero_ns = origin->capture_ns - origin->media_ns;
    // A file that starts between two frames is shown from the next one on, and heard from its start.
    const bool starts = origin->media_ns > 0 && origin->media_ns < 50 * CASTOR_NS_PER_MS;
    const int64_t from_ns = starts ? zero_ns : origin->capture_ns;

    return (struct line){from_ns > 0 ? sample_at(clip, from_ns) : 0,
                         zero_ns >= 0 ? (int64_t)sample_at(clip, zero_ns)
                                      : -(int64_t)sample_at(clip, -zero_ns)};
}

static struct clip *clip_create(void)
{
    struct clip *clip = calloc(1, sizeof *clip);

    if (!clip)
        return NULL;
    clip->ticker = -1;
    clip->anew = true;
    clip->sound.exact = true;
    ahead_init(&clip->ahead);
    return clip;
}

static void clip_close(struct sound *sound)
{
    struct clip *clip = from_sound(sound);

    if (!clip || !ahead_finish(&clip->ahead)) // a decoder that hangs keeps everything
        return;
    clip_track_close(clip->track);
    if (clip->ticker >= 0)
        close(clip->ticker);
    free(clip->ring);
    free(clip);
}

static int open_track(struct clip *clip, const struct sound_config *config, struct source_text *why)
{
    const struct sound_format *wanted = &config->format;
    struct sound_format *format = &clip->sound.format;
    int error = source_options_parse(config->options, NULL, 0, why);

    if (!error)
        error = clip_track_open(config->path ? config->path : "", wanted, &clip->ahead.stop, format,
                                &clip->track, why);
    if (error != CASTOR_ERR_END)
        return error;
    *format = (struct sound_format){wanted->rate_hz ? wanted->rate_hz : 48000,
                                    wanted->channels ? wanted->channels : 2, SOUND_SAMPLE_FLOAT};
    source_text_set(&clip->sound.note, 0, "clip \"%.120s\" has no sound: there is silence", config->path);
    return CASTOR_OK;
}

static void arm(const struct clip *clip)
{
    ticker_set(clip->ticker, time_of(clip, clip->next) + BLOCK_NS);
}

static int start(struct clip *clip, const struct sound_config *config)
{
    clip->ring_room = clip->sound.format.rate_hz;
    clip->ring = malloc((size_t)clip->ring_room * clip->sound.format.channels * sizeof *clip->ring);
    if (!clip->ring || ticker_open(&clip->ticker) != CASTOR_OK)
        return CASTOR_ERR_NO_MEMORY;
    clip->first = clip->next = clip->produced = sample_at(clip, castor_now_ns()) + 1;
    if (config->origin.capture_ns != 0) {
        add_line(clip, line_of(clip, &config->origin));
        clip->told = true;
    }
    arm(clip);
    return ahead_start(&clip->ahead, decode_ahead, clip);
}

static int clip_open(const struct sound_config *config, struct sound **out, struct source_text *why)
{
    struct clip *clip = clip_create();
    int error;

    if (!clip)
        return source_text_set(why, CASTOR_ERR_NO_MEMORY, "out of memory for the clip's sound");
    error = open_track(clip, config, why);
    if (error)
        goto fail;
    error = start(clip, config);
    if (error) {
        source_text_set(why, error, "out of memory, descriptors or threads for the clip's sound");
        goto fail;
    }
    *out = &clip->sound;
    return CASTOR_OK;
fail:
    clip_close(&clip->sound);
    return error;
}

// What nobody read for too long is lost, as from a card. Called with the lock held.
static void forget(struct clip *clip, int64_t now_ns)
{
    uint64_t oldest = sample_at(clip, now_ns - SOUND_KEPT_NS);

    if (oldest <= clip->next || clip->next >= clip->produced)
        return;
    clip->lost += oldest - clip->next;
    clip->sound.counters.lost_samples += oldest - clip->next;
    clip->sound.counters.overruns++;
    clip->next = oldest;
    if (clip->produced < oldest)
        clip->produced = oldest;
}

static int clip_read(struct sound *sound, float *samples, uint32_t room_samples, struct sound_block *out)
{
    struct clip *clip = from_sound(sound);
    const uint32_t channels = sound->format.channels;
    int64_t now_ns = castor_now_ns();
    struct sound_block block = {.anew = clip->anew};

    pthread_mutex_lock(&clip->ahead.lock);
    forget(clip, now_ns);
    block.lost = clip->lost;
    block.index = clip->next - clip->first;
    block.capture_ns = time_of(clip, clip->next);
    while (block.samples < room_samples && clip->next < clip->produced &&
           time_of(clip, clip->next) <= now_ns) {
        memcpy(samples + (size_t)block.samples * channels,
               clip->ring + clip->next % clip->ring_room * channels, channels * sizeof *samples);
        clip->next++;
        block.samples++;
    }
    if (block.samples > 0)
        clip->lost = 0;
    sound->counters.decode_errors = clip->errors;
    sound->fault = clip->failure;
    pthread_mutex_unlock(&clip->ahead.lock);
    arm(clip);
    if (block.samples == 0)
        return CASTOR_ERR_AGAIN;
    clip->anew = false;
    *out = block;
    return CASTOR_OK;
}

static int clip_descriptor(const struct sound *sound)
{
    return ((const struct clip *)sound)->ticker;
}

static enum source_signal clip_signal(const struct sound *sound)
{
    return sound->fault.text[0] ? SOURCE_SIGNAL_NONE : SOURCE_SIGNAL_PRESENT;
}

static void clip_set_origin(struct sound *sound, const struct source_origin *origin)
{
    struct clip *clip = from_sound(sound);

    pthread_mutex_lock(&clip->ahead.lock);
    clip->told = true;
    add_line(clip, line_of(clip, origin));
    pthread_mutex_unlock(&clip->ahead.lock);
}

static const struct sound_driver sound_clip = {
    .name = "clip",
    .description = "the sound of a media file, in step with its pictures",
    .open = clip_open,
    .read = clip_read,
    .descriptor = clip_descriptor,
    .signal = clip_signal,
    .set_origin = clip_set_origin,
    .close = clip_close,
};

DRIVER_MODULE(sound_clip)
