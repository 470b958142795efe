// SPDX-License-Identifier: Apache-2.0
// The feed's book: frames taken in and not given yet, orders that the slate owes, and who owns which slot.
// For feed.c alone.
#ifndef SUPERVISOR_FEED_QUEUE_H
#define SUPERVISOR_FEED_QUEUE_H

#include "supervisor/feed.h"

void feed_order(struct feed_state *state, const struct feed_order *order);

// Slots of the slate that it may be told to fill.
uint32_t feed_slots_free(const struct feed_state *state);

// Takes in a frame at the end of the queue.
void feed_take_in(struct feed_state *state, const struct feed_entry *entry);

// Orders the slate to draw a frame, for which a slot must be free, and takes it in.
void feed_draw(struct feed_state *state, int64_t now_ns, uint64_t sequence, int64_t capture_ns);

// Gives everything that is complete up to the first frame that is not.
void feed_flush(struct feed_state *state);

// Repeats that can be given now; none before there was a picture.
uint32_t feed_repeats_free(const struct feed_state *state);

// Takes in and gives a frame that shows what was given last. Nothing may wait before it.
void feed_repeat(struct feed_state *state, uint64_t sequence, int64_t capture_ns);

// What the slate owes is waited for no longer: repeats take its place.
void feed_bridge(struct feed_state *state);

// The switch needs the frame no more that was given as `slot`.
void feed_let_go(struct feed_state *state, uint32_t slot);

// The slate has drawn into `slot` what it owed first.
void feed_drawn(struct feed_state *state, uint32_t slot);

// The programme has no more need of the frame in `slot`.
void feed_free(struct feed_state *state, uint32_t slot);

#endif
