// SPDX-License-Identifier: Apache-2.0
// Capture's book of the pool's slots: which are lent to the source, and which frame every other one holds.
#ifndef CAPTURE_SLOT_BOOK_H
#define CAPTURE_SLOT_BOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "pool/pool.h"

struct slot_book {
    const struct pool *pool;
    uint32_t count;
    uint64_t sequence[POOL_SLOTS_MAX]; // what the slot holds, POOL_SLOT_FREE for nothing
    bool lent[POOL_SLOTS_MAX];
};

// Starts from what the slots held when capture started; `sequence` has the pool's slot count of entries.
void slot_book_init(struct slot_book *book, const struct pool *pool, const uint64_t *sequence);

// A slot that may be filled, marked lent. False when there is none now.
bool slot_book_take(struct slot_book *book, uint32_t *slot);

// The slot came back from the source with frame `sequence` in it, or POOL_SLOT_FREE when nobody heard of it.
void slot_book_put(struct slot_book *book, uint32_t slot, uint64_t sequence);

#endif
