// SPDX-License-Identifier: Apache-2.0
// The buffers that a capture device fills: its own, mapped read-only; or slots of the pool, which it imports
// as DMA-BUFs and writes itself.
#ifndef SOURCE_V4L2_BUFFERS_H
#define SOURCE_V4L2_BUFFERS_H

#include "v4l2_layout.h"

#define V4L2_BUFFERS_MAX VIDEO_MAX_FRAME

struct v4l2_mapping {
    uint8_t *memory[3];
    size_t bytes[3];
    // An imported slot stays with its buffer, so that the device need not map it anew each time.
    struct castor_frame slot;
    bool known; // `slot` is one
    bool lent;
    uint64_t used_at;
};

struct v4l2_buffers {
    const struct v4l2_device *device;
    uint32_t memory_planes;
    uint32_t count; // 0 = none
    bool streaming;
    bool imports;
    uint32_t lent; // imported slots that the device has or has filled
    uint64_t uses;
    struct v4l2_mapping mapping[V4L2_BUFFERS_MAX];
};

// A picture as the device gives it out.
struct v4l2_taken {
    uint32_t index;
    uint32_t sequence;
    bool broken;      // the device says so, or what it says makes no sense
    bool untrue;      // of the latter kind
    int64_t stamp_ns; // on the house clock; 0 = the device gives none
    const uint8_t *memory[3];
    size_t bytes[3];
};

// What: four buffers, all queued, and the stream started. `device` must outlive *out. Owner:
// v4l2_buffers_stop(). Errors: BUSY, NO_MEMORY, IO a device that lies, or none of its business; a failed
// start leaves nothing behind.
CASTOR_MUST_USE int v4l2_buffers_start(const struct v4l2_device *device, const struct v4l2_layout *layout,
                                       struct v4l2_buffers *out, struct source_text *why);

// Whether slots such as this one can be the device's buffers: planes and strides where the device puts them,
// and as large as it wants them. If not, *why tells the difference.
bool v4l2_buffers_fit(const struct v4l2_layout *layout, const struct castor_frame *slot,
                      struct source_text *why);

// What: prepares for imported slots; the stream starts with the first. Owner: v4l2_buffers_stop(). Returns 0
// or errno: EINVAL the device imports nothing.
CASTOR_MUST_USE int v4l2_buffers_import(const struct v4l2_device *device, struct v4l2_buffers *out);

// Lends a slot to the device, to be filled. Returns 0 or errno; on failure it was not lent. ENOSPC: every
// buffer has one.
CASTOR_MUST_USE int v4l2_buffers_lend(struct v4l2_buffers *buffers, const struct castor_frame *slot);

// The slot in a buffer that was taken, which is the caller's again.
struct castor_frame v4l2_buffers_return(struct v4l2_buffers *buffers, uint32_t index);

// The next filled buffer; the caller gives it back. Never blocks. Returns 0 or errno: EAGAIN there is none;
// ENODEV also where the start has failed.
CASTOR_MUST_USE int v4l2_buffers_take(struct v4l2_buffers *buffers, struct v4l2_taken *out);

// Gives a buffer back to be filled anew. Returns 0 or errno.
CASTOR_MUST_USE int v4l2_buffers_give(struct v4l2_buffers *buffers, uint32_t index);

// Stops and unmaps; does nothing to what was never started. Slots that were lent are the caller's again.
void v4l2_buffers_stop(struct v4l2_buffers *buffers);

#endif
