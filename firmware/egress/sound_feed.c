// SPDX-License-Identifier: Apache-2.0
#include "egress/sound_feed.h"

#include <string.h>

static struct sound_feed *from_companion(struct mux_companion *companion)
{
    return (struct sound_feed *)companion;
}

static bool next_pes(struct mux_companion *companion, int64_t until_ns, struct mux_pes *out)
{
    struct sound_feed *feed = from_companion(companion);
    struct sound_line_unit unit;

    if (!sound_line_next(feed->line, until_ns, &unit))
        return false;
    *out = (struct mux_pes){
        .stream = 1 + unit.track,
        .data = unit.data,
        .size_bytes = unit.size_bytes,
        .pts_ns = unit.capture_ns,
        .source_ns = unit.source_ns,
        .random_access = true, // every unit of AAC and Opus is
    };
    if (feed->tracks[unit.track].codec == MESSAGE_SOUND_OPUS) {
        size_t header_bytes = mux_opus_header(unit.size_bytes, feed->unit);
        memcpy(feed->unit + header_bytes, unit.data, unit.size_bytes);
        out->data = feed->unit;
        out->size_bytes += header_bytes;
    }
    return true;
}

static void skip_hole(struct mux_companion *companion, int64_t until_ns)
{
    sound_line_begin(from_companion(companion)->line, until_ns);
}

int sound_feed_announce(const struct message_stream *media, struct mux_config *config)
{
    for (uint32_t i = 0; i < media->track_count; i++) {
        const struct message_egress_track *track = &media->tracks[i];
        struct mux_stream *stream = &config->streams[config->stream_count];
        int error = mux_stream_init(track->codec == MESSAGE_SOUND_OPUS ? MUX_CODEC_OPUS : MUX_CODEC_AAC,
                                    (uint16_t)(SOUND_FEED_PID + i),
                                    track->language[0] ? track->language : NULL, stream);
        if (error != CASTOR_OK)
            return error;
        mux_stream_set_channels(stream, track->channels);
        config->stream_count++;
    }
    return CASTOR_OK;
}

int sound_feed_start(struct sound_feed *feed, const struct message_egress_start *start, int ring_fd)
{
    struct sound_line_config config = {
        .grid_origin_ns = start->grid_origin_ns,
        .pts_offset_ns = start->stream.pts_offset_ms * CASTOR_NS_PER_MS,
        .track_count = start->stream.track_count,
    };

    if (start->stream.track_count == 0)
        return CASTOR_OK;
    memcpy(config.tracks, start->stream.tracks, sizeof config.tracks);
    int error = sound_line_create(&config, &feed->line);
    if (error != CASTOR_OK)
        return error;
    error = ring_attach_reader(ring_fd, start->stream.sound_ring_bytes, &feed->ring);
    if (error != CASTOR_OK) {
        sound_line_destroy(feed->line);
        feed->line = NULL;
        return error;
    }
    memcpy(feed->tracks, start->stream.tracks, sizeof feed->tracks);
    feed->track_count = start->stream.track_count;
    feed->companion = (struct mux_companion){next_pes, skip_hole};
    return CASTOR_OK;
}

void sound_feed_stop(struct sound_feed *feed)
{
    sound_line_destroy(feed->line);
    ring_destroy(feed->ring);
    feed->line = NULL;
    feed->ring = NULL;
}

void sound_feed_ready(struct sound_feed *feed, const struct message_sound_ready *ready)
{
    if (feed->line)
        sound_line_ready(feed->line, ready);
}

void sound_feed_unit(struct sound_feed *feed, const struct message_sound_unit *unit)
{
    if (feed->line)
        sound_line_put(feed->line, unit, ring_view(feed->ring, unit->position, unit->size_bytes));
}

void sound_feed_begin(struct sound_feed *feed, int64_t capture_ns)
{
    if (feed->line)
        sound_line_begin(feed->line, capture_ns);
}
