// SPDX-License-Identifier: Apache-2.0
// Which path is on air and which processes run: the half of the switch that changes it. For the switch alone.
#ifndef SUPERVISOR_SWITCH_CHANGE_H
#define SUPERVISOR_SWITCH_CHANGE_H

#include "supervisor/switch.h"

void change_set_state(struct switch_state *state, int64_t now_ns, uint32_t path,
                      enum switch_path_state path_state);
// The standby to go to: the lowest of the chain; SWITCH_NO_PATH when none is ready.
uint32_t change_ready_standby(const struct switch_state *state);
// Orders the active path to encode `frame`.
void change_encode_active(struct switch_state *state, int64_t now_ns, struct switch_frame *frame);
// Takes `path` out of service; a ready standby takes over when it was active. Ignored when it is not up.
void change_fail(struct switch_state *state, int64_t now_ns, uint32_t path, enum switch_cause cause);
// The active path did not deliver frame `sequence`. With a standby ready that one takes over; alone, the path
// is asked again.
void change_drop(struct switch_state *state, int64_t now_ns, uint64_t sequence);
// The standby `to` goes on air, and the active path becomes a standby.
void change_planned(struct switch_state *state, int64_t now_ns, uint32_t to, enum switch_cause cause);
// What follows from any event: somebody goes on air if nobody is, so many processes run as should, the pool
// has room. Every event ends with it.
void change_conclude(struct switch_state *state, int64_t now_ns);

// switch_time.c: when the active path has failed if `next` has not come by then; INT64_MAX for never.
int64_t time_active_deadline_ns(const struct switch_state *state);

// switch_check.c: asserts the invariants of the books; nothing with NDEBUG.
void check_state(const struct switch_state *state);

#endif
