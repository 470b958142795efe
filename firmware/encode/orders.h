// SPDX-License-Identifier: Apache-2.0
// The orders that wait to be encoded: a bounded queue in which a newer epoch makes older orders obsolete.
// Pure: no I/O, no clock, no allocation.
#ifndef ENCODE_ORDERS_H
#define ENCODE_ORDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc/message.h"

// The supervisor orders each frame of the pool at most once an epoch; this holds two epochs' worth.
#define ORDERS_MAX (2 * MESSAGE_SLOTS_MAX)

struct orders {
    struct message_encode order[ORDERS_MAX]; // oldest first, a circle
    uint32_t first;
    uint32_t count;
    uint32_t epoch; // newest seen
};

bool orders_are_full(const struct orders *orders);

// Appends; asserts that there is room. Orders that became obsolete come out of orders_take() as superseded.
void orders_add(struct orders *orders, const struct message_encode *order);

// Takes the oldest order; *superseded tells that it must not be encoded. False when there is none.
bool orders_take(struct orders *orders, struct message_encode *out, bool *superseded);

// Takes the oldest superseded order at the front of the queue, if there is one.
bool orders_take_superseded(struct orders *orders, struct message_encode *out);

#endif
