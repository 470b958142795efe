// SPDX-License-Identifier: Apache-2.0
// A raw picture as it passes from source drivers to encoder drivers.
#ifndef HAL_FRAME_H
#define HAL_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/time.h"

#define CASTOR_PLANES_MAX 3

enum castor_pixel_format {
    CASTOR_PIXEL_NONE = 0,
    CASTOR_PIXEL_I420 = 1, // 8-bit 4:2:0, three planes Y, U, V
    CASTOR_PIXEL_NV12 = 2, // 8-bit 4:2:0, two planes Y, interleaved UV
    CASTOR_PIXEL_P010 = 3, // 10-bit 4:2:0 in the high bits of 16, two planes
    CASTOR_PIXEL_END       // one past the last
};

// Its name in lower case, as configurations and reports write it ("p010"); NULL for what is none.
const char *castor_pixel_name(uint32_t pixel);

// A sample's bits, 8 or 10, and the bytes that it takes; 0 for what is no pixel format.
uint32_t castor_pixel_bits(uint32_t pixel);
uint32_t castor_pixel_bytes(uint32_t pixel);

// Shape of a picture; a stream has one for its whole life. BT.709 limited range unless a driver says
// otherwise.
struct castor_format {
    uint32_t width_px;  // even, 320..3840
    uint32_t height_px; // even, 180..2160
    uint32_t pixel;     // enum castor_pixel_format
    struct castor_rational rate;
};

// One picture. The planes belong to the frame pool (or the device); whoever is lent a frame reads it until it
// gives it back and never writes, except the source driver that was asked to fill it.
struct castor_frame {
    uint64_t sequence;  // name of the frame, given once, in capture
    int64_t capture_ns; // when the first line was seen, house clock
    uint32_t slot;      // index in the frame pool
    // DMA-BUF with the same pixels and nothing else, which begins with plane[0]; or -1. Owned by the pool.
    // Its size is what lseek(2) tells.
    int dmabuf_fd;
    // Somebody has drawn over what the source left in this slot the last time, which then cannot be built on.
    bool overdrawn;
    bool by_device; // the source's device has written these pixels itself, through dmabuf_fd
    uint8_t *plane[CASTOR_PLANES_MAX];
    uint32_t stride_bytes[CASTOR_PLANES_MAX];
};

// Layout of a picture in plain memory: planes one after the other, each row `stride_bytes` apart.
struct castor_frame_layout {
    uint32_t planes;
    uint32_t stride_bytes[CASTOR_PLANES_MAX];
    uint32_t rows[CASTOR_PLANES_MAX];
    size_t offset_bytes[CASTOR_PLANES_MAX];
    size_t size_bytes;
};

// Computes the layout with rows aligned to 64 bytes (or packed when `align_bytes` is 1).
// Returns CASTOR_ERR_INVALID for an odd or out-of-range size or an unknown pixel format.
int castor_frame_layout_compute(const struct castor_format *format, uint32_t align_bytes,
                                struct castor_frame_layout *out) __attribute__((warn_unused_result));

// Points the planes of `frame` into `memory`, which holds at least layout->size_bytes.
void castor_frame_map(const struct castor_frame_layout *layout, uint8_t *memory, struct castor_frame *frame);

#endif
