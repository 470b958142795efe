// SPDX-License-Identifier: Apache-2.0
// The switch: decides, frame by frame, which encoder path is on air. A pure state machine: events and the
// current time come in, orders come out. It reads no clock, does no I/O and allocates nothing, so that a
// million fault schedules can be tried on it in seconds.
//
// `next` is the oldest captured frame that is neither emitted nor lost. An access unit is emitted only if it
// is that of `next`, comes from the active path, and carries the current epoch. On a failure of the active
// path the epoch goes up and a ready standby is told to encode from `next` on, first an IDR; the raw frames
// are still in the pool, because the switch also keeps the book of who still needs which slot.
//
// Invariants (checked in simulation, asserted in debug builds):
//  - emitted sequences strictly increase; the first access unit emitted after a change of path is an IDR
//  - no access unit of an old epoch, of a path that is not active, or with a bad verdict is emitted
//  - a frame is missing only if it was never captured, or no path could encode it while the pool still held
//  it
//  - every missing frame is reported by exactly one LOST order, with its cause
//  - a slot is released exactly once for every frame, after it was emitted or lost and every claim on it
//  ended
//  - every ENCODE order names a frame that is held, and goes to a path that is up
#ifndef SUPERVISOR_SWITCH_H
#define SUPERVISOR_SWITCH_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/error.h"

#define SWITCH_PATHS_MAX 8
#define SWITCH_SLOTS_MAX 64
#define SWITCH_ORDERS_MAX 512
#define SWITCH_NO_PATH UINT32_MAX
#define SWITCH_DROP_WINDOW 1000u // answers of a standby over which its drops are counted
#define SWITCH_CLAIMS_MAX 2u     // orders on one frame that one path may owe: two epochs' worth

enum switch_standby {
    SWITCH_STANDBY_WARM, // session open, one canary IDR now and then, checked and discarded
    SWITCH_STANDBY_HOT,  // encodes every frame, checked and discarded
};

enum switch_path_state {
    SWITCH_PATH_DOWN,      // not running, may not be started (backing off or given up)
    SWITCH_PATH_STARTABLE, // not running, may be started
    SWITCH_PATH_STARTING,  // process started, encoder not ready yet
    SWITCH_PATH_STANDBY,   // ready
    SWITCH_PATH_ACTIVE,    // on air
    SWITCH_PATH_DYING,     // ordered killed, not reaped yet; its claims still count
};

// Why a path failed or a change of path happened.
enum switch_cause {
    SWITCH_CAUSE_NONE,
    SWITCH_CAUSE_START,     // first path on air
    SWITCH_CAUSE_EXIT,      // its process ended
    SWITCH_CAUSE_PROTOCOL,  // malformed message, or an answer nobody asked for
    SWITCH_CAUSE_DROP,      // it skipped a frame, or said that it dropped one
    SWITCH_CAUSE_STALL,     // `next` (or a standby's order) is older than the budget
    SWITCH_CAUSE_DROP_RATE, // a standby drops more than the threshold per thousand
    SWITCH_CAUSE_BITSTREAM, // what it sent is not the stream that was agreed on
    SWITCH_CAUSE_SLOW_START,
    SWITCH_CAUSE_REPORTED, // the worker itself reported a failure
    SWITCH_CAUSE_PLANNED,  // an operator's order
    SWITCH_CAUSE_GO_BACK,  // automatic return to the preferred path after the hold time
    SWITCH_CAUSES,
};

enum switch_loss {
    SWITCH_LOSS_CAPTURE, // never captured: the sequence jumped
    SWITCH_LOSS_NO_PATH, // captured, but no path could encode it while the pool held it
    SWITCH_LOSSES,
};

// What the supervisor found when it looked at the NAL units of an access unit.
enum switch_verdict {
    SWITCH_VERDICT_GOOD,
    SWITCH_VERDICT_BAD, // empty, too large, no slice, IDR without parameter sets, wrong picture size …
};

struct switch_config {
    uint32_t path_count;    // 1..SWITCH_PATHS_MAX, the chain in order of preference
    uint32_t running_paths; // how many are kept running: 2, or 1 without a standby
    enum switch_standby standby;
    uint32_t slot_count;       // slots of the pool, 4..SWITCH_SLOTS_MAX
    uint32_t slots_free_min;   // so many slots are always left to capture, 1..slot_count - 2
    int64_t stall_budget_ns;   // age of `next` at which the active path has failed, if a standby is ready
    int64_t hang_budget_ns;    // the same when there is no standby to go to; >= stall_budget_ns
    int64_t standby_budget_ns; // age of a standby's oldest order at which the standby has failed
    int64_t start_budget_ns;   // from START to ready
    int64_t canary_interval_ns;
    uint32_t gop_frames;          // an IDR at every sequence that is a multiple; 0 = only when asked
    uint32_t drops_per_mille_max; // of a hot standby
    uint32_t standby_orders_max;  // orders a hot standby may have outstanding; beyond, frames are not offered
    bool go_back;                 // return to path 0 when it has been ready for hold_ns
    int64_t hold_ns;
};

