// SPDX-License-Identifier: Apache-2.0
// Whatever arrives on a channel, message_check() neither reads beyond it nor lets through what would index or
// bound something out of range.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int holds)
{
    if (!holds)
        abort();
}

static void check_accepted(const struct message *m)
{
    switch (m->header.type) {
    case MESSAGE_FRAME:
        demand(m->body.frame.slot < MESSAGE_SLOTS_MAX);
        break;
    case MESSAGE_CAPTURE_POOL:
        demand(m->body.capture_pool.end_slot <= m->body.capture_pool.slot_count &&
               m->body.capture_pool.slot_count <= MESSAGE_SLOTS_MAX);
        break;
    case MESSAGE_SLATE_START:
        demand(m->body.slate_start.end_slot <= m->body.slate_start.slot_count &&
               m->body.slate_start.first_slot < m->body.slate_start.end_slot &&
               m->body.slate_start.slot_count <= MESSAGE_SLOTS_MAX &&
               m->body.slate_start.look.picture < MESSAGE_SLATE_PICTURES &&
               m->body.slate_start.look.place < MESSAGE_SLATE_PLACES);
        break;
    case MESSAGE_SLATE_DRAW:
        demand(m->body.slate_draw.last_slot == MESSAGE_NO_SLOT ||
               m->body.slate_draw.last_slot < MESSAGE_SLOTS_MAX);
        break;
    case MESSAGE_ENCODE:
        demand(m->body.encode.slot < MESSAGE_SLOTS_MAX);
        break;
    case MESSAGE_CODED:
        demand(m->body.coded.size_bytes <= MESSAGE_ACCESS_UNIT_MAX_BYTES);
        break;
    case MESSAGE_ENCODE_START:
        demand(m->body.encode_start.codec < MESSAGE_CODECS &&
               m->body.encode_start.gop_frames <= MESSAGE_GOP_FRAMES_MAX);
        break;
    case MESSAGE_EGRESS_START:
        demand(m->body.egress_start.stream.codec < MESSAGE_CODECS &&
               m->body.egress_start.stream.path_count <= MESSAGE_PATHS_MAX);
        break;
    case MESSAGE_EMIT:
        demand(m->body.emit.path < MESSAGE_PATHS_MAX &&
               m->body.emit.size_bytes <= MESSAGE_ACCESS_UNIT_MAX_BYTES);
        break;
    case MESSAGE_SOUND_START:
        demand(m->body.sound_start.track_count <= MESSAGE_SOUND_TRACKS_MAX &&
               m->body.sound_start.channels <= MESSAGE_SOUND_INPUTS_MAX &&
               m->body.sound_start.tracks[0].channels <= MESSAGE_SOUND_OUTPUTS_MAX);
        break;
    case MESSAGE_SOUND_READY:
        demand(m->body.sound_ready.track_count <= MESSAGE_SOUND_TRACKS_MAX &&
               m->body.sound_ready.tracks[0].silence_bytes <= MESSAGE_SOUND_SILENCE_MAX_BYTES &&
               m->body.sound_ready.tracks[0].config_bytes <= MESSAGE_SOUND_CONFIG_MAX_BYTES);
        break;
    case MESSAGE_SOUND_UNIT:
        demand(m->body.sound_unit.track < MESSAGE_SOUND_TRACKS_MAX &&
               m->body.sound_unit.size_bytes <= MESSAGE_SOUND_UNIT_MAX_BYTES);
        break;
    case MESSAGE_OVERLAY:
        demand(m->body.overlay.index < MESSAGE_OVERLAY_ITEMS_MAX &&
               m->body.overlay.item.kind < MESSAGE_OVERLAY_KINDS &&
               m->body.overlay.item.opacity_percent <= 100 &&
               message_overlay_colour(m->body.overlay.item.colour));
        break;
    case MESSAGE_OVERLAY_STATE:
        demand(m->body.overlay_state.index < MESSAGE_OVERLAY_ITEMS_MAX &&
               memchr(m->body.overlay_state.reason, 0, sizeof m->body.overlay_state.reason) != NULL);
        break;
    case MESSAGE_SOUND_STATS:
        demand(m->body.sound_stats.track_count <= MESSAGE_SOUND_TRACKS_MAX);
        break;
    case MESSAGE_RECORD_UNIT:
        demand(m->body.record_unit.emit.path < MESSAGE_PATHS_MAX &&
               m->body.record_unit.emit.size_bytes <= MESSAGE_ACCESS_UNIT_MAX_BYTES);
        break;
    case MESSAGE_RECORD_CONFIG:
        demand(memchr(m->body.record_config.folder, 0, sizeof m->body.record_config.folder) != NULL &&
               m->body.record_config.mode < MESSAGE_RECORD_MODES);
        break;
    case MESSAGE_RECORD_STATE:
        demand(memchr(m->body.record_state.text, 0, sizeof m->body.record_state.text) != NULL);
        break;
    case MESSAGE_DESTINATION:
        demand(memchr(m->body.destination.url, 0, sizeof m->body.destination.url) != NULL);
        break;
    case MESSAGE_GAP:
        demand(m->body.gap.destination < MESSAGE_DESTINATIONS_MAX && m->body.gap.last >= m->body.gap.first &&
               message_gap_frames(m->body.gap.frames) <= m->body.gap.last - m->body.gap.first + 1);
        break;
    case MESSAGE_ARRIVED:
        demand(m->body.arrived.destination < MESSAGE_DESTINATIONS_MAX);
        break;
    case MESSAGE_FAILED:
        demand(memchr(m->body.failed.text, 0, sizeof m->body.failed.text) != NULL);
        break;
    default:
        break;
    }
}

// A message of an existing type and the right size, its body filled from `data`.
static size_t shape(struct message *message, unsigned type, const uint8_t *data, size_t size)
{
    if (strcmp(message_name(type), "unknown") == 0)
        type = MESSAGE_FRAME;
    message_init(message, (enum message_type)type);
    size_t body_bytes = message->header.size - offsetof(struct message, body);
    memcpy(&message->body, data, size < body_bytes ? size : body_bytes);
    return message->header.size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct message message;
    const char *why = NULL;

    if (size < 2 || size > sizeof message)
        return 0;
    enum message_sender sender = (enum message_sender)(1u << (data[0] >> 3 & 7));
    size_t received = size - 2;
    if (data[0] & 4) {
        received = shape(&message, data[1], data + 2, size - 2);
    } else {
        memset(&message, 0xa5, sizeof message);
        memcpy(&message, data + 2, size - 2);
    }
    if (message_check(&message, received, sender, &why) == CASTOR_OK)
        check_accepted(&message);
    else
        demand(why != NULL);
    return 0;
}
