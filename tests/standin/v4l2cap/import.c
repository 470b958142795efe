// SPDX-License-Identifier: Apache-2.0
// Buffers that are somebody else's DMA-BUFs (V4L2_MEMORY_DMABUF), as videobuf2 handles them: mapped when they
// are queued, kept while the same one comes back into the same buffer.
#include <errno.h>

#include "internal.h"

static bool is_elsewhere(const struct device *device, uint32_t index, uint64_t inode)
{
    for (uint32_t i = 0; i < device->buffer_count; i++)
        if (i != index && device->buffer[i].state != BUFFER_IDLE && device->buffer[i].view.inode == inode)
            return true;
    return false;
}

static bool is_refused(struct device *device)
{
    return device->plan.refuses && device->imports++ >= device->plan.refuse_at;
}

int import_slot(struct device *device, const struct v4l2_buffer *body)
{
    struct standin_buffer *buffer = &device->buffer[body->index];
    bool many = device->plan.mplane;
    size_t length = many ? body->m.planes[0].length : body->length;
    struct standin_dmabuf view = standin_dmabuf_import(many ? body->m.planes[0].m.fd : body->m.fd, true);

    if (!view.memory)
        return misuse("QBUF with a descriptor that is no DMA-BUF, or cannot be written");
    if (device->wire.memory_planes > 1 || is_elsewhere(device, body->index, view.inode)) {
        standin_dmabuf_release(&view);
        return misuse("QBUF of one DMA-BUF in two places");
    }
    if (length == 0)
        length = view.size_bytes; // as videobuf2 does
    if (length < device->wire.size[0] || view.size_bytes < length || is_refused(device)) {
        int number = length < device->wire.size[0] || view.size_bytes < length ? EINVAL : EFAULT;
        standin_dmabuf_release(&view);
        return number;
    }
    standin_dmabuf_release(&buffer->view);
    buffer->view = view;
    buffer->length[0] = length;
    return 0;
}

void import_release(struct device *device)
{
    for (uint32_t i = 0; i < STANDIN_BUFFERS_MAX; i++)
        standin_dmabuf_release(&device->buffer[i].view);
}
