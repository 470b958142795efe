// SPDX-License-Identifier: Apache-2.0
// Access units on their way from the channel's thread to the writer's: one puts, one takes. All memory is
// taken and touched when it is made. Units lie contiguous.
#ifndef RECORD_QUEUE_H
#define RECORD_QUEUE_H

#include <stddef.h>

#include "hal/error.h"
#include "record/unit.h"

struct queue;

// 64 KiB .. 1 GiB.
CASTOR_MUST_USE int queue_create(size_t size_bytes, struct queue **out);
void queue_destroy(struct queue *queue); // accepts NULL

// Whether a unit of this size would fit now; *calm: at most half is in use.
bool queue_has_room(struct queue *queue, uint32_t size_bytes, bool *calm);
// Copies a unit in without making it visible to the taker; there must be room.
void queue_put(struct queue *queue, const struct record_unit *unit);
// Makes visible what was put last. A waiting queue_take() returns by itself; only much wakes it.
void queue_commit(struct queue *queue);

// The oldest unit, or false after `until_ns` (CLOCK_MONOTONIC) or a queue_wake(). Its bytes are valid until
// queue_drop().
bool queue_take(struct queue *queue, int64_t until_ns, struct record_unit *out);
void queue_drop(struct queue *queue);
// Lets a waiting queue_take() return.
void queue_wake(struct queue *queue);

size_t queue_used_bytes(struct queue *queue);
size_t queue_size_bytes(const struct queue *queue);

#endif
