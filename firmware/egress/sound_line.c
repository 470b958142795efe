// SPDX-License-Identifier: Apache-2.0
#include "egress/sound_line.h"

#include <stdlib.h>
#include <string.h>

#include "base/sound_grid.h"

#define PES_HEADER_BYTES 14u // it occupies the buffer as well
#define BUFFER_BYTES_STEREO 3584u
#define BUFFER_BYTES_MORE 8976u
// Units that a receiver's buffer may hold at once: of the least size.
#define BUFFERED_MAX 64u
// Of the distance to PTS a unit may come this much earlier than its time, and no more are kept.
#define STORED_EXTRA 8u

struct stored {
    uint64_t index;      // of the unit that is here
    uint32_t size_bytes; // 0: none is
};

struct line_track {
    struct message_egress_track config;
    uint32_t buffer_bytes;
    uint32_t unit_max_bytes;
    bool begun;
    uint64_t next; // index of the next unit
    uint32_t store_count;
    struct stored *store;   // unit i is in i % store_count
    uint8_t *bytes;         // store_count * unit_max_bytes
    uint32_t silence_bytes; // 0: not known
    uint8_t silence[MESSAGE_SOUND_SILENCE_MAX_BYTES];
    // What is in a receiver's buffer, oldest first.
    struct {
        int64_t leaves_ns; // its PTS on the clock of the stream, in capture time
        uint32_t bytes;
    } buffered[BUFFERED_MAX];
    uint32_t buffered_first, buffered_count, buffered_bytes;
    struct message_egress_sound totals;
};

struct sound_line {
    struct sound_line_config config;
    struct line_track tracks[MESSAGE_SOUND_TRACKS_MAX];
};

// 6144 bits a channel (14496-3 4.5.3.3) and the header; 1275 bytes a stream of Opus, of which 5.1 has four.
static uint32_t unit_max_bytes(const struct message_egress_track *track)
{
    if (track->codec == MESSAGE_SOUND_OPUS)
        return 1280 * (track->channels > 2 ? 4 : 1);
    return track->channels * 768 + 16;
}

static int create_track(const struct sound_line_config *config, uint32_t index, struct line_track *track)
{
    const int64_t unit_ns = sound_grid_unit_ns(0, config->tracks[index].samples_per_unit, 1);

    track->config = config->tracks[index];
    track->buffer_bytes = track->config.channels > 2 ? BUFFER_BYTES_MORE : BUFFER_BYTES_STEREO;
    track->unit_max_bytes = unit_max_bytes(&track->config);
    track->store_count = (uint32_t)(config->pts_offset_ns / unit_ns) + STORED_EXTRA;
    track->totals.track = index;
    track->store = calloc(track->store_count, sizeof *track->store);
    track->bytes = calloc(track->store_count, track->unit_max_bytes);
    return track->store && track->bytes ? CASTOR_OK : CASTOR_ERR_NO_MEMORY;
}

int sound_line_create(const struct sound_line_config *config, struct sound_line **out)
{
    struct sound_line *line = calloc(1, sizeof *line);
    int error = line ? CASTOR_OK : CASTOR_ERR_NO_MEMORY;

    for (uint32_t i = 0; i < config->track_count && error == CASTOR_OK; i++) {
        line->config = *config;
        error = create_track(config, i, &line->tracks[i]);
    }
    if (error != CASTOR_OK) {
        sound_line_destroy(line);
        return error;
    }
    line->config = *config;
    *out = line;
    return CASTOR_OK;
}

void sound_line_destroy(struct sound_line *line)
{
    if (!line)
        return;
    for (uint32_t i = 0; i < MESSAGE_SOUND_TRACKS_MAX; i++) {
        free(line->tracks[i].store);
        free(line->tracks[i].bytes);
    }
    free(line);
}

void sound_line_ready(struct sound_line *line, const struct message_sound_ready *ready)
{
    for (uint32_t i = 0; i < line->config.track_count && i < ready->track_count; i++) {
        const struct message_sound_stream *stream = &ready->tracks[i];
        struct line_track *track = &line->tracks[i];
        if (stream->codec != track->config.codec || stream->channels != track->config.channels ||
            stream->samples_per_unit != track->config.samples_per_unit ||
            stream->silence_bytes > track->unit_max_bytes)
            continue;
        track->silence_bytes = stream->silence_bytes;
        memcpy(track->silence, stream->silence, stream->silence_bytes);
    }
}

void sound_line_put(struct sound_line *line, const struct message_sound_unit *unit, const uint8_t *data)
{
    struct line_track *track = &line->tracks[unit->track];

    if (unit->track >= line->config.track_count)
        return;
    if (!data || unit->size_bytes > track->unit_max_bytes ||
        unit->samples != track->config.samples_per_unit ||
        (track->begun && unit->index >= track->next + track->store_count)) {
        track->totals.refused++;
        return;
    }
    if (track->begun && unit->index < track->next) {
        track->totals.late++;
        return;
    }
    struct stored *stored = &track->store[unit->index % track->store_count];
    *stored = (struct stored){unit->index, unit->size_bytes};
    memcpy(track->bytes + (size_t)(unit->index % track->store_count) * track->unit_max_bytes, data,
           unit->size_bytes);
}

