// SPDX-License-Identifier: Apache-2.0
#include "pool/pool.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

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

int pool_create(const struct castor_format *format, uint32_t slot_count, struct pool **out)
{
    struct pool *pool;
    int control_fd = -1;
    int error = pool_new(format, slot_count, &pool);

    if (error != CASTOR_OK)
        return error;
    error = shared_memory_create("castor-pool", pool_size_bytes(pool), &pool->pixels_fd);
    if (error == CASTOR_OK)
        error = shared_memory_reopen_read_only(pool->pixels_fd, &pool->pixels_read_only_fd);
    if (error == CASTOR_OK)
        error = shared_memory_create("castor-pool-control", sizeof(struct pool_control), &control_fd);
    if (error == CASTOR_OK)
        error = shared_memory_reopen_read_only(control_fd, &pool->control_fd);
    if (error == CASTOR_OK)
        error = shared_memory_map(control_fd, sizeof(struct pool_control), true, (void **)&pool->control);
    shared_memory_close(control_fd);
    if (error != CASTOR_OK) {
        pool_destroy(pool);
        return error;
    }
    for (uint32_t i = 0; i < POOL_SLOTS_MAX; i++)
        atomic_store(&pool->control->released[i], POOL_SLOT_FREE);
    *out = pool;
    return CASTOR_OK;
}

int pool_attach(const struct castor_format *format, uint32_t slot_count, int pixels, int control,
                struct pool **out)
{
    struct pool *pool;
    bool writable = control >= 0;
    int error = pool_new(format, slot_count, &pool);

    if (error != CASTOR_OK)
        return error;
    error = shared_memory_map(pixels, pool_size_bytes(pool), writable, (void **)&pool->pixels);
    if (error == CASTOR_OK && writable)
        error = shared_memory_map(control, sizeof(struct pool_control), false, (void **)&pool->control);
    if (error != CASTOR_OK) {
        pool_destroy(pool);
        return error;
    }
    pool->pixels_fd = pixels;
    pool->control_fd = control;
    *out = pool;
    return CASTOR_OK;
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
    free(pool);
}

struct pool_descriptors pool_descriptors(const struct pool *pool)
{
    return (struct pool_descriptors){.pixels = pool->pixels_fd,
                                     .pixels_read_only = pool->pixels_read_only_fd,
                                     .control = pool->control_fd};
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

void pool_frame(const struct pool *pool, uint32_t slot, struct castor_frame *frame)
{
    assert(slot < pool->slot_count && pool->pixels);
    frame->slot = slot;
    frame->dmabuf_fd = -1;
    castor_frame_map(&pool->layout, pool->pixels + pool->slot_bytes * slot, frame);
}
