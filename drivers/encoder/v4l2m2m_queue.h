// SPDX-License-Identifier: Apache-2.0
// One of the two buffer queues of a V4L2 memory-to-memory device, with memory that the device allocates
// (V4L2_MEMORY_MMAP) or that it imports (V4L2_MEMORY_DMABUF), in the single- or the multi-planar API. No call
// blocks on a device opened O_NONBLOCK.
#ifndef DRIVERS_ENCODER_V4L2M2M_QUEUE_H
#define DRIVERS_ENCODER_V4L2M2M_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/encoder.h"

#define V4L2M2M_BUFFERS_MAX 8
#define V4L2M2M_PLANES_MAX 3

struct v4l2m2m_plane {
    uint8_t *memory;
    size_t size_bytes;
};

struct v4l2m2m_buffer {
    struct v4l2m2m_plane planes[V4L2M2M_PLANES_MAX];
    bool queued; // the device has it
    bool filled; // ours, and holds a picture that waits to be queued
    // Imported: the picture that it stands for, and which the device may know from the last time.
    struct castor_frame slot;
    bool known;
};

struct v4l2m2m_queue {
    int fd;
    uint32_t type; // enum v4l2_buf_type
    bool mplane;
    uint32_t planes;
    uint32_t count;
    bool allocated;
    bool imports;
    struct v4l2m2m_buffer buffers[V4L2M2M_BUFFERS_MAX];
};

// What came out of a queue: the payload lies in the buffer until it is queued again.
struct v4l2m2m_taken {
    uint32_t index;
    uint32_t flags; // V4L2_BUF_FLAG_*
    uint64_t stamp_us;
    const uint8_t *data; // of the first plane
    size_t size_bytes;
};

// Allocates `count` buffers (the device may give more or fewer, at least 1) and maps them; every plane must
// have `plane_bytes`. Owner: the caller, v4l2m2m_queue_finish(), also after a failure. Errors: NO_MEMORY,
// BUSY, IO (the device's buffers are smaller than it said), LOST.
CASTOR_MUST_USE int v4l2m2m_queue_init(struct v4l2m2m_queue *queue, uint32_t count,
                                       const size_t plane_bytes[V4L2M2M_PLANES_MAX],
                                       struct encoder_text *why);
// The same with `count` buffers without memory, each of which a slot is placed into before it is put. 0 or a
// negative errno: EINVAL the device imports nothing.
CASTOR_MUST_USE int v4l2m2m_queue_import(struct v4l2m2m_queue *queue, uint32_t count);
void v4l2m2m_queue_place(struct v4l2m2m_queue *queue, uint32_t index, const struct castor_frame *slot);

// Unmaps and gives the buffers back; the queue is not streaming.
void v4l2m2m_queue_finish(struct v4l2m2m_queue *queue);

// Hands buffer `index` to the device. 0 or a negative errno.
CASTOR_MUST_USE int v4l2m2m_queue_put(struct v4l2m2m_queue *queue, uint32_t index,
                                      const size_t payload_bytes[V4L2M2M_PLANES_MAX], uint64_t stamp_us);

// Hands all buffers to the device that it does not have. 0 or a negative errno.
CASTOR_MUST_USE int v4l2m2m_queue_put_all(struct v4l2m2m_queue *queue);

// Takes back the next buffer that is done. 0 or a negative errno: EAGAIN none is, EPIPE the stream has ended.
// EBADMSG when the device names a buffer it does not have, or a payload larger than its memory.
CASTOR_MUST_USE int v4l2m2m_queue_take(struct v4l2m2m_queue *queue, struct v4l2m2m_taken *out);

// Starts or stops streaming; stopping takes back all buffers. 0 or a negative errno.
CASTOR_MUST_USE int v4l2m2m_queue_start(struct v4l2m2m_queue *queue);
int v4l2m2m_queue_stop(struct v4l2m2m_queue *queue);

// A buffer that is ours and empty, or UINT32_MAX: where it imports, the one that held this slot before, so
// that the device need not map it anew.
uint32_t v4l2m2m_queue_free(const struct v4l2m2m_queue *queue, const struct castor_frame *slot);

#endif
