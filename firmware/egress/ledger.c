// SPDX-License-Identifier: Apache-2.0
#include "egress/ledger.h"

#include "hal/time.h"

#define TROUBLE_NS CASTOR_NS_PER_S
// For clocks and threads at the receiver, before it is taken for sure that it has handed something out.
#define DUE_MARGIN_NS (20 * CASTOR_NS_PER_MS)
// A receiver acknowledges every 10 ms what it has got; several of those are missing, after a round trip.
#define SILENCE_NS (100 * CASTOR_NS_PER_MS)

void ledger_init(struct ledger *ledger)
{
    ledger->oldest = ledger->count = 0;
    ledger->dropped = ledger->repeats = ledger->left = 0;
    ledger->rtt_us = 0;
    ledger->repeats_ns = ledger->life_ns = 0;
    ledger->due_ns = INT64_MIN;
    ledger->closed = false;
}

static struct ledger_unit *unit_at(struct ledger *ledger, uint32_t i)
{
    return &ledger->unit[(ledger->oldest + i) % LEDGER_UNITS_MAX];
}

static void forget_oldest(struct ledger *ledger)
{
    ledger->oldest = (ledger->oldest + 1) % LEDGER_UNITS_MAX;
    ledger->count--;
}

void ledger_add(struct ledger *ledger, uint64_t first, uint64_t end, uint64_t number, int64_t capture_ns)
{
    if (ledger->count == LEDGER_UNITS_MAX)
        forget_oldest(ledger);
    *unit_at(ledger, ledger->count++) = (struct ledger_unit){
        .first = first, .end = end, .number = number, .capture_ns = capture_ns, .repeats = ledger->repeats};
}

// What was captured before this has had its time at the receiver.
static int64_t due_ns(const struct ledger *ledger, const struct transport_stats *stats, int64_t now_ns)
{
    return now_ns - ledger->rtt_us * CASTOR_NS_PER_US - stats->latency_ms * CASTOR_NS_PER_MS;
}

static void note_way(struct ledger *ledger, const struct transport_stats *stats, int64_t now_ns)
{
    uint64_t repeats = stats->retransmitted_payloads + stats->lost_payloads;

    if (repeats > ledger->repeats)
        ledger->repeats_ns = now_ns;
    ledger->repeats = repeats;
    if (stats->rtt_us != 0 && (ledger->rtt_us == 0 || stats->rtt_us < ledger->rtt_us))
        ledger->rtt_us = stats->rtt_us;
}

// The receiver is silent, and the time of some that wait for its answer is over.
static void note_overdue(struct ledger *ledger, const struct transport_stats *stats, uint64_t left,
                         int64_t now_ns)
{
    int64_t overdue_ns = due_ns(ledger, stats, now_ns) - DUE_MARGIN_NS;

    if (ledger->life_ns == 0)
        ledger->life_ns = now_ns;
    if (now_ns - ledger->life_ns < SILENCE_NS + ledger->rtt_us * CASTOR_NS_PER_US)
        return;
    for (uint32_t i = 0; i < ledger->count; i++) {
        struct ledger_unit *unit = unit_at(ledger, i);
        unit->overdue = unit->overdue || (unit->end > left && unit->capture_ns < overdue_ns);
    }
}

void ledger_settle(struct ledger *ledger, const struct transport_stats *stats, int64_t now_ns)
{
    // Everything before this payload has left the send buffer: first what was acknowledged, then, where the
    // peer does not answer, what was thrown away as too late.
    uint64_t left = stats->taken_payloads - stats->pending_payloads;
    uint64_t dropped = stats->too_late_payloads - ledger->dropped;
    uint64_t arrived = left > dropped ? left - dropped : 0;

    note_way(ledger, stats, now_ns);
    // An acknowledgement is a sign of life, and one that nothing waits for needs none.
    if (arrived > ledger->left || stats->pending_payloads == 0) {
        ledger->due_ns = due_ns(ledger, stats, now_ns) - DUE_MARGIN_NS;
        ledger->life_ns = now_ns;
    }
    for (uint32_t i = 0; i < ledger->count; i++) {
        struct ledger_unit *unit = unit_at(ledger, i);
        if (unit->first >= left)
            break;
        if (unit->end > arrived && dropped > 0)
            unit->lost = true;
        else if (unit->end <= left && unit->end > ledger->left)
            unit->doubtful = unit->overdue || (ledger->repeats > unit->repeats &&
                                               unit->capture_ns < due_ns(ledger, stats, now_ns));
    }
    note_overdue(ledger, stats, left, now_ns);
    ledger->dropped = stats->too_late_payloads;
    ledger->left = left;
}

void ledger_close(struct ledger *ledger, const struct transport_stats *stats, int64_t now_ns)
{
    ledger_settle(ledger, stats, now_ns);
    for (uint32_t i = 0; i < ledger->count; i++) {
        struct ledger_unit *unit = unit_at(ledger, i);
        unit->lost = unit->lost || unit->end > ledger->left;
        unit->doubtful = unit->doubtful || unit->capture_ns >= ledger->due_ns;
    }
    ledger->closed = true;
}

bool ledger_next(struct ledger *ledger, uint64_t *number, enum ledger_fate *fate)
{
    const struct ledger_unit *unit = unit_at(ledger, 0);

    if (ledger->count == 0)
        return false;
    bool known =
        unit->end <= ledger->left && (unit->lost || unit->doubtful || unit->capture_ns < ledger->due_ns);
    if (!known && !ledger->closed)
        return false;
    *number = unit->number;
    *fate = unit->lost ? LEDGER_LOST : unit->doubtful ? LEDGER_DOUBTFUL : LEDGER_ARRIVED;
    forget_oldest(ledger);
    return true;
}

bool ledger_is_troubled(const struct ledger *ledger, int64_t now_ns)
{
    return ledger->repeats_ns != 0 && now_ns - ledger->repeats_ns < TROUBLE_NS;
}
