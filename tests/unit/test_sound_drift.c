// SPDX-License-Identifier: Apache-2.0
// The recovered clock against simulated cards: half an hour each.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

#include <cmocka.h>

#include "hal/time.h"
#include "sound/drift.h"
#include "sound_card.h"

#define MINUTES 30
#define MS CASTOR_NS_PER_MS

// Runs a card and returns the greatest error of any sample's time, once times are told at all.
static double worst_ms(struct sound_card card, uint32_t block, bool exact, double *lock_s)
{
    const uint64_t end = (uint64_t)card.rate_hz * 60 * MINUTES;
    double worst = 0;
    struct drift drift;

    drift_init(&drift, card.rate_hz, exact);
    *lock_s = INFINITY;
    for (uint64_t index = 0; index < end; index += block) {
        drift_add(&drift, index, sound_card_stamp_ns(&card, index));
        if (!drift_locked(&drift))
            continue;
        if (isinf(*lock_s))
            *lock_s = (double)index / card.rate_hz;
        for (uint32_t at = 0; at <= block; at += block / 2) {
            double error =
                (double)drift_time_ns(&drift, index + at) - sound_card_true_ns(&card, (double)(index + at));
            worst = fmax(worst, fabs(error) * 1e-6);
        }
    }
    return worst;
}

