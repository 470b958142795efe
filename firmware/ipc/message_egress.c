// SPDX-License-Identifier: Apache-2.0
#include "ipc/message_checks.h"

static const char *fault_of_tracks(const struct message_stream *b)
{
    MOST(b->track_count, MESSAGE_SOUND_TRACKS_MAX, "number of tracks out of range");
    if (b->track_count > 0)
        RANGE(b->sound_ring_bytes, 1u << 16, MESSAGE_RING_MAX_BYTES, "ring size out of range");
    for (unsigned i = 0; i < b->track_count; i++) {
        TEXT(b->tracks[i].language);
        MOST(b->tracks[i].codec, MESSAGE_SOUND_CODECS - 1, "unknown codec");
        RANGE(b->tracks[i].channels, 1, MESSAGE_SOUND_OUTPUTS_MAX, "number of channels out of range");
        RANGE(b->tracks[i].samples_per_unit, 120, 5760, "samples of a unit out of range");
    }
    return NULL;
}

const char *message_fault_of_stream(const struct message_stream *b)
{
    TEXT(b->service_name);
    RANGE(b->path_count, 1, MESSAGE_PATHS_MAX, "path count out of range");
    RANGE(b->ring_bytes, 1u << 16, MESSAGE_RING_MAX_BYTES, "ring size out of range");
    MOST(b->pts_offset_ms, 10000, "PTS offset out of range");
    RANGE(b->pcr_interval_ms, 1, 100, "PCR interval out of range");
    MOST(b->codec, MESSAGE_CODECS - 1, "unknown codec");
    const char *why = fault_of_tracks(b);
    return why ? why : message_format(&b->format);
}

const char *message_check_egress_start(const struct message *m)
{
    const struct message_egress_start *b = &m->body.egress_start;
    RANGE(b->grid_origin_ns, 0, INT64_MAX / 4, "grid out of range");
    return message_fault_of_stream(&b->stream);
}

const char *message_check_destination(const struct message *m)
{
    const struct message_destination *b = &m->body.destination;
    TEXT(b->name);
    TEXT(b->url);
    TEXT(b->passphrase);
    TEXT(b->stream_id);
    MOST(b->index, MESSAGE_DESTINATIONS_MAX - 1, "destination out of range");
    return NULL;
}

const char *message_fault_of_emit(const struct message_emit *b)
{
    MOST(b->path, MESSAGE_PATHS_MAX - 1, "path out of range");
    RANGE(b->size_bytes, 1, MESSAGE_ACCESS_UNIT_MAX_BYTES, "access unit size out of range");
    RANGE(b->capture_ns, 1, INT64_MAX, "capture time out of range");
    return NULL;
}

const char *message_check_emit(const struct message *m)
{
    return message_fault_of_emit(&m->body.emit);
}

const char *message_check_sent(const struct message *m)
{
    MOST(m->body.sent.accepted, (1u << MESSAGE_DESTINATIONS_MAX) - 1, "unknown destination");
    return NULL;
}

const char *message_check_destination_state(const struct message *m)
{
    const struct message_destination_state *b = &m->body.destination_state;
    TEXT(b->text);
    MOST(b->index, MESSAGE_DESTINATIONS_MAX - 1, "destination out of range");
    RANGE(b->status, MESSAGE_DESTINATION_CONNECTING, MESSAGE_DESTINATION_STATUSES - 1, "unknown status");
    MOST(b->reason, MESSAGE_REASONS - 1, "unknown reason");
    return NULL;
}

const char *message_check_destination_stats(const struct message *m)
{
    MOST(m->body.destination_stats.index, MESSAGE_DESTINATIONS_MAX - 1, "destination out of range");
    return NULL;
}

const char *message_check_need_idr(const struct message *m)
{
    MOST(m->body.need_idr.destination, MESSAGE_DESTINATIONS_MAX - 1, "destination out of range");
    return NULL;
}

const char *message_check_egress_sound(const struct message *m)
{
    MOST(m->body.egress_sound.track, MESSAGE_SOUND_TRACKS_MAX - 1, "track out of range");
    return NULL;
}
