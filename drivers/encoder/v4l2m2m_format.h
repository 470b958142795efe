// SPDX-License-Identifier: Apache-2.0
// Formats of a V4L2 encoder: agreeing on them, and copying pictures into the layout that the device wants.
#ifndef DRIVERS_ENCODER_V4L2M2M_FORMAT_H
#define DRIVERS_ENCODER_V4L2M2M_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/encoder.h"
#include "v4l2m2m_device.h"
#include "v4l2m2m_queue.h"

// Where the planes of a picture lie in the device's buffers.
struct v4l2m2m_layout {
    enum v4l2m2m_raw raw;
    bool semi_planar; // U and V in one interleaved plane
    uint32_t sample_bytes;
    uint32_t buffer_planes;                   // planes in memory
    size_t buffer_bytes[V4L2M2M_PLANES_MAX];  // sizeimage of each
    size_t payload_bytes[V4L2M2M_PLANES_MAX]; // what a picture fills of each
    uint32_t in_buffer[CASTOR_PLANES_MAX];    // plane of the picture -> plane in memory
    size_t offset_bytes[CASTOR_PLANES_MAX];   // there
    uint32_t stride_bytes[CASTOR_PLANES_MAX];
};

// Sets the coded format, the raw format, the frame rate and the visible size, in the order of the kernel's
// documentation (the coded format first, since it may reset the raw one), and reads all of it back. Yields
// the layout of raw pictures and the size of coded buffers. Errors: UNSUPPORTED (the size), IO (an answer
// that cannot be true), BUSY, LOST; *why says which.
CASTOR_MUST_USE int v4l2m2m_format_negotiate(const struct v4l2m2m_device *device, enum encoder_codec codec,
                                             const struct castor_format *format,
                                             struct v4l2m2m_layout *layout, size_t *coded_bytes,
                                             struct encoder_text *why);

// Copies a frame row by row into a buffer of that layout, changing between I420 and NV12 where needed.
void v4l2m2m_format_copy(const struct v4l2m2m_layout *layout, const struct castor_format *format,
                         const struct castor_frame *frame, const struct v4l2m2m_buffer *buffer);

#endif
