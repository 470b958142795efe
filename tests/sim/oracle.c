// SPDX-License-Identifier: Apache-2.0
// Judges every order of the switch against books of its own. It never looks into the switch.
#include "world.h"

#include <string.h>

#define O (&w->oracle)

void oracle_begin(struct world *w)
{
    memset(O, 0, sizeof *O);
    O->active = SWITCH_NO_PATH;
    for (uint32_t i = 0; i < SLOTS_MAX; i++)
        O->slot_sequence[i] = UINT64_MAX;
}

bool oracle_is_unsettled(const struct world *w, uint64_t sequence)
{
    const struct fate *fate = &w->oracle.fate[sequence];
    return fate->captured && !fate->emitted && !fate->lost;
}

bool oracle_is_claimed(const struct world *w, uint64_t sequence)
{
    for (uint32_t i = 0; i < w->config.path_count; i++)
        if (w->oracle.fate[sequence].claims[i] > 0)
            return true;
    return false;
}

// The oldest unsettled frame, or `end`.
uint64_t oracle_next(const struct world *w)
{
    uint64_t next = w->oracle.next;

    while (next < w->oracle.end && !oracle_is_unsettled(w, next))
        next++;
    return next;
}

uint32_t oracle_unsettled(const struct world *w)
{
    uint32_t count = 0;

    for (uint64_t i = w->oracle.next; i < w->oracle.end; i++)
        count += oracle_is_unsettled(w, i);
    return count;
}

bool oracle_is_up(const struct world *w, uint32_t path)
{
    return w->oracle.path[path] == SWITCH_PATH_STANDBY || w->oracle.path[path] == SWITCH_PATH_ACTIVE;
}

static bool can_take_over(const struct world *w, uint32_t path)
{
    if (w->oracle.path[path] != SWITCH_PATH_STANDBY)
        return false;
    for (uint64_t i = w->oracle.next; i < w->oracle.end; i++)
        if (oracle_is_unsettled(w, i) && w->oracle.fate[i].claims[path] >= SWITCH_CLAIMS_MAX)
            return false;
    return true;
}

bool oracle_has_standby(const struct world *w)
{
    for (uint32_t i = 0; i < w->config.path_count; i++)
        if (can_take_over(w, i))
            return true;
    return false;
}

uint32_t oracle_running(const struct world *w)
{
    uint32_t running = 0;

    for (uint32_t i = 0; i < w->config.path_count; i++)
        running += oracle_is_up(w, i) || w->oracle.path[i] == SWITCH_PATH_STARTING;
    return running;
}

static void set_path(struct world *w, uint32_t path, enum switch_path_state state)
{
    O->path[path] = state;
    O->since_ns[path] = w->now_ns;
}

static bool is_late(const struct world *w, int64_t capture_ns)
{
    return w->now_ns - capture_ns > w->config.stall_budget_ns / 2;
}

// Since when the active path lets `next` wait for no reason but its own.
int64_t oracle_waiting_since_ns(const struct world *w, uint64_t next)
{
    const struct oracle *b = &w->oracle;
    int64_t capture_ns = b->fate[next].capture_ns;
    int64_t own_ns = b->inherited_ns > 0 ? b->progress_ns : b->active_since_ns;

    if (own_ns < capture_ns)
        return capture_ns;
    return b->inherited_ns > 0 && own_ns > capture_ns + b->inherited_ns ? capture_ns + b->inherited_ns
                                                                        : own_ns;
}

// ---- events ----

void oracle_event(struct world *w, enum event event, uint32_t path)
{
    O->event = event;
    O->heard = NULL;
    O->event_path = path;
    O->expect = EXPECT_NOTHING;
    O->ignored = false;
    O->emitted_now = O->switched_now = false;
    O->full_before_ns = O->full_since_ns;
    O->must_end = SWITCH_NO_PATH;
    O->told_cause = SWITCH_CAUSE_NONE;
    trace(w, "event %d, path %u", event, path);
    switch (event) {
    case EVENT_STARTABLE:
        if (O->path[path] == SWITCH_PATH_DOWN)
            set_path(w, path, SWITCH_PATH_STARTABLE);
        break;
    case EVENT_READY:
        if (O->path[path] == SWITCH_PATH_STARTING)
            set_path(w, path, SWITCH_PATH_STANDBY);
        break;
    case EVENT_GONE:
        for (uint64_t i = 0; i < O->end; i++)
            O->fate[i].claims[path] = 0;
        O->orders[path] = O->stale[path] = 0;
        break;
    default:
        break;
    }
}

