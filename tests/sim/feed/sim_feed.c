// SPDX-License-Identifier: Apache-2.0
// The feed under random schedules of lost, frozen, late and returning sources and of a slate that fails, each
// of which follows from its seed alone.
//   sim_feed [--seed N] [--schedules M] [--trace]
// CASTOR_SIM_SEED is added to the seed. A schedule that goes wrong is named by its seed; run it again without
// that and with --schedules 1 --trace to see what happened.
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

// ---- the supervisor ----

void carry_out(struct world *w)
{
    static const char *const names[] = {"give",  "free", "draw", "kill",   "LOST",
                                        "SHOWN", "LIVE", "slow", "restart"};
    struct feed_order order;

    totals.events++;
    while (feed_next_order(&w->feed, &order)) {
        trace(w, "  %s frame %" PRIu64 " of %.3f ms, slot %u", names[order.kind], order.sequence,
              (double)order.capture_ns / (double)MS, order.slot);
        oracle_order(w, &order);
    }
    oracle_close(w);
}

static void read_live(struct world *w, const struct picture *picture)
{
    if (picture->lie) { // a number that was used, a slot of the slate, one in use
        uint32_t kind = draw(w, 3);
        if (kind == 1 && w->config.slate_first_slot == w->config.slot_count)
            return;
        if (kind == 0 && !w->feed.process_spoke)
            return;
        uint32_t used = w->oracle.live_slot;
        if (kind == 2 && used == FEED_NO_SLOT)
            return;
        if (feed_live_frame(&w->feed, w->now_ns, kind == 0 ? w->feed.process_sequence : picture->sequence,
                            picture->capture_ns,
                            kind == 1   ? w->config.slate_first_slot
                            : kind == 2 ? used
                                        : picture->slot) != CASTOR_ERR_INVALID)
            wrong(w, "a frame was taken that cannot be");
        carry_out(w);
        capture_end(w);
        w->capture.sent.count = 0;
        return;
    }
    trace(w, "live frame %" PRIu64 " of %.3f ms in slot %u", picture->sequence,
          (double)picture->capture_ns / (double)MS, picture->slot);
    oracle_live(w, picture);
    if (feed_live_frame(&w->feed, w->now_ns, picture->sequence, picture->capture_ns, picture->slot) !=
        CASTOR_OK)
        wrong(w, "a right frame was called a lie");
    carry_out(w);
}

static void read_slate(struct world *w, const struct picture *picture)
{
    if (picture->lie) {
        if (feed_slate_frame(&w->feed, w->now_ns, picture->sequence + 1, picture->slot) !=
                CASTOR_ERR_INVALID ||
            feed_slate_frame(&w->feed, w->now_ns, picture->sequence, 0) != CASTOR_ERR_INVALID)
            wrong(w, "a slate was taken that nobody ordered");
        carry_out(w);
        slate_end(w);
        w->slate.sent.count = 0; // nobody listens to it any more
        return;
    }
    trace(w, "slate drew %" PRIu64 " in slot %u", picture->sequence, picture->slot);
    oracle_drawn(w, picture);
    if (feed_slate_frame(&w->feed, w->now_ns, picture->sequence, picture->slot) != CASTOR_OK)
        wrong(w, "a right slate was called a lie");
    carry_out(w);
}

void supervisor_read(struct world *w, bool live, int64_t until_ns)
{
    struct messages *m = live ? &w->capture.sent : &w->slate.sent;

    while (m->count > 0 && m->list[m->head].arrival_ns <= until_ns) {
        struct picture picture = m->list[m->head];
        m->head = (m->head + 1) % MESSAGES_MAX;
        m->count--;
        if (live)
            read_live(w, &picture);
        else
            read_slate(w, &picture);
    }
}

static int64_t arrival_ns(const struct messages *m)
{
    return m->count > 0 ? m->list[m->head].arrival_ns : NEVER;
}