enum switch_order_kind {
    SWITCH_ORDER_ENCODE,   // tell `path` to encode `sequence` from `slot`
    SWITCH_ORDER_EMIT,     // hand the access unit to egress
    SWITCH_ORDER_RELEASE,  // `slot` with `sequence` may be filled again
    SWITCH_ORDER_LOST,     // `count` frames from `sequence` on are missing, because of `loss`
    SWITCH_ORDER_START,    // start the process of `path`
    SWITCH_ORDER_KILL,     // end the process of `path` at once, because of `cause`
    SWITCH_ORDER_SWITCHED, // the path on air is now `path` (SWITCH_NO_PATH: none), was `from`
    SWITCH_ORDER_RESUMED,  // the first access unit of the new path was emitted: the change is complete
};

// Only the fields that the kind names are meaningful; the others are zero.
struct switch_order {
    enum switch_order_kind kind;
    uint32_t path;       // ENCODE, EMIT, START, KILL, SWITCHED, RESUMED
    uint32_t from;       // SWITCHED
    uint64_t sequence;   // ENCODE, EMIT, RELEASE, LOST, SWITCHED (`next`), RESUMED (the frame emitted)
    int64_t capture_ns;  // ENCODE, EMIT
    uint32_t slot;       // ENCODE, RELEASE
    uint32_t epoch;      // ENCODE, EMIT, SWITCHED, RESUMED
    bool idr;            // ENCODE: force one; EMIT: is one
    bool canary;         // ENCODE
    bool after_switch;   // EMIT: first of its path
    uint64_t position;   // EMIT: as in the access unit
    uint32_t size_bytes; // EMIT
    uint32_t count;      // LOST: frames; SWITCHED: frames replayed
    enum switch_loss loss;
    enum switch_cause cause; // KILL, SWITCHED, RESUMED
    int64_t fault_ns;        // SWITCHED, RESUMED: when the fault was noticed
};

struct switch_access_unit {
    uint64_t sequence;
    uint32_t epoch;
    enum switch_verdict verdict;
    bool idr; // by its NAL units
    uint64_t position;
    uint32_t size_bytes;
};

// The state is public only so that it can be embedded and so that status and simulation can read it. Nobody
// but switch.c writes it.
struct switch_frame {
    bool held;    // the slot belongs to this frame
    bool settled; // emitted or lost; held only because of claims
    uint64_t sequence;
    int64_t capture_ns;
    uint8_t claims[SWITCH_PATHS_MAX]; // orders on this frame that the path has not answered
};

struct switch_path {
    enum switch_path_state state;
    uint32_t orders;         // outstanding, at most SWITCH_CLAIMS_MAX for every slot
    uint32_t stale_orders;   // those of them that were given in an older epoch; they are answered first
    bool owes;               // it passed over an order: its claim on that slot ends only with its process
    int64_t since_ns;        // when it entered its state
    int64_t oldest_order_ns; // when its oldest outstanding order was given or last answered; 0 = none
    int64_t next_canary_ns;
    bool asked_idr; // as a standby: for the frame asked_sequence it was last told to make an IDR
    uint64_t asked_sequence;
    uint64_t window[(SWITCH_DROP_WINDOW + 63) / 64]; // its last answers as a standby, a ring; 1 = a drop
    uint32_t window_next, window_drops;
    uint64_t dropped_sequence; // the frame it skipped last with nobody to take over, and how often
    uint32_t same_frame_tries;
};

