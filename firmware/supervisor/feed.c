// SPDX-License-Identifier: Apache-2.0
#include "supervisor/feed.h"

#include <assert.h>
#include <string.h>

#include "supervisor/feed_queue.h"

// A source whose frames are all refused for this long is not late by accident.
#define REFUSED_RUN_NS (500 * CASTOR_NS_PER_MS)
#define REFUSED_RUN_MIN 8u
// No source is waited for longer.
#define BUDGET_MAX_NS (2 * CASTOR_NS_PER_S)

static bool config_is_valid(const struct feed_config *c)
{
    return c->rate.num > 0 && c->rate.den > 0 && c->slot_count >= 1 && c->slot_count <= FEED_SLOTS_MAX &&
           c->slate_first_slot >= 1 && c->slate_first_slot <= c->slot_count &&
           c->repeat_count <= FEED_SLOTS_MAX - c->slot_count && c->budget_ns > 0 &&
           c->budget_ns <= BUDGET_MAX_NS && c->answer_ns > 0 && c->late_max_ns >= c->budget_ns &&
           c->hold_ns >= 0;
}

int feed_init(struct feed_state *f, const struct feed_config *config, uint64_t sequence, int64_t origin_ns)
{
    if (!config_is_valid(config))
        return CASTOR_ERR_INVALID;
    memset(f, 0, sizeof *f);
    f->config = *config;
    f->budget_ns = config->budget_ns;
    f->anchor_sequence = f->last_sequence = sequence;
    f->anchor_ns = f->live_ns = f->last_ns = origin_ns;
    f->last_live_ns = origin_ns;
    f->kept_slot = f->shown_slot = f->last_live_slot = FEED_NO_SLOT;
    for (uint32_t i = 0; i < FEED_SLOTS_MAX; i++) {
        f->slot_sequence[i] = FEED_SLOT_FREE;
        f->repeat_of[i] = FEED_NO_SLOT;
    }
    return CASTOR_OK;
}

int feed_reconfigure(struct feed_state *f, const struct feed_config *config)
{
    struct feed_config merged = *config;

    merged.rate = f->config.rate;
    merged.slot_count = f->config.slot_count;
    merged.slate_first_slot = f->config.slate_first_slot;
    merged.repeat_count = f->config.repeat_count;
    if (!config_is_valid(&merged))
        return CASTOR_ERR_INVALID;
    if (merged.budget_ns != f->config.budget_ns)
        f->budget_ns = merged.budget_ns; // otherwise what was learnt of the source holds
    f->config = merged;
    return CASTOR_OK;
}

// ---- the grid ----

static int64_t grid_ns(const struct feed_state *f, uint64_t sequence)
{
    return f->anchor_ns + castor_frame_time_ns(f->config.rate, sequence - f->anchor_sequence);
}

// The last frame of the grid that is not after that time, which is not before the anchor.
static uint64_t grid_at(const struct feed_state *f, int64_t time_ns)
{
    castor_uint128 unit = (castor_uint128)f->config.rate.den * CASTOR_NS_PER_S;
    uint64_t step = (uint64_t)((castor_uint128)(time_ns - f->anchor_ns) * f->config.rate.num / unit);

    while (castor_frame_time_ns(f->config.rate, step + 1) <= time_ns - f->anchor_ns)
        step++;
    return f->anchor_sequence + step;
}

// A source on the grid stays on it to the nanosecond, however often it starts anew; others move it along.
static void move_grid(struct feed_state *f, uint64_t sequence, int64_t capture_ns)
{
    int64_t beside_ns = capture_ns - grid_ns(f, sequence);

    if (beside_ns >= -1 && beside_ns <= 1)
        return;
    f->anchor_sequence = sequence;
    f->anchor_ns = capture_ns;
}

static bool can_draw(const struct feed_state *f)
{
    return f->config.enabled && f->slate_up && (f->armed || f->started) && feed_slots_free(f) > 0;
}

// Nobody draws, and the last picture stands in.
static bool can_repeat(const struct feed_state *f)
{
    return f->config.enabled && !f->slate_up && feed_repeats_free(f) > 0;
}

static bool can_fill(const struct feed_state *f)
{
    return can_draw(f) || can_repeat(f);
}

static void fill(struct feed_state *f, int64_t now_ns, uint64_t sequence, int64_t capture_ns)
{
    if (f->slate_up)
        feed_draw(f, now_ns, sequence, capture_ns);
    else
        feed_repeat(f, sequence, capture_ns);
}

