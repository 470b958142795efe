// SPDX-License-Identifier: Apache-2.0
#include "ipc/message.h"

#include <assert.h>
#include <string.h>

typedef const char *(*body_check)(const struct message *message);

static int text_is_terminated(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

#define TEXT(field)                                                                                          \
    do {                                                                                                     \
        if (!text_is_terminated(field, sizeof(field)))                                                       \
            return "a text is not terminated";                                                               \
    } while (0)
#define RANGE(value, low, high, reason)                                                                      \
    do {                                                                                                     \
        if ((value) < (low) || (value) > (high))                                                             \
            return reason;                                                                                   \
    } while (0)

#define MOST(value, high, reason)                                                                            \
    do {                                                                                                     \
        if ((value) > (high))                                                                                \
            return reason;                                                                                   \
    } while (0)

// A format of which any part may be 0 ("the source's own").
static const char *check_wanted_format(const struct castor_format *format)
{
    if (format->width_px > 3840 || format->height_px > 2160 || format->pixel > CASTOR_PIXEL_P010 ||
        format->rate.num > 240000 || format->rate.den > 100000)
        return "picture format out of range";
    return NULL;
}

static const char *check_format(const struct castor_format *format)
{
    struct castor_frame_layout layout;
    const char *why = check_wanted_format(format);

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

static const char *check_capture_start(const struct message *m)
{
    const struct message_capture_start *b = &m->body.capture_start;
    TEXT(b->driver);
    TEXT(b->path);
    TEXT(b->options);
    RANGE(b->anchor_ns, 0, INT64_MAX, "negative anchor time");
    return check_wanted_format(&b->format);
}

static const char *check_capture_ready(const struct message *m)
{
    return check_format(&m->body.capture_ready.format);
}

static const char *check_capture_pool(const struct message *m)
{
    const struct message_capture_pool *b = &m->body.capture_pool;
    RANGE(b->slot_count, 4, MESSAGE_SLOTS_MAX, "slot count out of range");
    if (b->dmabuf_count != 0 && b->dmabuf_count != b->slot_count)
        return "DMA-BUFs for some slots only";
    return check_format(&b->format);
}

static const char *check_frame(const struct message *m)
{
    const struct message_frame *b = &m->body.frame;
    MOST(b->slot, MESSAGE_SLOTS_MAX - 1, "slot out of range");
    RANGE(b->capture_ns, 1, INT64_MAX, "capture time out of range");
    MOST(b->sequence, UINT64_MAX - 2, "sequence out of range");
    return NULL;
}

static const char *check_capture_stats(const struct message *m)
{
    MOST(m->body.capture_stats.signal, MESSAGE_SIGNAL_NONE, "unknown signal state");
    TEXT(m->body.capture_stats.reason);
    return NULL;
}

static const char *check_encode_start(const struct message *m)
{
    const struct message_encode_start *b = &m->body.encode_start;
    TEXT(b->driver);
    TEXT(b->device);
    TEXT(b->preset);
    TEXT(b->script);
    MOST(b->path, MESSAGE_PATHS_MAX - 1, "path out of range");
    if (b->ring_tail > b->ring_position || b->ring_position - b->ring_tail > b->ring_bytes)
        return "ring position out of range";
    RANGE(b->slot_count, 4, MESSAGE_SLOTS_MAX, "slot count out of range");
    if (b->dmabuf_count != 0 && b->dmabuf_count != b->slot_count)
        return "DMA-BUFs for some slots only";
    RANGE(b->ring_bytes, 1u << 16, MESSAGE_RING_MAX_BYTES, "ring size out of range");
    MOST(b->codec, MESSAGE_CODECS - 1, "unknown codec");
    MOST(b->gop_frames, MESSAGE_GOP_FRAMES_MAX, "GOP length out of range");
    return check_format(&b->format);
}

static const char *check_encode_ready(const struct message *m)
{
    TEXT(m->body.encode_ready.driver);
    TEXT(m->body.encode_ready.description);
    RANGE(m->body.encode_ready.max_in_flight, 1, MESSAGE_SLOTS_MAX, "frames in flight out of range");
    return NULL;
}

static const char *check_encode(const struct message *m)
{
    MOST(m->body.encode.slot, MESSAGE_SLOTS_MAX - 1, "slot out of range");
    RANGE(m->body.encode.capture_ns, 1, INT64_MAX, "capture time out of range");
    return NULL;
}

static const char *check_set_bitrate(const struct message *m)
{
    RANGE(m->body.set_bitrate.bitrate_bps, 1, UINT32_MAX, "bitrate out of range");
    return NULL;
}

static const char *check_fault(const struct message *m)
{
    RANGE(m->body.fault.kind, MESSAGE_FAULT_DROP, MESSAGE_FAULT_BAD_MESSAGE, "unknown fault");
    RANGE(m->body.fault.count, 1, 1000, "fault count out of range");
    return NULL;
}

static const char *check_coded(const struct message *m)
{
    const struct message_coded *b = &m->body.coded;
    MOST(b->size_bytes, MESSAGE_ACCESS_UNIT_MAX_BYTES, "access unit too large");
    MOST(b->position, UINT64_MAX - MESSAGE_RING_MAX_BYTES, "ring position out of range");
    MOST(b->cpu_copies, MESSAGE_CPU_COPIES_MAX, "copies out of range");
    return NULL;
}

static const char *check_dropped(const struct message *m)
{
    RANGE(m->body.dropped.cause, MESSAGE_DROP_SUPERSEDED, MESSAGE_DROP_CAUSES - 1, "unknown cause");
    return NULL;
}

static const char *check_egress_start(const struct message *m)
{
    const struct message_egress_start *b = &m->body.egress_start;
    TEXT(b->service_name);
    RANGE(b->path_count, 1, MESSAGE_PATHS_MAX, "path count out of range");
    RANGE(b->ring_bytes, 1u << 16, MESSAGE_RING_MAX_BYTES, "ring size out of range");
    MOST(b->pts_offset_ms, 10000, "PTS offset out of range");
    RANGE(b->pcr_interval_ms, 1, 100, "PCR interval out of range");
    MOST(b->codec, MESSAGE_CODECS - 1, "unknown codec");
    return check_format(&b->format);
}

static const char *check_destination(const struct message *m)
{
    const struct message_destination *b = &m->body.destination;
    TEXT(b->name);
    TEXT(b->url);
    TEXT(b->passphrase);
    TEXT(b->stream_id);
    MOST(b->index, MESSAGE_DESTINATIONS_MAX - 1, "destination out of range");
    return NULL;
}

static const char *check_emit(const struct message *m)
{
    const struct message_emit *b = &m->body.emit;
    MOST(b->path, MESSAGE_PATHS_MAX - 1, "path out of range");
    RANGE(b->size_bytes, 1, MESSAGE_ACCESS_UNIT_MAX_BYTES, "access unit size out of range");
    RANGE(b->capture_ns, 1, INT64_MAX, "capture time out of range");
    return NULL;
}

static const char *check_sent(const struct message *m)
{
    MOST(m->body.sent.accepted, (1u << MESSAGE_DESTINATIONS_MAX) - 1, "unknown destination");
    return NULL;
}

static const char *check_destination_state(const struct message *m)
{
    const struct message_destination_state *b = &m->body.destination_state;
    TEXT(b->text);
    MOST(b->index, MESSAGE_DESTINATIONS_MAX - 1, "destination out of range");
    RANGE(b->status, MESSAGE_DESTINATION_CONNECTING, MESSAGE_DESTINATION_STATUSES - 1, "unknown status");
    MOST(b->reason, MESSAGE_REASONS - 1, "unknown reason");
    return NULL;
}

static const char *check_destination_stats(const struct message *m)
{
    MOST(m->body.destination_stats.index, MESSAGE_DESTINATIONS_MAX - 1, "destination out of range");
    return NULL;
}

static const char *check_need_idr(const struct message *m)
{
    MOST(m->body.need_idr.destination, MESSAGE_DESTINATIONS_MAX - 1, "destination out of range");
    return NULL;
}

#define BODY(member) sizeof(((struct message *)0)->body.member)
#define SUPERVISOR MESSAGE_FROM_SUPERVISOR
#define CAPTURE MESSAGE_FROM_CAPTURE
#define ENCODE MESSAGE_FROM_ENCODE
#define EGRESS MESSAGE_FROM_EGRESS

static const struct message_kind {
    const char *name;
    size_t body_bytes;
    unsigned senders;
    body_check check;
} kinds[] = {
    [MESSAGE_STOP] = {"STOP", 0, SUPERVISOR, NULL},
    [MESSAGE_FAILED] = {"FAILED", BODY(failed), CAPTURE | ENCODE | EGRESS, check_failed},
    [MESSAGE_CAPTURE_START] = {"CAPTURE_START", BODY(capture_start), SUPERVISOR, check_capture_start},
    [MESSAGE_CAPTURE_POOL] = {"CAPTURE_POOL", BODY(capture_pool), SUPERVISOR, check_capture_pool},
    [MESSAGE_CAPTURE_READY] = {"CAPTURE_READY", BODY(capture_ready), CAPTURE, check_capture_ready},
    [MESSAGE_FRAME] = {"FRAME", BODY(frame), CAPTURE, check_frame},
    [MESSAGE_CAPTURE_STATS] = {"CAPTURE_STATS", BODY(capture_stats), CAPTURE, check_capture_stats},
    [MESSAGE_ENCODE_START] = {"ENCODE_START", BODY(encode_start), SUPERVISOR, check_encode_start},
    [MESSAGE_ENCODE] = {"ENCODE", BODY(encode), SUPERVISOR, check_encode},
    [MESSAGE_SET_BITRATE] = {"SET_BITRATE", BODY(set_bitrate), SUPERVISOR, check_set_bitrate},
    [MESSAGE_FAULT] = {"FAULT", BODY(fault), SUPERVISOR, check_fault},
    [MESSAGE_ENCODE_READY] = {"ENCODE_READY", BODY(encode_ready), ENCODE, check_encode_ready},
    [MESSAGE_CODED] = {"CODED", BODY(coded), ENCODE, check_coded},
    [MESSAGE_DROPPED] = {"DROPPED", BODY(dropped), ENCODE, check_dropped},
    [MESSAGE_EGRESS_START] = {"EGRESS_START", BODY(egress_start), SUPERVISOR, check_egress_start},
    [MESSAGE_DESTINATION] = {"DESTINATION", BODY(destination), SUPERVISOR, check_destination},
    [MESSAGE_EMIT] = {"EMIT", BODY(emit), SUPERVISOR, check_emit},
    [MESSAGE_EGRESS_READY] = {"EGRESS_READY", 0, EGRESS, NULL},
    [MESSAGE_SENT] = {"SENT", BODY(sent), EGRESS, check_sent},
    [MESSAGE_DESTINATION_STATE] = {"DESTINATION_STATE", BODY(destination_state), EGRESS,
                                   check_destination_state},
    [MESSAGE_DESTINATION_STATS] = {"DESTINATION_STATS", BODY(destination_stats), EGRESS,
                                   check_destination_stats},
    [MESSAGE_NEED_IDR] = {"NEED_IDR", BODY(need_idr), EGRESS, check_need_idr},
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
