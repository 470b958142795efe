// SPDX-License-Identifier: Apache-2.0
#include "supervisor/switch.h"

#include <assert.h>
#include <string.h>

#include "supervisor/switch_book.h"
#include "supervisor/switch_change.h"

static bool config_is_valid(const struct switch_config *c)
{
    return c->path_count >= 1 && c->path_count <= SWITCH_PATHS_MAX && c->running_paths >= 1 &&
           c->running_paths <= c->path_count && c->slot_count >= 4 && c->slot_count <= SWITCH_SLOTS_MAX &&
           c->slots_free_min >= 1 && c->slots_free_min <= c->slot_count - 2 && c->stall_budget_ns > 0 &&
           c->hang_budget_ns >= c->stall_budget_ns && c->standby_budget_ns > 0 && c->start_budget_ns > 0 &&
           c->canary_interval_ns > 0 && c->standby_orders_max >= 1 && c->hold_ns >= 0;
}

int switch_init(struct switch_state *state, const struct switch_config *config)
{
    if (!config_is_valid(config))
        return CASTOR_ERR_INVALID;
    memset(state, 0, sizeof *state);
    state->config = *config;
    state->active = SWITCH_NO_PATH;
    return CASTOR_OK;
}

int switch_reconfigure(struct switch_state *s, const struct switch_config *config)
{
    struct switch_config merged = *config;

    merged.path_count = s->config.path_count;
    merged.slot_count = s->config.slot_count;
    if (!config_is_valid(&merged))
        return CASTOR_ERR_INVALID;
    s->config = merged;
    return CASTOR_OK;
}

int switch_request_path(struct switch_state *s, int64_t now_ns, uint32_t path)
{
    if (path >= s->config.path_count)
        return CASTOR_ERR_INVALID;
    if (path == s->active)
        return CASTOR_OK;
    if (s->path[path].state != SWITCH_PATH_STANDBY || s->active == SWITCH_NO_PATH || s->idr_due ||
        !book_can_replay(s, path))
        return CASTOR_ERR_BUSY;
    change_planned(s, now_ns, path, SWITCH_CAUSE_PLANNED);
    change_conclude(s, now_ns);
    return CASTOR_OK;
}

// ---- events about processes ----

void switch_path_startable(struct switch_state *s, int64_t now_ns, uint32_t path)
{
    if (path >= s->config.path_count || s->path[path].state != SWITCH_PATH_DOWN)
        return;
    change_set_state(s, now_ns, path, SWITCH_PATH_STARTABLE);
    change_conclude(s, now_ns);
}

void switch_path_withdrawn(struct switch_state *s, int64_t now_ns, uint32_t path)
{
    if (path < s->config.path_count && s->path[path].state == SWITCH_PATH_STARTABLE)
        change_set_state(s, now_ns, path, SWITCH_PATH_DOWN);
}

void switch_path_ready(struct switch_state *s, int64_t now_ns, uint32_t path)
{
    if (path >= s->config.path_count || s->path[path].state != SWITCH_PATH_STARTING)
        return;
    change_set_state(s, now_ns, path, SWITCH_PATH_STANDBY);
    s->path[path].next_canary_ns = now_ns;
    change_conclude(s, now_ns);
}

void switch_path_failed(struct switch_state *s, int64_t now_ns, uint32_t path, enum switch_cause cause)
{
    if (path >= s->config.path_count)
        return;
    change_fail(s, now_ns, path, cause);
    change_conclude(s, now_ns);
}

void switch_path_gone(struct switch_state *s, int64_t now_ns, uint32_t path)
{
    if (path >= s->config.path_count || s->path[path].state == SWITCH_PATH_STARTABLE)
        return;
    change_fail(s, now_ns, path, SWITCH_CAUSE_EXIT);
    book_forget_path(s, path);
    change_set_state(s, now_ns, path, SWITCH_PATH_DOWN);
    change_conclude(s, now_ns);
}

// ---- events about frames ----

