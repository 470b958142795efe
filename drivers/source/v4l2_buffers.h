// SPDX-License-Identifier: Apache-2.0
// The buffers that a capture device fills, mapped read-only.
#ifndef SOURCE_V4L2_BUFFERS_H
#define SOURCE_V4L2_BUFFERS_H

#include "v4l2_layout.h"

#define V4L2_BUFFERS_MAX 8

struct v4l2_mapping {
    uint8_t *memory[3];
    size_t bytes[3];
};

struct v4l2_buffers {
    const struct v4l2_device *device;
    uint32_t memory_planes;
    uint32_t count; // 0 = none
    bool streaming;
    struct v4l2_mapping mapping[V4L2_BUFFERS_MAX];
};

// A picture as the device gives it out.
struct v4l2_taken {
    uint32_t index;
    uint32_t sequence;
    bool broken;      // the device says so, or what it says makes no sense
    int64_t stamp_ns; // on the house clock; 0 = the device gives none
    const uint8_t *memory[3];
    size_t bytes[3];
};

// What: four buffers, all queued, and the stream started. `device` must outlive *out. Owner:
// v4l2_buffers_stop(). Errors: BUSY, NO_MEMORY, IO a device that lies, or none of its business; a failed
// start leaves nothing behind.
CASTOR_MUST_USE int v4l2_buffers_start(const struct v4l2_device *device, const struct v4l2_layout *layout,
                                       struct v4l2_buffers *out, struct source_text *why);

// The next filled buffer; the caller gives it back. Never blocks. Returns 0 or errno: EAGAIN there is none.
CASTOR_MUST_USE int v4l2_buffers_take(struct v4l2_buffers *buffers, struct v4l2_taken *out);

// Gives a buffer back to be filled anew. Returns 0 or errno.
CASTOR_MUST_USE int v4l2_buffers_give(struct v4l2_buffers *buffers, uint32_t index);

// Stops and unmaps; does nothing to what was never started.
void v4l2_buffers_stop(struct v4l2_buffers *buffers);

#endif
