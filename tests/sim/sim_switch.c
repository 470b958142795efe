// SPDX-License-Identifier: Apache-2.0
// The switch under random fault schedules, each of which follows from its seed alone.
//   sim_switch [--seed N] [--schedules M] [--trace]
// CASTOR_SIM_SEED is added to the seed, so that a run can be told to try other schedules. A schedule that
// goes wrong is named by its seed; run it again without that and with --schedules 1 --trace to see what
// happened.
#include "world.h"

#include <string.h>
#include <time.h>

struct totals totals;

uint32_t draw(struct world *w, uint32_t below)
{
    return schedule_draw(&w->random, below);
}

int64_t draw_ns(struct world *w, int64_t from_ns, int64_t to_ns)
{
    return schedule_draw_ns(&w->random, from_ns, to_ns);
}

void wrong(const struct world *w, const char *what)
{
    schedule_wrong(w->seed, w->now_ns, what);
}

void trace(const struct world *w, const char *format, ...)
{
    va_list arguments;

    if (!w->trace)
        return;
    va_start(arguments, format);
    schedule_trace(w->now_ns, format, arguments);
    va_end(arguments);
}

// ---- capture, as slot_book.c chooses its slots ----

static void capture(struct world *w)
{
    uint64_t sequence = w->next_sequence++;

    w->grid_ns += w->interval_ns;
    if (sequence >= w->frames)
        return;
    for (uint32_t i = 0; i < w->config.slot_count; i++) {
        uint32_t slot = (w->next_slot + i) % w->config.slot_count;
        if (w->slot_busy[slot])
            continue;
        w->slot_busy[slot] = true;
        w->next_slot = (slot + 1) % w->config.slot_count;
        int64_t arrival_ns = w->now_ns + draw_ns(w, 100 * US, 3 * MS);
        if (arrival_ns < w->capture_pause_ns)
            arrival_ns = w->capture_pause_ns;
        w->captured[(w->captured_head + w->captured_count++) % SLOTS_MAX] =
            (struct captured){arrival_ns, w->now_ns, sequence, slot};
        return;
    }
    if (w->calm && w->oracle.switches > 0)
        wrong(w, "capture has no slot although a standby was ready");
}

// ---- a schedule ----

static void configure(struct world *w)
{
    struct switch_config *c = &w->config;

    w->interval_ns = draw_ns(w, 16 * MS, 40 * MS);
    c->path_count = 2 + draw(w, 3);
    c->running_paths = w->calm ? 2 : 1 + draw(w, c->path_count);
    c->standby = draw(w, 2) ? SWITCH_STANDBY_HOT : SWITCH_STANDBY_WARM;
    c->slot_count = w->calm ? SLOTS_MAX : 8 + draw(w, SLOTS_MAX - 7);
    c->slots_free_min = 2 + draw(w, 3);
    c->stall_budget_ns = w->interval_ns * (2 + draw(w, 4));
    c->hang_budget_ns = c->stall_budget_ns * 3;
    c->standby_budget_ns = 150 * MS;
    c->start_budget_ns = 200 * MS;
    c->canary_interval_ns = draw_ns(w, 50 * MS, 300 * MS);
    c->gop_frames = draw(w, 2) * (5 + draw(w, 25));
    c->drops_per_mille_max = draw(w, 3);
    c->standby_orders_max = 1 + draw(w, 4);
    c->go_back = draw(w, 4) == 0;
    c->hold_ns = 300 * MS;
}

