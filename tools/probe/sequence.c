// SPDX-License-Identifier: Apache-2.0
#include "probe/sequence.h"

#include <string.h>

// A jump this large is no loss: at 60 fps it would be two years. The sender counts from elsewhere.
#define ABSURD_JUMP (UINT64_C(1) << 32)

static bool was_seen(const struct sequence_track *t, uint64_t number)
{
    return (t->seen[number / 64 % (SEQUENCE_WINDOW / 64)] >> (number % 64)) & 1U;
}

static void set_seen(struct sequence_track *t, uint64_t number, bool seen)
{
    uint64_t *word = &t->seen[number / 64 % (SEQUENCE_WINDOW / 64)];
    uint64_t bit = UINT64_C(1) << (number % 64);
    *word = seen ? *word | bit : *word & ~bit;
}

static void begin(struct sequence_track *t, uint64_t number)
{
    memset(t->seen, 0, sizeof t->seen);
    t->known = true;
    t->first = number;
    t->highest = number;
    set_seen(t, number, true);
}

static void note_gap(struct sequence_track *t, struct sequence_gap gap)
{
    t->lost += gap.count;
    if (gap.reconnect)
        t->lost_reconnect += gap.count;
    if (t->gaps_total < SEQUENCE_GAPS)
        t->gaps[t->gaps_total] = gap;
    t->gaps_total++;
}

static enum sequence_verdict advance(struct sequence_track *t, struct sequence_input input, bool reconnect)
{
    uint64_t missing = input.number - t->highest - 1;
    if (missing >= SEQUENCE_WINDOW) {
        memset(t->seen, 0, sizeof t->seen);
    } else {
        for (uint64_t n = t->highest + 1; n < input.number; n++)
            set_seen(t, n, false);
    }
    if (missing > 0)
        note_gap(t, (struct sequence_gap){t->highest + 1, missing, input.utc_ns, reconnect});
    t->highest = input.number;
    set_seen(t, input.number, true);
    return missing > 0 ? SEQUENCE_GAP : SEQUENCE_NEXT;
}

// A number not above the highest: an old frame again, a frame that overtook, or a sender that starts anew.
static enum sequence_verdict look_back(struct sequence_track *t, struct sequence_input input, bool reconnect)
{
    bool captured_later = input.capture_us > 0 && input.capture_us > t->highest_capture_us;
    if (t->highest - input.number >= SEQUENCE_WINDOW || (reconnect && captured_later)) {
        t->restarts++;
        begin(t, input.number);
        return SEQUENCE_RESTART;
    }
    if (was_seen(t, input.number)) {
        t->repeated++;
        return SEQUENCE_REPEATED;
    }
    // What came before the first number was never counted as lost.
    if (input.number > t->first && t->lost > 0)
        t->lost--;
    set_seen(t, input.number, true);
    t->out_of_order++;
    return SEQUENCE_OUT_OF_ORDER;
}

enum sequence_verdict sequence_feed(struct sequence_track *t, struct sequence_input input)
{
    enum sequence_verdict verdict = SEQUENCE_NEXT;
    bool reconnect = t->reconnected;
    t->reconnected = false;
    t->received++;
    if (!t->known) {
        begin(t, input.number);
    } else if (input.number > t->highest && input.number - t->highest >= ABSURD_JUMP) {
        t->restarts++;
        begin(t, input.number);
        verdict = SEQUENCE_RESTART;
    } else if (input.number > t->highest) {
        verdict = advance(t, input, reconnect);
    } else {
        verdict = look_back(t, input, reconnect);
    }
    if (input.number == t->highest && verdict != SEQUENCE_REPEATED)
        t->highest_capture_us = input.capture_us;
    return verdict;
}

void sequence_reconnected(struct sequence_track *t)
{
    t->reconnected = t->known;
}
