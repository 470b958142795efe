// SPDX-License-Identifier: Apache-2.0
#include "castorctl/sound.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "castorctl/commands.h"

static json_t *number(const char *text)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0')
        return NULL;
    return value == (double)(long)value ? json_integer((long)value) : json_real(value);
}

static json_t *text(const char *word)
{
    return json_string(word);
}

static const struct action {
    const char *word, *key, *wants;
    json_t *(*value)(const char *word); // NULL: takes none
    bool flag;
} actions[] = {
    {"gain", "gain_db", "dB, as in castorctl sound gain main -3", number, false},
    {"delay", "delay_ms", "whole milliseconds, negative for earlier, as in castorctl sound delay main 40",
     number, false},
    {"map", "map", "a map, as in castorctl sound map main \"L=1 R=2\"", text, false},
    {"mute", "mute", NULL, NULL, true},
    {"unmute", "mute", NULL, NULL, false},
};

int sound_run(struct client *client, char **words, int count, struct client_why *why)
{
    const struct action *action = NULL;

    for (size_t i = 0; i < sizeof actions / sizeof actions[0] && count > 0; i++)
        if (strcmp(words[0], actions[i].word) == 0)
            action = &actions[i];
    if (!action || count != (action->value ? 3 : 2)) {
        snprintf(why->text, sizeof why->text,
                 "say sound gain TRACK DB, delay TRACK MS, map TRACK MAP, mute TRACK or unmute TRACK");
        return CASTOR_ERR_INVALID;
    }
    json_t *value = action->value ? action->value(words[2]) : json_boolean(action->flag);
    if (!value) {
        snprintf(why->text, sizeof why->text, "\"%.40s\" is no value for %s; give %s", words[2], words[0],
                 action->wants);
        return CASTOR_ERR_INVALID;
    }
    return commands_sound(client, words[1], json_pack("{s:o}", action->key, value), why);
}
