// SPDX-License-Identifier: Apache-2.0
#include "ipc/message_checks.h"

const char *message_check_capture_start(const struct message *m)
{
    const struct message_capture_start *b = &m->body.capture_start;
    TEXT(b->driver);
    TEXT(b->path);
    TEXT(b->options);
    RANGE(b->anchor_ns, 0, INT64_MAX, "negative anchor time");
    return message_wanted_format(&b->format);
}

const char *message_check_capture_ready(const struct message *m)
{
    return message_format(&m->body.capture_ready.format);
}

const char *message_check_capture_pool(const struct message *m)
{
    const struct message_capture_pool *b = &m->body.capture_pool;
    RANGE(b->slot_count, 4, MESSAGE_SLOTS_MAX, "slot count out of range");
    if (b->dmabuf_count != 0 && b->dmabuf_count != b->slot_count)
        return "DMA-BUFs for some slots only";
    if (b->first_slot >= b->end_slot || b->end_slot > b->slot_count)
        return "no slots to fill";
    return message_format(&b->format);
}

const char *message_check_frame(const struct message *m)
{
    const struct message_frame *b = &m->body.frame;
    MOST(b->slot, MESSAGE_SLOTS_MAX - 1, "slot out of range");
    RANGE(b->capture_ns, 1, INT64_MAX, "capture time out of range");
    MOST(b->sequence, UINT64_MAX - 2, "sequence out of range");
    return NULL;
}

const char *message_check_capture_stats(const struct message *m)
{
    MOST(m->body.capture_stats.signal, MESSAGE_SIGNAL_NONE, "unknown signal state");
    TEXT(m->body.capture_stats.reason);
    return NULL;
}

const char *message_origin(const struct message_capture_origin *origin, int known)
{
    RANGE(origin->capture_ns, known ? 1 : 0, INT64_MAX / 2, "capture time out of range");
    RANGE(origin->media_ns, -INT64_MAX / 4, INT64_MAX / 4, "media time out of range");
    MOST(origin->sequence, UINT64_MAX - 2, "sequence out of range");
    return NULL;
}

const char *message_check_capture_origin(const struct message *m)
{
    return message_origin(&m->body.capture_origin, 1);
}
