// SPDX-License-Identifier: Apache-2.0
// Finds the clicks in a sound: something short that is much louder than what was there before and what comes
// after. A steady tone below the clicks does no harm; a tone that begins is no click. Where a tone is known
// to be, a click that follows silence has lost its beginning and is none: its onset is where the sound came
// back. Reads no clock, allocates nothing.
#ifndef AV_CLICK_H
#define AV_CLICK_H

#include <stdbool.h>
#include <stdint.h>

#define CLICK_BLOCK_SAMPLES 480 // at most: 5 ms at 96 kHz
#define CLICK_BLOCKS 64         // what is remembered

struct click_block {
    float level[CLICK_BLOCK_SAMPLES];
    int64_t at_ns[CLICK_BLOCK_SAMPLES];
    float peak;
};

struct click_finder {
    uint32_t rate_hz, block_samples, filled;
    float tone_least;    // below it, where a click begins, is silence; 0: silence is nothing special
    uint64_t blocks;     // whole ones so far; block n is in place n % CLICK_BLOCKS
    uint64_t deaf_until; // block
    int64_t next_ns;
    struct click_block block[CLICK_BLOCKS];
};

// rate_hz: 8000 to 96000. tone_peak: of the tone that is there all the time; 0: there may be none.
void click_init(struct click_finder *finder, uint32_t rate_hz, float tone_peak);

// Takes one sample: `level` is its magnitude (1 is full scale), `at_ns` when it is to be heard. A time that
// is not the next one by more than a millisecond starts the search anew. Returns true when a click has been
// found, and then the time of its first sample in *onset_ns; it is found 150 ms after it was heard.
bool click_feed(struct click_finder *finder, float level, int64_t at_ns, int64_t *onset_ns);

#endif
