// SPDX-License-Identifier: Apache-2.0
// The book of who fills a range of the pool's slots (capture, the slate): which are lent to be filled, and
// which frame every other one holds.
#ifndef POOL_SLOT_BOOK_H
#define POOL_SLOT_BOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "pool/pool.h"

struct slot_book {
    const struct pool *pool;
    uint32_t first, end;               // the range
    uint64_t sequence[POOL_SLOTS_MAX]; // what the slot holds, POOL_SLOT_FREE for nothing
    bool lent[POOL_SLOTS_MAX];
};

// Starts with slots `first` to `end` (asserted: some, and in the pool) from what they held when this process
// started; `sequence` has an entry for each slot of the pool.
void slot_book_init(struct slot_book *book, const struct pool *pool, uint32_t first, uint32_t end,
                    const uint64_t *sequence);

// A slot that may be filled, marked lent. False when there is none now.
bool slot_book_take(struct slot_book *book, uint32_t *slot);

// The slot came back with frame `sequence` in it, or POOL_SLOT_FREE when nobody heard of it.
void slot_book_put(struct slot_book *book, uint32_t slot, uint64_t sequence);

#endif
