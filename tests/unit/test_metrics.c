// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hal/time.h"
#include "supervisor/metrics.h"

#define S CASTOR_NS_PER_S
#define MS CASTOR_NS_PER_MS
#define T0 (1000 * S + 123456)

static struct metrics m;

static int setup(void **state)
{
    (void)state;
    metrics_init(&m, T0);
    return 0;
}

static void close_to(double value, double wanted, double tolerance)
{
    if (value < wanted - tolerance || value > wanted + tolerance)
        fail_msg("%f instead of %f", value, wanted);
}

static double lost(int64_t now_ns, enum metrics_window window, enum metrics_loss cause)
{
    return metrics_lost_per_mille(&m, now_ns, window, cause);
}

static void test_nothing_happened(void **state)
{
    (void)state;
    close_to(lost(T0, METRICS_MINUTE, METRICS_LOSSES), 0, 0);
    close_to(metrics_rate(&m, T0, METRICS_BYTES, 10), 0, 0);
    assert_int_equal(metrics_percentile(&m, METRICS_STAGE_ORIGIN, true, 99), 0);
    assert_int_equal(metrics_max(&m, METRICS_STAGE_ORIGIN, false), 0);
}

// 30 frames a second; in second 10 three are lost without a path, in second 20 one in egress, after it had
// been emitted.
static void test_lost_per_mille(void **state)
{
    (void)state;
    for (int second = 0; second < 100; second++) {
        int64_t now_ns = T0 + second * S;
        metrics_add(&m, now_ns, METRICS_EMITTED, second == 10 ? 27 : 30);
        if (second == 10)
            metrics_lose(&m, now_ns, METRICS_LOSS_NO_PATH, 3);
        if (second == 20)
            metrics_lose(&m, now_ns, METRICS_LOSS_EGRESS, 1);
    }
    int64_t now_ns = T0 + 99 * S + S / 2;
    // All windows see 30 frames a second, delivered and lost together.
    close_to(lost(now_ns, METRICS_SINCE_START, METRICS_LOSSES), 1000.0 * 4 / 3000, 1e-9);
    close_to(lost(now_ns, METRICS_SINCE_START, METRICS_LOSS_NO_PATH), 1000.0 * 3 / 3000, 1e-9);
    close_to(lost(now_ns, METRICS_SINCE_START, METRICS_LOSS_EGRESS), 1000.0 * 1 / 3000, 1e-9);
    close_to(lost(now_ns, METRICS_SINCE_START, METRICS_LOSS_CAPTURE), 0, 0);
    close_to(lost(now_ns, METRICS_FIVE_MINUTES, METRICS_LOSSES), 1000.0 * 4 / 3000, 1e-9);
    close_to(lost(now_ns, METRICS_MINUTE, METRICS_LOSSES), 0, 0);
    // The minute that ends in second 79 begins with second 20.
    metrics_init(&m, T0);
    metrics_lose(&m, T0 + 20 * S, METRICS_LOSS_CAPTURE, 1);
    close_to(lost(T0 + 79 * S, METRICS_MINUTE, METRICS_LOSSES), 1000, 0);
    close_to(lost(T0 + 80 * S, METRICS_MINUTE, METRICS_LOSSES), 0, 0);
    close_to(lost(T0 + 319 * S, METRICS_FIVE_MINUTES, METRICS_LOSSES), 1000, 0);
    close_to(lost(T0 + 320 * S, METRICS_FIVE_MINUTES, METRICS_LOSSES), 0, 0);
    close_to(lost(T0 + 320 * S, METRICS_SINCE_START, METRICS_LOSSES), 1000, 0);
}