static void note_jump(struct switch_state *s, uint64_t sequence)
{
    if (!s->captured_any || sequence == s->last_captured + 1)
        return;
    book_order(s, &(struct switch_order){.kind = SWITCH_ORDER_LOST,
                                         .sequence = s->last_captured + 1,
                                         .count = (uint32_t)(sequence - s->last_captured - 1),
                                         .loss = SWITCH_LOSS_CAPTURE});
}

static void encode_standby(struct switch_state *s, int64_t now_ns, uint32_t path, struct switch_frame *frame,
                           bool idr, bool canary)
{
    if (idr) {
        s->path[path].asked_idr = true;
        s->path[path].asked_sequence = frame->sequence;
    }
    book_encode(s, now_ns, path, frame, idr, canary);
}

static void offer_to_standbys(struct switch_state *s, int64_t now_ns, struct switch_frame *frame)
{
    bool starts_gop = s->config.gop_frames != 0 && frame->sequence % s->config.gop_frames == 0;

    for (uint32_t i = 0; i < s->config.path_count; i++) {
        struct switch_path *p = &s->path[i];
        if (p->state != SWITCH_PATH_STANDBY)
            continue;
        if (s->config.standby == SWITCH_STANDBY_HOT) {
            if (p->orders < s->config.standby_orders_max)
                encode_standby(s, now_ns, i, frame, starts_gop, false);
        } else if (p->orders == 0 && now_ns >= p->next_canary_ns) {
            p->next_canary_ns = now_ns + s->config.canary_interval_ns;
            encode_standby(s, now_ns, i, frame, true, true);
        }
    }
}

static bool is_late(const struct switch_state *s, int64_t now_ns, int64_t capture_ns)
{
    return now_ns - capture_ns > s->config.stall_budget_ns / 2;
}

int switch_frame_captured(struct switch_state *s, int64_t now_ns, uint64_t sequence, int64_t capture_ns,
                          uint32_t slot)
{
    if (slot >= s->config.slot_count || s->frame[slot].held ||
        (s->captured_any && (sequence <= s->last_captured || sequence - s->last_captured - 1 > UINT32_MAX)))
        return CASTOR_ERR_INVALID;
    note_jump(s, sequence);
    if (is_late(s, now_ns, capture_ns)) {
        if (now_ns - capture_ns > s->inherited_ns)
            s->inherited_ns = now_ns - capture_ns;
        if (s->queue_count == 0)
            s->progress_ns = now_ns;
    }
    book_enter(s, sequence, capture_ns, slot);
    if (s->active != SWITCH_NO_PATH)
        change_encode_active(s, now_ns, &s->frame[slot]);
    offer_to_standbys(s, now_ns, &s->frame[slot]);
    change_conclude(s, now_ns);
    return CASTOR_OK;
}

static void emit(struct switch_state *s, int64_t now_ns, const struct switch_access_unit *unit)
{
    const struct switch_frame *next = book_next(s);
    bool after_switch = s->idr_due;

    assert(!s->emitted_any || unit->sequence > s->last_emitted);
    book_order(s, &(struct switch_order){.kind = SWITCH_ORDER_EMIT,
                                         .path = s->active,
                                         .sequence = unit->sequence,
                                         .capture_ns = next->capture_ns,
                                         .epoch = unit->epoch,
                                         .idr = unit->idr,
                                         .after_switch = after_switch,
                                         .position = unit->position,
                                         .size_bytes = unit->size_bytes});
    if (after_switch)
        book_order(s, &(struct switch_order){.kind = SWITCH_ORDER_RESUMED,
                                             .path = s->active,
                                             .sequence = unit->sequence,
                                             .epoch = unit->epoch,
                                             .cause = s->fault_cause,
                                             .fault_ns = s->fault_ns});
    s->idr_due = false;
    if (unit->idr)
        s->idr_requested = false;
    if (unit->sequence >= s->idr_asked_sequence)
        s->idr_asked = false; // it came, or it has to be asked for again
    s->emitted_any = true;
    s->last_emitted = unit->sequence;
    book_settle(s, 0);
    s->progress_ns = now_ns;
    next = book_next(s);
    if (!next || !is_late(s, now_ns, next->capture_ns))
        s->inherited_ns = 0;
}

