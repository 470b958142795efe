// SPDX-License-Identifier: Apache-2.0
#include "ipc/message_checks.h"

#include <assert.h>
#include <string.h>

const char *message_wanted_format(const struct castor_format *format)
{
    if (format->width_px > 3840 || format->height_px > 2160 || format->pixel > CASTOR_PIXEL_P010 ||
        format->rate.num > 240000 || format->rate.den > 100000)
        return "picture format out of range";
    return NULL;
}

const char *message_format(const struct castor_format *format)
{
    struct castor_frame_layout layout;
    const char *why = message_wanted_format(format);

    if (why)
        return why;
    if (castor_frame_layout_compute(format, 64, &layout) != CASTOR_OK)
        return "picture format out of range";
    if (format->rate.num == 0 || format->rate.den == 0 || format->rate.num / format->rate.den > 240)
        return "frame rate out of range";
    return NULL;
}

static const char *check_failed(const struct message *m)
{
    TEXT(m->body.failed.text);
    RANGE(m->body.failed.error, CASTOR_ERR_INTERNAL, CASTOR_ERR_AGAIN, "unknown error number");
    return NULL;
}

#define BODY(member) sizeof(((struct message *)0)->body.member)
#define SUPERVISOR MESSAGE_FROM_SUPERVISOR
#define CAPTURE MESSAGE_FROM_CAPTURE
#define ENCODE MESSAGE_FROM_ENCODE
#define EGRESS MESSAGE_FROM_EGRESS
#define SOUND MESSAGE_FROM_SOUND
#define RECORD MESSAGE_FROM_RECORD
#define SLATE MESSAGE_FROM_SLATE

static const struct message_kind {
    const char *name;
    size_t body_bytes;
    unsigned senders;
    const char *(*check)(const struct message *message);
} kinds[] = {
    [MESSAGE_STOP] = {"STOP", 0, SUPERVISOR, NULL},
    [MESSAGE_FAILED] = {"FAILED", BODY(failed), CAPTURE | ENCODE | EGRESS | SOUND | RECORD | SLATE,
                        check_failed},
    [MESSAGE_CAPTURE_START] = {"CAPTURE_START", BODY(capture_start), SUPERVISOR, message_check_capture_start},
    [MESSAGE_CAPTURE_POOL] = {"CAPTURE_POOL", BODY(capture_pool), SUPERVISOR, message_check_capture_pool},
    [MESSAGE_CAPTURE_READY] = {"CAPTURE_READY", BODY(capture_ready), CAPTURE, message_check_capture_ready},
    [MESSAGE_FRAME] = {"FRAME", BODY(frame), CAPTURE | SLATE, message_check_frame},
    [MESSAGE_CAPTURE_STATS] = {"CAPTURE_STATS", BODY(capture_stats), CAPTURE, message_check_capture_stats},
    [MESSAGE_CAPTURE_ORIGIN] = {"CAPTURE_ORIGIN", BODY(capture_origin), CAPTURE | SUPERVISOR,
                                message_check_capture_origin},
    [MESSAGE_ENCODE_START] = {"ENCODE_START", BODY(encode_start), SUPERVISOR, message_check_encode_start},
    [MESSAGE_ENCODE] = {"ENCODE", BODY(encode), SUPERVISOR, message_check_encode},
    [MESSAGE_SET_BITRATE] = {"SET_BITRATE", BODY(set_bitrate), SUPERVISOR, message_check_set_bitrate},
    [MESSAGE_FAULT] = {"FAULT", BODY(fault), SUPERVISOR, message_check_fault},
    [MESSAGE_ENCODE_READY] = {"ENCODE_READY", BODY(encode_ready), ENCODE, message_check_encode_ready},
    [MESSAGE_CODED] = {"CODED", BODY(coded), ENCODE, message_check_coded},
    [MESSAGE_DROPPED] = {"DROPPED", BODY(dropped), ENCODE, message_check_dropped},
    [MESSAGE_EGRESS_START] = {"EGRESS_START", BODY(egress_start), SUPERVISOR, message_check_egress_start},
    [MESSAGE_DESTINATION] = {"DESTINATION", BODY(destination), SUPERVISOR, message_check_destination},
    [MESSAGE_EMIT] = {"EMIT", BODY(emit), SUPERVISOR, message_check_emit},
    [MESSAGE_EGRESS_READY] = {"EGRESS_READY", 0, EGRESS, NULL},
    [MESSAGE_SENT] = {"SENT", BODY(sent), EGRESS, message_check_sent},
    [MESSAGE_DESTINATION_STATE] = {"DESTINATION_STATE", BODY(destination_state), EGRESS,
                                   message_check_destination_state},
    [MESSAGE_DESTINATION_STATS] = {"DESTINATION_STATS", BODY(destination_stats), EGRESS,
                                   message_check_destination_stats},
    [MESSAGE_NEED_IDR] = {"NEED_IDR", BODY(need_idr), EGRESS, message_check_need_idr},
    [MESSAGE_EGRESS_SOUND] = {"EGRESS_SOUND", BODY(egress_sound), EGRESS, message_check_egress_sound},
    [MESSAGE_SOUND_START] = {"SOUND_START", BODY(sound_start), SUPERVISOR, message_check_sound_start},
    [MESSAGE_SOUND_SET_MIX] = {"SOUND_SET_MIX", BODY(sound_set_mix), SUPERVISOR, message_check_sound_set_mix},
    [MESSAGE_SOUND_READY] = {"SOUND_READY", BODY(sound_ready), SOUND | SUPERVISOR, message_check_sound_ready},
    [MESSAGE_SOUND_UNIT] = {"SOUND_UNIT", BODY(sound_unit), SOUND | SUPERVISOR, message_check_sound_unit},
    [MESSAGE_OVERLAY] = {"OVERLAY", BODY(overlay), SUPERVISOR, message_check_overlay},
    [MESSAGE_OVERLAY_STATE] = {"OVERLAY_STATE", BODY(overlay_state), CAPTURE, message_check_overlay_state},
    [MESSAGE_SOUND_STATS] = {"SOUND_STATS", BODY(sound_stats), SOUND, message_check_sound_stats},
    [MESSAGE_SLATE_START] = {"SLATE_START", BODY(slate_start), SUPERVISOR, message_check_slate_start},
    [MESSAGE_SLATE_LOOK] = {"SLATE_LOOK", BODY(slate_look), SUPERVISOR, message_check_slate_look},
    [MESSAGE_SLATE_DRAW] = {"SLATE_DRAW", BODY(slate_draw), SUPERVISOR, message_check_slate_draw},
    [MESSAGE_SLATE_READY] = {"SLATE_READY", BODY(slate_ready), SLATE, message_check_slate_ready},
    [MESSAGE_SLATE_STATS] = {"SLATE_STATS", BODY(slate_stats), SLATE, NULL},
    [MESSAGE_GAP] = {"GAP", BODY(gap), EGRESS, message_check_gap},
    [MESSAGE_ARRIVED] = {"ARRIVED", BODY(arrived), EGRESS, message_check_arrived},
    [MESSAGE_GAP_NOTE] = {"GAP_NOTE", BODY(gap_note), SUPERVISOR, message_check_gap_note},
    [MESSAGE_RECORD_START] = {"RECORD_START", BODY(record_start), SUPERVISOR, message_check_record_start},
    [MESSAGE_RECORD_CONFIG] = {"RECORD_CONFIG", BODY(record_config), SUPERVISOR, message_check_record_config},
    [MESSAGE_RECORD_ORDER] = {"RECORD_ORDER", BODY(record_order), SUPERVISOR, message_check_record_order},
    [MESSAGE_RECORD_UNIT] = {"RECORD_UNIT", BODY(record_unit), SUPERVISOR, message_check_record_unit},
    [MESSAGE_RECORD_READY] = {"RECORD_READY", 0, RECORD, NULL},
    [MESSAGE_RECORD_TAKEN] = {"RECORD_TAKEN", BODY(record_taken), RECORD, NULL},
    [MESSAGE_RECORD_STATE] = {"RECORD_STATE", BODY(record_state), RECORD, message_check_record_state},
};
#define KIND_COUNT (sizeof kinds / sizeof kinds[0])

