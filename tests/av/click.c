// SPDX-License-Identifier: Apache-2.0
#include "click.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

// In blocks of 5 ms.
#define BEFORE_FIRST 10 // the loudness before a click is taken from here
#define BEFORE_LAST 2   // to here: what a codec smears forward is not in it
#define SILENCE_FIRST 6 // an access unit of AAC, and what it needs of the one before
#define RISE 3          // a click reaches its peak within so many
#define AFTER_FIRST 20  // by then a click is over
#define AFTER_LAST 30

#define QUIETEST 0.05f // of full scale: below it nothing is a click
#define LOUDER 3.0f
#define BLOCKS_A_SECOND 200

void click_init(struct click_finder *finder, uint32_t rate_hz, float tone_peak)
{
    assert(rate_hz / BLOCKS_A_SECOND > 0 && rate_hz / BLOCKS_A_SECOND <= CLICK_BLOCK_SAMPLES);
    memset(finder, 0, sizeof *finder);
    finder->rate_hz = rate_hz;
    finder->block_samples = rate_hz / BLOCKS_A_SECOND;
    finder->tone_least = tone_peak / 2;
}

static struct click_block *block_at(struct click_finder *finder, uint64_t number)
{
    return &finder->block[number % CLICK_BLOCKS];
}

static float loudest(struct click_finder *finder, uint64_t first, uint64_t end)
{
    float peak = 0;

    for (uint64_t number = first; number < end; number++)
        if (block_at(finder, number)->peak > peak)
            peak = block_at(finder, number)->peak;
    return peak;
}

// Whether there was no tone right before a click. The block before may hold the click's own beginning,
// smeared.
static bool follows_silence(struct click_finder *finder, uint64_t at)
{
    for (uint64_t number = at - SILENCE_FIRST; number <= at - BEFORE_LAST; number++)
        if (block_at(finder, number)->peak < finder->tone_least)
            return true;
    return false;
}

// The first sample from half the peak on: a codec's echo before the click is far below that.
static int64_t onset(struct click_finder *finder, uint64_t first, uint64_t end, float least)
{
    for (uint64_t number = first; number < end; number++) {
        const struct click_block *block = block_at(finder, number);
        for (uint32_t i = 0; i < finder->block_samples; i++)
            if (block->level[i] >= least)
                return block->at_ns[i];
    }
    assert(!"the peak is one of them");
    return 0;
}

// Looks at the block that AFTER_LAST others have followed.
static bool look(struct click_finder *finder, int64_t *onset_ns)
{
    uint64_t at;
    float peak;

    if (finder->blocks < BEFORE_FIRST + AFTER_LAST + 1)
        return false;
    at = finder->blocks - 1 - AFTER_LAST;
    if (at < finder->deaf_until || block_at(finder, at)->peak < QUIETEST ||
        block_at(finder, at)->peak < LOUDER * loudest(finder, at - BEFORE_FIRST, at - BEFORE_LAST + 1))
        return false;
    peak = loudest(finder, at, at + RISE);
    if (loudest(finder, at + AFTER_FIRST, at + AFTER_LAST) > peak / 2)
        return false;
    finder->deaf_until = at + AFTER_FIRST;
    if (follows_silence(finder, at))
        return false;
    *onset_ns = onset(finder, at - 1, at + RISE, peak / 2);
    return true;
}

bool click_feed(struct click_finder *finder, float level, int64_t at_ns, int64_t *onset_ns)
{
    struct click_block *block;

    if ((finder->blocks || finder->filled) && llabs(at_ns - finder->next_ns) > 1000000)
        click_init(finder, finder->rate_hz, 2 * finder->tone_least);
    finder->next_ns = at_ns + 1000000000 / finder->rate_hz;
    block = block_at(finder, finder->blocks);
    if (finder->filled == 0)
        block->peak = 0;
    block->level[finder->filled] = level;
    block->at_ns[finder->filled] = at_ns;
    if (level > block->peak)
        block->peak = level;
    if (++finder->filled < finder->block_samples)
        return false;
    finder->filled = 0;
    finder->blocks++;
    return look(finder, onset_ns);
}
