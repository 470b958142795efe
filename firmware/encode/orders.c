// SPDX-License-Identifier: Apache-2.0
#include "encode/orders.h"

#include <assert.h>

bool orders_are_full(const struct orders *orders)
{
    return orders->count == ORDERS_MAX;
}

void orders_add(struct orders *orders, const struct message_encode *order)
{
    assert(!orders_are_full(orders));
    orders->order[(orders->first + orders->count) % ORDERS_MAX] = *order;
    orders->count++;
    if (order->epoch > orders->epoch)
        orders->epoch = order->epoch;
}

bool orders_take(struct orders *orders, struct message_encode *out, bool *superseded)
{
    if (orders->count == 0)
        return false;
    *out = orders->order[orders->first];
    *superseded = out->epoch < orders->epoch;
    orders->first = (orders->first + 1) % ORDERS_MAX;
    orders->count--;
    return true;
}

bool orders_take_superseded(struct orders *orders, struct message_encode *out)
{
    bool superseded;

    if (orders->count == 0 || orders->order[orders->first].epoch >= orders->epoch)
        return false;
    return orders_take(orders, out, &superseded);
}
