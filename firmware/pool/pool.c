// SPDX-License-Identifier: Apache-2.0
#include "pool/pool.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "pool/shared_memory.h"

#define SLOT_ALIGN_BYTES 4096u
#define ROW_ALIGN_BYTES 64u

// One word a slot, each on its own cache line would be wasteful: they change once a frame.
struct pool_control {
    _Atomic uint64_t released[POOL_SLOTS_MAX];
};

struct pool {
    struct castor_frame_layout layout;
    size_t slot_bytes;
    uint32_t slot_count;
    uint8_t *pixels; // NULL in the supervisor
    struct pool_control *control;
    int pixels_fd;
    int pixels_read_only_fd;
    int control_fd; // read-only
    int dmabuf[POOL_SLOTS_MAX];
    uint32_t dmabuf_count;
};

static int pool_new(const struct castor_format *format, uint32_t slot_count, struct pool **out)
{
    struct castor_frame_layout layout;
    struct pool *pool;

    if (slot_count < 4 || slot_count > POOL_SLOTS_MAX)
        return CASTOR_ERR_INVALID;
    int error = castor_frame_layout_compute(format, ROW_ALIGN_BYTES, &layout);
    if (error != CASTOR_OK)
        return error;
    pool = calloc(1, sizeof *pool);
    if (!pool)
        return CASTOR_ERR_NO_MEMORY;
    pool->layout = layout;
    pool->slot_bytes = (layout.size_bytes + SLOT_ALIGN_BYTES - 1) & ~(size_t)(SLOT_ALIGN_BYTES - 1);
    pool->slot_count = slot_count;
    pool->pixels_fd = pool->pixels_read_only_fd = pool->control_fd = -1;
    *out = pool;
    return CASTOR_OK;
}

static int make_control(struct pool *pool)
{
    int control_fd = -1;
    int error = shared_memory_create("castor-pool-control", sizeof(struct pool_control), &control_fd);

    if (error == CASTOR_OK)
        error = shared_memory_reopen_read_only(control_fd, &pool->control_fd);
    if (error == CASTOR_OK)
        error = shared_memory_map(control_fd, sizeof(struct pool_control), true, (void **)&pool->control);
    shared_memory_close(control_fd);
    for (uint32_t i = 0; i < POOL_SLOTS_MAX && error == CASTOR_OK; i++)
        atomic_store(&pool->control->released[i], POOL_SLOT_FREE);
    return error;
}

static int make_pixels(struct pool *pool)
{
    int error = shared_memory_create("castor-pool", pool_size_bytes(pool), &pool->pixels_fd);

    return error ? error : shared_memory_reopen_read_only(pool->pixels_fd, &pool->pixels_read_only_fd);
}

// With DMA-BUFs where they can be had; `heap` NULL = none are wanted.
static int make_memory(struct pool *pool, const char *heap, struct dmabuf_text *why)
{
    int got = CASTOR_ERR_UNSUPPORTED;
    int error;

    if (heap && heap[0] != '\0' &&
        dmabuf_allocate(heap, pool->slot_bytes, pool->slot_count, pool->dmabuf, why) == CASTOR_OK) {
        pool->dmabuf_count = pool->slot_count;
        return CASTOR_OK;
    }
    error = make_pixels(pool);
    if (error == CASTOR_OK && heap && heap[0] == '\0')
        got = dmabuf_wrap(pool->pixels_fd, pool->slot_bytes, pool->slot_count, pool->dmabuf, why);
    if (got == CASTOR_OK)
        pool->dmabuf_count = pool->slot_count;
    return error;
}

static int create(const struct castor_format *format, uint32_t slot_count, const char *heap,
                  struct pool **out, struct dmabuf_text *why)
{
    struct pool *pool;
    int error = pool_new(format, slot_count, &pool);

    if (error != CASTOR_OK)
        return error;
    error = make_memory(pool, heap, why);
    if (error == CASTOR_OK)
        error = make_control(pool);
    if (error != CASTOR_OK) {
        pool_destroy(pool);
        return error;
    }
    *out = pool;
    return CASTOR_OK;
}

int pool_create(const struct castor_format *format, uint32_t slot_count, struct pool **out)
{
    struct dmabuf_text why;

    return create(format, slot_count, NULL, out, &why);
}

int pool_create_for_devices(const struct castor_format *format, uint32_t slot_count, const char *heap,
                            struct pool **out, struct dmabuf_text *why)
{
    why->text[0] = '\0';
    return create(format, slot_count, heap, out, why);
}

static int map_pixels(struct pool *pool, const struct pool_parts *parts, bool writable)
{
    if (parts->dmabuf_count != 0 && parts->dmabuf_count != pool->slot_count)
        return CASTOR_ERR_INVALID;
    if (parts->pixels >= 0)
        return shared_memory_map(parts->pixels, pool_size_bytes(pool), writable, (void **)&pool->pixels);
    if (parts->dmabuf_count == 0)
        return CASTOR_ERR_INVALID;
    return dmabuf_map(parts->dmabuf, pool->slot_bytes, pool->slot_count, writable, (void **)&pool->pixels);
}