// A silence longer than the history leaves nothing of before in it.
static void test_long_silence(void **state)
{
    (void)state;
    for (int second = 0; second < METRICS_SECONDS; second++)
        metrics_lose(&m, T0 + second * S, METRICS_LOSS_CAPTURE, 1);
    int64_t later_ns = T0 + 5 * METRICS_SECONDS * S + 17 * S;
    metrics_add(&m, later_ns, METRICS_EMITTED, 10);
    close_to(lost(later_ns, METRICS_FIVE_MINUTES, METRICS_LOSSES), 0, 0);
    assert_int_equal(m.lost[METRICS_LOSS_CAPTURE], METRICS_SECONDS);
    // A silence of just the history: its last second is still older than the window.
    metrics_init(&m, T0);
    metrics_lose(&m, T0, METRICS_LOSS_CAPTURE, 1);
    metrics_add(&m, T0 + METRICS_SECONDS * S, METRICS_EMITTED, 10);
    close_to(lost(T0 + METRICS_SECONDS * S, METRICS_FIVE_MINUTES, METRICS_LOSSES), 0, 0);
}

static void test_rate(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) // 10 a second; in the tenth second 20
        metrics_add(&m, T0 + i * 100 * MS, METRICS_BYTES, i >= 90 ? 2 : 1);
    int64_t now_ns = T0 + 10 * S + 50 * MS;
    close_to(metrics_rate(&m, now_ns, METRICS_BYTES, 1), 20, 1e-9);
    close_to(metrics_rate(&m, now_ns, METRICS_BYTES, 10), 11, 1e-9);
    // Before ten seconds are over, it is the mean of those that are.
    metrics_init(&m, T0);
    metrics_add(&m, T0, METRICS_BYTES, 7);
    close_to(metrics_rate(&m, T0 + 1 * S, METRICS_BYTES, 10), 7, 1e-9);
    // And a stream that has stopped has no rate.
    close_to(metrics_rate(&m, T0 + 30 * S, METRICS_BYTES, 10), 0, 0);
}

// Against sorted values: right within a bucket's width, never better than it was.
static void test_percentiles(void **state)
{
    enum { COUNT = 10000 };
    static int64_t values[COUNT];
    uint32_t seed = 1;

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = (int64_t)(seed >> 8) * (i % 10 == 0 ? 1000 : 10); // up to 168 ms, every tenth up to 17 s
        metrics_latency(&m, T0 + i * MS, METRICS_STAGE_ORIGIN, values[i]);
    }
    for (int i = 1; i < COUNT; i++) // insertion sort is enough here
        for (int k = i; k > 0 && values[k - 1] > values[k]; k--) {
            int64_t swap = values[k];
            values[k] = values[k - 1];
            values[k - 1] = swap;
        }
    for (int percent = 1; percent <= 99; percent += 7) {
        int64_t exact = values[COUNT * percent / 100 - 1];
        int64_t got = metrics_percentile(&m, METRICS_STAGE_ORIGIN, true, percent);
        if (got < exact || got > exact + exact / 16 + CASTOR_NS_PER_US)
            fail_msg("p%d: %lld instead of %lld", percent, (long long)got, (long long)exact);
    }
    assert_int_equal(metrics_max(&m, METRICS_STAGE_ORIGIN, true), values[COUNT - 1]);
    assert_int_equal(metrics_percentile(&m, METRICS_STAGE_ORIGIN, true, 100), values[COUNT - 1]);
    assert_int_equal(metrics_percentile(&m, METRICS_STAGE_CAPTURE, true, 50), 0);
}

static void test_extreme_latencies(void **state)
{
    (void)state;
    metrics_latency(&m, T0, METRICS_STAGE_ENCODER, -5);
    metrics_latency(&m, T0, METRICS_STAGE_ENCODER, 0);
    assert_int_equal(metrics_percentile(&m, METRICS_STAGE_ENCODER, true, 99), 0);
    metrics_latency(&m, T0, METRICS_STAGE_ENCODER, INT64_MAX);
    assert_int_equal(metrics_max(&m, METRICS_STAGE_ENCODER, true), INT64_MAX);
    assert_true(metrics_percentile(&m, METRICS_STAGE_ENCODER, true, 100) > 60 * S);
}