static int64_t capture_ns(const struct sound_line *line, const struct line_track *track, uint64_t index)
{
    return sound_grid_unit_ns(line->config.grid_origin_ns, track->config.samples_per_unit, index);
}

void sound_line_begin(struct sound_line *line, int64_t time_ns)
{
    for (uint32_t i = 0; i < line->config.track_count; i++) {
        struct line_track *track = &line->tracks[i];
        uint64_t first = sound_grid_unit_at(line->config.grid_origin_ns, track->config.samples_per_unit,
                                            time_ns - line->config.pts_offset_ns + SOUND_LINE_LEAD_NS);
        if (track->begun && first > track->next)
            track->totals.skipped += first - track->next;
        if (!track->begun || first > track->next)
            track->next = first;
        track->begun = true;
    }
}

// ---- the receiver's buffer ----

static void let_go(struct line_track *track, int64_t now_ns)
{
    while (track->buffered_count > 0 && track->buffered[track->buffered_first].leaves_ns <= now_ns) {
        track->buffered_bytes -= track->buffered[track->buffered_first].bytes;
        track->buffered_first = (track->buffered_first + 1) % BUFFERED_MAX;
        track->buffered_count--;
    }
}

// The first time from `wanted_ns` on at which so many bytes fit.
static int64_t time_to_fit(const struct line_track *track, uint32_t bytes, int64_t wanted_ns)
{
    uint32_t held = track->buffered_bytes;

    for (uint32_t i = 0; i < track->buffered_count; i++) {
        uint32_t at = (track->buffered_first + i) % BUFFERED_MAX;
        bool full = held + bytes > track->buffer_bytes || track->buffered_count - i == BUFFERED_MAX;
        if (!full && track->buffered[at].leaves_ns > wanted_ns)
            break;
        if (track->buffered[at].leaves_ns > wanted_ns)
            wanted_ns = track->buffered[at].leaves_ns;
        held -= track->buffered[at].bytes;
    }
    return wanted_ns;
}

static void hold(struct line_track *track, uint32_t bytes, int64_t source_ns, int64_t leaves_ns)
{
    let_go(track, source_ns);
    if (track->buffered_count == BUFFERED_MAX)
        return; // its time to fit was waited for: cannot be
    uint32_t at = (track->buffered_first + track->buffered_count++) % BUFFERED_MAX;
    track->buffered[at].leaves_ns = leaves_ns;
    track->buffered[at].bytes = bytes;
    track->buffered_bytes += bytes;
}

// ---- what is next ----

// The next unit of a track as things are, whose source time is not before that of the unit before it;
// size_bytes 0: there is nothing to be sent for it.
static void look(const struct sound_line *line, const struct line_track *track, struct sound_line_unit *out)
{
    const uint64_t place = track->next % track->store_count;
    const struct stored *stored = &track->store[place];
    const bool there = stored->size_bytes > 0 && stored->index == track->next;

    *out = (struct sound_line_unit){
        .track = track->totals.track,
        .index = track->next,
        .data = there ? track->bytes + (size_t)place * track->unit_max_bytes : track->silence,
        .size_bytes = there ? stored->size_bytes : track->silence_bytes,
        .capture_ns = capture_ns(line, track, track->next),
        .silence = !there,
    };
    int64_t wanted_ns = out->capture_ns + line->config.pts_offset_ns - SOUND_LINE_LEAD_NS;
    out->source_ns = time_to_fit(track, (uint32_t)out->size_bytes + PES_HEADER_BYTES, wanted_ns);
}

static void take(struct sound_line *line, const struct sound_line_unit *unit)
{
    struct line_track *track = &line->tracks[unit->track];

    track->next++;
    if (unit->size_bytes == 0) {
        track->totals.skipped++;
        return;
    }
    track->totals.silences += unit->silence;
    track->totals.units += !unit->silence;
    hold(track, (uint32_t)unit->size_bytes + PES_HEADER_BYTES, unit->source_ns,
         unit->capture_ns + line->config.pts_offset_ns);
}

bool sound_line_next(struct sound_line *line, int64_t until_ns, struct sound_line_unit *out)
{
    for (;;) {
        struct sound_line_unit first = {.source_ns = INT64_MAX}, unit;
        bool found = false;

        for (uint32_t i = 0; i < line->config.track_count; i++) {
            if (!line->tracks[i].begun)
                continue;
            look(line, &line->tracks[i], &unit);
            if (unit.source_ns < first.source_ns)
                first = unit;
            found = true;
        }
        if (!found || first.source_ns > until_ns)
            return false;
        take(line, &first);
        if (first.size_bytes > 0) {
            *out = first;
            return true;
        }
    }
}

void sound_line_totals(const struct sound_line *line, uint32_t track, struct message_egress_sound *out)
{
    *out = line->tracks[track].totals;
}
