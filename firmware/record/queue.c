// SPDX-License-Identifier: Apache-2.0
#include "record/queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "hal/time.h"

#define ALIGNMENT 16u
#define WAKE_PART 8u

// Positions only grow; the byte at position p is at p % size.
struct queue {
    pthread_mutex_t mutex; // held for a few instructions only, never while bytes are copied
    pthread_cond_t filled;
    uint8_t *memory;
    size_t size_bytes;
    uint64_t head, tail; // guarded by the mutex
    uint64_t put_at;     // of the putting thread: where the unit stands that is not committed yet
    uint64_t put_end;
    uint64_t take_end; // of the taking thread
    bool woken;
};

// Stands before the bytes of each unit.
struct header {
    struct record_unit unit;
};

static size_t room_for(uint32_t size_bytes)
{
    size_t bytes = sizeof(struct header) + size_bytes;

    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

int queue_create(size_t size_bytes, struct queue **out)
{
    pthread_condattr_t attributes;
    struct queue *queue = calloc(1, sizeof *queue);

    assert(size_bytes >= 1u << 16 && size_bytes <= 1u << 30);
    size_bytes = size_bytes / ALIGNMENT * ALIGNMENT;
    if (!queue || posix_memalign((void **)&queue->memory, ALIGNMENT, size_bytes) != 0) {
        free(queue);
        return CASTOR_ERR_NO_MEMORY;
    }
    memset(queue->memory, 0, size_bytes); // now, and not when a frame waits for it
    queue->size_bytes = size_bytes;
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->filled, &attributes);
    pthread_condattr_destroy(&attributes);
    *out = queue;
    return CASTOR_OK;
}

void queue_destroy(struct queue *queue)
{
    if (!queue)
        return;
    pthread_cond_destroy(&queue->filled);
    pthread_mutex_destroy(&queue->mutex);
    free(queue->memory);
    free(queue);
}

// Where a unit of `bytes` would start: at the beginning where it would cross the end.
static uint64_t place(const struct queue *queue, size_t bytes)
{
    uint64_t at = queue->head;
    size_t offset = (size_t)(at % queue->size_bytes);

    return offset + bytes > queue->size_bytes ? at + queue->size_bytes - offset : at;
}

bool queue_has_room(struct queue *queue, uint32_t size_bytes, bool *calm)
{
    size_t bytes = room_for(size_bytes);

    pthread_mutex_lock(&queue->mutex);
    *calm = queue->head - queue->tail <= queue->size_bytes / 2;
    bool room = place(queue, bytes) + bytes - queue->tail <= queue->size_bytes;
    pthread_mutex_unlock(&queue->mutex);
    return room;
}

void queue_put(struct queue *queue, const struct record_unit *unit)
{
    size_t bytes = room_for(unit->size_bytes);
    uint64_t at = place(queue, bytes); // only this thread moves the head
    struct header *header = (struct header *)(void *)(queue->memory + at % queue->size_bytes);

    header->unit = *unit;
    header->unit.data = (const uint8_t *)(header + 1);
    memcpy(header + 1, unit->data, unit->size_bytes);
    queue->put_at = at;
    queue->put_end = at + bytes;
}

void queue_commit(struct queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    // What was skipped at the end of the memory: the taker finds it by the same rule, from this mark.
    if (queue->put_at != queue->head && queue->head % queue->size_bytes != 0) {
        size_t left = queue->size_bytes - (size_t)(queue->head % queue->size_bytes);
        memset(queue->memory + queue->head % queue->size_bytes, 0,
               left < sizeof(struct header) ? left : sizeof(struct header));
    }
    queue->head = queue->put_end;
    // The taker looks by itself often enough; it is woken where a lot has come.
    if (queue->head - queue->tail > queue->size_bytes / WAKE_PART)
        pthread_cond_signal(&queue->filled);
    pthread_mutex_unlock(&queue->mutex);
}

bool queue_take(struct queue *queue, int64_t until_ns, struct record_unit *out)
{
    const struct timespec until = castor_timespec(until_ns > 0 ? until_ns : 0);
    bool timed_out = false;

    pthread_mutex_lock(&queue->mutex);
    while (queue->head == queue->tail && !queue->woken && !timed_out)
        timed_out = pthread_cond_timedwait(&queue->filled, &queue->mutex, &until) != 0;
    queue->woken = false;
    bool there = queue->head != queue->tail;
    uint64_t at = queue->tail;
    pthread_mutex_unlock(&queue->mutex);
    if (!there)
        return false;
    size_t offset = (size_t)(at % queue->size_bytes);
    const struct header *header = (const struct header *)(const void *)(queue->memory + offset);
    // No unit is empty: nothing, or no room for a header, means that it starts at the beginning.
    if (queue->size_bytes - offset < sizeof *header || header->unit.size_bytes == 0) {
        at += queue->size_bytes - offset;
        header = (const struct header *)(const void *)queue->memory;
    }
    *out = header->unit;
    queue->take_end = at + room_for(out->size_bytes);
    return true;
}

void queue_drop(struct queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->tail = queue->take_end;
    pthread_mutex_unlock(&queue->mutex);
}

void queue_wake(struct queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->woken = true;
    pthread_cond_signal(&queue->filled);
    pthread_mutex_unlock(&queue->mutex);
}

size_t queue_used_bytes(struct queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    size_t used = (size_t)(queue->head - queue->tail);
    pthread_mutex_unlock(&queue->mutex);
    return used;
}

size_t queue_size_bytes(const struct queue *queue)
{
    return queue->size_bytes;
}
