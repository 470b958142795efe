// SPDX-License-Identifier: Apache-2.0
#include "v4l2_buffers.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define BUFFERS_WANTED 4
#define BUFFERS_NEEDED 2

// A buffer description and the planes that it points to.
struct description {
    struct v4l2_buffer buffer;
    struct v4l2_plane plane[VIDEO_MAX_PLANES];
};

static void describe(const struct v4l2_buffers *buffers, uint32_t index, struct description *d)
{
    memset(d, 0, sizeof *d);
    d->buffer.type = buffers->device->buffer_type;
    d->buffer.memory = V4L2_MEMORY_MMAP;
    d->buffer.index = index;
    if (!buffers->device->multi_planar)
        return;
    d->buffer.m.planes = d->plane;
    d->buffer.length = buffers->memory_planes;
}

static int map_one(struct v4l2_buffers *buffers, uint32_t index, const struct v4l2_layout *layout,
                   struct source_text *why)
{
    struct v4l2_mapping *mapping = &buffers->mapping[index];
    const char *name = buffers->device->name;
    struct description d;
    int number;

    describe(buffers, index, &d);
    number = v4l2_device_call(buffers->device, VIDIOC_QUERYBUF, &d.buffer);
    if (number)
        return source_text_set(why, CASTOR_ERR_IO, "%s does not describe its buffers: %s", name,
                               strerror(number));
    for (uint32_t i = 0; i < buffers->memory_planes; i++) {
        bool many = buffers->device->multi_planar;
        size_t bytes = many ? d.plane[i].length : d.buffer.length;
        off_t offset = many ? d.plane[i].m.mem_offset : d.buffer.m.offset;
        void *memory;

        if (bytes < layout->needed_bytes[i])
            return source_text_set(why, CASTOR_ERR_IO,
                                   "%s has buffers of %zu bytes for pictures of %zu: its driver is broken",
                                   name, bytes, layout->needed_bytes[i]);
        memory = mmap(NULL, bytes, PROT_READ, MAP_SHARED, buffers->device->fd, offset);
        if (memory == MAP_FAILED)
            return source_text_set(why, CASTOR_ERR_NO_MEMORY, "a buffer of %s cannot be mapped: %s", name,
                                   strerror(errno));
        mapping->memory[i] = memory;
        mapping->bytes[i] = bytes;
    }
    return CASTOR_OK;
}

static int request(struct v4l2_buffers *buffers, uint32_t wanted, uint32_t *count)
{
    struct v4l2_requestbuffers body;
    int number;

    memset(&body, 0, sizeof body);
    body.count = wanted;
    body.type = buffers->device->buffer_type;
    body.memory = V4L2_MEMORY_MMAP;
    number = v4l2_device_call(buffers->device, VIDIOC_REQBUFS, &body);
    if (number == 0)
        *count = body.count;
    return number;
}

static int stream_failed(const struct v4l2_device *device, int number, struct source_text *why)
{
    const char *remedy = "another program may be using it";
    int error = castor_error_from_errno(number);

    if (number == ENOSPC) // what the USB host says
        remedy = "the USB bus has no bandwidth left; use another port or a lower resolution";
    else if (number == ENOLINK || number == EPIPE)
        remedy = "the device needs a signal or its media links set up first";
    return source_text_set(why, error, "%s does not start: %s; %s", device->name, strerror(number), remedy);
}

static int start(struct v4l2_buffers *buffers, const struct v4l2_layout *layout, struct source_text *why)
{
    int type = (int)buffers->device->buffer_type;
    uint32_t count = 0;
    int number = request(buffers, BUFFERS_WANTED, &count);

    if (number)
        return stream_failed(buffers->device, number, why);
    buffers->count = count < V4L2_BUFFERS_MAX ? count : V4L2_BUFFERS_MAX;
    if (buffers->count < BUFFERS_NEEDED)
        return source_text_set(why, CASTOR_ERR_NO_MEMORY, "%s gives only %u buffers, at least %d are needed",
                               buffers->device->name, count, BUFFERS_NEEDED);
    for (uint32_t i = 0; i < buffers->count; i++) {
        int error = map_one(buffers, i, layout, why);
        if (error)
            return error;
    }
    for (uint32_t i = 0; i < buffers->count && number == 0; i++)
        number = v4l2_buffers_give(buffers, i);
    if (number == 0)
        number = v4l2_device_call(buffers->device, VIDIOC_STREAMON, &type);
    if (number)
        return stream_failed(buffers->device, number, why);
    buffers->streaming = true;
    return CASTOR_OK;
}

int v4l2_buffers_start(const struct v4l2_device *device, const struct v4l2_layout *layout,
                       struct v4l2_buffers *out, struct source_text *why)
{
    int error;

    *out = (struct v4l2_buffers){.device = device, .memory_planes = layout->memory_planes};
    error = start(out, layout, why);
    if (error)
        v4l2_buffers_stop(out);
    return error;
}

int v4l2_buffers_take(struct v4l2_buffers *buffers, struct v4l2_taken *out)
{
    struct description d;
    struct v4l2_taken taken;
    int number;

    describe(buffers, 0, &d);
    number = v4l2_device_call(buffers->device, VIDIOC_DQBUF, &d.buffer);
    if (number)
        return number;
    if (d.buffer.index >= buffers->count)
        return EBADMSG;
    taken = (struct v4l2_taken){.index = d.buffer.index,
                                .sequence = d.buffer.sequence,
                                .broken = (d.buffer.flags & V4L2_BUF_FLAG_ERROR) != 0};
    if ((d.buffer.flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) == V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC)
        taken.stamp_ns =
            d.buffer.timestamp.tv_sec * CASTOR_NS_PER_S + d.buffer.timestamp.tv_usec * CASTOR_NS_PER_US;
    for (uint32_t i = 0; i < buffers->memory_planes; i++) {
        const struct v4l2_mapping *mapping = &buffers->mapping[d.buffer.index];
        bool many = buffers->device->multi_planar;
        size_t used = many ? d.plane[i].bytesused : d.buffer.bytesused;
        size_t skip = many ? d.plane[i].data_offset : 0;

        if (used > mapping->bytes[i] || skip > used) {
            taken.broken = true;
            continue;
        }
        taken.memory[i] = mapping->memory[i] + skip;
        taken.bytes[i] = used - skip;
    }
    *out = taken;
    return 0;
}

int v4l2_buffers_give(struct v4l2_buffers *buffers, uint32_t index)
{
    struct description d;

    assert(index < buffers->count);
    describe(buffers, index, &d);
    return v4l2_device_call(buffers->device, VIDIOC_QBUF, &d.buffer);
}

void v4l2_buffers_stop(struct v4l2_buffers *buffers)
{
    int type;
    uint32_t count;

    if (!buffers->device)
        return;
    type = (int)buffers->device->buffer_type;
    if (buffers->streaming)
        (void)v4l2_device_call(buffers->device, VIDIOC_STREAMOFF, &type); // closing ends it too
    for (uint32_t i = 0; i < buffers->count; i++)
        for (uint32_t j = 0; j < buffers->memory_planes; j++)
            if (buffers->mapping[i].memory[j])
                (void)munmap(buffers->mapping[i].memory[j], buffers->mapping[i].bytes[j]);
    if (buffers->count)
        (void)request(buffers, 0, &count);
    memset(buffers, 0, sizeof *buffers);
}
