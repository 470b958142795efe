// SPDX-License-Identifier: Apache-2.0
#include "switch_rig.h"

#include <string.h>

const struct switch_config rig_config = {
    .path_count = 2,
    .running_paths = 2,
    .standby = SWITCH_STANDBY_WARM,
    .slot_count = 12,
    .slots_free_min = 4,
    .stall_budget_ns = 70 * MS,
    .hang_budget_ns = 300 * MS,
    .standby_budget_ns = 200 * MS,
    .start_budget_ns = 500 * MS,
    .canary_interval_ns = 1000 * MS,
    .gop_frames = 0,
    .drops_per_mille_max = 5,
    .standby_orders_max = 3,
    .hold_ns = 400 * MS,
};

void rig_init(struct rig *rig, const struct switch_config *config)
{
    memset(rig, 0, sizeof *rig);
    rig->now_ns = 1000 * MS;
    assert_int_equal(switch_init(&rig->s, config), CASTOR_OK);
}

void rig_take(struct rig *rig)
{
    for (rig->count = 0; switch_next_order(&rig->s, &rig->order[rig->count]); rig->count++)
        ;
}

void rig_bring_up(struct rig *rig, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        switch_path_startable(&rig->s, rig->now_ns, i);
    for (uint32_t i = 0; i < count; i++)
        switch_path_ready(&rig->s, rig->now_ns, i);
    rig_take(rig);
}

const struct switch_order *rig_order(const struct rig *rig, enum switch_order_kind kind, uint32_t n)
{
    for (uint32_t i = 0; i < rig->count; i++)
        if (rig->order[i].kind == kind && n-- == 0)
            return &rig->order[i];
    return NULL;
}

uint32_t rig_orders(const struct rig *rig, enum switch_order_kind kind)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < rig->count; i++)
        count += rig->order[i].kind == kind;
    return count;
}

void rig_capture(struct rig *rig, uint64_t sequence, uint32_t slot)
{
    assert_int_equal(switch_frame_captured(&rig->s, rig->now_ns, sequence, rig->now_ns, slot), CASTOR_OK);
    rig_take(rig);
}

void rig_coded(struct rig *rig, uint32_t path, uint64_t sequence, uint32_t epoch, bool idr)
{
    const struct switch_access_unit unit = {.sequence = sequence,
                                            .epoch = epoch,
                                            .verdict = SWITCH_VERDICT_GOOD,
                                            .idr = idr,
                                            .position = 1000 + sequence,
                                            .size_bytes = 100};

    switch_access_unit(&rig->s, rig->now_ns, path, &unit);
    rig_take(rig);
}

void rig_dropped(struct rig *rig, uint32_t path, uint64_t sequence, uint32_t epoch, bool superseded)
{
    switch_dropped(&rig->s, rig->now_ns, path, sequence, epoch, superseded);
    rig_take(rig);
}

void rig_failed(struct rig *rig, uint32_t path, enum switch_cause cause)
{
    switch_path_failed(&rig->s, rig->now_ns, path, cause);
    rig_take(rig);
}

void rig_gone(struct rig *rig, uint32_t path)
{
    switch_path_gone(&rig->s, rig->now_ns, path);
    rig_take(rig);
}

void rig_restart(struct rig *rig, uint32_t path)
{
    switch_path_startable(&rig->s, rig->now_ns, path);
    switch_path_ready(&rig->s, rig->now_ns, path);
    rig_take(rig);
}

void rig_wait(struct rig *rig, int64_t ns)
{
    rig->now_ns += ns;
    if (rig->now_ns >= switch_deadline_ns(&rig->s))
        switch_tick(&rig->s, rig->now_ns);
    rig_take(rig);
}
