// SPDX-License-Identifier: Apache-2.0
// What is taken into the queue when the disk is slow: nothing is taken from a unit on that does not fit,
// until an IDR comes while the queue is half empty again. So what is left out are whole ends of GOPs and
// whole GOPs, and it is known which. Pure.
#ifndef RECORD_INTAKE_H
#define RECORD_INTAKE_H

#include "record/unit.h"

struct intake {
    bool closed; // units are left out
    struct record_gap gap;
    uint64_t left_out; // since start
    uint64_t gaps;
};

void intake_init(struct intake *intake);

// Whether this unit is to be put into the queue; unit->gap is then what is missing before it. `room`: it
// fits; `calm`: the queue is at most half full.
bool intake_offer(struct intake *intake, struct record_unit *unit, bool room, bool calm);

// A unit that was to be taken came to harm: it and what follows are left out.
void intake_refuse(struct intake *intake, const struct record_unit *unit);

#endif
