// SPDX-License-Identifier: Apache-2.0
// What is drawn over every picture before it is encoded: up to MESSAGE_OVERLAY_ITEMS_MAX items, in their
// order, the later over the earlier. Items are prepared in a thread of their own and change hands between two
// frames, so that no file, font or large picture delays a frame.
//
// Threads: all calls on one overlay come from one thread, the one that has the frames.
#ifndef DRAW_OVERLAY_H
#define DRAW_OVERLAY_H

#include <stdbool.h>

#include "hal/frame.h"
#include "ipc/message.h"

struct overlay;

// What: an overlay without items, for frames of `format`. Owner: the caller. Blocks: for starting a thread
// and reading the time zone. Errors: NO_MEMORY.
CASTOR_MUST_USE int overlay_create(const struct castor_format *format, struct overlay **out);

// What: orders an item (message_check() has passed it). Until it is prepared, and where it cannot be, what
// stood in its place goes on; several orders for one place in a row may count as the last of them. OFF is in
// force at once. *order is copied. Never blocks. Errors: NO_MEMORY.
CASTOR_MUST_USE int overlay_set(struct overlay *overlay, const struct message_overlay *order);

// What: waits until everything ordered is prepared or has failed, but not beyond `until_ns` on the house
// clock. For starting, when there is no frame yet that could be late. False: the time is over.
bool overlay_wait(struct overlay *overlay, int64_t until_ns);

// What: takes over what has been prepared since the last frame, once before each. False: there is nothing to
// draw, and the picture need not be touched. Never blocks, allocates nothing.
bool overlay_prepare(struct overlay *overlay);

// What: draws all items onto a frame, which has its sequence and capture time; clocks tell the latter. Never
// blocks, allocates nothing.
void overlay_draw(struct overlay *overlay, const struct castor_frame *frame);

// What: what became of an order, once each. False: nothing new.
bool overlay_report(struct overlay *overlay, struct message_overlay_state *out);

// Ends it. Accepts NULL. Blocks: up to a second for a file that is being read; if the disk takes longer, what
// the thread has is left to it.
void overlay_destroy(struct overlay *overlay);

#endif
