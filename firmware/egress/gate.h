// SPDX-License-Identifier: Apache-2.0
// What one receiver gets: whole access units, beginning with an IDR. Pure; no clock, no I/O.
//
// A receiver that joins, or that had to miss something, gets nothing until the mux offers a place to join
// (MUX_PAYLOAD_JOIN: PAT, PMT and an IDR begin there). An access unit is left out as a whole when the send
// buffer has no room for it. What was left out is never sent later.
#ifndef EGRESS_GATE_H
#define EGRESS_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gate_outcome {
    GATE_SENT = 1,        // the whole access unit was accepted
    GATE_WAITING_IDR = 2, // left out: nothing to join at yet
    GATE_BUFFER_FULL = 3, // left out or cut short: no room
};

struct gate {
    bool flowing;
    bool joining;       // has never got anything
    bool blocked;       // nothing more of this access unit
    bool missed;        // it lost this access unit for want of room
    int64_t waiting_ns; // since when it waits for an IDR
};

// A receiver has joined.
void gate_init(struct gate *gate, int64_t now_ns);

// Around each access unit: begin with whether there is room for all of it; ask for each payload whether it is
// to be sent, `join` being MUX_PAYLOAD_JOIN; say when sending one failed; end.
void gate_begin(struct gate *gate, bool room, int64_t now_ns);
bool gate_pass(struct gate *gate, bool join);
void gate_failed(struct gate *gate, int64_t now_ns);
enum gate_outcome gate_end(const struct gate *gate);

// Something that was sent is known not to have arrived whole: wait for the next IDR.
void gate_break(struct gate *gate, int64_t now_ns);

// Requests for an IDR on behalf of all receivers of a destination. One that joins asks at once; one that is
// too slow waits for a regular IDR first, so that it does not cost the others picture quality.
#define GATE_IDR_INTERVAL_NS (INT64_C(500) * 1000000)
#define GATE_IDR_PATIENCE_NS (INT64_C(3000) * 1000000)

// True when an IDR is to be asked for on behalf of this receiver; *asked_ns (0 = never) is the destination's
// and moves on.
bool gate_ask_idr(const struct gate *gate, int64_t now_ns, int64_t *asked_ns);

#endif
