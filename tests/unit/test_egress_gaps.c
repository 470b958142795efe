// SPDX-License-Identifier: Apache-2.0
// Random fates of a destination: whatever happens, the ranges that are told and the counters agree, cause by
// cause, and a frame stands in one range at most.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "egress/destination.h"
#include "fake_transport.h"
#include "hal/time.h"

#define MS CASTOR_NS_PER_MS
#define SCHEDULES 300
#define STEPS 3000

static struct destination d;
static uint64_t random_state;

static uint32_t chance(uint32_t of)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state % of);
}

// What the supervisor would know: the ranges by number.
static struct {
    uint64_t number, last, frames_done[MESSAGE_GAP_CAUSES];
    struct message_gap now; // the newest
    uint64_t arrived;
    unsigned told;
} known;

static void listen(int64_t now_ns)
{
    struct message message;
    const char *why = "";

    message_init(&message, MESSAGE_GAP);
    for (; gap_book_next(&d.gaps, now_ns, &message.body.gap); gap_book_told(&d.gaps, now_ns)) {
        const struct message_gap *gap = &message.body.gap;
        if (message_check(&message, message.header.size, MESSAGE_FROM_EGRESS, &why) != CASTOR_OK)
            fail_msg("%s", why);
        if (gap->number != known.number) {
            assert_true(gap->number > known.number && gap->first > known.last);
            for (int cause = 0; cause < MESSAGE_GAP_CAUSES; cause++)
                known.frames_done[cause] += known.now.frames[cause];
        } else {
            assert_int_equal(gap->first, known.now.first);
        }
        assert_true(gap->first > known.arrived || gap->number == known.number);
        known.number = gap->number;
        known.last = gap->last;
        known.now = *gap;
        known.told++;
    }
    message_init(&message, MESSAGE_ARRIVED);
    if (gap_book_next_arrived(&d.gaps, now_ns, &message.body.arrived)) {
        assert_true(message.body.arrived.sequence >= known.arrived);
        known.arrived = message.body.arrived.sequence;
        gap_book_told_arrived(&d.gaps);
    }
}

static void unit(uint64_t sequence, bool idr, int64_t now_ns)
{
    static const uint8_t bytes[188];
    struct mux_payload payload = {
        .data = bytes, .size_bytes = sizeof bytes, .flags = idr ? MUX_PAYLOAD_JOIN : 0};

    destination_begin_unit(&d, 2, now_ns);
    destination_send(&d, &payload, now_ns);
    payload.flags = 0;
    destination_send(&d, &payload, now_ns);
    (void)destination_end_unit(&d, sequence, now_ns, now_ns);
}

// Acknowledges, throws away, fills up, breaks, connects: what a network does.
static void happen(struct fake *fake, int64_t now_ns)
{
    struct transport_stats *stats = &fake->stats;

    stats->pending_payloads += fake->accepted - (uint32_t)stats->taken_payloads;
    stats->taken_payloads = fake->accepted;
    if (chance(3) > 0)
        stats->pending_payloads -= stats->pending_payloads ? chance(stats->pending_payloads + 1) : 0;
    if (chance(60) == 0 && stats->pending_payloads > 3) {
        stats->pending_payloads -= 3;
        stats->too_late_payloads += 3;
    }
    if (chance(40) == 0)
        stats->retransmitted_payloads++;
    stats->latency_ms = 120;
    stats->rtt_us = 1000;
    if (chance(50) == 0)
        fake->full = !fake->full;
    if (fake->common.state == TRANSPORT_CONNECTING && chance(20) == 0)
        fake->next = TRANSPORT_CONNECTED;
    if (fake->common.state == TRANSPORT_CONNECTED && chance(150) == 0) {
        fake->next = TRANSPORT_FAILED;
        fake->next_reason = TRANSPORT_REASON_LOST;
    }
    destination_advance(&d, now_ns);
}

static void begin(uint64_t seed)
{
    struct message message;

    random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    memset(&known, 0, sizeof known);
    memset(&d, 0, sizeof d);
    fake_reset();
    message_init(&message, MESSAGE_DESTINATION);
    snprintf(message.body.destination.url, sizeof message.body.destination.url, "fake://caller");
    destination_start(&d, &message.body.destination, fake_find, seed, MS);
}

static void run_schedule(uint64_t seed, uint32_t listens)
{
    uint64_t sequence = 100, refused = 0;
    int64_t now_ns = 1000 * MS;

    begin(seed);
    for (int i = 0; i < STEPS; i++, now_ns += 33 * MS) {
        sequence += 1 + (chance(100) == 0) * chance(5); // some were never captured
        if (chance(200) == 0) {
            destination_lose_unit(&d, sequence, now_ns);
            refused++;
        } else {
            unit(sequence, i % 30 == 0, now_ns);
        }
        if (d.endpoint)
            happen((struct fake *)d.endpoint, now_ns);
        else
            destination_advance(&d, now_ns);
        if (chance(listens) == 0)
            listen(now_ns);
    }
    if (d.endpoint) { // everything comes to be decided
        d.endpoint->state = TRANSPORT_CONNECTED;
        ((struct fake *)d.endpoint)->next = TRANSPORT_FAILED;
        destination_advance(&d, now_ns);
    }
    listen(now_ns + 10 * CASTOR_NS_PER_S);
    for (int cause = 0; cause < MESSAGE_GAP_CAUSES; cause++)
        known.frames_done[cause] += known.now.frames[cause];
    assert_int_equal(known.frames_done[MESSAGE_GAP_NOT_CONNECTED], d.counters.lost_not_connected);
    assert_int_equal(known.frames_done[MESSAGE_GAP_WAITING_IDR], d.counters.lost_waiting_idr);
    assert_int_equal(known.frames_done[MESSAGE_GAP_BUFFER_FULL], d.counters.lost_buffer_full);
    assert_int_equal(known.frames_done[MESSAGE_GAP_UNACKNOWLEDGED], d.counters.lost_unacknowledged);
    assert_int_equal(known.frames_done[MESSAGE_GAP_EGRESS], refused);
    destination_stop(&d);
}

static void test_ranges_and_counters_agree(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SCHEDULES; seed++)
        run_schedule(seed, 3);
    assert_true(known.told > 10);
}

// The supervisor does not read for long: ranges are joined, nothing is lost.
static void test_they_agree_when_nobody_reads(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SCHEDULES / 3; seed++)
        run_schedule(seed, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges_and_counters_agree),
        cmocka_unit_test(test_they_agree_when_nobody_reads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