// The body starts at its own alignment behind the header.
#define BODY_OFFSET offsetof(struct message, body)

static const struct message_kind *kind_find(unsigned type)
{
    return type < KIND_COUNT && kinds[type].name ? &kinds[type] : NULL;
}

void message_init(struct message *message, enum message_type type)
{
    const struct message_kind *kind = kind_find(type);

    assert(kind);
    memset(message, 0, BODY_OFFSET + kind->body_bytes);
    message->header.magic = MESSAGE_MAGIC;
    message->header.version = MESSAGE_VERSION;
    message->header.type = (uint16_t)type;
    message->header.size = (uint16_t)(BODY_OFFSET + kind->body_bytes);
}

static const char *message_fault(const struct message *message, size_t size_bytes, enum message_sender sender)
{
    const struct message_kind *kind;

    if (size_bytes < BODY_OFFSET)
        return "shorter than a header";
    if (message->header.magic != MESSAGE_MAGIC)
        return "not a message of this house";
    if (message->header.version != MESSAGE_VERSION)
        return "another version of the protocol";
    kind = kind_find(message->header.type);
    if (!kind)
        return "unknown type";
    if (!(kind->senders & sender))
        return "this sender may not say that";
    if (size_bytes != BODY_OFFSET + kind->body_bytes || message->header.size != size_bytes)
        return "wrong size";
    return kind->check ? kind->check(message) : NULL;
}

int message_check(const struct message *message, size_t size_bytes, enum message_sender sender,
                  const char **why)
{
    const char *reason = message_fault(message, size_bytes, sender);

    if (!reason)
        return CASTOR_OK;
    if (why)
        *why = reason;
    return CASTOR_ERR_INVALID;
}

const char *message_name(unsigned type)
{
    const struct message_kind *kind = kind_find(type);
    return kind ? kind->name : "unknown";
}
