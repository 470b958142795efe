// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "encoder/fake_script.h"

static void parse(const char *text, struct fake_script *script)
{
    struct encoder_text why = {""};

    if (fake_script_parse(text, script, &why) != CASTOR_OK)
        fail_msg("%s", why.text);
}

static enum fake_action action(const struct fake_script *script, uint64_t sequence)
{
    const struct fake_rule *rule = fake_script_find(script, sequence, false);
    return rule ? rule->action : FAKE_NONE;
}

static void an_empty_script_is_a_good_encoder(void **state)
{
    static const char *const texts[] = {"", ";", " ; ;"};
    struct fake_script script;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        parse(texts[i], &script);
        assert_int_equal(script.delay_ns, 0);
        assert_int_equal(script.in_flight, FAKE_IN_FLIGHT_MAX);
        assert_int_equal(script.rule_count, 0);
    }
}

static void statements_mean_what_they_say(void **state)
{
    struct fake_script script;

    (void)state;
    parse("delay 20ms; in_flight 2; at 100 drop; every 50 garbage; from 250 silent; at 7 slow 3x;"
          "at 18446744073709551615 crash",
          &script);
    assert_int_equal(script.delay_ns, 20000000);
    assert_int_equal(script.in_flight, 2);
    assert_int_equal(action(&script, 99), FAKE_NONE);
    assert_int_equal(action(&script, 100), FAKE_DROP); // the first rule that fits
    assert_int_equal(action(&script, 150), FAKE_GARBAGE);
    assert_int_equal(action(&script, 249), FAKE_NONE);
    assert_int_equal(action(&script, 251), FAKE_SILENT);
    assert_int_equal(action(&script, 7), FAKE_NONE);
    assert_int_equal(fake_script_find(&script, 7, true)->factor, 3);
    assert_null(fake_script_find(&script, 8, true));
    parse("delay 500us", &script);
    assert_int_equal(script.delay_ns, 500000);
}

static void faults_are_named(void **state)
{
    static const struct {
        const char *text, *word;
    } bad[] = {
        {"jump", "expected delay"},
        {"delay", "time"},
        {"delay 20", "time"},
        {"delay 20 ms", "time"},
        {"delay -1ms", "time"},
        {"delay 99999999999999999999s", "time"},
        {"delay 1ms; at x drop", "at x drop"},
        {"at 1", "sequence number"},
        {"at -1 drop", "sequence number"},
        {"every 0 drop", "sequence number"},
        {"at 1 explode", "unknown action"},
        {"at 1 drop 5", "too many words"},
        {"at 1 drop 5 6 7", "too many words"},
        {"at 1 slow", "factor"},
        {"at 1 slow 0x", "factor"},
        {"at 1 slow 3", "factor"},
        {"in_flight 0", "1 to 4"},
        {"in_flight 5", "1 to 4"},
        {"at 1 drop                                                                              ",
         "too long"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct fake_script script;
        struct encoder_text why = {""};
        assert_int_equal(fake_script_parse(bad[i].text, &script, &why), CASTOR_ERR_INVALID);
        if (!strstr(why.text, bad[i].word))
            fail_msg("\"%s\" does not say \"%s\"", why.text, bad[i].word);
    }
}

static void too_many_rules_are_refused(void **state)
{
    char text[(FAKE_RULES_MAX + 1) * sizeof "at 1 drop;"] = "";
    struct fake_script script;
    struct encoder_text why = {""};

    (void)state;
    for (unsigned i = 0; i < FAKE_RULES_MAX; i++)
        strcat(text, "at 1 drop;");
    parse(text, &script);
    strcat(text, "at 1 drop;");
    assert_int_equal(fake_script_parse(text, &script, &why), CASTOR_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_script_is_a_good_encoder),
        cmocka_unit_test(statements_mean_what_they_say),
        cmocka_unit_test(faults_are_named),
        cmocka_unit_test(too_many_rules_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
