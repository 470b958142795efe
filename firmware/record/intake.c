// SPDX-License-Identifier: Apache-2.0
#include "record/intake.h"

#include <string.h>

void intake_init(struct intake *intake)
{
    memset(intake, 0, sizeof *intake);
}

void intake_refuse(struct intake *intake, const struct record_unit *unit)
{
    struct record_gap *gap = &intake->gap;
    uint64_t before = unit->gap.frames; // a gap that the unit was to carry goes on

    if (before > 0)
        *gap = unit->gap;
    if (gap->frames == 0) {
        gap->first_sequence = unit->sequence;
        gap->capture_ns = unit->capture_ns;
        intake->gaps++;
    }
    gap->last_sequence = unit->sequence;
    gap->frames++;
    intake->left_out++;
    intake->closed = true;
}

bool intake_offer(struct intake *intake, struct record_unit *unit, bool room, bool calm)
{
    memset(&unit->gap, 0, sizeof unit->gap);
    if (room && (!intake->closed || (unit->idr && calm))) {
        unit->gap = intake->gap;
        memset(&intake->gap, 0, sizeof intake->gap);
        intake->closed = false;
        return true;
    }
    intake_refuse(intake, unit);
    return false;
}
