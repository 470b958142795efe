// SPDX-License-Identifier: Apache-2.0
// The simulated world around the feed: a source with its capture process, the slate's process, the switch
// that holds frames for a while, the supervisor's loop; and an oracle with books of its own. Everything
// follows from one seed.
#ifndef SIM_FEED_WORLD_H
#define SIM_FEED_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "../schedule.h"
#include "supervisor/feed.h"

#define FRAMES_MAX 512
#define MESSAGES_MAX 128
#define FRAMES_A_SCHEDULE 90u

enum process { PROCESS_NONE, PROCESS_OPENING, PROCESS_UP, PROCESS_DEAD };

struct picture { // a message FRAME
    int64_t arrival_ns, capture_ns;
    uint64_t sequence;
    uint32_t slot;
    bool lie;
};

struct messages { // of one process, a ring
    struct picture list[MESSAGES_MAX];
    uint32_t head, count;
};

struct capture {
    enum process process;
    int64_t next_ns; // when its process does its next step: is started, is open, is reaped
    bool paced;      // its frames lie on the grid of its anchor
    bool counts;     // a device that counts its frames, and stands still with them
    int64_t frozen_until_ns, silent_until_ns, late_until_ns;
    int64_t way_ns;    // from capture time to arrival
    uint64_t sequence; // of the frame at grid_ns; for a device of the one before
    int64_t grid_ns;   // when the next frame is taken
    int64_t last_ns;   // of the last frame
    uint64_t anchor_sequence;
    int64_t anchor_ns;
    struct messages sent;
};

struct slate {
    enum process process;
    int64_t next_ns;
    int64_t hung_until_ns;
    int64_t draw_ns;
    int64_t done_ns; // of the order in work
    bool lies;
    struct feed_order todo[MESSAGES_MAX];
    uint32_t head, count;
    struct messages sent;
};

// What the oracle knows of a slot. FILLED: announced and not given yet. KEPT: the switch is done with it, and
// the slate may show it. RELEASED: it has to be freed in this event.
enum place { PLACE_FREE, PLACE_FILLED, PLACE_SWITCH, PLACE_KEPT, PLACE_RELEASED };
struct slot {
    enum place place;
    uint64_t sequence;
    int64_t capture_ns;
    int64_t until_ns; // SWITCH: when it is done with it; FILLED: when a live frame has to be given
    bool held;        // SWITCH: by the frame itself
    uint32_t uses;    // SWITCH: by how many frames, with its repeats
};

struct repeat { // that the switch holds
    bool held;
    uint32_t of;
    uint64_t sequence;
    int64_t until_ns;
};

struct owed { // by the slate
    uint64_t sequence;
    int64_t ordered_ns, capture_ns;
    bool waited_for;
};

struct oracle {
    struct slot slot[FEED_SLOTS_MAX];
    struct owed owed[MESSAGES_MAX];
    uint32_t owed_count;
    struct owed left[MESSAGES_MAX]; // what a slate owed whose end was noticed in this event
    uint32_t left_count;
    struct repeat repeat[FEED_SLOTS_MAX];
    uint32_t shown_slot; // of the last frame given
    bool any, lived;     // frames were given, live frames were given
    uint64_t last, live;
    int64_t last_ns, live_ns;
    uint32_t live_slot;
    bool tail_any; // frames were ordered or taken in; the newest
    uint64_t tail;
    int64_t tail_ns;
    bool tail_slate, left_out; // the newest is the slate's; a live one too soon after it was refused
    uint32_t tail_live_slot;   // of the newest live frame taken in
    int64_t tail_live_ns;
    uint64_t anchor; // the last live frame taken in, or the start
    int64_t anchor_ns;
    const struct picture *now; // the live frame in this event
    bool must_take, freed;
    bool killed; // the slate was ordered killed and has not ended
    uint32_t refused_run;
    bool lost, shown, first_lost, first_live, first_shown; // first_: has to be said in this event
    uint64_t loss_frames, frames, times, refused;
    int64_t able_since_ns; // since when nothing has kept the slate from drawing; NEVER = something does
};

struct world {
    struct feed_state feed;
    struct feed_config config;
    uint64_t seed, random;
    bool trace, calm; // calm: only capture fails, by ending, freezing, skipping or losing its signal, or the
                      // slate, by ending or freezing
    int64_t now_ns, end_ns, busy_until_ns, fault_ns, fault_gap_ns, blocked_until_ns;
    int64_t origin_ns, interval_ns;
    struct capture capture;
    struct slate slate;
    struct oracle oracle;
};

struct totals {
    uint64_t events, live, slate, repeated, times, refused, missing, kills;
};
extern struct totals totals;

uint32_t draw(struct world *w, uint32_t below);
int64_t draw_ns(struct world *w, int64_t from_ns, int64_t to_ns);
void wrong(const struct world *w, const char *what) __attribute__((noreturn));
void trace(const struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

// processes.c
void capture_begin(struct world *w);
int64_t capture_event_ns(const struct world *w);
void capture_run(struct world *w);
void capture_end(struct world *w);
int64_t slate_event_ns(const struct world *w);
void slate_run(struct world *w);
void slate_order(struct world *w, const struct feed_order *order);
void slate_end(struct world *w);
void say(struct messages *messages, const struct picture *picture);

// sim_feed.c
void carry_out(struct world *w); // closes an event
void supervisor_read(struct world *w, bool live, int64_t until_ns);

// books.c
void oracle_begin(struct world *w);
void oracle_live(struct world *w, const struct picture *picture); // before the feed hears of it
void oracle_drawn(struct world *w, const struct picture *picture);
void oracle_released(struct world *w, uint32_t slot);
void oracle_slate_gone(struct world *w);
void oracle_leave_owed(
    struct oracle *oracle); // what the slate owes will not come in time: it is to be repeated
int64_t oracle_grid_ns(const struct world *w, uint64_t sequence);
int64_t oracle_late_max_ns(const struct world *w);
uint32_t oracle_slots_free(const struct world *w);
uint32_t oracle_repeats_free(const struct world *w);
bool oracle_can_fill(const struct world *w); // a frame that is missed can be drawn or repeated

// oracle.c
void oracle_order(struct world *w, const struct feed_order *order);
void oracle_close(struct world *w);
void oracle_ticked(struct world *w);
void oracle_end(struct world *w);

#endif
