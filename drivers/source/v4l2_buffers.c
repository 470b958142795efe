// SPDX-License-Identifier: Apache-2.0
#include "v4l2_buffers.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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
    d->buffer.memory = buffers->imports ? V4L2_MEMORY_DMABUF : V4L2_MEMORY_MMAP;
    d->buffer.index = index;
    if (!buffers->device->multi_planar)
        return;
    d->buffer.m.planes = d->plane;
    d->buffer.length = buffers->memory_planes;
}

static void describe_slot(const struct v4l2_buffers *buffers, uint32_t index, struct description *d)
{
    const struct v4l2_mapping *mapping = &buffers->mapping[index];

    describe(buffers, index, d);
    if (!buffers->imports)
        return;
    if (buffers->device->multi_planar) {
        d->plane[0].m.fd = mapping->slot.dmabuf_fd;
        d->plane[0].length = (uint32_t)mapping->bytes[0];
    } else {
        d->buffer.m.fd = mapping->slot.dmabuf_fd;
        d->buffer.length = (uint32_t)mapping->bytes[0];
    }
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
    body.memory = buffers->imports ? V4L2_MEMORY_DMABUF : V4L2_MEMORY_MMAP;
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

bool v4l2_buffers_fit(const struct v4l2_layout *layout, const struct castor_frame *slot,
                      struct source_text *why)
{
    off_t bytes = lseek(slot->dmabuf_fd, 0, SEEK_END);

    if (layout->memory_planes != 1) {
        (void)source_text_set(why, 0, "it puts each plane into a memory of its own");
        return false;
    }
    for (uint32_t i = 0; i < CASTOR_PLANES_MAX && slot->plane[i]; i++) {
        const struct v4l2_place *place = &layout->plane[i];
        size_t offset_bytes = (size_t)(slot->plane[i] - slot->plane[0]);

        if (place->offset_bytes == offset_bytes && place->stride_bytes == slot->stride_bytes[i])
            continue;
        (void)source_text_set(why, 0, "it puts plane %u at %zu with rows of %u bytes, the pool at %zu of %u",
                              i, place->offset_bytes, place->stride_bytes, offset_bytes,
                              slot->stride_bytes[i]);
        return false;
    }
    if (bytes >= 0 && (size_t)bytes >= layout->image_bytes)
        return true;
    (void)source_text_set(why, 0, "it wants buffers of %zu bytes, a slot has %lld", layout->image_bytes,
                          (long long)bytes);
    return false;
}

int v4l2_buffers_import(const struct v4l2_device *device, struct v4l2_buffers *out)
{
    uint32_t count = 0;

    *out = (struct v4l2_buffers){.device = device, .memory_planes = 1, .imports = true};
    int number = request(out, V4L2_BUFFERS_MAX, &count);
    if (number == 0 && count < BUFFERS_NEEDED)
        number = ENOMEM;
    out->count = count < V4L2_BUFFERS_MAX ? count : V4L2_BUFFERS_MAX;
    if (number)
        v4l2_buffers_stop(out);
    return number;
}

// The buffer that has held this slot before; or else one that has held none, or the one that has rested
// longest.
static uint32_t buffer_for(const struct v4l2_buffers *buffers, const struct castor_frame *slot)
{
    uint32_t best = UINT32_MAX;

    for (uint32_t i = 0; i < buffers->count; i++) {
        const struct v4l2_mapping *mapping = &buffers->mapping[i];

        if (mapping->lent)
            continue;
        if (mapping->known && mapping->slot.slot == slot->slot)
            return i;
        if (best == UINT32_MAX || mapping->used_at < buffers->mapping[best].used_at)
            best = i;
    }
    return best;
}

int v4l2_buffers_lend(struct v4l2_buffers *buffers, const struct castor_frame *slot)
{
    uint32_t index = buffer_for(buffers, slot);
    int type = (int)buffers->device->buffer_type;
    struct v4l2_mapping *mapping;
    int number;

    if (index == UINT32_MAX)
        return ENOSPC;
    mapping = &buffers->mapping[index];
    mapping->slot = *slot;
    mapping->memory[0] = slot->plane[0];
    mapping->bytes[0] = (size_t)lseek(slot->dmabuf_fd, 0, SEEK_END);
    number = v4l2_buffers_give(buffers, index);
    if (number == 0 && !buffers->streaming)
        number = v4l2_device_call(buffers->device, VIDIOC_STREAMON, &type);
    mapping->known = number == 0;
    if (number)
        return number;
    buffers->streaming = true;
    mapping->lent = true;
    mapping->used_at = ++buffers->uses;
    buffers->lent++;
    return 0;
}

struct castor_frame v4l2_buffers_return(struct v4l2_buffers *buffers, uint32_t index)
{
    struct v4l2_mapping *mapping = &buffers->mapping[index];

    assert(buffers->imports && mapping->lent);
    mapping->lent = false;
    buffers->lent--;
    return mapping->slot;
}

int v4l2_buffers_take(struct v4l2_buffers *buffers, struct v4l2_taken *out)
{
    struct description d;
    struct v4l2_taken taken;
    int number;

    if (!buffers->device)
        return ENODEV;
    describe(buffers, 0, &d);
    number = v4l2_device_call(buffers->device, VIDIOC_DQBUF, &d.buffer);
    if (number)
        return number;
    if (d.buffer.index >= buffers->count || (buffers->imports && !buffers->mapping[d.buffer.index].lent))
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
            taken.broken = taken.untrue = true;
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
    describe_slot(buffers, index, &d);
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
    for (uint32_t i = 0; i < buffers->count && !buffers->imports; i++)
        for (uint32_t j = 0; j < buffers->memory_planes; j++)
            if (buffers->mapping[i].memory[j])
                (void)munmap(buffers->mapping[i].memory[j], buffers->mapping[i].bytes[j]);
    if (buffers->count)
        (void)request(buffers, 0, &count);
    memset(buffers, 0, sizeof *buffers);
}
