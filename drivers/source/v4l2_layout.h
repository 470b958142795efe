// SPDX-License-Identifier: Apache-2.0
// What a capture device delivers: pixel format, size, where each plane lies in its buffers; and finding the
// best of what it offers.
#ifndef SOURCE_V4L2_LAYOUT_H
#define SOURCE_V4L2_LAYOUT_H

#include "recolour.h"
#include "v4l2_device.h"

#define V4L2_PICTURE_PX_MAX 8192 // a side, as it comes from the device

// In the order of preference.
enum v4l2_kind {
    V4L2_KIND_NV12,
    V4L2_KIND_I420,
    V4L2_KIND_YUYV,
    V4L2_KIND_UYVY,
    V4L2_KIND_MJPEG,
    V4L2_KIND_RGB24,
    V4L2_KIND_P010,
};

struct v4l2_place {
    uint32_t memory; // index of the memory plane
    size_t offset_bytes;
    uint32_t stride_bytes;
};

struct v4l2_layout {
    enum v4l2_kind kind;
    uint32_t fourcc;
    uint32_t width_px, height_px; // even
    bool bt601;                   // as it is after libyuv's or the JPEG decoder's work, and so is
    enum recolour_range range;
    uint32_t memory_planes; // 1..3; above 1 only in the multi-planar API
    struct v4l2_place plane[3];
    size_t needed_bytes[3];      // that a picture takes of each memory plane; MJPEG: 1
    size_t image_bytes;          // that the device wants for the first of them (sizeimage)
    struct castor_rational rate; // num 0 = the device does not say
};

// The pixel format of the house that this is as it comes; CASTOR_PIXEL_NONE where it must be converted.
uint32_t v4l2_layout_pixel(enum v4l2_kind kind);

// What: sets the best format for what is wanted (0 and NONE = the device's own), reads back what the device
// made of it, and checks that against itself. Where nothing fits exactly, the size or the rate may differ.
// Blocks: for the device. Errors: UNSUPPORTED, BUSY, IO; *why says what and why.
CASTOR_MUST_USE int v4l2_layout_negotiate(const struct v4l2_device *device,
                                          const struct castor_format *wanted, struct v4l2_layout *out,
                                          struct source_text *why);

#endif
