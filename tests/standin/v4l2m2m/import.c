// SPDX-License-Identifier: Apache-2.0
// Raw pictures that are somebody else's DMA-BUFs (V4L2_MEMORY_DMABUF), as videobuf2 handles them. From QBUF
// until the buffer is done nobody may change them, which is looked at.
#include "standin.h"

#include <errno.h>

static uint64_t sum_of(const struct standin_buffer *buffer)
{
    uint64_t sum = 14695981039346656037u; // FNV-1a, over words

    for (uint32_t i = 0; i + 8 <= buffer->used[0]; i += 8) {
        uint64_t word;
        memcpy(&word, buffer->memory[0] + i, sizeof word);
        sum = (sum ^ word) * 1099511628211u;
    }
    return sum;
}

static bool is_elsewhere(const struct standin_queue *queue, uint32_t index, uint64_t inode)
{
    for (uint32_t i = 0; i < queue->count; i++)
        if (i != index && queue->buffers[i].state != STATE_IDLE && queue->buffers[i].view.inode == inode)
            return true;
    return false;
}

int standin_import(struct standin_device *device, struct standin_queue *queue,
                   const struct v4l2_buffer *asked)
{
    struct standin_buffer *buffer = &queue->buffers[asked->index];
    bool mplane = device->options.mplane;
    size_t length = mplane ? asked->m.planes[0].length : asked->length;
    struct standin_dmabuf view = standin_dmabuf_import(mplane ? asked->m.planes[0].m.fd : asked->m.fd, false);

    if (!view.memory)
        return standin_misuse(EINVAL, "VIDIOC_QBUF with a descriptor that is no DMA-BUF");
    if (queue->planes > 1 || is_elsewhere(queue, asked->index, view.inode)) {
        standin_dmabuf_release(&view);
        return standin_misuse(EINVAL, "VIDIOC_QBUF of one DMA-BUF in two places");
    }
    if (length == 0)
        length = view.size_bytes;
    if (length < queue->size_bytes[0] || view.size_bytes < length) {
        standin_dmabuf_release(&view);
        return -EINVAL;
    }
    if (device->options.refuses && device->imports++ >= device->options.refuse_at) {
        standin_dmabuf_release(&view);
        return -EFAULT;
    }
    standin_dmabuf_release(&buffer->view);
    buffer->view = view;
    buffer->memory[0] = view.memory;
    buffer->length[0] = (uint32_t)length;
    return 0;
}

void standin_import_seal(struct standin_buffer *buffer)
{
    if (buffer->view.memory)
        buffer->sum = sum_of(buffer);
}

void standin_import_check(const struct standin_buffer *buffer)
{
    if (buffer->view.memory && buffer->sum != sum_of(buffer))
        (void)standin_misuse(EINVAL, "a picture was changed while the device had it");
}
