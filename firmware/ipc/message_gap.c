// SPDX-License-Identifier: Apache-2.0
#include "ipc/message_checks.h"

static const char *range(uint64_t first, uint64_t last, int64_t first_ns, int64_t last_ns,
                         const uint32_t *frames, uint32_t possible)
{
    uint64_t sum = message_gap_frames(frames);

    RANGE(last, first, UINT64_MAX - 1, "a gap that ends before it begins");
    RANGE(first_ns, 1, last_ns, "capture times of a gap out of order");
    RANGE(sum, 1, last - first + 1, "a gap of more frames than it spans");
    MOST(possible, sum, "a gap of more frames than it spans");
    return NULL;
}

const char *message_check_gap(const struct message *m)
{
    const struct message_gap *b = &m->body.gap;

    MOST(b->destination, MESSAGE_DESTINATIONS_MAX - 1, "destination out of range");
    MOST(b->flags, MESSAGE_GAP_OPEN, "unknown flags of a gap");
    RANGE(b->number, 1, UINT64_MAX, "a gap without a number");
    return range(b->first, b->last, b->first_ns, b->last_ns, b->frames, b->possible);
}

const char *message_check_arrived(const struct message *m)
{
    MOST(m->body.arrived.destination, MESSAGE_DESTINATIONS_MAX - 1, "destination out of range");
    return NULL;
}

const char *message_check_gap_note(const struct message *m)
{
    const struct message_gap_note *b = &m->body.gap_note;

    TEXT(b->destination);
    MOST(b->flags, MESSAGE_GAP_OPEN, "unknown flags of a gap");
    RANGE(b->number, 1, UINT64_MAX, "a gap without a number");
    RANGE(b->pts_offset_ns, 0, INT64_C(10000000000), "PTS offset out of range");
    return range(b->first, b->last, b->first_ns, b->last_ns, b->frames, b->possible);
}
