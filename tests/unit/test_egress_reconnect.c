// SPDX-License-Identifier: Apache-2.0
// Reconnection in simulation: single steps, and many seeds against a world that answers at random.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "egress/reconnect.h"
#include "hal/time.h"

#define MS CASTOR_NS_PER_MS
#define SEEDS 2000
#define STEPS 400

static void test_good_way(void **state)
{
    struct reconnect r;

    (void)state;
    reconnect_init(&r, 1);
    assert_int_equal(r.state, RECONNECT_IDLE);
    assert_int_equal(reconnect_tick(&r, 0), 0);
    assert_int_equal(reconnect_start(&r, 0), RECONNECT_OPEN | RECONNECT_REPORT);
    assert_int_equal(reconnect_start(&r, 0), 0);
    assert_int_equal(reconnect_progress(&r, TRANSPORT_RESOLVING, 0), 0);
    assert_int_equal(reconnect_progress(&r, TRANSPORT_CONNECTING, 1), RECONNECT_REPORT);
    assert_int_equal(reconnect_progress(&r, TRANSPORT_CONNECTING, 2), 0);
    assert_int_equal(reconnect_progress(&r, TRANSPORT_CONNECTED, 3), RECONNECT_REPORT);
    assert_int_equal(r.connections, 1);
    assert_int_equal(reconnect_progress(&r, TRANSPORT_CONNECTING, 4), 0);
    assert_int_equal(r.state, RECONNECT_CONNECTED);
}

static void test_retry_after_loss(void **state)
{
    struct reconnect r;
    int64_t first_ns, longest_ns;

    (void)state;
    reconnect_init(&r, 7);
    (void)reconnect_start(&r, 0);
    (void)reconnect_progress(&r, TRANSPORT_CONNECTED, 0);
    assert_int_equal(reconnect_failed(&r, TRANSPORT_REASON_LOST, 10 * MS),
                     RECONNECT_CLOSE | RECONNECT_REPORT);
    assert_int_equal(r.reason, TRANSPORT_REASON_LOST);
    reconnect_bounds(TRANSPORT_REASON_LOST, &first_ns, &longest_ns);
    assert_in_range(r.retry_ns - 10 * MS, first_ns * 3 / 4, first_ns * 5 / 4);
    assert_int_equal(reconnect_tick(&r, r.retry_ns - 1), 0);
    assert_int_equal(reconnect_tick(&r, r.retry_ns), RECONNECT_OPEN | RECONNECT_REPORT);
    assert_int_equal(reconnect_tick(&r, r.retry_ns + 1), 0);
}

static void test_stop_is_final(void **state)
{
    struct reconnect r;

    (void)state;
    reconnect_init(&r, 7);
    (void)reconnect_start(&r, 0);
    assert_int_equal(reconnect_stop(&r), RECONNECT_CLOSE | RECONNECT_REPORT);
    assert_int_equal(reconnect_stop(&r), 0);
    assert_int_equal(reconnect_progress(&r, TRANSPORT_CONNECTED, 1), 0);
    assert_int_equal(reconnect_failed(&r, TRANSPORT_REASON_LOST, 1), 0);
    assert_int_equal(reconnect_tick(&r, INT64_MAX), 0);
    assert_int_equal(r.state, RECONNECT_STOPPED);

    reconnect_init(&r, 7);
    assert_int_equal(reconnect_give_up(&r, TRANSPORT_REASON_LOCAL), RECONNECT_REPORT);
    assert_int_equal(r.reason, TRANSPORT_REASON_LOCAL);
    assert_int_equal(reconnect_start(&r, 1), 0);
}

static void test_waits_grow_and_are_forgotten(void **state)
{
    struct reconnect r;
    int64_t now_ns = 0, first_ns, longest_ns, wait_ns = 0;

    (void)state;
    reconnect_bounds(TRANSPORT_REASON_UNREACHABLE, &first_ns, &longest_ns);
    reconnect_init(&r, 3);
    (void)reconnect_start(&r, now_ns);
    for (int i = 0; i < 100; i++) {
        (void)reconnect_failed(&r, TRANSPORT_REASON_UNREACHABLE, now_ns);
        wait_ns = r.retry_ns - now_ns;
        now_ns = r.retry_ns;
        (void)reconnect_tick(&r, now_ns);
    }
    assert_in_range(wait_ns, longest_ns * 3 / 4, longest_ns);
    // A short connection forgives nothing, a long one everything.
    (void)reconnect_progress(&r, TRANSPORT_CONNECTED, now_ns);
    (void)reconnect_failed(&r, TRANSPORT_REASON_UNREACHABLE, now_ns + RECONNECT_STABLE_NS - 1);
    assert_true(r.retry_ns - (now_ns + RECONNECT_STABLE_NS - 1) >= longest_ns * 3 / 4);
    now_ns = r.retry_ns;
    (void)reconnect_tick(&r, now_ns);
    (void)reconnect_progress(&r, TRANSPORT_CONNECTED, now_ns);
    now_ns += RECONNECT_STABLE_NS;
    (void)reconnect_failed(&r, TRANSPORT_REASON_UNREACHABLE, now_ns);
    assert_true(r.retry_ns - now_ns <= first_ns * 5 / 4);
}

