// SPDX-License-Identifier: Apache-2.0
#include "egress/gate.h"

void gate_init(struct gate *gate, int64_t now_ns)
{
    *gate = (struct gate){.joining = true, .waiting_ns = now_ns};
}

void gate_break(struct gate *gate, int64_t now_ns)
{
    if (gate->flowing)
        gate->waiting_ns = now_ns;
    gate->flowing = false;
}

void gate_begin(struct gate *gate, bool room, int64_t now_ns)
{
    gate->blocked = !room;
    gate->missed = !room && gate->flowing;
    if (!room)
        gate_break(gate, now_ns);
}

bool gate_pass(struct gate *gate, bool join)
{
    if (gate->blocked)
        return false;
    if (join) {
        gate->flowing = true;
        gate->joining = false;
    }
    return gate->flowing;
}

void gate_failed(struct gate *gate, int64_t now_ns)
{
    gate->missed = gate->flowing;
    gate->blocked = true;
    gate_break(gate, now_ns);
}

enum gate_outcome gate_end(const struct gate *gate)
{
    if (gate->missed)
        return GATE_BUFFER_FULL;
    return gate->flowing ? GATE_SENT : GATE_WAITING_IDR;
}

bool gate_ask_idr(const struct gate *gate, int64_t now_ns, int64_t *asked_ns)
{
    int64_t patience_ns = gate->joining ? 0 : GATE_IDR_PATIENCE_NS;

    if (gate->flowing || now_ns - gate->waiting_ns < patience_ns)
        return false;
    if (*asked_ns != 0 && now_ns - *asked_ns < GATE_IDR_INTERVAL_NS)
        return false;
    *asked_ns = now_ns;
    return true;
}
