// SPDX-License-Identifier: Apache-2.0
// One item of an overlay, prepared: all that is slow is done, drawing it is blending.
#ifndef DRAW_LAYER_H
#define DRAW_LAYER_H

#include "draw/bitmap.h"
#include "draw/moment.h"
#include "hal/frame.h"
#include "ipc/message.h"

struct layer;

// What: prepares order->item for frames of `format`. Owner: *out is the caller's until layer_destroy(); NULL
// for an item that is off. Blocks: for files and drawing, so never in a thread that frames wait for. Errors:
// NOT_FOUND, DENIED, IO, INVALID, NO_MEMORY; *why says what, why and what to do.
CASTOR_MUST_USE int layer_create(const struct message_overlay *order, const struct castor_format *format,
                                 struct layer **out, struct draw_reason *why);

// Draws it onto a frame of that format. Allocates nothing, waits for nothing.
void layer_draw(const struct layer *layer, const struct castor_format *format,
                const struct castor_frame *frame, const struct moment *moment);

void layer_destroy(struct layer *layer); // accepts NULL

#endif
