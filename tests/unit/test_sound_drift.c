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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cards),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
