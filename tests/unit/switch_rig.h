// SPDX-License-Identifier: Apache-2.0
// A switch on a bench: what it orders is kept, so that a test can ask for it.
#ifndef SWITCH_RIG_H
#define SWITCH_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "supervisor/switch.h"

#define MS INT64_C(1000000)

struct rig {
    struct switch_state s;
    int64_t now_ns;
    struct switch_order order[SWITCH_ORDERS_MAX]; // of the last event
    uint32_t count;
};

// Two paths, warm, 12 slots, 4 always free, 70 ms stall, 300 ms hang, 200 ms standby, 500 ms start.
extern const struct switch_config rig_config;

void rig_init(struct rig *rig, const struct switch_config *config);
// The first `count` paths are startable, started and ready; path 0 is on air.
void rig_bring_up(struct rig *rig, uint32_t count);
// Takes the orders of the last event.
void rig_take(struct rig *rig);
// The n-th order of a kind in the last event, NULL when there are fewer.
const struct switch_order *rig_order(const struct rig *rig, enum switch_order_kind kind, uint32_t n);
uint32_t rig_orders(const struct rig *rig, enum switch_order_kind kind);

// One event each; the orders are taken.
void rig_capture(struct rig *rig, uint64_t sequence, uint32_t slot);
void rig_coded(struct rig *rig, uint32_t path, uint64_t sequence, uint32_t epoch, bool idr);
void rig_dropped(struct rig *rig, uint32_t path, uint64_t sequence, uint32_t epoch, bool superseded);
void rig_failed(struct rig *rig, uint32_t path, enum switch_cause cause);
void rig_gone(struct rig *rig, uint32_t path);
void rig_restart(struct rig *rig, uint32_t path);
// Time passes; ticks when the deadline is reached.
void rig_wait(struct rig *rig, int64_t ns);

#endif
