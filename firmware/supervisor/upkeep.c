// SPDX-License-Identifier: Apache-2.0
// What time brings: ended workers are reaped and started again, hanging ones are ended.
#include "supervisor/internal.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "supervisor/config_slate.h"

#define UPKEEP_INTERVAL_NS (100 * CASTOR_NS_PER_MS)
#define UPKEEP_EARLY_NS (50 * CASTOR_NS_PER_MS) // more than a frame interval

static_assert(FEED_SLOTS_MAX <= SWITCH_SLOTS_MAX, "the switch holds every slot and repeat of the feed");

struct switch_config supervisor_switch_config(const struct config *config, const struct source *source)
{
    const struct config_switch *c = &config->switching;
    const uint32_t slots = pool_slot_count(source->pool);
    const uint32_t repeats = config_slate_repeats(slots, source->slate_slots);

    return (struct switch_config){
        .path_count = config->encoder.chain_count,
        .running_paths = c->standby == CONFIG_STANDBY_OFF || config->encoder.chain_count < 2 ? 1 : 2,
        .standby = c->standby == CONFIG_STANDBY_HOT ? SWITCH_STANDBY_HOT : SWITCH_STANDBY_WARM,
        .slot_count = slots + repeats, // a repeat is a slot to the switch
        // What is the slate's, and the live picture that is kept for it, is not capture's to fill.
        .slots_free_min =
            SOURCE_SLOTS_FREE_MIN + source->slate_slots + (source->slate_slots > 0 ? 1 : 0) + repeats,
        .stall_budget_ns = c->stall_budget_ms * CASTOR_NS_PER_MS,
        .hang_budget_ns = c->hang_budget_ms * CASTOR_NS_PER_MS,
        .standby_budget_ns = c->standby_budget_ms * CASTOR_NS_PER_MS,
        .start_budget_ns = c->start_budget_ms * CASTOR_NS_PER_MS,
        .canary_interval_ns = c->canary_interval_ms * CASTOR_NS_PER_MS,
        .gop_frames = config->encoder.gop_frames,
        .drops_per_mille_max = c->drops_per_mille,
        .standby_orders_max = 3,
        .go_back = c->go_back,
        .hold_ns = c->hold_ms * CASTOR_NS_PER_MS,
    };
}

static void reap_path(struct supervisor *s, struct path *path, int64_t now_ns)
{
    // Its last words come first: what it finished may still be emitted.
    supervisor_read_path(s, path);
    if (!worker_reap(&path->worker, now_ns))
        return;
    log_warning("%s ended: %s", path->worker.name, path->worker.failure);
    static_assert(sizeof path->last_failure == sizeof path->worker.failure, "one does not fit the other");
    memcpy(path->last_failure, path->worker.failure, sizeof path->last_failure);
    worker_close_channel(&path->worker);
    s->others_ns = 0;
    if (!s->switching_known)
        return;
    switch_path_failed(&s->switching, now_ns, path->index, SWITCH_CAUSE_EXIT);
    supervisor_carry_out(s, now_ns);
    switch_path_gone(&s->switching, now_ns, path->index);
    supervisor_carry_out(s, now_ns);
}

void supervisor_reap(struct supervisor *s, int64_t now_ns)
{
    for (uint32_t i = 0; i < s->path_count; i++)
        if (s->path[i].worker.pid > 0 && (s->path[i].worker.killed || s->path[i].worker.channel_fd < 0))
            reap_path(s, &s->path[i], now_ns);
    for (unsigned i = 0; i < STAFF_COUNT; i++)
        staff_reap(s, i, now_ns);
}

static void start_again(struct supervisor *s, int64_t now_ns)
{
    for (uint32_t i = 0; i < s->path_count && s->switching_known; i++) {
        struct path *path = &s->path[i];
        if (path->worker.pid == 0 && s->switching.path[i].state == SWITCH_PATH_DOWN &&
            restart_is_due(&path->worker.restart, now_ns) && (i == 0 || now_ns >= s->others_ns))
            switch_path_startable(&s->switching, now_ns, i);
    }
    supervisor_carry_out(s, now_ns);
    for (unsigned i = 0; i < STAFF_COUNT; i++)
        staff_start(s, i, now_ns);
}