static void test_recent_latency_is_forgotten(void **state)
{
    (void)state;
    metrics_latency(&m, T0 + 10 * S, METRICS_STAGE_EGRESS, 500 * MS);
    metrics_latency(&m, T0 + 40 * S, METRICS_STAGE_EGRESS, 1 * MS);
    assert_int_equal(metrics_max(&m, METRICS_STAGE_EGRESS, false), 500 * MS);
    metrics_latency(&m, T0 + 70 * S, METRICS_STAGE_EGRESS, 1 * MS);
    assert_int_equal(metrics_max(&m, METRICS_STAGE_EGRESS, false), 1 * MS);
    assert_int_equal(metrics_max(&m, METRICS_STAGE_EGRESS, true), 500 * MS);
    // After a long silence only the newest counts.
    metrics_latency(&m, T0 + 700 * S, METRICS_STAGE_EGRESS, 2 * MS);
    assert_int_equal(metrics_max(&m, METRICS_STAGE_EGRESS, false), 2 * MS);
}

static void test_switch_log(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < METRICS_SWITCH_LOG + 10; i++) {
        const struct metrics_switch change = {.at_ns = T0 + i * S,
                                              .from = i % 2,
                                              .to = 1 - i % 2,
                                              .sequence = i * 30,
                                              .epoch = i + 1,
                                              .duration_ns = 99};
        metrics_switched(&m, &change);
        if (i % 2 == 0)
            metrics_resumed(&m, i + 1, i * 30 + 2, T0 + i * S + 25 * MS);
    }
    assert_int_equal(m.switch_count, METRICS_SWITCH_LOG + 10);
    const struct metrics_switch *last = &m.switches[(m.switch_count - 1) % METRICS_SWITCH_LOG];
    const struct metrics_switch *before = &m.switches[(m.switch_count - 2) % METRICS_SWITCH_LOG];
    assert_int_equal(last->duration_ns, -1); // not complete
    assert_int_equal(before->duration_ns, 25 * MS);
    assert_int_equal(before->sequence, (METRICS_SWITCH_LOG + 8) * 30 + 2);
    metrics_resumed(&m, before->epoch, 1, T0 + 9999 * S); // complete already
    assert_int_equal(before->duration_ns, 25 * MS);
    metrics_resumed(&m, 4711, 1, T0); // never heard of
    assert_int_equal(last->duration_ns, -1);
}

static void test_destinations(void **state)
{
    (void)state;
    for (int second = 0; second < 100; second++)
        metrics_destination(&m, T0 + second * S, 3, (uint64_t)second * 30, second >= 10 ? 7 : 0);
    int64_t now_ns = T0 + 99 * S;
    close_to(metrics_destination_lost_per_mille(&m, now_ns, METRICS_MINUTE, 3), 0, 0);
    close_to(metrics_destination_lost_per_mille(&m, now_ns, METRICS_FIVE_MINUTES, 3), 7000.0 / (99 * 30 + 7),
             1e-9);
    close_to(metrics_destination_lost_per_mille(&m, now_ns, METRICS_SINCE_START, 3), 7000.0 / (99 * 30 + 7),
             1e-9);
    close_to(metrics_destination_lost_per_mille(&m, now_ns, METRICS_SINCE_START, 2), 0, 0);
    // Another destination in its place begins anew.
    metrics_destination(&m, now_ns, 3, 9, 1);
    close_to(metrics_destination_lost_per_mille(&m, now_ns, METRICS_FIVE_MINUTES, 3), 100, 1e-9);
    close_to(metrics_destination_lost_per_mille(&m, now_ns, METRICS_SINCE_START, 3), 100, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nothing_happened, setup),
        cmocka_unit_test_setup(test_lost_per_mille, setup),
        cmocka_unit_test_setup(test_long_silence, setup),
        cmocka_unit_test_setup(test_rate, setup),
        cmocka_unit_test_setup(test_percentiles, setup),
        cmocka_unit_test_setup(test_extreme_latencies, setup),
        cmocka_unit_test_setup(test_recent_latency_is_forgotten, setup),
        cmocka_unit_test_setup(test_switch_log, setup),
        cmocka_unit_test_setup(test_destinations, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
