// SPDX-License-Identifier: Apache-2.0
// Draws the frames of the slate. The last live picture is copied once for each loss; a frame is a copy of
// what is shown, and the text on it, which is made anew when its second changes.
#ifndef SLATE_CANVAS_H
#define SLATE_CANVAS_H

#include <stdbool.h>

#include "slate/look.h"

struct canvas {
    struct castor_format format;
    struct castor_frame_layout layout;
    struct castor_frame last; // planes in `memory`: the last live picture
    uint8_t *memory;
    bool has_last;
    int64_t loss_ns; // names the loss that `last` and `text` belong to; 0 = none yet
    struct image *text;
    int64_t text_second; // after the loss; -1 = there is none
};

// CASTOR_ERR_INVALID for a format that cannot be, NO_MEMORY.
CASTOR_MUST_USE int canvas_init(struct canvas *canvas, const struct castor_format *format);
void canvas_finish(struct canvas *canvas);

// Another look: the text is made anew.
void canvas_look_changed(struct canvas *canvas);

// Draws what `draw` orders into `frame`; true when that is the last live picture. `last` is the last live picture, NULL where there is none. Blocks:
// for one or two copies of a picture, once a second also for making a text (a few milliseconds in all).
bool canvas_draw(struct canvas *canvas, const struct look *look, const struct message_slate_draw *draw,
                 const struct castor_frame *last, const struct castor_frame *frame);

#endif