static int64_t earlier(int64_t a_ns, int64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

static int64_t released_ns(const struct world *w)
{
    int64_t first_ns = NEVER;

    for (uint32_t i = 0; i < w->config.slot_count; i++)
        if (w->oracle.slot[i].held)
            first_ns = earlier(first_ns, w->oracle.slot[i].until_ns);
    for (uint32_t i = 0; i < w->config.repeat_count; i++)
        if (w->oracle.repeat[i].held)
            first_ns = earlier(first_ns, w->oracle.repeat[i].until_ns);
    return first_ns != NEVER && first_ns < w->blocked_until_ns ? w->blocked_until_ns : first_ns;
}

static int64_t supervisor_event_ns(const struct world *w)
{
    int64_t first_ns = earlier(arrival_ns(&w->capture.sent), arrival_ns(&w->slate.sent));

    first_ns = earlier(earlier(first_ns, released_ns(w)), feed_deadline_ns(&w->feed));
    return first_ns < w->busy_until_ns ? w->busy_until_ns : first_ns;
}

static void release(struct world *w, uint32_t slot, uint64_t sequence)
{
    oracle_released(w, slot);
    feed_released(&w->feed, w->now_ns, slot, sequence);
    carry_out(w);
}

static void supervisor_run(struct world *w)
{
    for (uint32_t i = 0; i < w->config.slot_count; i++) {
        struct slot *slot = &w->oracle.slot[i];
        if (slot->held && slot->until_ns <= w->now_ns && w->now_ns >= w->blocked_until_ns)
            release(w, i, slot->sequence);
    }
    for (uint32_t i = 0; i < w->config.repeat_count; i++) {
        struct repeat *repeat = &w->oracle.repeat[i];
        if (repeat->held && repeat->until_ns <= w->now_ns && w->now_ns >= w->blocked_until_ns)
            release(w, w->config.slot_count + i, repeat->sequence);
    }
    supervisor_read(w, false, w->now_ns);
    supervisor_read(w, true, w->now_ns);
    if (feed_deadline_ns(&w->feed) > w->now_ns)
        return;
    feed_tick(&w->feed, w->now_ns);
    carry_out(w);
    oracle_ticked(w);
}

// ---- faults ----

static void reconfigure(struct world *w)
{
    struct feed_config config = w->config;

    config.budget_ns = w->interval_ns * (2 + draw(w, 3));
    config.hold_ns = draw_ns(w, 0, 400 * MS);
    config.late_max_ns = config.budget_ns + draw_ns(w, 50 * MS, 400 * MS);
    config.enabled = draw(w, 4) > 0;
    if (feed_reconfigure(&w->feed, &config) != CASTOR_OK)
        wrong(w, "a right configuration was refused");
    w->config = config;
    w->oracle.able_since_ns = NEVER; // a shorter budget gives frames up
    config.budget_ns = 0;
    if (feed_reconfigure(&w->feed, &config) != CASTOR_ERR_INVALID)
        wrong(w, "an impossible configuration was accepted");
    carry_out(w);
}

static void capture_fault(struct world *w)
{
    struct capture *c = &w->capture;

    switch (draw(w, 4)) {
    case 0:
        capture_end(w);
        break;
    case 1:
        c->frozen_until_ns = w->now_ns + draw_ns(w, 20 * MS, 500 * MS);
        break;
    case 2:
        c->silent_until_ns = w->now_ns + draw_ns(w, 20 * MS, 800 * MS);
        if (c->process == PROCESS_UP)
            feed_signal(&w->feed, w->now_ns, draw(w, 2));
        carry_out(w);
        break;
    default:
        c->late_until_ns = w->now_ns + draw_ns(w, 20 * MS, 300 * MS);
        break;
    }
}

static void fault(struct world *w)
{
    w->fault_ns = w->now_ns + draw_ns(w, 5 * MS, w->fault_gap_ns);
    if (draw(w, 2)) {
        capture_fault(w);
        return;
    }
    switch (draw(w, w->calm ? 2 : 7)) {
    case 0:
        slate_end(w);
        break;
    case 1:
        w->slate.hung_until_ns = w->now_ns + draw_ns(w, 20 * MS, 600 * MS);
        break;
    case 2:
        w->slate.lies = true;
        break;
    case 3:
        w->slate.draw_ns = draw_ns(w, 1 * MS, 60 * MS);
        break;
    case 4:
        w->busy_until_ns = w->now_ns + draw_ns(w, 1 * MS, 300 * MS);
        break;
    case 5:
        w->blocked_until_ns = w->now_ns + draw_ns(w, 50 * MS, 500 * MS);
        break;
    default:
        reconfigure(w);
        break;
    }
    oracle_close(w);
}

// ---- a schedule ----

static void set_up(struct world *w, uint64_t seed)
{
    static const struct castor_rational rates[] = {{25, 1}, {30, 1}, {30000, 1001}, {50, 1}, {60000, 1001}};
    bool tracing = w->trace;

    memset(w, 0, sizeof *w);
    w->trace = tracing;
    w->seed = seed;
    w->random = schedule_random(seed);
    for (int i = 0; i < 4; i++)
        (void)draw(w, 2);
    w->calm = draw(w, 3) == 0;
    w->origin_ns = w->now_ns = 1000 * MS + draw_ns(w, 0, 10 * MS);
    w->config.enabled = w->calm || draw(w, 8) > 0;
    w->config.rate = rates[draw(w, 5)];
    w->interval_ns = castor_frame_interval_ns(w->config.rate);
    w->config.slate_first_slot = 8 + draw(w, 8);
    w->config.slot_count = w->config.slate_first_slot + (w->calm ? 24 : draw(w, 16));
    w->config.repeat_count = w->calm ? 24 : draw(w, 12);
    w->config.budget_ns = w->interval_ns * (2 + draw(w, 3));
    w->config.answer_ns = 150 * MS;
    w->config.late_max_ns = w->config.budget_ns + (w->calm ? 500 * MS : draw_ns(w, 50 * MS, 400 * MS));
    w->config.hold_ns = draw_ns(w, 0, 400 * MS);
    w->capture.paced = draw(w, 2);
    w->capture.counts = !w->calm && draw(w, 4) == 0;
    w->capture.way_ns = draw(w, 8) ? draw_ns(w, 0, w->interval_ns) : draw_ns(w, 0, 6 * w->interval_ns);
    w->slate.draw_ns = draw_ns(w, 200 * US, 3 * MS);
    w->slate.next_ns = w->calm ? w->now_ns : w->now_ns + draw_ns(w, 0, 100 * MS);
    w->fault_gap_ns = draw_ns(w, 50 * MS, 700 * MS);
    w->fault_ns = w->now_ns + draw_ns(w, 100 * MS, 200 * MS);
    w->end_ns = w->now_ns + FRAMES_A_SCHEDULE * w->interval_ns;
    oracle_begin(w);
    if (feed_init(&w->feed, &w->config, draw(w, 2) * 1000u, w->origin_ns) != CASTOR_OK)
        wrong(w, "a right configuration was refused");
    w->oracle.anchor = w->oracle.tail = w->feed.anchor_sequence;
    capture_begin(w);
}

// With nothing from capture the box is to go on air all the same.
static void arm(struct world *w)
{
    feed_arm(&w->feed, w->now_ns);
    if (!w->oracle.tail_any) {
        w->oracle.tail_any = true;
        w->oracle.tail = w->feed.last_sequence;
        w->oracle.tail_ns = w->feed.last_ns;
    }
    carry_out(w);
}

static void run_schedule(struct world *w, uint64_t seed)
{
    set_up(w, seed);
    int64_t arm_ns = draw(w, 2) ? w->now_ns + draw_ns(w, 10 * MS, 400 * MS) : NEVER;
    for (;;) {
        int64_t capture_ns = capture_event_ns(w), slate_ns = slate_event_ns(w);
        int64_t supervisor_ns = supervisor_event_ns(w);
        int64_t next_ns = earlier(earlier(capture_ns, slate_ns), earlier(supervisor_ns, w->fault_ns));
        next_ns = earlier(next_ns, arm_ns);
        if (next_ns > w->end_ns)
            break;
        w->now_ns = next_ns > w->now_ns ? next_ns : w->now_ns;
        if (next_ns == arm_ns) {
            arm_ns = NEVER;
            arm(w);
        } else if (next_ns == capture_ns) {
            capture_run(w);
        } else if (next_ns == slate_ns) {
            slate_run(w);
        } else if (next_ns == supervisor_ns) {
            supervisor_run(w);
        } else {
            fault(w);
        }
    }
    oracle_end(w);
}

int main(int argc, char **argv)
{
    static struct world world;
    const struct schedule_options options = schedule_options("sim_feed", argc, argv);

    world.trace = options.trace;
    clock_t start = clock();
    for (uint64_t i = 0; i < options.schedules; i++)
        run_schedule(&world, options.seed + i);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    printf("%" PRIu64 " schedules from seed %" PRIu64 " in %.1f s of CPU: %" PRIu64 " events, %" PRIu64
           " live frames, %" PRIu64 " of the slate (%" PRIu64 " repeated) in %" PRIu64 " losses, %" PRIu64
           " refused, %" PRIu64 " missing, %" PRIu64 " slates ended; no mistake\n",
           options.schedules, options.seed, seconds, totals.events, totals.live, totals.slate,
           totals.repeated, totals.times, totals.refused, totals.missing, totals.kills);
    return 0;
}