static void test_cards(void **state)
{
    static const struct {
        const char *name;
        struct sound_card card;
        double worst_ms, lock_s;
    } cards[] = {
        {"exact speed", {48000, 0, 0, 0, 0, 1, 77}, 0.001, 0.2},
        {"+200 ppm", {48000, 200, 0, 0, 0, 1, 77}, 0.15, 0.2},
        {"-200 ppm", {44100, -200, 0, 0, 0, 1, 77}, 0.15, 0.2},
        {"+1000 ppm", {96000, 1000, 0, 0, 0, 1, 77}, 0.7, 0.2},
        {"-1000 ppm", {48000, -1000, 0, 0, 0, 1, 77}, 0.7, 0.2},
        {"+-300 ppm in 5 minutes", {48000, 0, 300, 300, 0, 1, 77}, 0.1, 0.2},
        {"stamps late by 1 ms", {48000, 200, 0, 0, MS, 1, 77}, 0.5, 3.1},
        {"stamps late by 10 ms", {48000, 0, 0, 0, 10 * MS, 1, 77}, 1, 3.1},
        {"the same at +200 ppm", {48000, 200, 0, 0, 10 * MS, 2, 77}, 1, 3.1},
        {"the same at -200 ppm", {44100, -200, 0, 0, 10 * MS, 3, 77}, 1, 3.1},
        {"the same at +1000 ppm", {48000, 1000, 0, 0, 10 * MS, 4, 77}, 1, 3.1},
        {"the same at -1000 ppm", {96000, -1000, 0, 0, 10 * MS, 5, 77}, 1, 3.1},
        {"the same at +-300 ppm", {48000, 0, 300, 300, 10 * MS, 6, 77}, 1, 3.1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cards / sizeof cards[0]; i++) {
        double lock_s, worst = worst_ms(cards[i].card, cards[i].card.rate_hz / 100, false, &lock_s);
        print_message("%-24s worst %.3f ms, locked after %.2f s\n", cards[i].name, worst, lock_s);
        assert_true(worst < cards[i].worst_ms);
        assert_true(lock_s < cards[i].lock_s);
    }
}

struct restart {
    double lock_s, worst_ms, settled_ms; // of the times told: all, and from 5 s on
    double ppm_off;                      // at the worst, from the restart on
};

// A card whose speed is known loses a while, as one that nobody read does; so much late is the first stamp
// after.
static struct restart restart(struct sound_card *card, struct drift *drift, uint64_t *index,
                              int64_t first_late_ns)
{
    const uint32_t block = card->rate_hz / 100;
    const uint64_t from = *index;
    struct restart found = {.lock_s = INFINITY};

    card->start_ns += 300 * MS;
    drift_restart(drift);
    for (; *index < from + 30 * (uint64_t)card->rate_hz; *index += block) {
        const double since_s = (double)(*index - from) / card->rate_hz;
        drift_add(drift, *index, sound_card_stamp_ns(card, *index) + (*index == from ? first_late_ns : 0));
        if (!drift_locked(drift))
            continue;
        double error_ms =
            fabs((double)drift_time_ns(drift, *index) - sound_card_true_ns(card, (double)*index)) * 1e-6;
        found.lock_s = fmin(found.lock_s, since_s);
        found.worst_ms = fmax(found.worst_ms, error_ms);
        found.ppm_off = fmax(found.ppm_off, fabs(drift_ppm(drift) - card->ppm));
        if (since_s > 5)
            found.settled_ms = fmax(found.settled_ms, error_ms);
    }
    return found;
}

// Sound is back a moment after it was lost, also from a card whose stamps are bad, and its pitch stays.
static void test_restarts(void **state)
{
    static const struct {
        const char *name;
        struct sound_card card;
        int64_t first_late_ns;
        struct restart most;
    } cards[] = {
        {"+200 ppm", {48000, 200, 0, 0, 0, 1, 77}, 0, {0.2, 0.15, 0.1, 5}},
        {"stamps late by 0.3 ms", {48000, 200, 0, 0, 3 * MS / 10, 1, 77}, 0, {0.2, 0.3, 0.2, 30}},
        {"stamps late by 1 ms", {48000, 200, 0, 0, MS, 1, 77}, 0, {0.3, 0.8, 0.2, 30}},
        {"stamps late by 3 ms", {48000, 200, 0, 0, 3 * MS, 1, 77}, 0, {0.3, 2, 0.3, 40}},
        {"stamps late by 10 ms", {44100, -200, 0, 0, 10 * MS, 2, 77}, 0, {1.2, 1, 0.5, 60}},
        {"and the first by 60 ms", {48000, -200, 0, 0, 10 * MS, 3, 77}, 60 * MS, {1.2, 1, 0.5, 60}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cards / sizeof cards[0]; i++) {
        struct sound_card card = cards[i].card;
        const struct restart *most = &cards[i].most;
        struct restart worst = {0};
        uint64_t index = 0;
        struct drift drift;

        drift_init(&drift, card.rate_hz, false);
        for (; index < 60 * (uint64_t)card.rate_hz; index += card.rate_hz / 100)
            drift_add(&drift, index, sound_card_stamp_ns(&card, index));
        for (int times = 0; times < 50; times++) {
            struct restart found = restart(&card, &drift, &index, cards[i].first_late_ns);
            worst.lock_s = fmax(worst.lock_s, found.lock_s);
            worst.worst_ms = fmax(worst.worst_ms, found.worst_ms);
            worst.settled_ms = fmax(worst.settled_ms, found.settled_ms);
            worst.ppm_off = fmax(worst.ppm_off, found.ppm_off);
        }
        print_message(
            "restarts, %-24s locked after %.2f s, worst %.3f ms, later %.3f ms, speed %.1f ppm off\n",
            cards[i].name, worst.lock_s, worst.worst_ms, worst.settled_ms, worst.ppm_off);
        assert_true(worst.lock_s < most->lock_s);
        assert_true(worst.worst_ms < most->worst_ms);
        assert_true(worst.settled_ms < most->settled_ms);
        assert_true(worst.ppm_off < most->ppm_off);
    }
}

// Runs a new clock for which a speed is presumed, and tells how far off its times are.
static struct restart presume(double ppm, uint64_t seed)
{
    struct sound_card card = {48000, 200, 0, 0, 5 * MS, seed, 77};
    struct drift drift;
    uint64_t index = 0;

    drift_init(&drift, card.rate_hz, false);
    drift_presume_ppm(&drift, ppm);
    assert_true(drift_speed_known(&drift));
    card.start_ns -= 300 * MS; // restart() adds it
    return restart(&card, &drift, &index, 0);
}

// What another process found out is of use, and does no harm where the card is another one.
static void test_presumed_speeds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        const struct restart same = presume(200, seed), other = presume(-300, seed), mad = presume(1e9, seed);
        assert_true(same.lock_s < 1.1 && same.worst_ms < 1.5 && same.ppm_off < 40);
        assert_true(other.lock_s < 1.1 && other.worst_ms < 4);
        assert_true(mad.lock_s < 3.1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cards),
        cmocka_unit_test(test_restarts),
        cmocka_unit_test(test_presumed_speeds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