// What cannot come any more need not be waited for.
static int64_t wait_ns(const struct feed_state *f)
{
    return f->source_up ? f->budget_ns : 0;
}

// ---- drawing ----

// A slow source has a budget of its own; what is due by it must not be too late at once.
static int64_t late_max_ns(const struct feed_state *f)
{
    int64_t least_ns = f->budget_ns + 2 * castor_frame_interval_ns(f->config.rate);

    return f->config.late_max_ns > least_ns ? f->config.late_max_ns : least_ns;
}

// The frame that is missed next, without those that nobody would see in time any more.
static uint64_t missed_next(const struct feed_state *f, int64_t now_ns)
{
    uint64_t next = f->last_sequence + 1;
    int64_t oldest_ns = now_ns - late_max_ns(f);

    if (grid_ns(f, next) >= oldest_ns)
        return next;
    return grid_at(f, oldest_ns) + 1;
}

static void draw_due(struct feed_state *f, int64_t now_ns)
{
    while (can_fill(f)) {
        uint64_t next = missed_next(f, now_ns);
        if (grid_ns(f, next) + wait_ns(f) > now_ns)
            return;
        fill(f, now_ns, next, grid_ns(f, next));
    }
}

// The frames between the last one taken in and a live one that has come: on the grid as far as it leads
// there, otherwise evenly between the two.
static void draw_skipped(struct feed_state *f, int64_t now_ns, uint64_t sequence, int64_t capture_ns)
{
    const uint64_t from = f->last_sequence;
    const int64_t from_ns = f->last_ns, interval_ns = castor_frame_interval_ns(f->config.rate);
    const uint64_t steps = sequence - from;

    if (!f->started && !f->armed)
        return;
    bool on_grid = grid_ns(f, sequence - 1) + interval_ns / 2 <= capture_ns;
    if (!on_grid && (capture_ns - from_ns) / 4 < (int64_t)(steps / 16) * interval_ns)
        return; // numbers that jumped for no reason
    uint64_t first = missed_next(f, now_ns);
    for (uint64_t next = first; next < sequence && can_fill(f); next++) {
        int64_t at_ns =
            on_grid ? grid_ns(f, next)
                    : from_ns + (int64_t)((castor_uint128)(capture_ns - from_ns) * (next - from) / steps);
        if (at_ns > f->last_ns && at_ns < capture_ns)
            fill(f, now_ns, next, at_ns);
    }
}

// ---- events ----

void feed_arm(struct feed_state *f, int64_t now_ns)
{
    if (f->armed || f->started)
        return;
    f->armed = true;
    f->last_sequence = grid_at(f, now_ns);
    f->last_ns = grid_ns(f, f->last_sequence);
}

void feed_source(struct feed_state *f, int64_t now_ns, bool up)
{
    (void)now_ns; // what is due because of it the next tick finds
    f->source_up = up;
    f->process_spoke = false;
    f->no_signal = false;
    f->refused_run = 0;
}

void feed_signal(struct feed_state *f, int64_t now_ns, bool none)
{
    (void)now_ns;
    f->no_signal = none;
    if (none && f->lost && f->cause < FEED_CAUSE_NO_SIGNAL)
        f->cause = FEED_CAUSE_NO_SIGNAL;
}

void feed_slate(struct feed_state *f, int64_t now_ns, bool up)
{
    (void)now_ns;
    f->slate_up = up;
    if (up)
        return;
    f->drawing_count = 0;
    feed_bridge(f);
}

// A frame too many or too late. What is always late has a longer way than the budget allows; what comes in
// time with numbers that have passed has stood still without counting, and does not get over that by itself.
static void note_refused(struct feed_state *f, int64_t late_ns)
{
    uint64_t run = (uint64_t)REFUSED_RUN_NS / (uint64_t)castor_frame_interval_ns(f->config.rate);

    f->refused++;
    if (f->refused_run++ == 0)
        f->run_least_late_ns = f->run_most_late_ns = late_ns;
    if (late_ns < f->run_least_late_ns)
        f->run_least_late_ns = late_ns;
    if (late_ns > f->run_most_late_ns)
        f->run_most_late_ns = late_ns;
    if (f->refused_run < run || f->refused_run < REFUSED_RUN_MIN)
        return;
    f->refused_run = 0;
    if (f->run_most_late_ns <= f->budget_ns) {
        feed_order(f, &(struct feed_order){.kind = FEED_ORDER_RESTART});
        return;
    }
    f->budget_ns = f->run_most_late_ns + castor_frame_interval_ns(f->config.rate) / 2;
    if (f->budget_ns > BUDGET_MAX_NS)
        f->budget_ns = BUDGET_MAX_NS;
    feed_order(f, &(struct feed_order){.kind = FEED_ORDER_SLOW, .budget_ns = f->budget_ns});
}

