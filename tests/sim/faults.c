// SPDX-License-Identifier: Apache-2.0
// What goes wrong, and what operators do meanwhile.
#include "world.h"

static bool is_healthy(const struct world *w, uint32_t path)
{
    const struct encoder *e = &w->encoder[path];
    return e->process == PROCESS_READY && !e->killed && !e->frozen && e->done == 0 && e->todo == 0;
}

static int64_t encode_ns(const struct encoder *e)
{
    return (int64_t)e->encode_us * US;
}

// The standby may be busy with a canary, a frame of its own and one that was offered before; then comes the
// IDR. 2 ms are for the messages.
static int64_t take_over_ns(const struct world *w)
{
    int64_t slowest_ns = 0;

    for (uint32_t i = 0; i < w->config.path_count; i++)
        if (encode_ns(&w->encoder[i]) > slowest_ns)
            slowest_ns = encode_ns(&w->encoder[i]);
    return 4 * slowest_ns + 2 * MS + 2 * MS;
}

// When the take-over after this fault must be complete: the next frame is captured, what it takes to notice,
// and the take-over.
static int64_t complete_ns(const struct world *w, uint32_t path, enum sin sin)
{
    int64_t base_ns = w->now_ns + w->interval_ns + 4 * MS + take_over_ns(w);

    if (path != w->oracle.active)
        return NEVER;
    switch (sin) {
    case SIN_CRASH:
    case SIN_DROP:
    case SIN_GARBAGE:
        return base_ns + 2 * encode_ns(&w->encoder[path]) + 2 * MS;
    case SIN_SWALLOW:
        return base_ns + w->config.stall_budget_ns;
    case SIN_FREEZE:
        return w->encoder[path].thaw_ns == NEVER ? base_ns + w->config.stall_budget_ns : NEVER;
    default:
        return NEVER;
    }
}

// One fault of an encoder, while everybody is well.
static void calm_fault(struct world *w)
{
    static const enum sin sins[] = {SIN_DROP,  SIN_SWALLOW, SIN_SWAP,   SIN_GARBAGE, SIN_PLAIN,
                                    SIN_CRASH, SIN_FREEZE,  SIN_FREEZE, SIN_CRASH,   SIN_SLOW};
    uint32_t path = draw(w, w->config.path_count);
    enum sin sin = sins[draw(w, sizeof sins / sizeof sins[0])];
    uint32_t healthy = 0;

    for (uint32_t i = 0; i < w->config.path_count; i++)
        healthy += is_healthy(w, i) && oracle_is_up(w, i);
    if (healthy < 2 || !is_healthy(w, path) || !oracle_is_up(w, path) || w->deadline_ns != NEVER ||
        w->oracle.idr_due)
        return;
    for (uint32_t i = 0; i < w->config.path_count; i++)
        if (w->encoder[i].process != PROCESS_NONE && !is_healthy(w, i))
            return;
    encoder_sin(w, path, sin);
    w->sin_path = path;
    w->deadline_ns = complete_ns(w, path, sin);
}

static void wild_encoder_fault(struct world *w)
{
    uint32_t path = draw(w, w->config.path_count);
    const struct encoder *e = &w->encoder[path];

    if (draw(w, 2) && w->oracle.active != SWITCH_NO_PATH)
        path = w->oracle.active;
    e = &w->encoder[path];
    if (e->killed || e->frozen)
        return;
    if (e->process == PROCESS_STARTING)
        encoder_sin(w, path, draw(w, 2) ? SIN_HANG : SIN_CRASH);
    else if (e->process == PROCESS_READY)
        encoder_sin(w, path, (enum sin)(1u << draw(w, 9)));
}

static void reconfigure(struct world *w)
{
    struct switch_config config = w->config;

    config.standby = draw(w, 2) ? SWITCH_STANDBY_HOT : SWITCH_STANDBY_WARM;
    config.gop_frames = draw(w, 2) * (5 + draw(w, 25));
    config.running_paths = 1 + draw(w, w->config.path_count);
    config.go_back = draw(w, 2);
    if (draw(w, 4) == 0) {
        config.stall_budget_ns = 0;
        if (switch_reconfigure(&w->sw, &config) == CASTOR_OK)
            wrong(w, "an impossible configuration was accepted");
        return;
    }
    if (switch_reconfigure(&w->sw, &config) != CASTOR_OK)
        wrong(w, "a right configuration was refused");
    w->config = config;
}

static void request(struct world *w)
{
    uint32_t path = draw(w, w->config.path_count);
    bool on_air = path == w->oracle.active;
    bool ready = w->oracle.path[path] == SWITCH_PATH_STANDBY && !w->oracle.idr_due;
    int error = supervisor_request(w, path);

    if (on_air ? error != CASTOR_OK || w->oracle.switched_now
               : (error == CASTOR_OK) != w->oracle.switched_now || (error == CASTOR_OK && !ready))
        wrong(w, "a planned change was answered wrongly");
}

static void wild_fault(struct world *w)
{
    uint32_t path = draw(w, w->config.path_count);

    switch (draw(w, 16)) {
    case 0: // frames that are never captured
        w->next_sequence += 1 + draw(w, 4);
        break;
    case 1: // frames that come late, all at once
        w->capture_pause_ns = w->now_ns + draw_ns(w, 10 * MS, 150 * MS);
        break;
    case 2: // the supervisor was busy
        w->busy_ns = w->now_ns + draw_ns(w, 1 * MS, 40 * MS);
        break;
    case 3:
        request(w);
        break;
    case 4:
        w->oracle.idr_requested = true;
        switch_request_idr(&w->sw, w->now_ns);
        break;
    case 5:
        reconfigure(w);
        break;
    case 6:
        if (oracle_is_up(w, path))
            supervisor_fail(w, path, SWITCH_CAUSE_REPORTED);
        break;
    case 7:
        switch_path_withdrawn(&w->sw, w->now_ns, path);
        if (w->oracle.path[path] == SWITCH_PATH_STARTABLE)
            w->oracle.path[path] = SWITCH_PATH_DOWN;
        break;
    default:
        wild_encoder_fault(w);
        break;
    }
}

int64_t faults_event_ns(const struct world *w)
{
    return w->fault_ns < w->faults_end_ns ? w->fault_ns : NEVER;
}

void faults_run(struct world *w)
{
    w->fault_ns = w->now_ns + draw_ns(w, 1 * MS, w->fault_gap_ns);
    if (!w->calm) {
        wild_fault(w);
        return;
    }
    if (draw(w, 16) == 0) {
        w->oracle.idr_requested = true;
        switch_request_idr(&w->sw, w->now_ns);
    } else {
        calm_fault(w);
    }
}
