// SPDX-License-Identifier: Apache-2.0
// Hands what was received from the receiving thread to the analysis. The receiving thread does nothing but
// read and take the time; so a slow analysis or decoder never spoils a time of arrival.
#ifndef PROBE_QUEUE_H
#define PROBE_QUEUE_H

#include "hal/error.h"
#include "probe/arrival.h"

#include <stddef.h>
#include <stdint.h>

#define QUEUE_ITEM_BYTES 1504 // the largest SRT payload is 1456

enum queue_kind {
    QUEUE_DATA,
    QUEUE_CONNECTED, // a connection begins; what was incomplete stays so
    QUEUE_END,       // the file is over
    QUEUE_FAILED,    // the input is of no use any more; data is the reason as text
};

struct queue_item {
    enum queue_kind kind;
    struct probe_arrival arrival;
    size_t bytes;
    uint8_t data[QUEUE_ITEM_BYTES];
};

struct queue;

// Allocates all `items`, at least 2. Errors: NO_MEMORY.
int CASTOR_MUST_USE queue_create(size_t items, struct queue **queue);
void queue_destroy(struct queue *q); // NULL is fine; no thread may use it any more

// Copies the item in. Waits for room until `deadline_ns` (CLOCK_MONOTONIC). Errors: FULL after the deadline,
// LOST once the queue is stopped.
int CASTOR_MUST_USE queue_push(struct queue *q, const struct queue_item *item, int64_t deadline_ns);

// Copies the oldest item out. Waits until `deadline_ns`. Errors: TIMEOUT.
int CASTOR_MUST_USE queue_pop(struct queue *q, int64_t deadline_ns, struct queue_item *item);

// Nobody pops any more: whoever waits in queue_push returns.
void queue_stop(struct queue *q);

#endif