struct switch_state {
    struct switch_config config;
    struct switch_path path[SWITCH_PATHS_MAX];
    struct switch_frame frame[SWITCH_SLOTS_MAX]; // by slot
    uint32_t queue[SWITCH_SLOTS_MAX];            // slots of unsettled frames, oldest first (a ring)
    uint32_t queue_head, queue_count;
    uint32_t held_count;
    uint32_t active; // or SWITCH_NO_PATH
    uint32_t epoch;
    bool started; // a path has been on air before
    bool captured_any;
    bool emitted_any;
    uint64_t last_captured;
    uint64_t last_emitted;
    bool idr_due;       // the next access unit emitted must be an IDR (after a change of path)
    bool idr_requested; // ask for one with the next order to the active path; stays until one is seen
    bool idr_asked;     // the active path has been told to make frame idr_asked_sequence an IDR
    uint64_t idr_asked_sequence;
    int64_t active_since_ns; // of the last change of path, or of asking the same path again
    // How old frames were when they were handed over or captured late, which is not the active path's fault;
    // 0 when it has caught up. Until then its stall budget runs from its last access unit on, as long as the
    // age of `next` does not grow beyond this.
    int64_t inherited_ns;
    int64_t full_since_ns; // since when the pool has been full behind the active path; 0 = it is not
    int64_t progress_ns;   // last access unit, change of path, or frame that came late to an idle path
    int64_t fault_ns;
    enum switch_cause fault_cause;
    struct switch_order order[SWITCH_ORDERS_MAX]; // a ring
    uint32_t order_head, order_count;
};

// CASTOR_ERR_INVALID when the configuration is out of its ranges. All paths begin DOWN.
CASTOR_MUST_USE int switch_init(struct switch_state *state, const struct switch_config *config);

// Replaces the budgets, GOP, standby mode, number of running paths and hold time of a running switch. Path
// and slot counts stay as they are. What is to be started or retired because of it is ordered with the next
// event. CASTOR_ERR_INVALID leaves everything as it was.
CASTOR_MUST_USE int switch_reconfigure(struct switch_state *state, const struct switch_config *config);

// Events. `now_ns` never goes back. After each event, take every order with switch_next_order() before the
// next event. Events about paths that cannot happen in the path's state are ignored (a dead path may still
// speak).

// The process of `path` may be started (at the beginning, and again when its backoff is over).
void switch_path_startable(struct switch_state *state, int64_t now_ns, uint32_t path);
// It must not be started any more (given up, or taken out of service). Ignored unless STARTABLE.
void switch_path_withdrawn(struct switch_state *state, int64_t now_ns, uint32_t path);
// Its encoder is open and accepts orders.
void switch_path_ready(struct switch_state *state, int64_t now_ns, uint32_t path);
// It lives but cannot be trusted any more: it is ordered killed, and replaced if it was active.
void switch_path_failed(struct switch_state *state, int64_t now_ns, uint32_t path, enum switch_cause cause);
// Its process has been reaped: nothing of it reads the pool any more. The path is DOWN.
void switch_path_gone(struct switch_state *state, int64_t now_ns, uint32_t path);

// A frame was captured into `slot`. CASTOR_ERR_INVALID (nothing changed) when the sequence does not rise or
// jumps beyond UINT32_MAX, the slot is out of range or still held: then capture is lying.
CASTOR_MUST_USE int switch_frame_captured(struct switch_state *state, int64_t now_ns, uint64_t sequence,
                                          int64_t capture_ns, uint32_t slot);

// `path` answered an ENCODE order with an access unit, or by dropping the frame. A drop that was `superseded`
// by an order of a newer epoch is no fault; nothing supersedes the current one. Access units come in the
// order of the orders; a path that passes over one has failed.
void switch_access_unit(struct switch_state *state, int64_t now_ns, uint32_t path,
                        const struct switch_access_unit *unit);
void switch_dropped(struct switch_state *state, int64_t now_ns, uint32_t path, uint64_t sequence,
                    uint32_t epoch, bool superseded);

// Somebody who joins needs an IDR soon.
void switch_request_idr(struct switch_state *state, int64_t now_ns);

// Planned change to `path`. CASTOR_ERR_BUSY when it is not a ready standby or the last change is not complete
// (no RESUMED yet), CASTOR_ERR_INVALID when there is no such path; CASTOR_OK also when it is on air already.
CASTOR_MUST_USE int switch_request_path(struct switch_state *state, int64_t now_ns, uint32_t path);

// Time has passed. Call when switch_deadline_ns() is reached, after all pending messages were handled, so
// that a supervisor that was itself late does not blame a path.
void switch_tick(struct switch_state *state, int64_t now_ns);
// When the next tick is due; INT64_MAX when nothing is pending.
int64_t switch_deadline_ns(const struct switch_state *state);

// Takes the oldest order; false when there is none.
bool switch_next_order(struct switch_state *state, struct switch_order *out);

// Names for messages and the status document, static storage: "standby", "stall", "no_path" …
const char *switch_path_state_name(enum switch_path_state path_state);
const char *switch_cause_name(enum switch_cause cause);
const char *switch_loss_name(enum switch_loss loss);

#endif
