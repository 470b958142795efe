// SPDX-License-Identifier: Apache-2.0
#include "fake_script.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "hal/time.h"

#define STATEMENT_BYTES 80
#define WORDS_MAX 4
#define DELAY_MAX_NS (3600 * CASTOR_NS_PER_S)

static const struct {
    const char *name;
    enum fake_action action;
} actions[] = {
    {"drop", FAKE_DROP},
    {"swallow", FAKE_SWALLOW},
    {"garbage", FAKE_GARBAGE},
    {"empty", FAKE_EMPTY},
    {"huge", FAKE_HUGE},
    {"wrong_size", FAKE_WRONG_SIZE},
    {"no_parameter_sets", FAKE_NO_PARAMETER_SETS},
    {"slow", FAKE_SLOW},
    {"silent", FAKE_SILENT},
    {"crash", FAKE_CRASH},
    {"exit", FAKE_EXIT},
    {"hang", FAKE_HANG},
};

// A number followed by exactly `unit`.
static bool parse_number(const char *word, const char *unit, uint64_t max, uint64_t *out)
{
    char *end;

    if (!isdigit((unsigned char)word[0]))
        return false;
    unsigned long long value = strtoull(word, &end, 10);
    if (strcmp(end, unit) != 0 || value > max)
        return false;
    *out = value;
    return true;
}

static bool parse_time(const char *word, int64_t *out_ns)
{
    static const struct {
        const char *unit;
        int64_t ns;
    } units[] = {{"us", CASTOR_NS_PER_US}, {"ms", CASTOR_NS_PER_MS}, {"s", CASTOR_NS_PER_S}};
    uint64_t value;

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (parse_number(word, units[i].unit, (uint64_t)(DELAY_MAX_NS / units[i].ns), &value)) {
            *out_ns = (int64_t)value * units[i].ns;
            return true;
        }
    }
    return false;
}

static const char *parse_rule(char *const words[], unsigned count, enum fake_when when,
                              struct fake_script *script)
{
    struct fake_rule rule = {.when = when};
    uint64_t factor = 1;

    if (script->rule_count == FAKE_RULES_MAX)
        return "too many rules";
    if (count < 3 || !parse_number(words[1], "", UINT64_MAX, &rule.sequence) ||
        (when == FAKE_EVERY && rule.sequence == 0))
        return "expected a frame's sequence number and an action";
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(words[2], actions[i].name) == 0)
            rule.action = actions[i].action;
    }
    if (rule.action == FAKE_NONE)
        return "unknown action";
    if (rule.action == FAKE_SLOW) {
        if (count != 4 || !parse_number(words[3], "x", 1000, &factor) || factor == 0)
            return "expected a factor such as 3x";
    } else if (count != 3) {
        return "too many words";
    }
    rule.factor = (uint32_t)factor;
    script->rules[script->rule_count++] = rule;
    return NULL;
}

static const char *parse_statement(char *text, struct fake_script *script)
{
    char *words[WORDS_MAX + 1];
    char *rest = NULL;
    unsigned count = 0;
    uint64_t number;

    for (char *word = strtok_r(text, " \t\n", &rest); word; word = strtok_r(NULL, " \t\n", &rest)) {
        if (count == WORDS_MAX)
            return "too many words";
        words[count++] = word;
    }
    if (count == 0)
        return NULL;
    if (strcmp(words[0], "at") == 0)
        return parse_rule(words, count, FAKE_AT, script);
    if (strcmp(words[0], "every") == 0)
        return parse_rule(words, count, FAKE_EVERY, script);
    if (strcmp(words[0], "from") == 0)
        return parse_rule(words, count, FAKE_FROM, script);
    if (strcmp(words[0], "delay") == 0)
        return count == 2 && parse_time(words[1], &script->delay_ns) ? NULL : "expected a time such as 20ms";
    if (strcmp(words[0], "in_flight") == 0) {
        if (count != 2 || !parse_number(words[1], "", FAKE_IN_FLIGHT_MAX, &number) || number == 0)
            return "expected 1 to 4 frames";
        script->in_flight = (uint32_t)number;
        return NULL;
    }
    return "expected delay, in_flight, at, every or from";
}

int fake_script_parse(const char *text, struct fake_script *out, struct encoder_text *why)
{
    struct fake_script script = {.in_flight = FAKE_IN_FLIGHT_MAX};

    while (*text) {
        char statement[STATEMENT_BYTES];
        char original[STATEMENT_BYTES];
        size_t length = strcspn(text, ";");
        if (length >= sizeof statement)
            return encoder_text_set(why, CASTOR_ERR_INVALID, "fake: script: \"%.40s...\": statement too long",
                                    text);
        memcpy(statement, text, length);
        statement[length] = '\0';
        memcpy(original, statement, length + 1);
        const char *fault = parse_statement(statement, &script);
        if (fault)
            return encoder_text_set(why, CASTOR_ERR_INVALID, "fake: script: \"%s\": %s", original, fault);
        text += length;
        text += *text == ';';
    }
    *out = script;
    return CASTOR_OK;
}

const struct fake_rule *fake_script_find(const struct fake_script *script, uint64_t sequence, bool slow)
{
    for (uint32_t i = 0; i < script->rule_count; i++) {
        const struct fake_rule *rule = &script->rules[i];
        if ((rule->action == FAKE_SLOW) != slow)
            continue;
        if ((rule->when == FAKE_AT && sequence == rule->sequence) ||
            (rule->when == FAKE_FROM && sequence >= rule->sequence) ||
            (rule->when == FAKE_EVERY && sequence % rule->sequence == 0))
            return rule;
    }
    return NULL;
}
