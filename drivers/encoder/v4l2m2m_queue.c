// SPDX-License-Identifier: Apache-2.0
#include "v4l2m2m_queue.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/videodev2.h>

#include "v4l2m2m_device.h"

#define US_PER_S 1000000u

static struct v4l2_buffer describe(const struct v4l2m2m_queue *queue, uint32_t index,
                                   struct v4l2_plane planes[V4L2M2M_PLANES_MAX])
{
    struct v4l2_buffer buffer = {.type = queue->type,
                                 .memory = queue->imports ? V4L2_MEMORY_DMABUF : V4L2_MEMORY_MMAP,
                                 .index = index};

    memset(planes, 0, sizeof planes[0] * V4L2M2M_PLANES_MAX);
    if (queue->mplane) {
        buffer.m.planes = planes;
        buffer.length = queue->planes;
    }
    return buffer;
}

static int map_plane(struct v4l2m2m_queue *queue, struct v4l2m2m_plane *plane, uint32_t length,
                     uint32_t offset, size_t wanted_bytes, struct encoder_text *why)
{
    if (length < wanted_bytes)
        return encoder_text_set(why, CASTOR_ERR_IO,
                                "v4l2m2m: the device's buffers have %u bytes, less than the %zu it said",
                                length, wanted_bytes);
    void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, queue->fd, offset);
    if (memory == MAP_FAILED)
        return encoder_text_set(why, CASTOR_ERR_NO_MEMORY, "v4l2m2m: a buffer of %u bytes cannot be mapped",
                                length);
    *plane = (struct v4l2m2m_plane){memory, length};
    return CASTOR_OK;
}

static int map_buffer(struct v4l2m2m_queue *queue, uint32_t index,
                      const size_t plane_bytes[V4L2M2M_PLANES_MAX], struct encoder_text *why)
{
    struct v4l2_plane planes[V4L2M2M_PLANES_MAX];
    struct v4l2_buffer buffer = describe(queue, index, planes);
    struct v4l2m2m_buffer *mine = &queue->buffers[index];
    int error = v4l2m2m_ioctl(queue->fd, VIDIOC_QUERYBUF, &buffer);

    if (error != 0)
        return encoder_text_set(why, v4l2m2m_error(error), "v4l2m2m: VIDIOC_QUERYBUF: %s", strerror(-error));
    if (!queue->mplane)
        return map_plane(queue, &mine->planes[0], buffer.length, buffer.m.offset, plane_bytes[0], why);
    for (uint32_t i = 0; i < queue->planes && error == CASTOR_OK; i++)
        error =
            map_plane(queue, &mine->planes[i], planes[i].length, planes[i].m.mem_offset, plane_bytes[i], why);
    return error;
}

int v4l2m2m_queue_init(struct v4l2m2m_queue *queue, uint32_t count,
                       const size_t plane_bytes[V4L2M2M_PLANES_MAX], struct encoder_text *why)
{
    struct v4l2_requestbuffers request = {.count = count, .type = queue->type, .memory = V4L2_MEMORY_MMAP};
    int error = v4l2m2m_ioctl(queue->fd, VIDIOC_REQBUFS, &request);

    if (error != 0)
        return encoder_text_set(why, v4l2m2m_error(error), "v4l2m2m: the device gives no buffers: %s",
                                strerror(-error));
    queue->allocated = true;
    if (request.count == 0)
        return encoder_text_set(why, CASTOR_ERR_NO_MEMORY, "v4l2m2m: the device gives no buffers");
    queue->count = request.count < V4L2M2M_BUFFERS_MAX ? request.count : V4L2M2M_BUFFERS_MAX;
    for (uint32_t i = 0; i < queue->count; i++) {
        error = map_buffer(queue, i, plane_bytes, why);
        if (error != CASTOR_OK)
            return error;
    }
    return CASTOR_OK;
}

int v4l2m2m_queue_import(struct v4l2m2m_queue *queue, uint32_t count)
{
    struct v4l2_requestbuffers request = {.count = count, .type = queue->type, .memory = V4L2_MEMORY_DMABUF};
    int error = v4l2m2m_ioctl(queue->fd, VIDIOC_REQBUFS, &request);

    if (error != 0)
        return error;
    queue->allocated = queue->imports = true;
    queue->count = request.count < V4L2M2M_BUFFERS_MAX ? request.count : V4L2M2M_BUFFERS_MAX;
    return queue->count > 0 ? 0 : -ENOMEM;
}

void v4l2m2m_queue_place(struct v4l2m2m_queue *queue, uint32_t index, const struct castor_frame *slot)
{
    struct v4l2m2m_buffer *buffer = &queue->buffers[index];

    buffer->slot = *slot;
    buffer->known = true;
    buffer->planes[0] = (struct v4l2m2m_plane){slot->plane[0], (size_t)lseek(slot->dmabuf_fd, 0, SEEK_END)};
}