// A source with a clock of its own may come back anywhere between two frames of the grid. Only one is left
// out, so that a source that always comes soon after the slate is live again all the same.
static bool comes_too_soon(const struct feed_state *f, int64_t capture_ns)
{
    return f->last_is_slate && !f->left_out && can_fill(f) &&
           capture_ns < f->last_ns + castor_frame_interval_ns(f->config.rate) / 2;
}

int feed_live_frame(struct feed_state *f, int64_t now_ns, uint64_t sequence, int64_t capture_ns,
                    uint32_t slot)
{
    if (slot >= f->config.slate_first_slot || f->slot_sequence[slot] != FEED_SLOT_FREE ||
        (f->process_spoke && (sequence <= f->process_sequence || capture_ns <= f->process_ns)) ||
        (sequence > f->last_sequence && sequence - f->last_sequence > UINT32_MAX))
        return CASTOR_ERR_INVALID;
    f->process_spoke = true;
    f->process_sequence = sequence;
    f->process_ns = capture_ns;
    bool passed = (f->started || f->armed) && (sequence <= f->last_sequence || capture_ns <= f->last_ns);
    if (passed || comes_too_soon(f, capture_ns)) {
        f->left_out |= !passed;
        f->slot_sequence[slot] = sequence;
        feed_free(f, slot);
        note_refused(f, now_ns - capture_ns);
        return CASTOR_OK;
    }
    f->refused_run = 0;
    draw_skipped(f, now_ns, sequence, capture_ns);
    move_grid(f, sequence, capture_ns);
    feed_take_in(
        f, &(struct feed_entry){
               .sequence = sequence, .capture_ns = capture_ns, .slot = slot, .live = true, .filled = true});
    feed_flush(f);
    return CASTOR_OK;
}

int feed_slate_frame(struct feed_state *f, int64_t now_ns, uint64_t sequence, uint32_t slot)
{
    (void)now_ns;
    if (f->drawing_count == 0 || f->drawing[f->drawing_head].sequence != sequence ||
        slot < f->config.slate_first_slot || slot >= f->config.slot_count ||
        f->slot_sequence[slot] != FEED_SLOT_FREE)
        return CASTOR_ERR_INVALID;
    feed_drawn(f, slot);
    return CASTOR_OK;
}

void feed_released(struct feed_state *f, int64_t now_ns, uint32_t slot, uint64_t sequence)
{
    (void)now_ns;
    (void)sequence; // without assertions
    assert(slot >= f->config.slot_count || f->slot_sequence[slot] == sequence);
    feed_let_go(f, slot);
}

static int64_t answer_deadline_ns(const struct feed_state *f)
{
    if (f->drawing_count == 0 || !f->slate_up)
        return INT64_MAX;
    return f->drawing[f->drawing_head].ordered_ns + f->config.answer_ns;
}

void feed_tick(struct feed_state *f, int64_t now_ns)
{
    if (now_ns >= answer_deadline_ns(f)) {
        f->slate_up = false;
        feed_order(f, &(struct feed_order){.kind = FEED_ORDER_KILL});
        feed_bridge(f);
    }
    draw_due(f, now_ns);
}

int64_t feed_deadline_ns(const struct feed_state *f)
{
    int64_t answer_ns = answer_deadline_ns(f);

    if (!can_fill(f))
        return answer_ns;
    int64_t due_ns = grid_ns(f, f->last_sequence + 1) + wait_ns(f);
    return due_ns < answer_ns ? due_ns : answer_ns;
}

const char *feed_cause_name(enum feed_cause cause)
{
    static const char *const names[FEED_CAUSES] = {
        [FEED_CAUSE_NONE] = "none",   [FEED_CAUSE_SKIPPED] = "skipped",     [FEED_CAUSE_SILENT] = "silent",
        [FEED_CAUSE_START] = "start", [FEED_CAUSE_NO_SIGNAL] = "no_signal", [FEED_CAUSE_ENDED] = "ended",
    };

    return cause < FEED_CAUSES ? names[cause] : "unknown";
}
