// SPDX-License-Identifier: Apache-2.0
#include "ipc/message_checks.h"

bool message_overlay_colour(const char *colour)
{
    return colour[0] == '#' && strlen(colour) == 7 && strspn(colour + 1, "0123456789abcdefABCDEF") == 6;
}

static const char *item_fault(const struct message_overlay_item *item)
{
    MOST(item->kind, MESSAGE_OVERLAY_KINDS - 1, "unknown kind of item");
    MOST(item->anchor, MESSAGE_OVERLAY_ANCHORS - 1, "unknown anchor");
    MOST(item->x_px, MESSAGE_OVERLAY_PLACE_MAX_PX, "place out of range");
    MOST(item->y_px, MESSAGE_OVERLAY_PLACE_MAX_PX, "place out of range");
    MOST(item->size_px, MESSAGE_OVERLAY_SIZE_MAX_PX, "size out of range");
    MOST(item->opacity_percent, 100, "opacity out of range");
    MOST(item->edge, MESSAGE_OVERLAY_EDGES - 1, "unknown edge");
    MOST(item->zone, MESSAGE_OVERLAY_ZONES - 1, "unknown time zone");
    MOST(item->level, MESSAGE_OVERLAY_LEVELS - 1, "unknown level of error correction");
    MOST(item->quiet, MESSAGE_OVERLAY_QUIET_MAX, "quiet zone out of range");
    TEXT(item->colour);
    TEXT(item->font);
    TEXT(item->text);
    TEXT(item->file);
    return message_overlay_colour(item->colour) ? NULL : "not a colour";
}

const char *message_check_overlay(const struct message *m)
{
    const struct message_overlay *b = &m->body.overlay;
    MOST(b->index, MESSAGE_OVERLAY_ITEMS_MAX - 1, "item out of range");
    TEXT(b->name);
    return item_fault(&b->item);
}

const char *message_check_overlay_state(const struct message *m)
{
    const struct message_overlay_state *b = &m->body.overlay_state;
    MOST(b->index, MESSAGE_OVERLAY_ITEMS_MAX - 1, "item out of range");
    MOST(b->status, MESSAGE_OVERLAY_STATUSES - 1, "unknown status of an item");
    TEXT(b->reason);
    return NULL;
}
