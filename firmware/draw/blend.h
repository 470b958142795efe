// SPDX-License-Identifier: Apache-2.0
// Lays an image over a frame.
#ifndef DRAW_BLEND_H
#define DRAW_BLEND_H

#include "draw/image.h"

// What: blends `image` onto the planes of `frame`, whose shape is `format`, with its upper left corner at
// (x_px, y_px), each rounded down to an even number, so that chroma lies where it was weighed; what lies
// outside the picture is cut off. `format->pixel` is the image's (asserted). Allocates nothing, waits for
// nothing; time by the image's part that is not transparent.
void blend_image(const struct image *image, const struct castor_format *format,
                 const struct castor_frame *frame, int32_t x_px, int32_t y_px);

#endif
