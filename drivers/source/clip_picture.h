// SPDX-License-Identifier: Apache-2.0
// Decoded pictures into pool slots: converted, scaled with black bars where the shapes differ, by libyuv.
#ifndef SOURCE_CLIP_PICTURE_H
#define SOURCE_CLIP_PICTURE_H

#include <libavutil/frame.h>

#include "hal/source.h"

struct clip_picture;

// For slots of `format` Errors: NO_MEMORY.
CASTOR_MUST_USE int clip_picture_create(const struct castor_format *format, struct clip_picture **out);

// Draws `picture` into `slot`; the copies made are added to *copies. Allocates only when the picture's size
// is another than before. Errors: UNSUPPORTED pixel format with *why, NO_MEMORY.
CASTOR_MUST_USE int clip_picture_draw(struct clip_picture *self, const AVFrame *picture,
                                      const struct castor_frame *slot, uint32_t *copies,
                                      struct source_text *why);

// Accepts NULL.
void clip_picture_destroy(struct clip_picture *self);

#endif
