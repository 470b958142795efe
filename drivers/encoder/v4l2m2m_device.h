// SPDX-License-Identifier: Apache-2.0
// V4L2 device nodes that are stateful encoders of H.264 or HEVC: finding, opening and asking them.
// Source: Linux userspace API, "Memory-to-Memory Stateful Video Encoder Interface" (dev-encoder.rst), 6.1.
#ifndef DRIVERS_ENCODER_V4L2M2M_DEVICE_H
#define DRIVERS_ENCODER_V4L2M2M_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/encoder.h"

// Raw formats that a device may take, in the order of preference for a picture of the same kind.
enum v4l2m2m_raw {
    V4L2M2M_RAW_I420 = 0,  // YU12, one plane in memory
    V4L2M2M_RAW_I420M = 1, // YM12, three planes in memory
    V4L2M2M_RAW_NV12 = 2,  // NV12, one plane in memory
    V4L2M2M_RAW_NV12M = 3, // NM12, two planes in memory
    V4L2M2M_RAW_P010 = 4,  // P010, one plane in memory
    V4L2M2M_RAW_COUNT = 5,
};

struct v4l2m2m_device {
    int fd;
    bool mplane; // the multi-planar API is used
    // Of 1u << enum v4l2m2m_raw, what it takes for each codec; 0: it has not that codec.
    uint32_t raw_mask[ENCODER_CODEC_END];
    char path[128];
    char driver[17];
    char card[33];
    char bus[33];
};

// The V4L2 pixel format and the planes in memory of a raw format.
uint32_t v4l2m2m_raw_fourcc(enum v4l2m2m_raw raw);
uint32_t v4l2m2m_raw_planes(enum v4l2m2m_raw raw);

// The V4L2 pixel format of a codec.
uint32_t v4l2m2m_coded_fourcc(enum encoder_codec codec);

// The type of the queue of coded or of raw buffers, enum v4l2_buf_type.
uint32_t v4l2m2m_device_buffer_type(const struct v4l2m2m_device *device, bool coded);

// ioctl(2), repeated when a signal came between. 0 or a negative errno.
int v4l2m2m_ioctl(int fd, unsigned long request, void *argument);

// The error for a negative errno of a call on an open device: EIO and a vanished device are LOST.
int v4l2m2m_error(int negative_errno);

// Opens `path` ("" = the first encoder found) without blocking mode. Blocks: opening device nodes only.
// Errors: NOT_FOUND, DENIED, BUSY, UNSUPPORTED (no V4L2 device, no encoder), IO; *why says which.
CASTOR_MUST_USE int v4l2m2m_device_open(const char *path, struct v4l2m2m_device *out,
                                        struct encoder_text *why);
void v4l2m2m_device_close(struct v4l2m2m_device *device);

// As struct encoder_driver's devices().
CASTOR_MUST_USE int v4l2m2m_device_list(struct encoder_device *list, uint32_t capacity, uint32_t *count);

// Sizes that the device names for any of its codecs; 320x180 to 3840x2160 where it names none.
void v4l2m2m_device_sizes(const struct v4l2m2m_device *device, struct encoder_caps *caps);

#endif
