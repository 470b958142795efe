// SPDX-License-Identifier: Apache-2.0
// What the slate shows, made ready: its picture in memory and the font of its text. Loading takes time
// (files, scaling); drawing with it does not.
#ifndef SLATE_LOOK_H
#define SLATE_LOOK_H

#include "draw/image.h"
#include "draw/text.h"
#include "hal/error.h"
#include "hal/frame.h"
#include "ipc/message_slate.h"

struct look {
    struct message_slate_look wanted;
    struct castor_frame picture; // planes in `memory`; what is shown where there is no last picture
    uint8_t *memory;
    struct font *font; // NULL = no text
    char note[252];    // what could not be had, why, and what is shown instead; ""
};

// Loads. What is broken or missing is replaced and noted: a still by bars, a text by none. Owner: the caller,
// until look_destroy(). Blocks: for the disk, decoding and scaling, so never where frames wait. Errors:
// NO_MEMORY.
CASTOR_MUST_USE int look_load(const struct message_slate_look *wanted, const struct castor_format *format,
                              struct look **out);

void look_destroy(struct look *look); // accepts NULL

// The text at so many nanoseconds after the loss, for blending onto frames of that pixel format. Errors: as
// text_render(). Allocates.
CASTOR_MUST_USE int look_text(const struct look *look, uint32_t pixel, int64_t lost_ns, struct image **out);

// Where the text goes: its upper left corner.
void look_text_place(const struct look *look, const struct castor_format *format, const struct image *text,
                     int32_t *x_px, int32_t *y_px);

#endif
