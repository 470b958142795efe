// SPDX-License-Identifier: Apache-2.0
#include "supervisor/switch_change.h"

#include <assert.h>

#include "supervisor/switch_book.h"

// A path that drops the same frame again and again, with nobody to take over, is asked again this often.
#define SAME_FRAME_TRIES 3u

void change_set_state(struct switch_state *s, int64_t now_ns, uint32_t path,
                      enum switch_path_state path_state)
{
    s->path[path].state = path_state;
    s->path[path].since_ns = now_ns;
}

// ---- which processes run ----

static bool is_running(const struct switch_path *path)
{
    return path->state == SWITCH_PATH_STARTING || path->state == SWITCH_PATH_STANDBY ||
           path->state == SWITCH_PATH_ACTIVE;
}

static void kill_path(struct switch_state *s, int64_t now_ns, uint32_t path, enum switch_cause cause)
{
    change_set_state(s, now_ns, path, SWITCH_PATH_DYING);
    book_order(s, &(struct switch_order){.kind = SWITCH_ORDER_KILL, .path = path, .cause = cause});
}

// Starts the first of the chain that may be started, or retires the last ones after the number that should
// run was lowered.
static void adjust_running(struct switch_state *s, int64_t now_ns)
{
    uint32_t running = 0;

    for (uint32_t i = 0; i < s->config.path_count; i++)
        running += is_running(&s->path[i]);
    for (uint32_t i = 0; i < s->config.path_count && running < s->config.running_paths; i++) {
        if (s->path[i].state != SWITCH_PATH_STARTABLE)
            continue;
        change_set_state(s, now_ns, i, SWITCH_PATH_STARTING);
        book_order(s, &(struct switch_order){.kind = SWITCH_ORDER_START, .path = i});
        running++;
    }
    for (uint32_t i = s->config.path_count; i-- > 0 && running > s->config.running_paths;) {
        if (!is_running(&s->path[i]) || i == s->active)
            continue;
        kill_path(s, now_ns, i, SWITCH_CAUSE_PLANNED);
        running--;
    }
}

uint32_t change_ready_standby(const struct switch_state *s)
{
    for (uint32_t i = 0; i < s->config.path_count; i++)
        if (s->path[i].state == SWITCH_PATH_STANDBY && book_can_replay(s, i))
            return i;
    return SWITCH_NO_PATH;
}

// ---- which path is on air ----

static bool pool_is_full(const struct switch_state *s)
{
    return s->held_count + s->config.slots_free_min > s->config.slot_count;
}

// Slots that the active path will never let go of take so much of the pool that only its end helps.
static bool blocks_pool(const struct switch_state *s)
{
    uint32_t limit = s->config.slot_count - s->config.slots_free_min;

    return s->path[s->active].owes && pool_is_full(s) && s->queue_count <= limit / 2;
}

// An IDR that is due or was requested is asked for once, not with every order that goes out before it comes
// back.
void change_encode_active(struct switch_state *s, int64_t now_ns, struct switch_frame *frame)
{
    bool wanted = (s->idr_due || s->idr_requested) && !s->idr_asked;
    bool starts_gop = s->config.gop_frames != 0 && frame->sequence % s->config.gop_frames == 0;
    bool idr = wanted || starts_gop;

    if (idr && !s->idr_asked) {
        s->idr_asked = true;
        s->idr_asked_sequence = frame->sequence;
    }
    book_encode(s, now_ns, s->active, frame, idr, false);
}

static void order_switched(struct switch_state *s, uint32_t from, enum switch_cause cause)
{
    const struct switch_frame *next = book_next(s);

    book_order(s,
               &(struct switch_order){.kind = SWITCH_ORDER_SWITCHED,
                                      .path = s->active,
                                      .from = from,
                                      .sequence = next ? next->sequence : s->last_captured + s->captured_any,
                                      .epoch = s->epoch,
                                      .count = s->active == SWITCH_NO_PATH ? 0 : s->queue_count,
                                      .cause = cause,
                                      .fault_ns = s->fault_ns});
}

// Puts `to` on air from the oldest unsettled frame on.
static void take_over(struct switch_state *s, int64_t now_ns, uint32_t to, enum switch_cause cause)
{
    uint32_t from = s->active;

    book_raise_epoch(s);
    s->active = to;
    s->active_since_ns = s->progress_ns = now_ns;
    s->inherited_ns = s->queue_count > 0 ? now_ns - book_next(s)->capture_ns : 0;
    s->full_since_ns = 0;
    s->idr_due = true;
    s->idr_asked = false;
    s->started = true;
    s->fault_cause = cause;
    if (s->path[to].state != SWITCH_PATH_ACTIVE)
        change_set_state(s, now_ns, to, SWITCH_PATH_ACTIVE);
    order_switched(s, from, cause);
    for (uint32_t i = 0; i < s->queue_count; i++)
        change_encode_active(s, now_ns, book_unsettled(s, i));
}

