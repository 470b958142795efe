// SPDX-License-Identifier: Apache-2.0
// One multiplexer goes on over all segments: its counters and clocks do not start anew, so that segments can
// be put one behind the other.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/access_unit.h"
#include "record/container.h"

struct container {
    struct mux_sink sink; // first: the mux gives it back to us
    struct container_host *host;
    struct mux *mux;
    struct message_egress_track tracks[MESSAGE_SOUND_TRACKS_MAX];
    uint8_t unit[MUX_OPUS_HEADER_BYTES_MAX + MESSAGE_SOUND_UNIT_MAX_BYTES]; // Opus with its control header
    bool turning; // the next payload at which one may join begins the new segment
};

static int take_payload(struct mux_sink *sink, const struct mux_payload *payload)
{
    struct container *c = (struct container *)sink;

    if (c->turning && (payload->flags & MUX_PAYLOAD_JOIN)) {
        c->turning = false;
        int error = c->host->turn(c->host);
        if (error != CASTOR_OK)
            return error;
    }
    return c->host->write(c->host, payload->data, payload->size_bytes);
}

static void destroy(struct container *c)
{
    if (!c)
        return;
    mux_destroy(c->mux);
    free(c);
}

// The tracks as egress announces them.
static int add_tracks(const struct container_config *config, struct mux_config *mux)
{
    for (uint32_t i = 0; i < config->track_count; i++) {
        const struct message_egress_track *track = &config->tracks[i];
        struct mux_stream *stream = &mux->streams[mux->stream_count++];
        int error = mux_stream_init(track->codec == MESSAGE_SOUND_OPUS ? MUX_CODEC_OPUS : MUX_CODEC_AAC,
                                    (uint16_t)(mux->streams[0].pid + 1 + i),
                                    track->language[0] ? track->language : NULL, stream);
        if (error != CASTOR_OK)
            return error;
        mux_stream_set_channels(stream, track->channels);
    }
    return CASTOR_OK;
}

static int create(const struct container_config *config, struct container_host *host, struct container **out)
{
    struct mux_config mux;
    struct container *c = calloc(1, sizeof *c);

    if (!c)
        return CASTOR_ERR_NO_MEMORY;
    c->sink.write = take_payload;
    c->host = host;
    mux_config_init(&mux);
    if (config->service_name[0])
        snprintf(mux.service_name, sizeof mux.service_name, "%s", config->service_name);
    mux.pts_offset_ns = config->pts_offset_ns;
    mux.pcr_interval_ns = config->pcr_interval_ns;
    int error = mux_stream_init(config->codec == ENCODER_CODEC_HEVC ? MUX_CODEC_HEVC : MUX_CODEC_H264,
                                mux.streams[0].pid, NULL, &mux.streams[0]);
    memcpy(c->tracks, config->tracks, sizeof c->tracks);
    if (error == CASTOR_OK)
        error = add_tracks(config, &mux);
    if (error == CASTOR_OK)
        error = mux_create(&mux, &c->mux);
    if (error != CASTOR_OK) {
        destroy(c);
        return error;
    }
    *out = c;
    return CASTOR_OK;
}

static int write_unit(struct container *c, const struct record_unit *unit, bool begin)
{
    const struct mux_access_unit access_unit = record_access_unit(unit);

    c->turning = begin;
    return mux_write_access_unit(c->mux, &access_unit, &c->sink);
}

static int write_sound(struct container *c, const struct record_unit *unit)
{
    struct mux_pes pes = {
        .stream = 1 + unit->track,
        .data = unit->data,
        .size_bytes = unit->size_bytes,
        .pts_ns = unit->capture_ns,
        .source_ns = unit->capture_ns, // of no use in a file
        .random_access = true,
    };

    if (c->tracks[unit->track].codec == MESSAGE_SOUND_OPUS) {
        size_t header_bytes = mux_opus_header(unit->size_bytes, c->unit);
        memcpy(c->unit + header_bytes, unit->data, unit->size_bytes);
        pes.data = c->unit;
        pes.size_bytes += header_bytes;
    }
    return mux_write_pes(c->mux, &pes, &c->sink);
}

static int nothing(struct container *c)
{
    (void)c;
    return CASTOR_OK;
}

const struct container_ops container_ts = {
    .create = create,
    .destroy = destroy,
    .write = write_unit,
    .sound = write_sound,
    .settle = nothing,
    .end = nothing,
};
