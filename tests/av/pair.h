// SPDX-License-Identifier: Apache-2.0
// Joins flashes and clicks: a click belongs to the flash that is nearest, less than half a second away. Tells
// one flash after the other as soon as no better click can come. Reads no clock, allocates nothing.
#ifndef AV_PAIR_H
#define AV_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#define PAIR_WAITING 64
#define PAIR_NO_TIME INT64_MIN

// One second of the stream. One at its ends, of which a part is not in the stream, is not told: it cannot
// lack anything. A second with neither is told when the next flash shows it.
struct pair_second {
    int64_t flash_ns, click_ns; // PAIR_NO_TIME: there was none
};

struct pair_list {
    int64_t at_ns[PAIR_WAITING];
    uint32_t count;
    int64_t from_ns, until_ns; // everything between has been seen
};

struct pair {
    struct pair_list flash, click;
};

void pair_init(struct pair *pair);

// Times must rise in each list, but for a stream that starts anew. Too many that nothing belongs to push out
// the oldest.
void pair_add(struct pair_list *list, int64_t at_ns);

// The stream has been seen up to here; the first time: from here on.
void pair_advance(struct pair_list *list, int64_t until_ns);

// The next second that is decided; false: none yet. ended: both streams have come to their end.
bool pair_next(struct pair *pair, bool ended, struct pair_second *out);

#endif
