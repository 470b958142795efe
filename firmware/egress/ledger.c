// SPDX-License-Identifier: Apache-2.0
#include "egress/ledger.h"

void ledger_init(struct ledger *ledger)
{
    ledger->oldest = ledger->count = 0;
    ledger->dropped = 0;
}

static void forget_oldest(struct ledger *ledger)
{
    ledger->oldest = (ledger->oldest + 1) % LEDGER_UNITS_MAX;
    ledger->count--;
}

void ledger_add(struct ledger *ledger, uint64_t first, uint64_t end)
{
    if (ledger->count == LEDGER_UNITS_MAX)
        forget_oldest(ledger);
    ledger->unit[(ledger->oldest + ledger->count++) % LEDGER_UNITS_MAX] =
        (struct ledger_unit){.first = first, .end = end};
}

unsigned ledger_settle(struct ledger *ledger, const struct transport_stats *stats)
{
    // Everything before this payload has left the send buffer: first what was acknowledged, then, where the
    // peer does not answer, what was thrown away as too late.
    uint64_t left = stats->taken_payloads - stats->pending_payloads;
    uint64_t dropped = stats->too_late_payloads - ledger->dropped;
    uint64_t arrived = left > dropped ? left - dropped : 0;
    unsigned lost = 0;

    ledger->dropped = stats->too_late_payloads;
    for (uint32_t i = 0; i < ledger->count; i++) {
        struct ledger_unit *unit = &ledger->unit[(ledger->oldest + i) % LEDGER_UNITS_MAX];
        if (unit->first >= left)
            break;
        if (unit->end > arrived && dropped > 0 && !unit->lost) {
            unit->lost = true;
            lost++;
        }
    }
    while (ledger->count > 0 && ledger->unit[ledger->oldest].end <= left)
        forget_oldest(ledger);
    return lost;
}

unsigned ledger_close(struct ledger *ledger, const struct transport_stats *stats)
{
    unsigned lost = ledger_settle(ledger, stats);

    for (; ledger->count > 0; forget_oldest(ledger))
        lost += !ledger->unit[ledger->oldest].lost;
    return lost;
}