static void set_up(struct world *w, uint64_t seed)
{
    static const struct restart_config restart = {.first_delay_ns = 10 * MS,
                                                  .delay_max_ns = 100 * MS,
                                                  .stable_ns = 100 * MS,
                                                  .attempts_max = 5,
                                                  .revive_ns = 200 * MS};

    memset(&w->encoder, 0, sizeof w->encoder);
    memset(w->slot_busy, 0, sizeof w->slot_busy);
    w->seed = seed;
    w->random = schedule_random(seed);
    for (int i = 0; i < 4; i++)
        (void)draw(w, 2);
    w->calm = draw(w, 4) == 0;
    w->now_ns = 1000 * MS;
    configure(w);
    w->frames = 40 + draw(w, 60);
    w->next_sequence = draw(w, 4);
    w->next_slot = 0;
    w->captured_head = w->captured_count = 0;
    w->capture_pause_ns = w->busy_ns = 0;
    w->grid_ns = w->now_ns + (w->calm ? 80 * MS : draw_ns(w, 0, 100 * MS));
    w->faults_end_ns = w->grid_ns + (int64_t)(w->frames - 20) * w->interval_ns;
    w->fault_gap_ns = draw_ns(w, 20 * MS, 400 * MS);
    w->fault_ns = w->grid_ns + draw_ns(w, 0, w->fault_gap_ns);
    w->end_ns = w->grid_ns + (int64_t)w->frames * w->interval_ns + 20000 * MS;
    w->deadline_ns = NEVER;
    w->positions = 0;
    for (uint32_t i = 0; i < w->config.path_count; i++) {
        w->encoder[i].reaped_ns = NEVER;
        w->encoder[i].encode_us = 1000 + draw(w, (uint32_t)(w->interval_ns / US) * 4 / 10);
        restart_init(&w->encoder[i].restart, &restart);
    }
    oracle_begin(w);
    if (switch_init(&w->sw, &w->config) != CASTOR_OK)
        wrong(w, "a right configuration was refused");
}

static void run_schedule(struct world *w, uint64_t seed)
{
    set_up(w, seed);
    for (;;) {
        int64_t capture_ns = w->next_sequence < w->frames ? w->grid_ns : NEVER;
        int64_t fault_ns = faults_event_ns(w);
        int64_t supervisor_ns = supervisor_event_ns(w);
        int64_t encoder_ns = NEVER;
        uint32_t encoder = 0;
        for (uint32_t i = 0; i < w->config.path_count; i++) {
            int64_t event_ns = encoder_event_ns(w, i);
            if (event_ns < encoder_ns) {
                encoder_ns = event_ns;
                encoder = i;
            }
        }
        int64_t next_ns = capture_ns < fault_ns ? capture_ns : fault_ns;
        next_ns = supervisor_ns < next_ns ? supervisor_ns : next_ns;
        next_ns = encoder_ns < next_ns ? encoder_ns : next_ns;
        if (next_ns > w->end_ns)
            break;
        w->now_ns = next_ns > w->now_ns ? next_ns : w->now_ns;
        if (w->now_ns > w->deadline_ns)
            wrong(w, "the take-over is not complete in time");
        if (next_ns == capture_ns)
            capture(w);
        else if (next_ns == encoder_ns)
            encoder_run(w, encoder);
        else if (next_ns == supervisor_ns)
            supervisor_run(w);
        else
            faults_run(w);
    }
    oracle_end(w);
}

int main(int argc, char **argv)
{
    static struct world world;
    const struct schedule_options options = schedule_options("sim_switch", argc, argv);

    world.trace = options.trace;
    clock_t start = clock();
    for (uint64_t i = 0; i < options.schedules; i++)
        run_schedule(&world, options.seed + i);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    printf("%" PRIu64 " schedules from seed %" PRIu64 " in %.1f s of CPU: %" PRIu64 " events, %" PRIu64
           " frames emitted, %" PRIu64 " changes of path, %" PRIu64 " take-overs timed, lost: %" PRIu64
           " never captured, %" PRIu64 " without a path; no mistake\n",
           options.schedules, options.seed, seconds, totals.events, totals.emitted, totals.switches,
           totals.timed, totals.lost[SWITCH_LOSS_CAPTURE], totals.lost[SWITCH_LOSS_NO_PATH]);
    return 0;
}