void oracle_captured(struct world *w, const struct captured *frame)
{
    oracle_event(w, EVENT_CAPTURED, 0);
    trace(w, "frame %u captured into slot %u", (unsigned)frame->sequence, frame->slot);
    O->captured_from = O->captured_any ? O->end : frame->sequence;
    O->captured_now = frame->sequence;
    if (!O->captured_any)
        O->next = frame->sequence;
    if (is_late(w, frame->capture_ns)) {
        if (w->now_ns - frame->capture_ns > O->inherited_ns)
            O->inherited_ns = w->now_ns - frame->capture_ns;
        if (oracle_unsettled(w) == 0)
            O->progress_ns = w->now_ns;
    }
    O->captured_any = true;
    O->end = frame->sequence + 1;
    O->fate[frame->sequence] =
        (struct fate){.captured = true, .slot = frame->slot, .capture_ns = frame->capture_ns};
    if (O->slot_sequence[frame->slot] != UINT64_MAX)
        wrong(w, "capture was given a slot that is in use");
    O->slot_sequence[frame->slot] = frame->sequence;
    O->held++;
}

// An access unit that comes before an answer that was due earlier.
static bool passed_over(const struct world *w, uint32_t path, const struct message *message)
{
    if (message->kind != SAYS_CODED)
        return false;
    for (uint64_t i = 0; i < message->sequence; i++)
        if (w->oracle.fate[i].claims[path] > 0)
            return true;
    return w->oracle.stale[path] > 0;
}

void oracle_answer(struct world *w, uint32_t path, const struct message *message)
{
    struct fate *fate = &O->fate[message->sequence < FRAMES_MAX ? message->sequence : 0];
    bool stale = message->epoch < O->epoch;
    bool claimed = message->sequence < FRAMES_MAX && fate->captured && !fate->released &&
                   fate->claims[path] > 0 && message->epoch <= O->epoch &&
                   (stale ? O->stale[path] > 0 : O->orders[path] > O->stale[path]);

    oracle_event(w, EVENT_ANSWER, path);
    trace(w, "encoder %u answers frame %u of epoch %u%s%s%s", path, (unsigned)message->sequence,
          message->epoch, message->kind == SAYS_DROPPED ? ": dropped" : "", message->idr ? ": IDR" : "",
          message->bad ? ": garbage" : "");
    O->heard = message;
    if (!oracle_is_up(w, path)) {
        O->ignored = true;
        return;
    }
    if (!claimed) {
        O->expect = EXPECT_END;
        return;
    }
    fate->claims[path]--;
    O->orders[path]--;
    O->stale[path] -= stale;
    O->heard_ns[path] = w->now_ns;
    if (stale)
        return;
    uint64_t next = oracle_next(w);
    bool unready = message->kind == SAYS_CODED && !message->idr && O->asked[path] == message->sequence + 1;
    if (path != O->active)
        O->expect = message->bad || unready || passed_over(w, path, message) ? EXPECT_END : EXPECT_NOTHING;
    else if (message->sequence < next || (message->kind == SAYS_CODED && message->bad))
        O->expect = EXPECT_END;
    else if (message->kind == SAYS_DROPPED || message->sequence > next)
        O->expect = EXPECT_CHANGE;
    else
        O->expect = O->idr_due && !message->idr ? EXPECT_END : EXPECT_EMIT;
}

// ---- orders ----

static void judge_encode_standby(struct world *w, const struct switch_order *o)
{
    if (O->event != EVENT_CAPTURED || o->sequence != O->captured_now)
        wrong(w, "a standby is given a frame that was not just captured");
    if (w->config.standby == SWITCH_STANDBY_WARM && (!o->canary || !o->idr || O->orders[o->path] > 0))
        wrong(w, "a warm standby is given more than one canary");
    if (w->config.standby == SWITCH_STANDBY_HOT &&
        (o->canary || O->orders[o->path] >= w->config.standby_orders_max))
        wrong(w, "a hot standby is given more than it may have outstanding");
    if (o->idr)
        O->asked[o->path] = o->sequence + 1;
}