// Boxes that fail together must not call together: the waits of many seeds are spread.
static void test_jitter_spreads(void **state)
{
    int64_t first_ns, longest_ns;
    unsigned quarter[4] = {0};

    (void)state;
    reconnect_bounds(TRANSPORT_REASON_LOST, &first_ns, &longest_ns);
    for (uint64_t seed = 0; seed < 4000; seed++) {
        struct reconnect r;

        reconnect_init(&r, seed);
        (void)reconnect_start(&r, 0);
        (void)reconnect_failed(&r, TRANSPORT_REASON_LOST, 0);
        int64_t part = (r.retry_ns - first_ns * 3 / 4) * 4 / (first_ns / 2 + 1);
        assert_in_range(part, 0, 3);
        quarter[part]++;
    }
    for (int i = 0; i < 4; i++)
        assert_in_range(quarter[i], 850, 1150);
}

// ---- simulation ----

struct world {
    struct reconnect r;
    uint64_t random;
    bool open; // the caller's connection
    int64_t now_ns;
};

static uint64_t draw(struct world *w, uint64_t below)
{
    w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (w->random >> 33) % below;
}

// Orders must fit what is open.
static void obey(struct world *w, unsigned orders)
{
    if (orders & RECONNECT_CLOSE) {
        assert_true(w->open);
        w->open = false;
    }
    if (orders & RECONNECT_OPEN) {
        assert_false(w->open);
        w->open = true;
    }
}

static void check(const struct world *w)
{
    int64_t first_ns, longest_ns;

    switch (w->r.state) {
    case RECONNECT_IDLE:
    case RECONNECT_STOPPED:
        assert_false(w->open);
        break;
    case RECONNECT_BACKOFF:
        assert_false(w->open);
        reconnect_bounds(w->r.reason, &first_ns, &longest_ns);
        assert_true(w->r.retry_ns - w->now_ns <= longest_ns);
        break;
    default:
        assert_true(w->open);
    }
}

static void simulate(uint64_t seed, uint64_t *trace)
{
    struct world w = {.random = seed};

    reconnect_init(&w.r, seed);
    for (int step = 0; step < STEPS; step++) {
        enum reconnect_state before = w.r.state;
        unsigned orders = 0;

        switch (draw(&w, 16)) {
        case 0:
            orders = reconnect_start(&w.r, w.now_ns);
            break;
        case 1:
        case 2:
            orders = reconnect_failed(&w.r, (enum transport_reason)draw(&w, TRANSPORT_REASONS), w.now_ns);
            if (orders)
                assert_true(w.r.retry_ns > w.now_ns);
            break;
        case 3:
        case 4:
        case 5:
            orders = reconnect_progress(&w.r, (enum transport_state)(1 + draw(&w, 5)), w.now_ns);
            break;
        case 6:
            if (draw(&w, 100) == 0)
                orders = reconnect_stop(&w.r);
            break;
        default:
            orders = reconnect_tick(&w.r, w.now_ns);
        }
        obey(&w, orders);
        check(&w);
        // What changes is told, and what is told has changed.
        assert_int_equal(before != w.r.state, (orders & RECONNECT_REPORT) != 0);
        *trace = *trace * 31 + (uint64_t)w.r.state * 7 + (uint64_t)w.r.retry_ns;
        w.now_ns += (int64_t)draw(&w, 500) * MS;
    }
    // Nothing hangs: whatever happened, the longest wait later it tries again.
    w.now_ns += 60 * CASTOR_NS_PER_S;
    if (w.r.state == RECONNECT_BACKOFF)
        assert_true(reconnect_tick(&w.r, w.now_ns) & RECONNECT_OPEN);
}

static void test_simulation(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint64_t first = 0, second = 0;

        simulate(seed, &first);
        simulate(seed, &second);
        assert_int_equal(first, second); // the same seed, the same story
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_way),       cmocka_unit_test(test_retry_after_loss),
        cmocka_unit_test(test_stop_is_final),  cmocka_unit_test(test_waits_grow_and_are_forgotten),
        cmocka_unit_test(test_jitter_spreads), cmocka_unit_test(test_simulation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
