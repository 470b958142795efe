// SPDX-License-Identifier: Apache-2.0
// The feed: decides, frame by frame, what goes to the encoders as the programme: the live picture, or the
// slate in its place. A pure state machine like the switch, before which it stands: events and the current
// time come in, orders come out; it reads no clock, does no I/O and allocates nothing.
//
// Frames lie on a grid: from the last live frame on, one every frame interval. A frame that has not come
// `budget_ns` after its time on the grid is drawn by the slate; one that comes after all is refused, and its
// slot is free again. As soon as frames come in time the programme is live again. Frames that capture skipped
// are drawn before the next live one goes on, so that the programme has no holes. The first live frame after
// the slate is left out when it comes less than half an interval after it; the one after that is taken.
//
// While no slate process draws, because it died, hangs or has not begun, the picture that was given last is
// given once more for each frame that is due, so that its replacement costs no frame. Such a repeat has a
// number of its own for the switch, from slot_count on, which stands for the slot that it shows.
//
// Who owns which slots. Slots below slate_first_slot are capture's, the others the slate's. The slots of the
// last live frame, which the slate shows, and of the last frame given, which may be repeated, are kept after
// the switch has released them, until the next replaces them. A frame is given to the switch once, and only
// then.
//
// Invariants (checked in simulation):
//  - sequences and times given rise strictly; slate frames lie on the grid of the live frame before them
//  - a slot has one owner at a time, and is free again exactly once for every frame that came in it
//  - every frame of the grid is given live, given as slate, or never given: the switch then counts it lost
//  - no frame is missing for the want of a slate process while a picture can be repeated
//  - a live frame waits for frames that are drawn before it, and no longer than the slate may take
#ifndef SUPERVISOR_FEED_H
#define SUPERVISOR_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/error.h"
#include "hal/time.h"

#define FEED_SLOTS_MAX 64
#define FEED_QUEUE_MAX 128
#define FEED_ORDERS_MAX 512
#define FEED_NO_SLOT UINT32_MAX
#define FEED_SLOT_FREE UINT64_MAX

// Why the slate is up, the more telling of two first named last.
enum feed_cause {
    FEED_CAUSE_NONE,
    FEED_CAUSE_SKIPPED,   // capture passed over single frames
    FEED_CAUSE_SILENT,    // capture lives and delivers nothing
    FEED_CAUSE_START,     // nothing has come since the start
    FEED_CAUSE_ENDED,     // capture has ended
    FEED_CAUSE_NO_SIGNAL, // capture says that no picture arrives
    FEED_CAUSES,
};

struct feed_config {
    bool enabled; // otherwise what comes is given, and nothing is drawn
    struct castor_rational rate;
    uint32_t slot_count;       // of the pool
    uint32_t slate_first_slot; // from here on they are the slate's; slot_count where it has none
    uint32_t repeat_count;     // so many repeats the switch may hold at once; numbered from slot_count on
    int64_t budget_ns;         // after its time on the grid a frame is drawn
    int64_t answer_ns;         // so long the slate may take to draw a frame
    int64_t late_max_ns;       // frames that are later than this are given up
    int64_t hold_ns;           // a loss shorter than this is bridged without a word, see FEED_ORDER_SHOWN
};

enum feed_order_kind {
    FEED_ORDER_GIVE,    // to the switch: `sequence` of `capture_ns` in `slot`
    FEED_ORDER_FREE,    // `slot`, which holds `sequence`, may be filled again
    FEED_ORDER_DRAW,    // the slate draws `sequence` of `capture_ns`; lost_since_ns, last_slot
    FEED_ORDER_KILL,    // the slate does not draw in time: it is to be replaced
    FEED_ORDER_LOST,    // the first frame of the slate was given: `cause`
    FEED_ORDER_SHOWN,   // the loss has lasted hold_ns: what is configured for a loss begins
    FEED_ORDER_LIVE,    // the first live frame after that was given; `frames` were the slate's
    FEED_ORDER_SLOW,    // frames come later than the budget without end: it is now budget_ns
    FEED_ORDER_RESTART, // capture goes on with numbers that have passed: it is to be started anew
};

// Only the fields that the kind names are meaningful; the others are zero.
struct feed_order {
    enum feed_order_kind kind;
    uint64_t sequence;     // GIVE, FREE, DRAW, LOST, LIVE
    int64_t capture_ns;    // GIVE, DRAW, LOST, LIVE
    uint32_t slot;         // GIVE (of a repeat: its number), FREE
    bool slate;            // GIVE
    uint32_t last_slot;    // DRAW: of the live frame before, FEED_NO_SLOT where there is none
    int64_t lost_since_ns; // DRAW, LIVE: capture time of the live frame before, or of the start
    enum feed_cause cause; // LOST, LIVE
    uint64_t frames;       // LIVE
    int64_t budget_ns;     // SLOW
};

struct feed_entry {
    uint64_t sequence;
    int64_t capture_ns;
    uint32_t slot;
    bool live;
    bool filled;
};

struct feed_drawing {
    uint64_t sequence;
    int64_t ordered_ns;
};