// The active path cannot stay: another takes over, or nobody is left. The orders to the other go out first,
// because every millisecond counts there.
static void leave_active(struct switch_state *s, int64_t now_ns, enum switch_cause cause)
{
    uint32_t old = s->active;
    uint32_t to = change_ready_standby(s);

    s->fault_ns = now_ns;
    if (to != SWITCH_NO_PATH) {
        take_over(s, now_ns, to, cause);
    } else {
        s->active = SWITCH_NO_PATH;
        s->fault_cause = cause;
        book_raise_epoch(s); // whatever the old path still says is of the past
        order_switched(s, old, cause);
    }
    kill_path(s, now_ns, old, cause);
}

void change_fail(struct switch_state *s, int64_t now_ns, uint32_t path, enum switch_cause cause)
{
    if (path == s->active)
        leave_active(s, now_ns, cause);
    else if (is_running(&s->path[path]))
        kill_path(s, now_ns, path, cause);
}

void change_drop(struct switch_state *s, int64_t now_ns, uint64_t sequence)
{
    struct switch_path *p = &s->path[s->active];

    p->same_frame_tries = sequence == p->dropped_sequence ? p->same_frame_tries + 1 : 1;
    p->dropped_sequence = sequence;
    if (change_ready_standby(s) != SWITCH_NO_PATH || p->same_frame_tries > SAME_FRAME_TRIES ||
        blocks_pool(s) || !book_can_replay(s, s->active)) {
        leave_active(s, now_ns, SWITCH_CAUSE_DROP);
        return;
    }
    s->fault_ns = now_ns;
    take_over(s, now_ns, s->active, SWITCH_CAUSE_DROP);
}

void change_planned(struct switch_state *s, int64_t now_ns, uint32_t to, enum switch_cause cause)
{
    struct switch_path *old = &s->path[s->active];

    change_set_state(s, now_ns, s->active, SWITCH_PATH_STANDBY);
    old->next_canary_ns = now_ns + s->config.canary_interval_ns;
    if (old->orders > 0)
        old->oldest_order_ns = now_ns;
    s->fault_ns = now_ns;
    take_over(s, now_ns, to, cause);
}

// ---- what follows from any event ----

// With nobody on air the pool keeps the newest frames: the oldest that nobody is reading makes room.
static void make_room(struct switch_state *s)
{
    for (uint32_t i = 0; i < s->queue_count && pool_is_full(s);) {
        const struct switch_frame *frame = book_unsettled(s, i);
        if (book_is_claimed(frame)) {
            i++;
            continue;
        }
        book_order(s, &(struct switch_order){.kind = SWITCH_ORDER_LOST,
                                             .sequence = frame->sequence,
                                             .count = 1,
                                             .loss = SWITCH_LOSS_NO_PATH});
        book_settle(s, i);
    }
}

// A path that hovers below the mark has not made room: it must come down to half of it.
static void note_full(struct switch_state *s, int64_t now_ns)
{
    uint32_t limit = s->config.slot_count - s->config.slots_free_min;

    if (s->queue_count > limit && s->full_since_ns == 0)
        s->full_since_ns = now_ns;
    else if (s->queue_count <= limit / 2)
        s->full_since_ns = 0;
}

void change_conclude(struct switch_state *s, int64_t now_ns)
{
    uint32_t standby = change_ready_standby(s);

    // Slots that a path will never let go of come back only with its end.
    if (s->active != SWITCH_NO_PATH &&
        (blocks_pool(s) || (s->path[s->active].owes && standby != SWITCH_NO_PATH)))
        leave_active(s, now_ns, SWITCH_CAUSE_DROP);
    else if (s->active == SWITCH_NO_PATH && standby != SWITCH_NO_PATH) {
        if (!s->started)
            s->fault_ns = now_ns;
        take_over(s, now_ns, standby, s->started ? s->fault_cause : SWITCH_CAUSE_START);
    }
    adjust_running(s, now_ns);
    if (s->active == SWITCH_NO_PATH)
        make_room(s);
    else
        note_full(s, now_ns);
    check_state(s);
}