static void judge_encode_active(struct world *w, const struct switch_order *o)
{
    uint32_t gop = w->config.gop_frames;
    bool wanted = (O->idr_due || O->idr_requested) && !O->idr_ordered;
    bool due = wanted || (gop != 0 && o->sequence % gop == 0);

    if (O->replay_left > 0) {
        if (o->sequence != O->replay_next)
            wrong(w, "the pool is not replayed in order");
        O->replay_left--;
        do
            O->replay_next++;
        while (O->replay_next < O->end && !oracle_is_unsettled(w, O->replay_next));
    } else if (O->event != EVENT_CAPTURED || o->sequence != O->captured_now) {
        wrong(w, "the active path is given a frame without reason");
    }
    if (o->idr != due)
        wrong(w, due ? "an IDR is due and was not ordered" : "an IDR was ordered without reason");
    if (o->idr && !O->idr_ordered) {
        O->idr_ordered = true;
        O->idr_ordered_sequence = o->sequence;
    }
    if (o->canary)
        wrong(w, "a canary on air");
}

static void judge_encode(struct world *w, const struct switch_order *o)
{
    struct fate *fate = &O->fate[o->sequence < FRAMES_MAX ? o->sequence : 0];

    if (o->path >= w->config.path_count || !oracle_is_up(w, o->path))
        wrong(w, "an order for a path that is not up");
    if (o->sequence >= O->end || !fate->captured || fate->released || fate->slot != o->slot ||
        fate->capture_ns != o->capture_ns)
        wrong(w, "an order for a frame that is not held");
    if (o->epoch != O->epoch)
        wrong(w, "an order of a wrong epoch");
    if (o->path == O->active)
        judge_encode_active(w, o);
    else
        judge_encode_standby(w, o);
    if (fate->claims[o->path]++ >= SWITCH_CLAIMS_MAX)
        wrong(w, "a path owes more than two epochs' orders");
    if (O->orders[o->path]++ == 0)
        O->heard_ns[o->path] = w->now_ns;
}

static void judge_emit(struct world *w, const struct switch_order *o)
{
    const struct message *heard = O->heard;

    if (O->expect != EXPECT_EMIT || O->emitted_now)
        wrong(w, "emitted something else than what must be emitted");
    if (o->path != O->active || o->epoch != O->epoch || o->sequence != oracle_next(w))
        wrong(w, "emitted from a wrong path, of a wrong epoch, or out of order");
    if (o->sequence != heard->sequence || o->idr != heard->idr || o->position != heard->position ||
        o->size_bytes != heard->position * 3 || o->capture_ns != O->fate[o->sequence].capture_ns)
        wrong(w, "emitted another access unit than the one that came");
    if (o->after_switch != O->idr_due || (O->idr_due && !o->idr))
        wrong(w, "the first access unit after a change is not an IDR, or not marked");
    O->emitted_now = true;
    O->resumed_due = O->idr_due;
    O->idr_due = false;
    O->fate[o->sequence].emitted = true;
    O->progress_ns = w->now_ns;
    uint64_t next = oracle_next(w);
    if (next == O->end || !is_late(w, O->fate[next].capture_ns))
        O->inherited_ns = 0;
    if (o->idr)
        O->idr_requested = false;
    if (o->sequence >= O->idr_ordered_sequence)
        O->idr_ordered = false;
    totals.emitted++;
}

static void judge_lost(struct world *w, const struct switch_order *o)
{
    O->lost[o->loss] += o->count;
    if (o->loss == SWITCH_LOSS_CAPTURE) {
        if (O->event != EVENT_CAPTURED || o->sequence != O->captured_from || o->count == 0 ||
            o->sequence + o->count != O->captured_now)
            wrong(w, "a gap in capture was reported wrongly");
        for (uint64_t i = o->sequence; i < o->sequence + o->count; i++) {
            if (O->fate[i].captured || O->fate[i].lost)
                wrong(w, "a frame was reported twice");
            O->fate[i].lost = true;
        }
        return;
    }
    if (O->active != SWITCH_NO_PATH)
        wrong(w, "a frame is given up although a path is on air");
    if (o->count != 1 || o->sequence >= O->end || !oracle_is_unsettled(w, o->sequence) ||
        oracle_is_claimed(w, o->sequence))
        wrong(w, "a frame is given up that is settled or being read");
    if (O->held + w->config.slots_free_min <= w->config.slot_count)
        wrong(w, "a frame is given up although the pool has room");
    for (uint64_t i = O->next; i < o->sequence; i++)
        if (oracle_is_unsettled(w, i) && !oracle_is_claimed(w, i))
            wrong(w, "a newer frame is given up before an older one");
    if (w->calm && w->oracle.switches > 0)
        wrong(w, "a frame is lost although a standby was ready");
    O->fate[o->sequence].lost = true;
}

