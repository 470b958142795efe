// SPDX-License-Identifier: Apache-2.0
#include "egress/gap_book.h"

#include <string.h>

void gap_book_init(struct gap_book *book)
{
    memset(book, 0, sizeof *book);
}

static struct gap_unit *unit_at(struct gap_book *book, uint64_t number)
{
    return &book->unit[number % GAP_BOOK_UNITS_MAX];
}

// ---- ranges ----

static void join_last_two(struct gap_book *book)
{
    struct message_gap *into = &book->gap[book->gap_count - 2];
    const struct message_gap *from = into + 1;

    into->last = from->last;
    into->last_ns = from->last_ns;
    for (int cause = 0; cause < MESSAGE_GAP_CAUSES; cause++)
        into->frames[cause] += from->frames[cause];
    into->possible += from->possible;
    book->gap_count--;
}

static void begin_gap(struct gap_book *book, const struct gap_unit *unit)
{
    if (book->gap_count == GAP_BOOK_GAPS_MAX)
        join_last_two(book);
    book->gap[book->gap_count++] = (struct message_gap){
        .number = ++book->gap_number, .first = unit->sequence, .first_ns = unit->capture_ns};
    book->open = true;
    book->told_ns = 0;
}

static void settle_unit(struct gap_book *book, const struct gap_unit *unit)
{
    book->settled = unit->sequence;
    book->any_settled = book->settled_changed = true;
    if (!unit->lost) {
        book->changed = book->changed || book->open; // that it has ended is to be told
        book->open = false;
        return;
    }
    if (!book->open)
        begin_gap(book, unit);
    struct message_gap *gap = &book->gap[book->gap_count - 1];
    gap->last = unit->sequence;
    gap->last_ns = unit->capture_ns;
    gap->frames[unit->cause]++;
    gap->possible += unit->cause == MESSAGE_GAP_UNACKNOWLEDGED || unit->cause == MESSAGE_GAP_DOUBTFUL;
    book->changed = true;
}

// ---- access units ----

static void settle(struct gap_book *book)
{
    while (book->oldest < book->end && unit_at(book, book->oldest)->decided)
        settle_unit(book, unit_at(book, book->oldest++));
}

static uint64_t enter(struct gap_book *book, const struct gap_unit *unit)
{
    if (book->end - book->oldest == GAP_BOOK_UNITS_MAX) {
        unit_at(book, book->oldest)->decided = true;
        settle(book);
    }
    *unit_at(book, book->end) = *unit;
    book->end++;
    settle(book);
    return book->end - 1;
}

void gap_book_lose(struct gap_book *book, uint64_t sequence, int64_t capture_ns, uint32_t cause)
{
    (void)enter(book, &(struct gap_unit){.sequence = sequence,
                                         .capture_ns = capture_ns,
                                         .decided = true,
                                         .lost = true,
                                         .cause = (uint8_t)cause});
}

uint64_t gap_book_send(struct gap_book *book, uint64_t sequence, int64_t capture_ns, uint32_t receivers)
{
    return enter(book,
                 &(struct gap_unit){.sequence = sequence, .capture_ns = capture_ns, .holders = receivers});
}

bool gap_book_decide(struct gap_book *book, uint64_t number, enum ledger_fate fate)
{
    struct gap_unit *unit = unit_at(book, number);

    if (number < book->oldest || number >= book->end || unit->decided)
        return false;
    unit->doubtful = unit->doubtful || fate == LEDGER_DOUBTFUL;
    unit->holders--;
    if (fate != LEDGER_ARRIVED && unit->holders > 0)
        return false;
    unit->decided = true;
    unit->lost = fate != LEDGER_ARRIVED;
    unit->cause = unit->doubtful ? MESSAGE_GAP_DOUBTFUL : MESSAGE_GAP_UNACKNOWLEDGED;
    bool unacknowledged = unit->lost && !unit->doubtful;
    settle(book);
    return unacknowledged;
}

// ---- telling ----

bool gap_book_next(const struct gap_book *book, int64_t now_ns, struct message_gap *out)
{
    bool only_growth = book->gap_count == 1 && book->open && book->told_ns != 0;

    if (book->gap_count == 0 || (book->gap_count == 1 && !book->changed) ||
        (only_growth && now_ns - book->told_ns < GAP_BOOK_GROWTH_NS))
        return false;
    *out = book->gap[0];
    out->flags = book->gap_count == 1 && book->open ? MESSAGE_GAP_OPEN : 0;
    return true;
}

void gap_book_told(struct gap_book *book, int64_t now_ns)
{
    bool stays = book->gap_count == 1 && book->open;

    if (book->gap_count == 1)
        book->changed = false;
    if (stays) {
        book->told_ns = now_ns;
        return;
    }
    book->gap_count--;
    memmove(&book->gap[0], &book->gap[1], book->gap_count * sizeof book->gap[0]);
}

bool gap_book_next_arrived(const struct gap_book *book, int64_t now_ns, struct message_arrived *out)
{
    struct message_gap gap;

    // While a gap grows what is settled is in it; both are told together.
    if (!book->settled_changed || book->changed || gap_book_next(book, now_ns, &gap))
        return false;
    *out = (struct message_arrived){.sequence = book->settled};
    return true;
}

void gap_book_told_arrived(struct gap_book *book)
{
    book->settled_changed = false;
}
