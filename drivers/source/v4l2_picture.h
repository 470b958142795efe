// SPDX-License-Identifier: Apache-2.0
// From a capture device's buffer into a pool slot: pixel format, range and, where it must be, size.
#ifndef SOURCE_V4L2_PICTURE_H
#define SOURCE_V4L2_PICTURE_H

#include "v4l2_layout.h"

struct v4l2_picture;

// What: prepares for pictures of `layout` to be written as `format`, which may differ in size; the aspect is
// kept, with black beside it. Everything that is needed is allocated here. Errors: NO_MEMORY; UNSUPPORTED for
// P010 to or from anything else or of another size.
CASTOR_MUST_USE int v4l2_picture_create(const struct v4l2_layout *layout, const struct castor_format *format,
                                        struct v4l2_picture **out, struct source_text *why);

// Whether a picture is written as it comes: nothing is converted, scaled or recoloured.
bool v4l2_picture_is_plain(const struct v4l2_picture *picture);

// Accepts NULL.
void v4l2_picture_destroy(struct v4l2_picture *picture);

// What: writes one picture into `slot`. `memory` and `bytes`: what the device filled, by memory plane. The
// copies made are added to *copies; a JPEG decoded straight into the slot is none. Blocks: for the work.
// Errors: INVALID the picture is cut off or broken; the slot may be half written.
CASTOR_MUST_USE int v4l2_picture_write(struct v4l2_picture *picture, const uint8_t *const memory[3],
                                       const size_t bytes[3], const struct castor_frame *slot,
                                       uint64_t *copies);

#endif