// A path that runs with a replaced configuration is retired as soon as another is ready to go on air.
static void retire_outdated(struct supervisor *s, int64_t now_ns)
{
    uint32_t active = s->switching_known ? s->switching.active : SWITCH_NO_PATH;

    for (uint32_t i = 0; i < s->path_count; i++) {
        struct path *path = &s->path[i];
        if (!path->outdated || path->worker.pid == 0)
            continue;
        if (i != active) {
            worker_end(&path->worker, WORKER_RECONFIGURED);
            continue;
        }
        for (uint32_t j = 0; j < s->path_count; j++)
            if (s->switching.path[j].state == SWITCH_PATH_STANDBY && !s->path[j].outdated &&
                switch_request_path(&s->switching, now_ns, j) == CASTOR_OK)
                break;
        // Alone in its chain it has nobody to hand over to: the pool bridges its restart.
        if (s->switching.config.running_paths < 2)
            worker_end(&path->worker, WORKER_RECONFIGURED);
        supervisor_carry_out(s, now_ns);
    }
}

static void look_round(struct supervisor *s, int64_t now_ns)
{
    s->upkeep_ns = now_ns + UPKEEP_INTERVAL_NS;
    supervisor_read_outlet(s); // while frames flow nothing else wakes us for these
    supervisor_read_recorder(s);
    for (unsigned i = 0; i < STAFF_COUNT; i++)
        staff_end_hanging(s, i, now_ns);
    retire_outdated(s, now_ns);
    supervisor_begin_with_slate(s, now_ns);
    for (uint32_t i = 0; i < s->outlet.destination_count; i++)
        metrics_destination(&s->metrics, now_ns, i, s->outlet.destination[i].sent,
                            s->outlet.destination[i].lost);
    utc_read(&s->utc);
    s->gaps.utc_offset_ns = s->utc.offset_ns;
    recorder_relay_gaps(&s->recorder, &s->gaps, now_ns);
}

void supervisor_look_round_early(struct supervisor *s, int64_t now_ns)
{
    if (now_ns >= s->upkeep_ns - UPKEEP_EARLY_NS)
        look_round(s, now_ns);
}

void supervisor_keep_up(struct supervisor *s, int64_t now_ns)
{
    if (s->switching_known && now_ns >= switch_deadline_ns(&s->switching)) {
        switch_tick(&s->switching, now_ns);
        supervisor_carry_out(s, now_ns);
    }
    if (s->switching_known && now_ns >= feed_deadline_ns(&s->feed)) {
        feed_tick(&s->feed, now_ns);
        supervisor_feed(s, now_ns);
    }
    start_again(s, now_ns);
    if (now_ns >= s->upkeep_ns)
        look_round(s, now_ns);
}

static int64_t earlier(int64_t a_ns, int64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

static int64_t path_start_ns(const struct supervisor *s, uint32_t i)
{
    int64_t due_ns = restart_deadline_ns(&s->path[i].worker.restart);

    return i > 0 && due_ns < s->others_ns ? s->others_ns : due_ns;
}

int64_t supervisor_deadline_ns(const struct supervisor *s)
{
    int64_t deadline_ns = s->upkeep_ns;

    if (s->switching_known)
        deadline_ns =
            earlier(deadline_ns, earlier(switch_deadline_ns(&s->switching), feed_deadline_ns(&s->feed)));
    for (uint32_t i = 0; i < s->path_count; i++)
        if (s->path[i].worker.pid == 0 && s->switching_known &&
            s->switching.path[i].state == SWITCH_PATH_DOWN)
            deadline_ns = earlier(deadline_ns, path_start_ns(s, i));
    for (unsigned i = 0; i < STAFF_COUNT; i++)
        deadline_ns = earlier(deadline_ns, staff_deadline_ns(s, i));
    return deadline_ns > 0 ? deadline_ns : 0; // INT64_MIN means at once; differences with it would overflow
}