static void judge_release(struct world *w, const struct switch_order *o)
{
    struct fate *fate = &O->fate[o->sequence < FRAMES_MAX ? o->sequence : 0];

    if (o->sequence >= O->end || !fate->captured || fate->released || fate->slot != o->slot)
        wrong(w, "released what is not held");
    if (!fate->emitted && !fate->lost)
        wrong(w, "released before it was settled");
    if (oracle_is_claimed(w, o->sequence))
        wrong(w, "released while an encoder may read it");
    fate->released = true;
    O->slot_sequence[o->slot] = UINT64_MAX;
    O->held--;
    w->slot_busy[o->slot] = false;
}

static void judge_start(struct world *w, const struct switch_order *o)
{
    if (O->path[o->path] != SWITCH_PATH_STARTABLE)
        wrong(w, "started what may not be started");
    if (oracle_running(w) >= w->config.running_paths)
        wrong(w, "started more paths than should run");
    for (uint32_t i = 0; i < o->path; i++)
        if (O->path[i] == SWITCH_PATH_STARTABLE)
            wrong(w, "started a later one of the chain first");
    set_path(w, o->path, SWITCH_PATH_STARTING);
}

static bool is_justified(const struct world *w, const struct switch_order *o)
{
    const struct oracle *b = &w->oracle;
    unsigned done = w->encoder[o->path].done;
    bool told = b->event == EVENT_FAILED && b->event_path == o->path && b->told_cause == o->cause;

    switch (o->cause) {
    case SWITCH_CAUSE_EXIT:
        return told || (b->event == EVENT_GONE && b->event_path == o->path);
    case SWITCH_CAUSE_REPORTED:
        return told;
    case SWITCH_CAUSE_PROTOCOL:
        return done & SIN_LIE;
    case SWITCH_CAUSE_DROP:
        return done & (SIN_DROP | SIN_SWALLOW | SIN_SWAP | SIN_LIE);
    case SWITCH_CAUSE_STALL:
        return b->event == EVENT_TICK &&
               ((done & (SIN_SLOW | SIN_FREEZE | SIN_SWALLOW | SIN_LIE | SIN_CRASH | SIN_SWAP)) ||
                b->full_before_ns != 0);
    case SWITCH_CAUSE_DROP_RATE:
        return done & SIN_DROP;
    case SWITCH_CAUSE_BITSTREAM:
        return done & (SIN_GARBAGE | SIN_PLAIN | SIN_LIE);
    case SWITCH_CAUSE_SLOW_START:
        return b->event == EVENT_TICK && w->now_ns - b->since_ns[o->path] >= w->config.start_budget_ns;
    case SWITCH_CAUSE_PLANNED:
        return oracle_running(w) > w->config.running_paths;
    default:
        return false;
    }
}

static void judge_kill(struct world *w, const struct switch_order *o)
{
    if (!oracle_is_up(w, o->path) && O->path[o->path] != SWITCH_PATH_STARTING)
        wrong(w, "killed what does not run");
    if (o->path == O->active)
        wrong(w, "killed the path on air before another took over");
    if (!is_justified(w, o))
        wrong(w, "killed a path that did no such wrong");
    if (O->must_end == o->path)
        O->must_end = SWITCH_NO_PATH;
    set_path(w, o->path, SWITCH_PATH_DYING);
}

static void judge_cause(struct world *w, const struct switch_order *o)
{
    if (o->from == SWITCH_NO_PATH) {
        enum switch_cause cause = O->started ? O->cause : SWITCH_CAUSE_START;
        if (o->cause != cause || o->fault_ns != (O->started ? O->fault_ns : w->now_ns))
            wrong(w, "the cause of the first fault was forgotten");
    } else if (o->fault_ns != w->now_ns) {
        wrong(w, "a change without the time of its fault");
    }
    if (o->cause == SWITCH_CAUSE_PLANNED && (O->event != EVENT_REQUEST || o->path != O->event_path))
        wrong(w, "a planned change that nobody asked for");
    if (o->cause == SWITCH_CAUSE_GO_BACK && (!w->config.go_back || O->event != EVENT_TICK || o->path != 0 ||
                                             w->now_ns - O->since_ns[0] < w->config.hold_ns))
        wrong(w, "went back too early");
    if (o->cause == SWITCH_CAUSE_STALL && o->from != SWITCH_NO_PATH) {
        uint64_t next = oracle_next(w);
        int64_t since_ns = oracle_waiting_since_ns(w, next);
        if (O->full_since_ns != 0 && O->full_since_ns < since_ns && o->path != SWITCH_NO_PATH)
            since_ns = O->full_since_ns;
        if (next == O->end || w->now_ns - since_ns < (o->path == SWITCH_NO_PATH ? w->config.hang_budget_ns
                                                                                : w->config.stall_budget_ns))
            wrong(w, "a stall before the budget was over");
    }
}

