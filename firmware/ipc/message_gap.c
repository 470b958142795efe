// SPDX-License-Identifier: Apache-2.0
#include "ipc/message_checks.h"

const char *message_check_gap(const struct message *m)
{
    const struct message_gap *b = &m->body.gap;
    uint64_t frames = message_gap_frames(b->frames);

    MOST(b->destination, MESSAGE_DESTINATIONS_MAX - 1, "destination out of range");
    MOST(b->flags, MESSAGE_GAP_OPEN, "unknown flags of a gap");
    RANGE(b->number, 1, UINT64_MAX, "a gap without a number");
    RANGE(b->last, b->first, UINT64_MAX - 1, "a gap that ends before it begins");
    RANGE(b->first_ns, 1, b->last_ns, "capture times of a gap out of order");
    RANGE(frames, 1, b->last - b->first + 1, "a gap of more frames than it spans");
    MOST(b->possible, frames, "a gap of more frames than it spans");
    return NULL;
}

const char *message_check_arrived(const struct message *m)
{
    MOST(m->body.arrived.destination, MESSAGE_DESTINATIONS_MAX - 1, "destination out of range");
    return NULL;
}
