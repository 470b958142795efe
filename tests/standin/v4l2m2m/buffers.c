// SPDX-License-Identifier: Apache-2.0
#include "standin.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

struct standin_queue *standin_queue_of(struct standin_device *device, uint32_t type)
{
    bool mplane = device->options.mplane;

    if (type == (mplane ? V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE : V4L2_BUF_TYPE_VIDEO_OUTPUT))
        return &device->output;
    if (type == (mplane ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE))
        return &device->capture;
    return NULL;
}

struct standin_buffer *standin_queue_first(struct standin_queue *queue, enum standin_state state)
{
    struct standin_buffer *first = NULL;

    for (uint32_t i = 0; i < queue->count; i++) {
        struct standin_buffer *buffer = &queue->buffers[i];
        if (buffer->state == state && (!first || buffer->order < first->order))
            first = buffer;
    }
    return first;
}

static uint32_t offset_of(const struct standin_queue *queue, uint32_t index, uint32_t plane)
{
    uint32_t number = ((queue->is_output ? 0u : STANDIN_BUFFERS_MAX) + index) * 4 + plane;

    return number * STANDIN_PLANE_ROOM_BYTES;
}

void standin_queue_release(struct standin_device *device, struct standin_queue *queue)
{
    (void)device;
    for (uint32_t i = 0; i < queue->count; i++) {
        bool imported = queue->buffers[i].view.memory != NULL;
        standin_dmabuf_release(&queue->buffers[i].view);
        for (uint32_t p = 0; p < STANDIN_PLANES_MAX && !imported; p++) {
            if (queue->buffers[i].memory[p])
                munmap(queue->buffers[i].memory[p], queue->buffers[i].length[p]);
        }
    }
    memset(queue->buffers, 0, sizeof queue->buffers);
    queue->count = 0;
}

static int request_buffers(struct standin_device *device, struct v4l2_requestbuffers *request)
{
    struct standin_queue *queue = standin_queue_of(device, request->type);

    bool imports = request->memory == V4L2_MEMORY_DMABUF;
    if (!queue || (request->memory != V4L2_MEMORY_MMAP && !imports))
        return -EINVAL;
    if (imports && (!queue->is_output || device->options.no_import))
        return -EINVAL;
    if (queue->streaming)
        return standin_misuse(EBUSY, "VIDIOC_REQBUFS while streaming");
    standin_queue_release(device, queue);
    if (request->count == 0)
        return 0;
    if (!device->output.format_set || !device->capture.format_set)
        return standin_misuse(EINVAL, "VIDIOC_REQBUFS before VIDIOC_S_FMT of both queues");
    if (request->count > STANDIN_BUFFERS_MAX)
        request->count = STANDIN_BUFFERS_MAX;
    queue->count = request->count;
    queue->memory = request->memory;
    for (uint32_t i = 0; i < queue->count && !imports; i++) {
        for (uint32_t p = 0; p < queue->planes; p++) {
            struct standin_buffer *buffer = &queue->buffers[i];
            uint32_t length = queue->size_bytes[p];
            // The memory is as large as it must be even where a bad device says less.
            buffer->length[p] = length > queue->payload_bytes[p] ? length : queue->payload_bytes[p];
            if (buffer->length[p] == 0)
                buffer->length[p] = 4096;
            void *memory = mmap(NULL, buffer->length[p], PROT_READ | PROT_WRITE, MAP_SHARED, device->fd,
                                offset_of(queue, i, p));
            if (memory == MAP_FAILED)
                return -ENOMEM;
            buffer->memory[p] = memory;
        }
    }
    return 0;
}

// Fills in what VIDIOC_QUERYBUF and VIDIOC_DQBUF say of a buffer.
static void describe(const struct standin_device *device, const struct standin_queue *queue, uint32_t index,
                     struct v4l2_buffer *out)
{
    const struct standin_buffer *buffer = &queue->buffers[index];
    bool lies = standin_is_bad(&device->options, "buffers");

    out->index = index;
    out->flags = buffer->flags | V4L2_BUF_FLAG_TIMESTAMP_COPY;
    if (buffer->state == STATE_QUEUED || buffer->state == STATE_WORKING)
        out->flags |= V4L2_BUF_FLAG_QUEUED;
    out->field = V4L2_FIELD_NONE;
    out->timestamp = buffer->stamp;
    out->memory = queue->memory;
    if (!device->options.mplane) {
        out->m.offset = offset_of(queue, index, 0);
        out->length = lies ? buffer->length[0] / 2 : buffer->length[0];
        out->bytesused = buffer->used[0];
        return;
    }
    uint32_t planes = out->length < queue->planes ? out->length : queue->planes;
    for (uint32_t i = 0; i < planes; i++) {
        out->m.planes[i].m.mem_offset = offset_of(queue, index, i);
        out->m.planes[i].length = lies ? buffer->length[i] / 2 : buffer->length[i];
        out->m.planes[i].bytesused = buffer->used[i];
        out->m.planes[i].data_offset = 0;
    }
    out->length = queue->planes;
}

