// SPDX-License-Identifier: Apache-2.0
#include "probe/queue.h"

#include "hal/time.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    pthread_cond_t emptied;
    bool stopped;
    size_t items;
    size_t first;
    size_t count;
    struct queue_item ring[];
};

int queue_create(size_t items, struct queue **queue)
{
    struct queue *q = calloc(1, sizeof *q + items * sizeof q->ring[0]);
    if (q == NULL)
        return CASTOR_ERR_NO_MEMORY;
    q->items = items;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->filled, &monotonic);
    pthread_cond_init(&q->emptied, &monotonic);
    pthread_condattr_destroy(&monotonic);
    *queue = q;
    return CASTOR_OK;
}

void queue_destroy(struct queue *q)
{
    if (q == NULL)
        return;
    pthread_cond_destroy(&q->filled);
    pthread_cond_destroy(&q->emptied);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

static void copy_item(struct queue_item *to, const struct queue_item *from)
{
    to->kind = from->kind;
    to->arrival = from->arrival;
    to->bytes = from->bytes;
    memcpy(to->data, from->data, from->bytes);
}

int queue_push(struct queue *q, const struct queue_item *item, int64_t deadline_ns)
{
    struct timespec deadline = castor_timespec(deadline_ns);
    int result = CASTOR_OK;
    int wait = 0;
    pthread_mutex_lock(&q->lock);
    while (q->count == q->items && !q->stopped && wait == 0)
        wait = pthread_cond_timedwait(&q->emptied, &q->lock, &deadline);
    if (q->stopped) {
        result = CASTOR_ERR_LOST;
    } else if (q->count == q->items) {
        result = CASTOR_ERR_FULL;
    } else {
        copy_item(&q->ring[(q->first + q->count) % q->items], item);
        q->count++;
        pthread_cond_signal(&q->filled);
    }
    pthread_mutex_unlock(&q->lock);
    return result;
}

int queue_pop(struct queue *q, int64_t deadline_ns, struct queue_item *item)
{
    struct timespec deadline = castor_timespec(deadline_ns);
    int result = CASTOR_ERR_TIMEOUT;
    int wait = 0;
    pthread_mutex_lock(&q->lock);
    while (q->count == 0 && wait == 0)
        wait = pthread_cond_timedwait(&q->filled, &q->lock, &deadline);
    if (q->count > 0) {
        copy_item(item, &q->ring[q->first]);
        q->first = (q->first + 1) % q->items;
        q->count--;
        pthread_cond_signal(&q->emptied);
        result = CASTOR_OK;
    }
    pthread_mutex_unlock(&q->lock);
    return result;
}

void queue_stop(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->stopped = true;
    pthread_cond_broadcast(&q->emptied);
    pthread_mutex_unlock(&q->lock);
}
