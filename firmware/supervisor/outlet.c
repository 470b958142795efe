// SPDX-License-Identifier: Apache-2.0
#include "supervisor/outlet.h"

#include <stdio.h>
#include <string.h>

#include "ipc/channel.h"
#include "supervisor/config_sound.h"

// Muxing and handing to SRT take less than a millisecond; a second without an answer is a hang.
#define STUCK_NS CASTOR_NS_PER_S

static const struct restart_config egress_restart = {
    .first_delay_ns = 50 * CASTOR_NS_PER_MS,
    .delay_max_ns = 2 * CASTOR_NS_PER_S,
    .stable_ns = CASTOR_NS_PER_S,
    .attempts_max = 0,
    .revive_ns = 0,
};

void outlet_init(struct outlet *outlet)
{
    memset(outlet, 0, sizeof *outlet);
    worker_init(&outlet->worker, "castor-egress", "egress", MESSAGE_FROM_EGRESS, &egress_restart);
}

void outlet_finish(struct outlet *outlet)
{
    worker_close_channel(&outlet->worker);
}

int outlet_start(struct outlet *outlet, const char *folder, int64_t now_ns)
{
    outlet->told = false;
    return worker_start(&outlet->worker, folder, now_ns);
}

static int send_destination(struct outlet *outlet, const struct config_destination *destination,
                            uint32_t index)
{
    struct message message;
    struct message_destination *body = &message.body.destination;

    message_init(&message, MESSAGE_DESTINATION);
    body->index = index;
    snprintf(body->name, sizeof body->name, "%s", destination->name);
    snprintf(body->url, sizeof body->url, "%s", destination->url);
    snprintf(body->passphrase, sizeof body->passphrase, "%s", destination->passphrase);
    snprintf(body->stream_id, sizeof body->stream_id, "%s", destination->stream_id);
    int error = worker_send(&outlet->worker, &message, NULL, 0);
    explicit_bzero(body->passphrase, sizeof body->passphrase);
    return error;
}

// Returns how many.
static uint32_t name_tracks(const struct config *config, const struct sound_part *sound,
                            struct message_egress_track tracks[MESSAGE_SOUND_TRACKS_MAX])
{
    uint32_t count = config_sound_is_on(config) && sound->ring ? config->sound.track_count : 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct config_track *track = &config->sound.tracks[i];
        struct message_egress_track *to = &tracks[i];
        to->codec = track->codec == CONFIG_SOUND_OPUS ? MESSAGE_SOUND_OPUS : MESSAGE_SOUND_AAC;
        to->channels = config_track_channels(track);
        to->samples_per_unit = config_track_samples(track);
        snprintf(to->language, sizeof to->language, "%s", track->language);
    }
    return count;
}

uint32_t outlet_pts_offset_ms(struct outlet *outlet, const struct config *config, struct castor_rational rate)
{
    uint32_t wanted_ms = config_pts_offset_ms(config, rate);

    if (outlet->pts_offset_ms < wanted_ms)
        outlet->pts_offset_ms = wanted_ms;
    return outlet->pts_offset_ms;
}

struct outlet_stream outlet_stream(struct outlet *outlet, const struct config *config,
                                   const struct castor_format *format, const struct path *paths,
                                   uint32_t path_count, const struct sound_part *sound)
{
    struct outlet_stream stream;
    struct message_stream *told = &stream.told;

    memset(&stream, 0, sizeof stream);
    snprintf(told->service_name, sizeof told->service_name, "%s", config->mux.service_name);
    told->format = *format;
    told->path_count = path_count;
    told->ring_bytes = paths[0].ring_bytes;
    told->pts_offset_ms = outlet_pts_offset_ms(outlet, config, format->rate);
    told->pcr_interval_ms = config->mux.pcr_interval_ms;
    told->codec = config->encoder.codec == CONFIG_CODEC_HEVC ? MESSAGE_CODEC_HEVC : MESSAGE_CODEC_H264;
    told->track_count = name_tracks(config, sound, told->tracks);
    told->sound_ring_bytes = MESSAGE_SOUND_RING_BYTES;
    for (uint32_t i = 0; i < path_count; i++)
        stream.fds[stream.fd_count++] = ring_reader_fd(paths[i].ring);
    if (told->track_count > 0)
        stream.fds[stream.fd_count++] = ring_reader_fd(sound->ring);
    return stream;
}

int outlet_tell(struct outlet *outlet, const struct config *config, const struct outlet_stream *stream,
                const struct sound_part *sound)
{
    struct message message;

    message_init(&message, MESSAGE_EGRESS_START);
    message.body.egress_start.stream = stream->told;
    message.body.egress_start.mux_rate_bps = config->mux.rate_bps;
    message.body.egress_start.grid_origin_ns = sound->grid_origin_ns;
    outlet->told = true;
    outlet->destination_count = config->destination_count;
    int error = worker_send(&outlet->worker, &message, stream->fds, stream->fd_count);
    for (uint32_t i = 0; i < config->destination_count && error == CASTOR_OK; i++)
        error = send_destination(outlet, &config->destinations[i], i);
    if (error == CASTOR_OK && sound->ready.header.type == MESSAGE_SOUND_READY)
        error = worker_send(&outlet->worker, &sound->ready, NULL, 0);
    return error;
}

