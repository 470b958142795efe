// SPDX-License-Identifier: Apache-2.0
#include "pool/ring.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "pool/shared_memory.h"

struct ring {
    uint8_t *memory;
    uint32_t size_bytes;
    int writer_fd; // -1 where only read
    int reader_fd;
    uint64_t head; // writer: next byte to write
    uint64_t tail; // writer: first byte that may still be read
};

static int ring_new(uint32_t size_bytes, struct ring **out)
{
    struct ring *ring = calloc(1, sizeof *ring);

    if (!ring)
        return CASTOR_ERR_NO_MEMORY;
    ring->size_bytes = size_bytes;
    ring->writer_fd = ring->reader_fd = -1;
    *out = ring;
    return CASTOR_OK;
}

int ring_create(uint32_t size_bytes, struct ring **out)
{
    struct ring *ring;

    if (size_bytes < (1u << 16) || size_bytes > (256u << 20))
        return CASTOR_ERR_INVALID;
    int error = ring_new(size_bytes, &ring);
    if (error != CASTOR_OK)
        return error;
    error = shared_memory_create("castor-ring", size_bytes, &ring->writer_fd);
    if (error == CASTOR_OK)
        error = shared_memory_reopen_read_only(ring->writer_fd, &ring->reader_fd);
    if (error == CASTOR_OK)
        error = shared_memory_map(ring->reader_fd, size_bytes, false, (void **)&ring->memory);
    if (error != CASTOR_OK) {
        ring_destroy(ring);
        return error;
    }
    *out = ring;
    return CASTOR_OK;
}

static int ring_attach(int fd, uint32_t size_bytes, bool writable, struct ring **out)
{
    struct ring *ring;
    int error = ring_new(size_bytes, &ring);

    if (error != CASTOR_OK)
        return error;
    error = shared_memory_map(fd, size_bytes, writable, (void **)&ring->memory);
    if (error != CASTOR_OK) {
        ring_destroy(ring);
        return error;
    }
    if (writable)
        ring->writer_fd = fd;
    else
        ring->reader_fd = fd;
    *out = ring;
    return CASTOR_OK;
}

int ring_attach_writer(int fd, uint32_t size_bytes, uint64_t position, uint64_t tail, struct ring **out)
{
    if (tail > position || position - tail > size_bytes)
        return CASTOR_ERR_INVALID;
    int error = ring_attach(fd, size_bytes, true, out);
    if (error == CASTOR_OK) {
        (*out)->head = position;
        (*out)->tail = tail;
    }
    return error;
}

int ring_attach_reader(int fd, uint32_t size_bytes, struct ring **out)
{
    return ring_attach(fd, size_bytes, false, out);
}

void ring_destroy(struct ring *ring)
{
    if (!ring)
        return;
    shared_memory_unmap(ring->memory, ring->size_bytes);
    shared_memory_close(ring->writer_fd);
    shared_memory_close(ring->reader_fd);
    free(ring);
}

int ring_writer_fd(const struct ring *ring)
{
    return ring->writer_fd;
}

int ring_reader_fd(const struct ring *ring)
{
    return ring->reader_fd;
}

void ring_set_tail(struct ring *ring, uint64_t position)
{
    if (position > ring->tail && position <= ring->head)
        ring->tail = position;
}

int ring_write(struct ring *ring, const uint8_t *data, uint32_t size_bytes, uint64_t *position)
{
    uint64_t start = ring->head;
    uint32_t offset = (uint32_t)(start % ring->size_bytes);

    assert(ring->writer_fd >= 0);
    if (size_bytes > ring->size_bytes / 2)
        return CASTOR_ERR_INVALID;
    if (offset + (uint64_t)size_bytes > ring->size_bytes)
        start += ring->size_bytes - offset;
    if (start + size_bytes - ring->tail > ring->size_bytes)
        return CASTOR_ERR_FULL;
    memcpy(ring->memory + start % ring->size_bytes, data, size_bytes);
    ring->head = start + size_bytes;
    *position = start;
    return CASTOR_OK;
}

int ring_write_over(struct ring *ring, const uint8_t *data, uint32_t size_bytes, uint64_t *position)
{
    // At the end of the ring less than `size_bytes` may be left free.
    if (size_bytes <= ring->size_bytes / 2 && ring->head + 2 * (uint64_t)size_bytes > ring->size_bytes)
        ring_set_tail(ring, ring->head + 2 * (uint64_t)size_bytes - ring->size_bytes);
    return ring_write(ring, data, size_bytes, position);
}

const uint8_t *ring_view(const struct ring *ring, uint64_t position, uint32_t size_bytes)
{
    uint64_t offset = position % ring->size_bytes;

    if (offset + size_bytes > ring->size_bytes)
        return NULL;
    return ring->memory + offset;
}
