// SPDX-License-Identifier: Apache-2.0
// A queue of frames, first in first out, of a fixed size: what a driver was lent, or has finished.
#ifndef SOURCE_SLOTS_H
#define SOURCE_SLOTS_H

#include <assert.h>

#include "hal/source.h"

struct slots {
    struct castor_frame frame[SOURCE_QUEUE_MAX];
    uint32_t first;
    uint32_t count;
};

static inline bool slots_is_full(const struct slots *slots)
{
    return slots->count == SOURCE_QUEUE_MAX;
}

static inline void slots_push(struct slots *slots, const struct castor_frame *frame)
{
    assert(!slots_is_full(slots));
    slots->frame[(slots->first + slots->count++) % SOURCE_QUEUE_MAX] = *frame;
}

// The oldest; NULL when empty.
static inline const struct castor_frame *slots_peek(const struct slots *slots)
{
    return slots->count ? &slots->frame[slots->first] : NULL;
}

static inline struct castor_frame slots_pop(struct slots *slots)
{
    struct castor_frame frame = slots->frame[slots->first];

    assert(slots->count > 0);
    slots->first = (slots->first + 1) % SOURCE_QUEUE_MAX;
    slots->count--;
    return frame;
}

#endif