int outlet_relay(struct outlet *outlet, const struct message *message)
{
    if (!outlet->told || outlet->worker.channel_fd < 0 || outlet->worker.killed)
        return CASTOR_ERR_LOST;
    return channel_send(outlet->worker.channel_fd, message, NULL, 0);
}

struct message_emit outlet_emit_of(const struct switch_order *order, int64_t utc_offset_ns)
{
    return (struct message_emit){
        .sequence = order->sequence,
        .capture_ns = order->capture_ns,
        .utc_offset_ns = utc_offset_ns,
        .position = order->position,
        .size_bytes = order->size_bytes,
        .path = order->path,
        .epoch = order->epoch,
        .flags =
            (order->idr ? MESSAGE_EMIT_IDR : 0u) | (order->after_switch ? MESSAGE_EMIT_AFTER_SWITCH : 0u),
    };
}

int outlet_emit(struct outlet *outlet, const struct switch_order *order, int64_t utc_offset_ns,
                int64_t now_ns)
{
    struct message message;

    if (!outlet->worker.ready || outlet->pending_count == OUTLET_PENDING_MAX)
        return CASTOR_ERR_LOST;
    message_init(&message, MESSAGE_EMIT);
    message.body.emit = outlet_emit_of(order, utc_offset_ns);
    int error = worker_send(&outlet->worker, &message, NULL, 0);
    if (error != CASTOR_OK)
        return error;
    uint32_t at = (outlet->pending_head + outlet->pending_count++) % OUTLET_PENDING_MAX;
    outlet->pending[at] = (struct outlet_pending){
        .sequence = order->sequence,
        .capture_ns = order->capture_ns,
        .emitted_ns = now_ns,
        .position = order->position,
        .path = order->path,
        .size_bytes = order->size_bytes,
    };
    return CASTOR_OK;
}

bool outlet_take_lost(struct outlet *outlet, struct outlet_pending *out)
{
    if (outlet->pending_count == 0)
        return false;
    *out = outlet->pending[outlet->pending_head];
    outlet->pending_head = (outlet->pending_head + 1) % OUTLET_PENDING_MAX;
    outlet->pending_count--;
    return true;
}

int outlet_sent(struct outlet *outlet, const struct message_sent *sent, struct outlet_pending *out)
{
    if (outlet->pending_count == 0 || outlet->pending[outlet->pending_head].sequence != sent->sequence)
        return CASTOR_ERR_INVALID;
    outlet->bytes += sent->bytes;
    (void)outlet_take_lost(outlet, out);
    return CASTOR_OK;
}

bool outlet_is_watched(const struct outlet *outlet)
{
    return outlet->watched;
}

void outlet_count(struct outlet *outlet, uint32_t accepted)
{
    for (uint32_t i = 0; i < outlet->destination_count; i++) {
        struct outlet_destination *destination = &outlet->destination[i];
        if (accepted & (1u << i)) {
            outlet->watched = destination->connected_once = true;
            destination->sent++;
        }
    }
    outlet_lose(outlet, ~accepted, 1);
}

void outlet_lose(struct outlet *outlet, uint32_t destinations, uint32_t frames)
{
    for (uint32_t i = 0; i < outlet->destination_count; i++)
        if ((destinations & (1u << i)) && outlet->destination[i].connected_once)
            outlet->destination[i].lost += frames;
}

void outlet_take_stats(struct outlet *outlet, const struct message_destination_stats *stats)
{
    struct outlet_destination *destination = &outlet->destination[stats->index];
    uint64_t before = destination->stats.lost_unacknowledged;
    uint64_t news = stats->lost_unacknowledged > before ? stats->lost_unacknowledged - before : 0;

    // No more than it was given, whatever egress says.
    if (news > destination->sent - destination->returned)
        news = destination->sent - destination->returned;
    destination->returned += news;
    destination->lost += news;
    destination->stats = *stats;
}

void outlet_disconnected(struct outlet *outlet)
{
    for (uint32_t i = 0; i < outlet->destination_count; i++) {
        memset(&outlet->destination[i].state, 0, sizeof outlet->destination[i].state);
        memset(&outlet->destination[i].stats, 0, sizeof outlet->destination[i].stats);
    }
}

uint64_t outlet_ring_tail(const struct outlet *outlet, const struct path *path)
{
    for (uint32_t i = 0; i < outlet->pending_count; i++) {
        const struct outlet_pending *pending =
            &outlet->pending[(outlet->pending_head + i) % OUTLET_PENDING_MAX];
        if (pending->path == path->index)
            return pending->position;
    }
    return path->ring_head;
}

void outlet_forget(struct outlet *outlet)
{
    memset(outlet->destination, 0, sizeof outlet->destination);
    outlet->destination_count = 0;
    outlet->pts_offset_ms = 0;
}

bool outlet_is_stuck(const struct outlet *outlet, int64_t now_ns)
{
    return outlet->pending_count > 0 && !outlet->worker.killed &&
           now_ns - outlet->pending[outlet->pending_head].emitted_ns > STUCK_NS;
}
