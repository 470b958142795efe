// SPDX-License-Identifier: Apache-2.0
#include "ipc/message_checks.h"

const char *message_check_encode_start(const struct message *m)
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
    return message_format(&b->format);
}

const char *message_check_encode_ready(const struct message *m)
{
    TEXT(m->body.encode_ready.driver);
    TEXT(m->body.encode_ready.description);
    RANGE(m->body.encode_ready.max_in_flight, 1, MESSAGE_SLOTS_MAX, "frames in flight out of range");
    return NULL;
}

const char *message_check_encode(const struct message *m)
{
    MOST(m->body.encode.slot, MESSAGE_SLOTS_MAX - 1, "slot out of range");
    RANGE(m->body.encode.capture_ns, 1, INT64_MAX, "capture time out of range");
    return NULL;
}

const char *message_check_set_bitrate(const struct message *m)
{
    RANGE(m->body.set_bitrate.bitrate_bps, 1, UINT32_MAX, "bitrate out of range");
    return NULL;
}

const char *message_check_fault(const struct message *m)
{
    RANGE(m->body.fault.kind, MESSAGE_FAULT_DROP, MESSAGE_FAULT_BAD_MESSAGE, "unknown fault");
    RANGE(m->body.fault.count, 1, 1000, "fault count out of range");
    return NULL;
}

const char *message_check_coded(const struct message *m)
{
    const struct message_coded *b = &m->body.coded;
    MOST(b->size_bytes, MESSAGE_ACCESS_UNIT_MAX_BYTES, "access unit too large");
    MOST(b->position, UINT64_MAX - MESSAGE_RING_MAX_BYTES, "ring position out of range");
    MOST(b->cpu_copies, MESSAGE_CPU_COPIES_MAX, "copies out of range");
    return NULL;
}

const char *message_check_dropped(const struct message *m)
{
    RANGE(m->body.dropped.cause, MESSAGE_DROP_SUPERSEDED, MESSAGE_DROP_CAUSES - 1, "unknown cause");
    return NULL;
}