static bool is_alive(const struct switch_state *s, uint32_t path)
{
    return path < s->config.path_count &&
           (s->path[path].state == SWITCH_PATH_STANDBY || s->path[path].state == SWITCH_PATH_ACTIVE);
}

// An access unit of the current epoch from the path on air.
static void take_access_unit(struct switch_state *s, int64_t now_ns, const struct switch_access_unit *unit)
{
    const struct switch_frame *next = book_next(s);
    bool passed_over = book_passed_over(s, s->active, unit->sequence);

    s->path[s->active].owes |= passed_over;
    if (!next || unit->sequence < next->sequence)
        change_fail(s, now_ns, s->active, SWITCH_CAUSE_PROTOCOL);
    else if (unit->verdict != SWITCH_VERDICT_GOOD)
        change_fail(s, now_ns, s->active, SWITCH_CAUSE_BITSTREAM);
    else if (unit->sequence > next->sequence)
        change_drop(s, now_ns, next->sequence);
    else if (s->idr_due && !unit->idr)
        change_fail(s, now_ns, s->active, SWITCH_CAUSE_BITSTREAM);
    else
        emit(s, now_ns, unit);
}

// What a standby coded is good, and an IDR where it was asked for one: a take-over begins with one.
static bool proves_readiness(const struct switch_path *p, const struct switch_access_unit *unit)
{
    bool was_asked = p->asked_idr && unit->sequence == p->asked_sequence;

    return unit->verdict == SWITCH_VERDICT_GOOD && (unit->idr || !was_asked);
}

void switch_access_unit(struct switch_state *s, int64_t now_ns, uint32_t path,
                        const struct switch_access_unit *unit)
{
    if (!is_alive(s, path))
        return;
    if (!book_answered(s, now_ns, path, book_find(s, unit->sequence), unit->epoch)) {
        change_fail(s, now_ns, path, SWITCH_CAUSE_PROTOCOL);
    } else if (unit->epoch == s->epoch) {
        if (path == s->active)
            take_access_unit(s, now_ns, unit);
        else if (!proves_readiness(&s->path[path], unit))
            change_fail(s, now_ns, path, SWITCH_CAUSE_BITSTREAM);
        else if (book_passed_over(s, path, unit->sequence))
            change_fail(s, now_ns, path, SWITCH_CAUSE_DROP);
        else
            book_note_drop(&s->path[path], false);
    }
    change_conclude(s, now_ns);
}

void switch_dropped(struct switch_state *s, int64_t now_ns, uint32_t path, uint64_t sequence, uint32_t epoch,
                    bool superseded)
{
    const struct switch_frame *next = book_next(s);
    // With nothing unsettled every frame has been settled, also this one.
    uint64_t next_sequence = next ? next->sequence : UINT64_MAX;

    (void)superseded; // it only tells what the epoch tells better
    if (!is_alive(s, path))
        return;
    struct switch_path *p = &s->path[path];
    if (!book_answered(s, now_ns, path, book_find(s, sequence), epoch)) {
        change_fail(s, now_ns, path, SWITCH_CAUSE_PROTOCOL);
    } else if (epoch == s->epoch && path == s->active) {
        if (sequence < next_sequence)
            change_fail(s, now_ns, path, SWITCH_CAUSE_PROTOCOL);
        else
            change_drop(s, now_ns, next_sequence);
    } else if (epoch == s->epoch) {
        book_note_drop(p, true);
        if (p->window_drops * 1000 > s->config.drops_per_mille_max * SWITCH_DROP_WINDOW)
            change_fail(s, now_ns, path, SWITCH_CAUSE_DROP_RATE);
    }
    change_conclude(s, now_ns);
}

void switch_request_idr(struct switch_state *s, int64_t now_ns)
{
    (void)now_ns; // with the next order
    s->idr_requested = true;
}
