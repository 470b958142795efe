// SPDX-License-Identifier: Apache-2.0
// What only time can tell: stalls, slow starts, going back.
#include "supervisor/switch_book.h"
#include "supervisor/switch_change.h"

static int64_t earlier(int64_t a_ns, int64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

static int64_t later(int64_t a_ns, int64_t b_ns)
{
    return a_ns > b_ns ? a_ns : b_ns;
}

int64_t time_active_deadline_ns(const struct switch_state *s)
{
    const struct switch_config *c = &s->config;

    if (s->active == SWITCH_NO_PATH || s->queue_count == 0)
        return INT64_MAX;
    int64_t capture_ns = s->frame[s->queue[s->queue_head]].capture_ns;
    int64_t since_ns = later(capture_ns, s->active_since_ns);
    if (s->inherited_ns > 0)
        since_ns = earlier(later(capture_ns, s->progress_ns), capture_ns + s->inherited_ns);
    if (change_ready_standby(s) == SWITCH_NO_PATH)
        return since_ns + c->hang_budget_ns;
    // A pool that stays full behind a path is a stall too, however steadily it delivers.
    if (s->full_since_ns != 0)
        since_ns = earlier(since_ns, s->full_since_ns);
    return since_ns + c->stall_budget_ns;
}

static int64_t path_deadline_ns(const struct switch_state *s, uint32_t path)
{
    const struct switch_path *p = &s->path[path];

    if (p->state == SWITCH_PATH_STARTING)
        return p->since_ns + s->config.start_budget_ns;
    if (p->state == SWITCH_PATH_STANDBY && p->orders > 0)
        return p->oldest_order_ns + s->config.standby_budget_ns;
    return INT64_MAX;
}

static int64_t go_back_ns(const struct switch_state *s)
{
    if (!s->config.go_back || s->active == SWITCH_NO_PATH || s->active == 0 || s->idr_due ||
        s->path[0].state != SWITCH_PATH_STANDBY || !book_can_replay(s, 0))
        return INT64_MAX;
    return s->path[0].since_ns + s->config.hold_ns;
}

int64_t switch_deadline_ns(const struct switch_state *s)
{
    int64_t deadline_ns = earlier(time_active_deadline_ns(s), go_back_ns(s));

    for (uint32_t i = 0; i < s->config.path_count; i++)
        deadline_ns = earlier(deadline_ns, path_deadline_ns(s, i));
    return deadline_ns;
}

void switch_tick(struct switch_state *s, int64_t now_ns)
{
    // Standbys first: nobody should take over who has failed himself.
    for (uint32_t i = 0; i < s->config.path_count; i++)
        if (now_ns >= path_deadline_ns(s, i))
            change_fail(s, now_ns, i,
                        s->path[i].state == SWITCH_PATH_STARTING ? SWITCH_CAUSE_SLOW_START
                                                                 : SWITCH_CAUSE_STALL);
    if (now_ns >= time_active_deadline_ns(s))
        change_fail(s, now_ns, s->active, SWITCH_CAUSE_STALL);
    if (now_ns >= go_back_ns(s))
        change_planned(s, now_ns, 0, SWITCH_CAUSE_GO_BACK);
    change_conclude(s, now_ns);
}
