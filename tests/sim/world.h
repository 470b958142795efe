// SPDX-License-Identifier: Apache-2.0
// The simulated world around the switch: capture, encoder processes, the supervisor's loop; and an oracle
// that keeps books of its own and judges every order. Everything follows from one seed.
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "schedule.h"
#include "supervisor/restart.h"
#include "supervisor/switch.h"

#define FRAMES_MAX 192
#define SLOTS_MAX 20
#define PATHS_MAX 4
#define MESSAGES_MAX 256
#define BAD_POSITION 77u

// What an encoder process does wrong. The bits of what it has done so far justify that it is ended.
enum sin {
    SIN_DROP = 1 << 0,     // says that it dropped a frame
    SIN_SWALLOW = 1 << 1,  // takes a frame and never answers
    SIN_SWAP = 1 << 2,     // answers two orders in the wrong order
    SIN_GARBAGE = 1 << 3,  // a bad access unit
    SIN_PLAIN = 1 << 4,    // no IDR where one was ordered
    SIN_LIE = 1 << 5,      // an answer that nobody asked for, or twice, or of an epoch to come
    SIN_SLOW = 1 << 6,     // three to ten times slower
    SIN_FREEZE = 1 << 7,   // stopped; may continue after it was replaced
    SIN_CRASH = 1 << 8,    // its process ends
    SIN_HANG = 1 << 9,     // does not become ready in time
    SIN_DISOWNED = 1 << 10 // ended by the supervisor itself: reported a failure, planned, retired
};

enum process { PROCESS_NONE, PROCESS_STARTING, PROCESS_READY, PROCESS_ENDED };

struct message {
    int64_t arrival_ns;
    enum message_kind { SAYS_READY, SAYS_CODED, SAYS_DROPPED, SAYS_ENDED } kind;
    uint64_t sequence;
    uint32_t epoch;
    bool idr, bad, superseded;
    uint64_t position; // names the access unit
};

struct order {
    int64_t arrival_ns;
    uint64_t sequence;
    uint32_t epoch;
    bool idr;
};

struct encoder {
    enum process process;
    bool killed, frozen;
    int64_t ready_ns;   // STARTING: when it is open
    int64_t reaped_ns;  // killed or ended: when the supervisor has reaped it
    int64_t thaw_ns;    // frozen: when it goes on
    int64_t done_ns;    // of the order in work; NEVER = idle
    int64_t quiet_ns;   // its messages overtake none
    uint32_t slow;      // factor
    uint32_t encode_us; // for a P frame
    unsigned todo;      // sins to be done with the next order
    uint32_t drops;     // so many more orders are dropped after the first
    unsigned done;      // sins done since it started
    struct order in_work;
    struct order queue[MESSAGES_MAX];
    uint32_t queue_head, queue_count;
    struct message sent[MESSAGES_MAX];
    uint32_t sent_head, sent_count;
    struct restart_state restart;
};

struct fate { // of a sequence
    bool captured, emitted, lost, released;
    uint32_t slot;
    int64_t capture_ns;
    uint8_t claims[PATHS_MAX];
};

enum event {
    EVENT_CAPTURED,
    EVENT_ANSWER,
    EVENT_FAILED,
    EVENT_GONE,
    EVENT_STARTABLE,
    EVENT_READY,
    EVENT_TICK,
    EVENT_REQUEST,
};

// The oracle's books.
struct oracle {
    enum switch_path_state path[PATHS_MAX];
    int64_t since_ns[PATHS_MAX];
    uint32_t orders[PATHS_MAX], stale[PATHS_MAX]; // unanswered; those of older epochs
    int64_t heard_ns[PATHS_MAX];                  // last answer, or first order after none
    uint64_t asked[PATHS_MAX];                    // as a standby: one past the last frame ordered as an IDR
    struct fate fate[FRAMES_MAX];
    uint64_t slot_sequence[SLOTS_MAX]; // what a slot holds; UINT64_MAX = nothing
    uint32_t held;
    uint32_t active, epoch;
    int64_t active_since_ns, progress_ns;
    int64_t full_since_ns;  // the pool is full behind the path on air; 0 = it is not
    int64_t full_before_ns; // the same before the change in this event
    int64_t inherited_ns;   // how old frames were that came late or were handed over; 0 = caught up
    uint64_t next, end;     // no unsettled frame is older; one past the last captured
    bool captured_any, started;
    bool idr_due, idr_requested, idr_ordered;
    uint64_t idr_ordered_sequence;
    bool resumed_due;
    enum switch_cause cause;
    int64_t fault_ns;
    // What the event in progress is, and what it must lead to.
    enum event event;
    uint32_t event_path;
    enum switch_cause told_cause;
    const struct message *heard;
    enum expectation { EXPECT_NOTHING, EXPECT_EMIT, EXPECT_CHANGE, EXPECT_END } expect;
    bool emitted_now, switched_now, ignored;
    uint32_t must_end;
    uint32_t replay_left;
    uint64_t replay_next;
    uint64_t captured_from, captured_now;
    uint64_t lost[SWITCH_LOSSES];
    uint32_t switches;
    uint32_t asked_again; // how often in a row the path on air was asked for the same frame once more
    uint64_t asked_again_next;
};

