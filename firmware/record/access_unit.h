// SPDX-License-Identifier: Apache-2.0
// A recorded unit in the multiplexer's words.
#ifndef RECORD_ACCESS_UNIT_H
#define RECORD_ACCESS_UNIT_H

#include "mux/mux.h"
#include "record/unit.h"

static inline struct mux_access_unit record_access_unit(const struct record_unit *unit)
{
    return (struct mux_access_unit){
        .data = unit->data,
        .size_bytes = unit->size_bytes,
        .capture_ns = unit->capture_ns,
        .utc_offset_ns = unit->utc_offset_ns,
        .sequence = unit->sequence,
        .epoch = unit->epoch,
        .path = unit->path,
        .flags = unit->after_switch ? MUX_ACCESS_UNIT_AFTER_SWITCH : 0,
    };
}

#endif