// The state is public only so that it can be embedded and so that status and simulation can read it.
struct feed_state {
    struct feed_config config;
    int64_t budget_ns;        // in force: the configured one, or more where the source is slow
    bool armed;               // the grid is known: frames that do not come are missed
    bool started;             // a frame was taken in
    bool source_up;           // a capture process could deliver
    bool no_signal;           // it says that no picture arrives
    bool slate_up;            // a slate process takes orders
    bool lived;               // there was a live frame
    uint64_t anchor_sequence; // the grid
    int64_t anchor_ns;
    uint64_t last_sequence; // newest frame taken in
    int64_t last_ns;
    bool last_is_slate;      // it is drawn by the slate
    bool left_out;           // no live frame was taken since one that came too soon after the slate
    uint32_t last_live_slot; // of the newest live frame taken in, or FEED_NO_SLOT
    int64_t last_live_ns;    // its capture time, or the start
    bool process_spoke;      // the present capture process has sent a frame; its last
    uint64_t process_sequence;
    int64_t process_ns;
    struct feed_entry queue[FEED_QUEUE_MAX]; // a ring, in order of sequence: taken in and not given yet
    uint32_t queue_head, queue_count;
    struct feed_drawing drawing[FEED_QUEUE_MAX]; // a ring: orders that the slate has not answered
    uint32_t drawing_head, drawing_count;
    uint64_t slot_sequence[FEED_SLOTS_MAX]; // what a slot holds, or FEED_SLOT_FREE
    uint32_t slot_uses[FEED_SLOTS_MAX];     // frames given that show it and that the switch has not released
    uint32_t repeat_of[FEED_SLOTS_MAX];     // the slot that a repeat shows, or FEED_NO_SLOT
    uint32_t kept_slot;                     // of the last live frame given, or FEED_NO_SLOT
    uint32_t shown_slot;                    // of the last frame given, or FEED_NO_SLOT
    uint32_t refused_run;                   // live frames refused one after the other, and how late they were
    int64_t run_least_late_ns, run_most_late_ns;
    // The present loss, and counters since the start.
    bool lost, shown;
    enum feed_cause cause;
    int64_t live_ns; // capture time of the last live frame given, or of the start
    uint64_t loss_frames;
    uint64_t frames, times;                   // given as slate; losses
    uint64_t repeated;                        // of these frames: repeats
    uint64_t refused;                         // live and too late
    uint64_t undrawn;                         // ordered, never given
    struct feed_order order[FEED_ORDERS_MAX]; // a ring
    uint32_t order_head, order_count;
};

// The grid begins with frame `sequence` at origin_ns. CASTOR_ERR_INVALID when the configuration is out of its
// ranges.
CASTOR_MUST_USE int feed_init(struct feed_state *state, const struct feed_config *config, uint64_t sequence,
                              int64_t origin_ns);
// Replaces budgets and `enabled`; slots, repeats and rate stay as they are. CASTOR_ERR_INVALID leaves all as
// it was.
CASTOR_MUST_USE int feed_reconfigure(struct feed_state *state, const struct feed_config *config);

// Events. `now_ns` never goes back. After each event take every order with feed_next_order().

// No frame has come since the start, and the programme is to begin all the same.
void feed_arm(struct feed_state *state, int64_t now_ns);
// A capture process is ready to deliver frames, or the last one has ended and nothing of it is left unread.
void feed_source(struct feed_state *state, int64_t now_ns, bool up);
void feed_signal(struct feed_state *state, int64_t now_ns, bool none);
// A slate process takes orders, or has ended.
void feed_slate(struct feed_state *state, int64_t now_ns, bool up);

// Capture delivers. CASTOR_ERR_INVALID (nothing changed) when this cannot be: its numbers or times do not
// rise, or the slot is not one that it may fill.
CASTOR_MUST_USE int feed_live_frame(struct feed_state *state, int64_t now_ns, uint64_t sequence,
                                    int64_t capture_ns, uint32_t slot);
// The slate has drawn. CASTOR_ERR_INVALID (nothing changed) when that is not what was ordered, or not its
// slot.
CASTOR_MUST_USE int feed_slate_frame(struct feed_state *state, int64_t now_ns, uint64_t sequence,
                                     uint32_t slot);
// The slot in which the picture of a frame lies that was given as `slot` and is not released yet.
uint32_t feed_memory_slot(const struct feed_state *state, uint32_t slot);
// The switch is done with a frame that was given to it as `slot`.
void feed_released(struct feed_state *state, int64_t now_ns, uint32_t slot, uint64_t sequence);

// Time has passed. Call when feed_deadline_ns() is reached, after all pending messages were handled.
void feed_tick(struct feed_state *state, int64_t now_ns);
int64_t feed_deadline_ns(const struct feed_state *state); // INT64_MAX: nothing is pending

CASTOR_MUST_USE bool feed_next_order(struct feed_state *state, struct feed_order *out);

// "no_signal", static storage.
const char *feed_cause_name(enum feed_cause cause);

#endif