static int check_planes(const struct standin_device *device, const struct standin_queue *queue,
                        const struct v4l2_buffer *buffer)
{
    if (!device->options.mplane)
        return 0;
    if (!buffer->m.planes || buffer->length < queue->planes)
        return standin_misuse(EINVAL, "a multi-planar buffer with room for %u planes, not %u", buffer->length,
                              queue->planes);
    return 0;
}

static int query_buffer(struct standin_device *device, struct v4l2_buffer *buffer)
{
    const struct standin_queue *queue = standin_queue_of(device, buffer->type);

    if (!queue || buffer->index >= queue->count)
        return standin_misuse(EINVAL, "VIDIOC_QUERYBUF of buffer %u", buffer->index);
    if (queue->memory != V4L2_MEMORY_MMAP)
        return standin_misuse(EINVAL, "VIDIOC_QUERYBUF of imported buffers, which have no place to map");
    int error = check_planes(device, queue, buffer);
    if (error == 0)
        describe(device, queue, buffer->index, buffer);
    return error;
}

static int take_payload(const struct standin_device *device, const struct standin_queue *queue,
                        const struct v4l2_buffer *asked, struct standin_buffer *buffer)
{
    for (uint32_t i = 0; queue->is_output && i < queue->planes; i++) {
        uint32_t used = device->options.mplane ? asked->m.planes[i].bytesused : asked->bytesused;
        if (used == 0)
            used = buffer->length[i]; // as videobuf2 does
        if (used > buffer->length[i])
            return standin_misuse(EINVAL, "VIDIOC_QBUF of %u bytes in a plane of %u", used,
                                  buffer->length[i]);
        if (used < queue->payload_bytes[i])
            return standin_misuse(EINVAL, "VIDIOC_QBUF of %u bytes where a picture has %u", used,
                                  queue->payload_bytes[i]);
        buffer->used[i] = used;
    }
    return 0;
}

static int queue_buffer(struct standin_device *device, const struct v4l2_buffer *asked)
{
    struct standin_queue *queue = standin_queue_of(device, asked->type);

    if (!queue || asked->memory != queue->memory)
        return standin_misuse(EINVAL, "VIDIOC_QBUF with buffer type %u, memory %u", asked->type,
                              asked->memory);
    if (asked->index >= queue->count)
        return standin_misuse(EINVAL, "VIDIOC_QBUF of buffer %u, there are %u", asked->index, queue->count);
    struct standin_buffer *buffer = &queue->buffers[asked->index];
    if (buffer->state != STATE_IDLE)
        return standin_misuse(EINVAL, "VIDIOC_QBUF of buffer %u, which the device has", asked->index);
    int error = check_planes(device, queue, asked);
    if (error == 0 && queue->memory == V4L2_MEMORY_DMABUF)
        error = standin_import(device, queue, asked);
    if (error == 0)
        error = take_payload(device, queue, asked, buffer);
    if (error != 0)
        return error;
    standin_import_seal(buffer);
    buffer->state = STATE_QUEUED;
    buffer->order = ++device->order;
    buffer->flags = 0;
    buffer->stamp = asked->timestamp;
    pthread_cond_broadcast(&device->work);
    return 0;
}

static int dequeue_buffer(struct standin_device *device, struct v4l2_buffer *out)
{
    struct standin_queue *queue = standin_queue_of(device, out->type);

    if (!queue || out->memory != queue->memory)
        return standin_misuse(EINVAL, "VIDIOC_DQBUF with buffer type %u, memory %u", out->type, out->memory);
    if (!queue->streaming)
        return standin_misuse(EINVAL, "VIDIOC_DQBUF of a queue that is not streaming");
    int error = check_planes(device, queue, out);
    if (error != 0)
        return error;
    struct standin_buffer *buffer = standin_queue_first(queue, STATE_DONE);
    if (!buffer)
        return !queue->is_output && device->last_taken ? -EPIPE : -EAGAIN;
    describe(device, queue, (uint32_t)(buffer - queue->buffers), out);
    buffer->state = STATE_IDLE;
    if (buffer->flags & V4L2_BUF_FLAG_LAST)
        device->last_taken = true;
    if (!queue->is_output && standin_is_bad(&device->options, "index"))
        out->index = 77;
    if (!queue->is_output && standin_is_bad(&device->options, "payload")) {
        uint32_t *used = device->options.mplane ? &out->m.planes[0].bytesused : &out->bytesused;
        *used = buffer->length[0] + 1;
    }
    return 0;
}

int standin_buffer_ioctl(struct standin_device *device, unsigned long request, void *argument)
{
    switch (request) {
    case VIDIOC_REQBUFS:
        return request_buffers(device, argument);
    case VIDIOC_QUERYBUF:
        return query_buffer(device, argument);
    case VIDIOC_QBUF:
        return queue_buffer(device, argument);
    default:
        return dequeue_buffer(device, argument);
    }
}
