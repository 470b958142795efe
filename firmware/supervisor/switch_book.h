// SPDX-License-Identifier: Apache-2.0
// The book-keeping half of the switch, for the switch alone: orders on their way out, frames that are held,
// claims.
#ifndef SUPERVISOR_SWITCH_BOOK_H
#define SUPERVISOR_SWITCH_BOOK_H

#include "supervisor/switch.h"

// Adds an order. One event orders at most one change of path (an ENCODE for every slot, SWITCHED), an ENCODE
// for every standby, EMIT and RESUMED, a RELEASE and a LOST for every slot, one LOST for a jump, and a START
// and a KILL for every path: 3 * SWITCH_SLOTS_MAX + 3 * SWITCH_PATHS_MAX + 4, which fits twice.
void book_order(struct switch_state *state, const struct switch_order *order);

// The oldest unsettled frame (`next`), or NULL.
struct switch_frame *book_next(struct switch_state *state);
// The i-th unsettled frame, oldest first; i < queue_count.
struct switch_frame *book_unsettled(struct switch_state *state, uint32_t i);
// The held frame with this sequence, or NULL.
struct switch_frame *book_find(struct switch_state *state, uint64_t sequence);
uint32_t book_slot(const struct switch_state *state, const struct switch_frame *frame);
bool book_is_claimed(const struct switch_frame *frame);

// Enters a captured frame.
void book_enter(struct switch_state *state, uint64_t sequence, int64_t capture_ns, uint32_t slot);
// The i-th unsettled frame is emitted or lost; its slot is released as soon as nobody claims it.
void book_settle(struct switch_state *state, uint32_t i);

// Whether every unsettled frame can be ordered from `path`: a path that still owes answers to two epochs'
// orders is behind, or lies.
bool book_can_replay(const struct switch_state *state, uint32_t path);
// Orders `path` to encode `frame`.
void book_encode(struct switch_state *state, int64_t now_ns, uint32_t path, struct switch_frame *frame,
                 bool idr, bool canary);
// From now on orders belong to the next epoch.
void book_raise_epoch(struct switch_state *state);
// The path answered an order of `epoch` on this frame. False when there is none to be answered.
bool book_answered(struct switch_state *state, int64_t now_ns, uint32_t path, struct switch_frame *frame,
                   uint32_t epoch);
// Whether an access unit of `sequence` and of the current epoch means that the path has passed over an order.
bool book_passed_over(const struct switch_state *state, uint32_t path, uint64_t sequence);
// The path is gone, and all its claims with it.
void book_forget_path(struct switch_state *state, uint32_t path);

// Enters an answer of a standby into its window of drops.
void book_note_drop(struct switch_path *path, bool dropped);

#endif