void v4l2m2m_queue_finish(struct v4l2m2m_queue *queue)
{
    struct v4l2_requestbuffers request = {.type = queue->type,
                                          .memory = queue->imports ? V4L2_MEMORY_DMABUF : V4L2_MEMORY_MMAP};

    for (uint32_t i = 0; i < V4L2M2M_BUFFERS_MAX && !queue->imports; i++) {
        for (uint32_t p = 0; p < V4L2M2M_PLANES_MAX; p++) {
            if (queue->buffers[i].planes[p].memory)
                munmap(queue->buffers[i].planes[p].memory, queue->buffers[i].planes[p].size_bytes);
        }
    }
    memset(queue->buffers, 0, sizeof queue->buffers);
    if (queue->allocated)
        (void)v4l2m2m_ioctl(queue->fd, VIDIOC_REQBUFS, &request); // closing gives them back all the same
    queue->allocated = queue->imports = false;
    queue->count = 0;
}

int v4l2m2m_queue_put(struct v4l2m2m_queue *queue, uint32_t index,
                      const size_t payload_bytes[V4L2M2M_PLANES_MAX], uint64_t stamp_us)
{
    struct v4l2_plane planes[V4L2M2M_PLANES_MAX];
    struct v4l2_buffer buffer = describe(queue, index, planes);

    buffer.field = V4L2_FIELD_NONE;
    buffer.timestamp.tv_sec = (long)(stamp_us / US_PER_S);
    buffer.timestamp.tv_usec = (long)(stamp_us % US_PER_S);
    if (!queue->mplane)
        buffer.bytesused = (uint32_t)payload_bytes[0];
    if (queue->imports && queue->mplane) {
        planes[0].m.fd = queue->buffers[index].slot.dmabuf_fd;
    } else if (queue->imports) {
        buffer.m.fd = queue->buffers[index].slot.dmabuf_fd;
        buffer.length = (uint32_t)queue->buffers[index].planes[0].size_bytes;
    }
    for (uint32_t i = 0; queue->mplane && i < queue->planes; i++) {
        planes[i].bytesused = (uint32_t)payload_bytes[i];
        planes[i].length = (uint32_t)queue->buffers[index].planes[i].size_bytes;
    }
    int error = v4l2m2m_ioctl(queue->fd, VIDIOC_QBUF, &buffer);
    if (error == 0) {
        queue->buffers[index].queued = true;
        queue->buffers[index].filled = false;
    }
    return error;
}

int v4l2m2m_queue_put_all(struct v4l2m2m_queue *queue)
{
    static const size_t nothing[V4L2M2M_PLANES_MAX];

    for (uint32_t i = 0; i < queue->count; i++) {
        int error = queue->buffers[i].queued ? 0 : v4l2m2m_queue_put(queue, i, nothing, 0);
        if (error != 0)
            return error;
    }
    return 0;
}

int v4l2m2m_queue_take(struct v4l2m2m_queue *queue, struct v4l2m2m_taken *out)
{
    struct v4l2_plane planes[V4L2M2M_PLANES_MAX];
    struct v4l2_buffer buffer = describe(queue, 0, planes);
    int error = v4l2m2m_ioctl(queue->fd, VIDIOC_DQBUF, &buffer);

    if (error != 0)
        return error;
    if (buffer.index >= queue->count || !queue->buffers[buffer.index].queued)
        return -EBADMSG;
    struct v4l2m2m_buffer *mine = &queue->buffers[buffer.index];
    mine->queued = false;
    size_t used_bytes = queue->mplane ? planes[0].bytesused : buffer.bytesused;
    size_t offset_bytes = queue->mplane ? planes[0].data_offset : 0;
    if (used_bytes > mine->planes[0].size_bytes)
        return -EBADMSG;
    if (offset_bytes > used_bytes)
        offset_bytes = used_bytes;
    *out = (struct v4l2m2m_taken){
        .index = buffer.index,
        .flags = buffer.flags,
        .stamp_us = (uint64_t)buffer.timestamp.tv_sec * US_PER_S + (uint64_t)buffer.timestamp.tv_usec,
        .data = mine->planes[0].memory + offset_bytes,
        .size_bytes = used_bytes - offset_bytes,
    };
    return 0;
}

int v4l2m2m_queue_start(struct v4l2m2m_queue *queue)
{
    int type = (int)queue->type;

    return v4l2m2m_ioctl(queue->fd, VIDIOC_STREAMON, &type);
}

int v4l2m2m_queue_stop(struct v4l2m2m_queue *queue)
{
    int type = (int)queue->type;
    int error = v4l2m2m_ioctl(queue->fd, VIDIOC_STREAMOFF, &type);

    for (uint32_t i = 0; error == 0 && i < queue->count; i++)
        queue->buffers[i].queued = false;
    return error;
}

uint32_t v4l2m2m_queue_free(const struct v4l2m2m_queue *queue, const struct castor_frame *slot)
{
    uint32_t best = UINT32_MAX;

    for (uint32_t i = 0; i < queue->count; i++) {
        const struct v4l2m2m_buffer *buffer = &queue->buffers[i];
        if (buffer->queued || buffer->filled)
            continue;
        if (!queue->imports || (buffer->known && buffer->slot.slot == slot->slot))
            return i;
        if (best == UINT32_MAX || !buffer->known)
            best = i;
    }
    return best;
}
