// SPDX-License-Identifier: Apache-2.0
#include "pool/slot_book.h"

#include <assert.h>
#include <string.h>

void slot_book_init(struct slot_book *book, const struct pool *pool, uint32_t first, uint32_t end,
                    const uint64_t *sequence)
{
    assert(first < end && end <= pool_slot_count(pool));
    memset(book, 0, sizeof *book);
    book->pool = pool;
    book->first = first;
    book->end = end;
    memcpy(book->sequence, sequence, end * sizeof sequence[0]);
}

// Slots that hold nothing come last: their memory has not been used yet.
static bool older(const struct slot_book *book, uint32_t a, uint32_t b)
{
    return book->sequence[b] != POOL_SLOT_FREE &&
           (book->sequence[a] == POOL_SLOT_FREE || book->sequence[a] < book->sequence[b]);
}

// The one that was freed last: its memory is still in the processor's cache, for us and for the encoders. The
// whole pool in turn is far larger than that, and reading a picture that has left it costs an encoder about a
// tenth of its time. Nobody reads a released slot, so that no rest is needed.
bool slot_book_take(struct slot_book *book, uint32_t *slot)
{
    bool found = false;

    for (uint32_t i = book->first; i < book->end; i++) {
        if (book->lent[i] || !pool_is_free(book->pool, i, book->sequence[i]))
            continue;
        if (!found || older(book, *slot, i))
            *slot = i;
        found = true;
    }
    if (found)
        book->lent[*slot] = true;
    return found;
}

void slot_book_put(struct slot_book *book, uint32_t slot, uint64_t sequence)
{
    assert(slot < book->end && book->lent[slot]);
    book->lent[slot] = false;
    book->sequence[slot] = sequence;
}
