// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "supervisor/sound_map.h"

#define ONE MESSAGE_SOUND_ONE

static sound_map_factors factors;
static char why[256];

static void good(const char *text, uint32_t outputs, uint32_t inputs)
{
    memset(factors, 0x55, sizeof factors);
    if (sound_map_parse(text, outputs, inputs, why, sizeof why, factors) != CASTOR_OK)
        fail_msg("%s: %s", text, why);
}

static void bad(const char *text, uint32_t outputs, uint32_t inputs, const char *words)
{
    sound_map_factors before;

    memset(factors, 0x55, sizeof factors);
    memcpy(before, factors, sizeof before);
    if (sound_map_parse(text, outputs, inputs, why, sizeof why, factors) == CASTOR_OK)
        fail_msg("%s: was taken", text);
    if (!strstr(why, words))
        fail_msg("%s: \"%s\" does not say \"%s\"", text, why, words);
    assert_memory_equal(before, factors, sizeof before);
}

static void maps_are_understood(void **unused)
{
    (void)unused;
    good("L=1 R=2", 2, 2);
    assert_int_equal(factors[0][0], ONE);
    assert_int_equal(factors[0][1], 0);
    assert_int_equal(factors[1][1], ONE);
    assert_int_equal(factors[5][7], 0);
    good("  R=2+1@-6,L=8@+12 ", 2, 0);
    assert_in_range(factors[1][0], 525000, 526000); // 10^(-6/20) = 0.5012
    assert_int_equal(factors[1][1], ONE);
    assert_in_range(factors[0][7], 4174000, 4175000); // 10^(12/20) = 3.981
    good("Rs=6 LFE=4@-60", 6, 6);
    assert_int_equal(factors[5][5], ONE);
    assert_int_equal(factors[3][3], sound_map_factor(-600));
    good("M=1", 1, 1);
    assert_int_equal(sound_map_factor(0), ONE);
    assert_int_equal(sound_map_factor(200), 10 * ONE);
}

static void absurd_maps_are_refused_with_words(void **unused)
{
    char eight_times[8 * 40 + 1] = "";

    (void)unused;
    bad("", 2, 2, "empty");
    bad(" ,; ", 2, 2, "empty");
    bad("L", 2, 2, "\"L=1\"");
    bad("L=", 2, 2, "number of a channel");
    bad("L=0", 2, 2, "1 to 2");
    bad("L=9", 2, 0, "no channel 9");
    bad("L=12", 2, 0, "number of a channel");
    bad("L=3", 2, 2, "has 2 channels, so there is no channel 3");
    bad("L=2", 2, 1, "has 1 channel,");
    bad("L=1+1", 2, 2, "stands twice in the same sum");
    bad("L=1 L=2", 2, 2, "L=1+2");
    bad("C=1", 2, 2, "no channel \"C\"; it has L, R");
    bad("L=1", 1, 2, "it has M");
    bad("l=1", 6, 2, "L, R, C, LFE, Ls, Rs");
    bad("L=1@", 2, 2, "not a level");
    bad("L=1@12.1", 2, 2, "-60 to 12");
    bad("L=1@-61", 2, 2, "-60 to 12");
    bad("L=1@nan", 2, 2, "not a level");
    bad("L=1@0x4", 2, 2, "not a level");
    bad("L=1@-6+", 2, 2, "number of a channel");
    bad("L=-1", 2, 2, "number of a channel");
    for (int i = 0; i < 8; i++)
        strcat(eight_times, "L=1+2+3+4+5+6+7+8+1+2+3+4+5+6+7+8+1+2+3,");
    eight_times[sizeof eight_times - 1] = '\0';
    bad(eight_times, 2, 8, "twice");
    memset(eight_times, '1', sizeof eight_times - 1);
    bad(eight_times, 2, 8, "too long");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_are_understood),
        cmocka_unit_test(absurd_maps_are_refused_with_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
