// SPDX-License-Identifier: Apache-2.0
#include "ipc/message_checks.h"

static const char *check_mix(const struct message_sound_mix *mix)
{
    MOST(mix->standard, 1, "unknown kind of map");
    RANGE(mix->delay_ms, -MESSAGE_SOUND_DELAY_MAX_MS, MESSAGE_SOUND_DELAY_MAX_MS, "delay out of range");
    RANGE(mix->level, 0, MESSAGE_SOUND_FACTOR_MAX, "level out of range");
    for (unsigned o = 0; o < MESSAGE_SOUND_OUTPUTS_MAX; o++)
        for (unsigned i = 0; i < MESSAGE_SOUND_INPUTS_MAX; i++)
            RANGE(mix->factor[o][i], -MESSAGE_SOUND_FACTOR_MAX, MESSAGE_SOUND_FACTOR_MAX,
                  "factor out of range");
    return NULL;
}

static const char *check_channels(uint32_t channels)
{
    if (channels != 1 && channels != 2 && channels != MESSAGE_SOUND_OUTPUTS_MAX)
        return "number of channels out of range";
    return NULL;
}

static const char *check_track(const struct message_sound_track *track)
{
    MOST(track->codec, MESSAGE_SOUND_CODECS - 1, "unknown codec");
    RANGE(track->bitrate_bps, 8000, 1000000, "bitrate out of range");
    const char *why = check_channels(track->channels);
    return why ? why : check_mix(&track->mix);
}

const char *message_check_sound_start(const struct message *m)
{
    const struct message_sound_start *b = &m->body.sound_start;
    const char *why = message_origin(&b->origin, 0);

    TEXT(b->driver);
    TEXT(b->path);
    TEXT(b->options);
    MOST(b->rate_hz, 192000, "sampling rate out of range");
    MOST(b->channels, MESSAGE_SOUND_INPUTS_MAX, "number of channels out of range");
    RANGE(b->ring_bytes, 1u << 16, MESSAGE_RING_MAX_BYTES, "ring size out of range");
    RANGE(b->grid_origin_ns, 0, INT64_MAX / 4, "grid out of range");
    RANGE(b->drift_ppb, -MESSAGE_SOUND_DRIFT_MAX_PPB, MESSAGE_SOUND_DRIFT_MAX_PPB, "drift out of range");
    MOST(b->drift_known, 1, "not a yes or no");
    RANGE(b->video_rate.num, 1, 240000, "frame rate out of range");
    RANGE(b->video_rate.den, 1, 100000, "frame rate out of range");
    RANGE(b->track_count, 1, MESSAGE_SOUND_TRACKS_MAX, "number of tracks out of range");
    for (unsigned i = 0; i < b->track_count && !why; i++)
        why = check_track(&b->tracks[i]);
    return why;
}

const char *message_check_sound_set_mix(const struct message *m)
{
    MOST(m->body.sound_set_mix.track, MESSAGE_SOUND_TRACKS_MAX - 1, "track out of range");
    return check_mix(&m->body.sound_set_mix.mix);
}

const char *message_check_sound_ready(const struct message *m)
{
    const struct message_sound_ready *b = &m->body.sound_ready;
    const char *why = NULL;

    RANGE(b->track_count, 1, MESSAGE_SOUND_TRACKS_MAX, "number of tracks out of range");
    for (unsigned i = 0; i < b->track_count && !why; i++) {
        const struct message_sound_stream *stream = &b->tracks[i];
        MOST(stream->codec, MESSAGE_SOUND_CODECS - 1, "unknown codec");
        RANGE(stream->samples_per_unit, 120, 5760, "samples of a unit out of range");
        MOST(stream->config_bytes, MESSAGE_SOUND_CONFIG_MAX_BYTES, "codec configuration too long");
        RANGE(stream->silence_bytes, 1, MESSAGE_SOUND_SILENCE_MAX_BYTES, "size of silence out of range");
        if (stream->rate_hz != MESSAGE_SOUND_RATE_HZ)
            return "not at 48 kHz";
        why = check_channels(stream->channels);
    }
    return why;
}

const char *message_check_sound_unit(const struct message *m)
{
    const struct message_sound_unit *b = &m->body.sound_unit;
    MOST(b->track, MESSAGE_SOUND_TRACKS_MAX - 1, "track out of range");
    RANGE(b->size_bytes, 1, MESSAGE_SOUND_UNIT_MAX_BYTES, "access unit size out of range");
    RANGE(b->capture_ns, 1, INT64_MAX / 2, "capture time out of range");
    RANGE(b->samples, 120, 5760, "samples of a unit out of range");
    MOST(b->index, INT64_MAX / 5760 / 2, "index out of range");
    return NULL;
}

const char *message_check_sound_stats(const struct message *m)
{
    const struct message_sound_stats *b = &m->body.sound_stats;
    TEXT(b->driver);
    TEXT(b->reason);
    MOST(b->source, MESSAGE_SOUND_SOURCES - 1, "unknown source state");
    RANGE(b->drift_ppb, -MESSAGE_SOUND_DRIFT_MAX_PPB, MESSAGE_SOUND_DRIFT_MAX_PPB, "drift out of range");
    MOST(b->drift_known, 1, "not a yes or no");
    MOST(b->signal, MESSAGE_SIGNAL_NONE, "unknown signal state");
    MOST(b->track_count, MESSAGE_SOUND_TRACKS_MAX, "number of tracks out of range");
    return NULL;
}
