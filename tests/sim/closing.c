// SPDX-License-Identifier: Apache-2.0
// What must hold after every event, when all its orders were taken, and at the end of a schedule.
#include "world.h"

#define O (&w->oracle)

// Alone, a path that drops a frame is asked for it three times more, and no oftener.
void oracle_judge_again(struct world *w, const struct switch_order *o)
{
    if (o->path != o->from)
        O->asked_again = 0;
    else if (O->asked_again > 0 && O->asked_again_next == oracle_next(w))
        O->asked_again++;
    else
        O->asked_again = 1;
    O->asked_again_next = oracle_next(w);
    if (O->asked_again > 3)
        wrong(w, "a path is asked for the same frame for ever");
}

static void close_event(struct world *w)
{
    uint32_t path = O->event_path;
    bool is_out = !oracle_is_up(w, path) && O->path[path] != SWITCH_PATH_STARTING;

    if ((O->event == EVENT_FAILED || O->event == EVENT_GONE) && !is_out)
        wrong(w, "a failed path stays");
    if (O->event == EVENT_GONE) {
        O->path[path] = SWITCH_PATH_DOWN;
        O->since_ns[path] = w->now_ns;
    }
    if (O->must_end != SWITCH_NO_PATH)
        wrong(w, "a failed path was replaced and not ended");
    if (O->replay_left > 0)
        wrong(w, "the pool was not replayed to its end");
    if (O->resumed_due)
        wrong(w, "a change is complete and nobody is told");
    if (O->expect == EXPECT_EMIT && !O->emitted_now)
        wrong(w, "what must be emitted was not");
    if (O->expect == EXPECT_END && !is_out)
        wrong(w, "a path that sent nonsense stays");
    if (O->expect == EXPECT_CHANGE && !O->switched_now)
        wrong(w, "a dropped frame is not noticed");
    if (O->event != EVENT_CAPTURED)
        return;
    for (uint64_t i = O->captured_from; i < O->captured_now; i++)
        if (!O->fate[i].lost)
            wrong(w, "a gap in capture was not reported");
    if (O->active != SWITCH_NO_PATH && O->fate[O->captured_now].claims[O->active] == 0)
        wrong(w, "a captured frame was not given to the path on air");
}

static void close_paths(struct world *w)
{
    uint32_t running = oracle_running(w);

    if (O->active == SWITCH_NO_PATH && oracle_has_standby(w))
        wrong(w, "nobody is on air although a path is ready");
    if (running > w->config.running_paths)
        wrong(w, "more paths run than should");
    for (uint32_t i = 0; i < w->config.path_count; i++)
        if (O->path[i] == SWITCH_PATH_STARTABLE && running < w->config.running_paths)
            wrong(w, "a path that should run was not started");
}

static void close_pool(struct world *w)
{
    bool full = O->active == SWITCH_NO_PATH && O->held + w->config.slots_free_min > w->config.slot_count;

    for (uint32_t slot = 0; slot < w->config.slot_count; slot++) {
        uint64_t sequence = O->slot_sequence[slot];
        if (sequence == UINT64_MAX || oracle_is_claimed(w, sequence))
            continue;
        if (!oracle_is_unsettled(w, sequence))
            wrong(w, "a slot that nobody needs is not released");
        if (full)
            wrong(w, "the pool is full and nothing was given up");
    }
}

// Whatever the time was up for has happened.
static void close_tick(struct world *w)
{
    for (uint32_t i = 0; i < w->config.path_count; i++) {
        if (O->path[i] == SWITCH_PATH_STARTING && w->now_ns - O->since_ns[i] >= w->config.start_budget_ns)
            wrong(w, "a path may take for ever to start");
        if (O->path[i] == SWITCH_PATH_STANDBY && O->orders[i] > 0 &&
            w->now_ns - O->heard_ns[i] >= w->config.standby_budget_ns)
            wrong(w, "a silent standby is not noticed");
    }
    uint64_t next = oracle_next(w);
    if (O->active == SWITCH_NO_PATH || next == O->end)
        return;
    int64_t budget_ns = oracle_has_standby(w) ? w->config.stall_budget_ns : w->config.hang_budget_ns;
    bool full = O->full_since_ns != 0 && w->now_ns - O->full_since_ns >= budget_ns && oracle_has_standby(w);
    if (full || w->now_ns - oracle_waiting_since_ns(w, next) >= budget_ns)
        wrong(w, "a stall is not noticed");
}

void oracle_close(struct world *w)
{
    close_event(w);
    if (!O->ignored && (O->event != EVENT_REQUEST || O->switched_now))
        close_paths(w);
    close_pool(w);
    if (O->event == EVENT_TICK)
        close_tick(w);
    O->next = oracle_next(w);
    uint32_t limit = w->config.slot_count - w->config.slots_free_min;
    if (O->active != SWITCH_NO_PATH && oracle_unsettled(w) > limit && O->full_since_ns == 0)
        O->full_since_ns = w->now_ns;
    else if (oracle_unsettled(w) <= limit / 2)
        O->full_since_ns = 0;
    totals.events++;
}

void oracle_end(struct world *w)
{
    uint64_t emitted = 0, captured = 0;

    if (O->active == SWITCH_NO_PATH)
        wrong(w, "nobody is on air in the end");
    if (oracle_unsettled(w) > 0)
        wrong(w, "a captured frame was neither emitted nor reported lost");
    for (uint64_t i = 0; i < O->end; i++) {
        captured += O->fate[i].captured;
        emitted += O->fate[i].emitted;
    }
    if (captured != emitted + O->lost[SWITCH_LOSS_NO_PATH])
        wrong(w, "the frames do not add up");
    // A slot that a swallowing path on air never let go of, with nobody to replace it, is the one exception.
    if (O->held > 0 && !(w->encoder[O->active].done & (SIN_SWALLOW | SIN_SWAP | SIN_LIE | SIN_FREEZE)))
        wrong(w, "slots are held in the end");
    totals.switches += O->switches;
    for (int i = 0; i < SWITCH_LOSSES; i++)
        totals.lost[i] += O->lost[i];
}