struct captured {
    int64_t arrival_ns, capture_ns;
    uint64_t sequence;
    uint32_t slot;
};

struct world {
    struct switch_state sw;
    struct switch_config config;
    uint64_t seed, random;
    bool trace;
    bool calm; // one fault at a time, of an encoder, and only while a healthy standby is ready
    int64_t now_ns, end_ns, faults_end_ns, fault_gap_ns;
    // capture
    int64_t interval_ns, grid_ns; // of the next frame
    uint64_t frames, next_sequence;
    uint32_t next_slot;
    bool slot_busy[SLOTS_MAX];
    struct captured captured[SLOTS_MAX];
    uint32_t captured_head, captured_count;
    int64_t capture_pause_ns; // nothing of it arrives before
    // supervisor
    int64_t busy_ns; // it looks at nothing before
    // faults
    int64_t fault_ns;    // the next one
    uint32_t sin_path;   // whose take-over is timed
    int64_t deadline_ns; // when it must be complete; NEVER = nothing is timed
    uint64_t positions;
    struct encoder encoder[PATHS_MAX];
    struct oracle oracle;
};

// What all schedules of a run saw.
struct totals {
    uint64_t events, emitted, switches, timed, lost[SWITCH_LOSSES];
};
extern struct totals totals;

uint32_t draw(struct world *w, uint32_t below);
int64_t draw_ns(struct world *w, int64_t from_ns, int64_t to_ns);
// Ends the program with the seed and what is wrong.
void wrong(const struct world *w, const char *what) __attribute__((noreturn));
void trace(const struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

// encoder.c
void encoder_start(struct world *w, uint32_t path);
void encoder_kill(struct world *w, uint32_t path);
void encoder_order(struct world *w, uint32_t path, const struct switch_order *order);
void encoder_forget(struct world *w, uint32_t path);
int64_t encoder_event_ns(const struct world *w, uint32_t path); // of what it does next by itself
void encoder_run(struct world *w, uint32_t path);
void encoder_sin(struct world *w, uint32_t path, enum sin sin);

// supervisor.c
int64_t supervisor_event_ns(const struct world *w);
void supervisor_run(struct world *w);
void supervisor_fail(struct world *w, uint32_t path, enum switch_cause cause);
int supervisor_request(struct world *w, uint32_t path);

// faults.c
int64_t faults_event_ns(const struct world *w);
void faults_run(struct world *w);

// oracle.c and closing.c: every event is announced before it is given to the switch, and closed after the
// orders were taken.
void oracle_begin(struct world *w);
void oracle_event(struct world *w, enum event event, uint32_t path);
void oracle_order(struct world *w, const struct switch_order *order);
void oracle_close(struct world *w);
// What both halves of the oracle ask.
uint64_t oracle_next(const struct world *w); // the oldest unsettled frame, or `end`
uint32_t oracle_unsettled(const struct world *w);
bool oracle_is_unsettled(const struct world *w, uint64_t sequence);
bool oracle_is_claimed(const struct world *w, uint64_t sequence);
bool oracle_has_standby(const struct world *w);
bool oracle_is_up(const struct world *w, uint32_t path);
uint32_t oracle_running(const struct world *w);
void oracle_judge_again(struct world *w, const struct switch_order *o); // SWITCHED, before it is entered
int64_t oracle_waiting_since_ns(const struct world *w, uint64_t next);
void oracle_captured(struct world *w, const struct captured *frame);
void oracle_answer(struct world *w, uint32_t path, const struct message *message);
void oracle_end(struct world *w);

#endif
