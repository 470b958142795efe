// SPDX-License-Identifier: Apache-2.0
// Motion JPEG pictures, decoded to planes by libjpeg-turbo.
#ifndef SOURCE_V4L2_JPEG_H
#define SOURCE_V4L2_JPEG_H

#include <stddef.h>
#include <stdint.h>

#include "hal/error.h"

struct v4l2_jpeg;

enum v4l2_jpeg_shape {
    V4L2_JPEG_420,
    V4L2_JPEG_422,
    V4L2_JPEG_444,
    V4L2_JPEG_GREY, // one plane
};

// Errors: NO_MEMORY. Owner: v4l2_jpeg_destroy(), which accepts NULL.
CASTOR_MUST_USE int v4l2_jpeg_create(struct v4l2_jpeg **out);
void v4l2_jpeg_destroy(struct v4l2_jpeg *jpeg);

// Reads the header; the picture must be of that size and whole. Errors: INVALID broken or another size,
// UNSUPPORTED a subsampling that is none of the shapes.
CASTOR_MUST_USE int v4l2_jpeg_look(struct v4l2_jpeg *jpeg, const uint8_t *data, size_t bytes, uint32_t width,
                                   uint32_t height, enum v4l2_jpeg_shape *out);

// Decodes the picture that was looked at. Widths and heights are even, so that no plane is padded.
// Errors: INVALID broken.
CASTOR_MUST_USE int v4l2_jpeg_decode(struct v4l2_jpeg *jpeg, const uint8_t *data, size_t bytes,
                                     uint8_t *const plane[3], const int stride[3]);

#endif