static void judge_switched(struct world *w, const struct switch_order *o)
{
    bool kept = o->cause == SWITCH_CAUSE_PLANNED || o->cause == SWITCH_CAUSE_GO_BACK;

    if (O->switched_now)
        wrong(w, "two changes in one event");
    if (o->epoch != O->epoch + 1 || o->from != O->active)
        wrong(w, "the epoch did not rise, or from where is wrong");
    bool right =
        o->path == SWITCH_NO_PATH || o->path == o->from ? !oracle_has_standby(w) : can_take_over(w, o->path);
    if (!right)
        wrong(w, "a change to a wrong path");
    if (o->path == o->from && o->cause != SWITCH_CAUSE_DROP)
        wrong(w, "a path took over from itself");
    judge_cause(w, o);
    oracle_judge_again(w, o);
    uint64_t next = oracle_next(w);
    uint32_t count = oracle_unsettled(w);
    if (o->sequence != (next < O->end ? next : O->end) || o->count != (o->path == SWITCH_NO_PATH ? 0 : count))
        wrong(w, "a change that names wrong frames");
    if (o->from != SWITCH_NO_PATH && o->from != o->path) {
        set_path(w, o->from, SWITCH_PATH_STANDBY);
        O->heard_ns[o->from] = w->now_ns;
        O->must_end = kept ? SWITCH_NO_PATH : o->from;
    }
    if (o->path != SWITCH_NO_PATH) {
        O->started = O->idr_due = true;
        O->inherited_ns = count > 0 ? w->now_ns - O->fate[next].capture_ns : 0;
        O->idr_ordered = false;
        set_path(w, o->path, SWITCH_PATH_ACTIVE);
        O->replay_left = count;
        O->replay_next = next;
        O->active_since_ns = O->progress_ns = w->now_ns;
        O->full_since_ns = 0;
    }
    for (uint32_t i = 0; i < w->config.path_count; i++)
        O->stale[i] = O->orders[i];
    O->switched_now = true;
    O->switches++;
    O->active = o->path;
    O->epoch = o->epoch;
    O->cause = o->cause;
    O->fault_ns = o->fault_ns;
}

static void judge_resumed(struct world *w, const struct switch_order *o)
{
    if (!O->resumed_due || o->path != O->active || o->epoch != O->epoch || o->cause != O->cause ||
        o->fault_ns != O->fault_ns || o->sequence != O->heard->sequence)
        wrong(w, "a change was called complete that is not");
    O->resumed_due = false;
    if (w->sin_path != o->path && w->deadline_ns != NEVER) {
        if (w->now_ns > w->deadline_ns)
            wrong(w, "the take-over took too long");
        w->deadline_ns = NEVER;
        totals.timed++;
    }
}

void oracle_order(struct world *w, const struct switch_order *o)
{
    static void (*const judges[])(struct world *, const struct switch_order *) = {
        [SWITCH_ORDER_ENCODE] = judge_encode,     [SWITCH_ORDER_EMIT] = judge_emit,
        [SWITCH_ORDER_RELEASE] = judge_release,   [SWITCH_ORDER_LOST] = judge_lost,
        [SWITCH_ORDER_START] = judge_start,       [SWITCH_ORDER_KILL] = judge_kill,
        [SWITCH_ORDER_SWITCHED] = judge_switched, [SWITCH_ORDER_RESUMED] = judge_resumed,
    };
    static const char *const names[] = {"ENCODE", "EMIT", "RELEASE",  "LOST",
                                        "START",  "KILL", "SWITCHED", "RESUMED"};

    trace(w, "  %s path %d frame %u epoch %u%s cause %s", names[o->kind], (int)o->path, (unsigned)o->sequence,
          o->epoch, o->idr ? " IDR" : "", switch_cause_name(o->cause));
    judges[o->kind](w, o);
}
