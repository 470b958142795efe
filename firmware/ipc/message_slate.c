// SPDX-License-Identifier: Apache-2.0
#include "ipc/message_checks.h"

static const char *check_look(const struct message_slate_look *b)
{
    TEXT(b->file);
    TEXT(b->font);
    TEXT(b->text);
    MOST(b->picture, MESSAGE_SLATE_PICTURES - 1, "unknown picture");
    MOST(b->place, MESSAGE_SLATE_PLACES - 1, "unknown place");
    return NULL;
}

const char *message_check_slate_start(const struct message *m)
{
    const struct message_slate_start *b = &m->body.slate_start;
    const char *why = message_format(&b->format);

    RANGE(b->slot_count, 4, MESSAGE_SLOTS_MAX, "slot count out of range");
    if (b->dmabuf_count != 0 && b->dmabuf_count != b->slot_count)
        return "DMA-BUFs for some slots only";
    if (b->first_slot >= b->end_slot || b->end_slot > b->slot_count)
        return "no slots to fill";
    return why ? why : check_look(&b->look);
}

const char *message_check_slate_look(const struct message *m)
{
    return check_look(&m->body.slate_look);
}

const char *message_check_slate_draw(const struct message *m)
{
    const struct message_slate_draw *b = &m->body.slate_draw;

    MOST(b->sequence, UINT64_MAX - 2, "sequence out of range");
    RANGE(b->capture_ns, 1, INT64_MAX, "capture time out of range");
    RANGE(b->lost_since_ns, 1, b->capture_ns, "lost after the frame");
    if (b->last_slot != MESSAGE_NO_SLOT)
        MOST(b->last_slot, MESSAGE_SLOTS_MAX - 1, "slot out of range");
    return NULL;
}

const char *message_check_slate_ready(const struct message *m)
{
    TEXT(m->body.slate_ready.note);
    return NULL;
}