int pool_attach(const struct castor_format *format, uint32_t slot_count, const struct pool_parts *parts,
                struct pool **out)
{
    struct pool *pool;
    bool writable = parts->control >= 0;
    int error = pool_new(format, slot_count, &pool);

    if (error != CASTOR_OK)
        return error;
    error = map_pixels(pool, parts, writable);
    if (error == CASTOR_OK && writable)
        error =
            shared_memory_map(parts->control, sizeof(struct pool_control), false, (void **)&pool->control);
    if (error != CASTOR_OK) {
        pool_destroy(pool);
        return error;
    }
    pool->pixels_fd = parts->pixels;
    pool->control_fd = parts->control;
    pool->dmabuf_count = parts->dmabuf_count;
    for (uint32_t i = 0; i < parts->dmabuf_count; i++) {
        pool->dmabuf[i] = parts->dmabuf[i];
        if (writable)
            dmabuf_begin(pool->dmabuf[i]);
    }
    *out = pool;
    return CASTOR_OK;
}

void pool_write_only(struct pool *pool, uint32_t first, uint32_t end)
{
    assert(pool->pixels && first < end && end <= pool->slot_count);
    shared_memory_read_only(pool->pixels, pool->slot_bytes * first);
    shared_memory_read_only(pool->pixels + pool->slot_bytes * end,
                            pool->slot_bytes * (pool->slot_count - end));
}

void pool_destroy(struct pool *pool)
{
    if (!pool)
        return;
    shared_memory_unmap(pool->pixels, pool_size_bytes(pool));
    shared_memory_unmap(pool->control, sizeof(struct pool_control));
    shared_memory_close(pool->pixels_fd);
    shared_memory_close(pool->pixels_read_only_fd);
    shared_memory_close(pool->control_fd);
    dmabuf_close(pool->dmabuf, pool->dmabuf_count);
    free(pool);
}

struct pool_descriptors pool_descriptors(const struct pool *pool)
{
    return (struct pool_descriptors){.pixels = pool->pixels_fd,
                                     .pixels_read_only = pool->pixels_read_only_fd,
                                     .control = pool->control_fd,
                                     .dmabuf = pool->dmabuf,
                                     .dmabuf_count = pool->dmabuf_count};
}

unsigned pool_share(const struct pool *pool, enum pool_role role, int fds[POOL_SHARE_MAX],
                    uint32_t *dmabuf_count)
{
    unsigned count = 0;

    if (pool->pixels_fd >= 0)
        fds[count++] = role == POOL_ROLE_CAPTURE ? pool->pixels_fd : pool->pixels_read_only_fd;
    *dmabuf_count = count > 0 && role == POOL_ROLE_READER ? 0 : pool->dmabuf_count;
    memcpy(fds + count, pool->dmabuf, *dmabuf_count * sizeof fds[0]);
    return count + *dmabuf_count;
}

bool pool_share_read(const int *fds, unsigned count, uint32_t dmabuf_count, struct pool_parts *out)
{
    bool has_pixels = count == dmabuf_count + 1;

    if (count == 0 || dmabuf_count > POOL_SLOTS_MAX || (!has_pixels && count != dmabuf_count))
        return false;
    *out = (struct pool_parts){.pixels = has_pixels ? fds[0] : -1,
                               .control = -1,
                               .dmabuf = fds + has_pixels,
                               .dmabuf_count = dmabuf_count};
    return true;
}

uint32_t pool_slot_count(const struct pool *pool)
{
    return pool->slot_count;
}

size_t pool_size_bytes(const struct pool *pool)
{
    return pool->slot_bytes * pool->slot_count;
}

void pool_release(struct pool *pool, uint32_t slot, uint64_t sequence)
{
    assert(slot < pool->slot_count);
    // Release order: whoever sees the word also sees that all reading before it has ended.
    atomic_store_explicit(&pool->control->released[slot], sequence, memory_order_release);
}

bool pool_is_free(const struct pool *pool, uint32_t slot, uint64_t sequence)
{
    assert(slot < pool->slot_count);
    return sequence == POOL_SLOT_FREE ||
           atomic_load_explicit(&pool->control->released[slot], memory_order_acquire) == sequence;
}

void pool_written(const struct pool *pool, const struct castor_frame *frame)
{
    assert(frame->slot < pool->slot_count);
    if (pool->dmabuf_count)
        dmabuf_written(pool->dmabuf[frame->slot], frame->by_device);
}

void pool_draw(const struct pool *pool, struct castor_frame *frame)
{
    assert(frame->slot < pool->slot_count);
    if (pool->dmabuf_count && frame->by_device)
        dmabuf_begin(pool->dmabuf[frame->slot]);
    frame->by_device = false;
}

void pool_frame(const struct pool *pool, uint32_t slot, struct castor_frame *frame)
{
    assert(slot < pool->slot_count && pool->pixels);
    frame->slot = slot;
    frame->dmabuf_fd = pool->dmabuf_count ? pool->dmabuf[slot] : -1;
    frame->by_device = false;
    castor_frame_map(&pool->layout, pool->pixels + pool->slot_bytes * slot, frame);
}
