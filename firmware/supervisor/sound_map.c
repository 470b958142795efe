// SPDX-License-Identifier: Apache-2.0
#include "supervisor/sound_map.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEVEL_MIN_CB (-600)
#define LEVEL_MAX_CB 120
#define WORD_BYTES 64
#define BETWEEN " \t,;"

static const char *const mono[] = {"M", NULL};
static const char *const stereo[] = {"L", "R", NULL};
static const char *const surround[] = {"L", "R", "C", "LFE", "Ls", "Rs", NULL};

struct parse {
    const char *const *names;
    uint32_t inputs;
    char *why;
    size_t size;
};

__attribute__((format(printf, 2, 3))) static int refuse(const struct parse *parse, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(parse->why, parse->size, format, args);
    va_end(args);
    return CASTOR_ERR_INVALID;
}

int32_t sound_map_factor(int32_t level_cb)
{
    return (int32_t)lround(pow(10, level_cb / 200.0) * MESSAGE_SOUND_ONE);
}

static int find_output(const struct parse *parse, const char *name, uint32_t *out)
{
    char known[32] = "";
    size_t at = 0;

    for (uint32_t i = 0; parse->names[i]; i++) {
        if (strcmp(parse->names[i], name) == 0) {
            *out = i;
            return CASTOR_OK;
        }
        at += (size_t)snprintf(known + at, sizeof known - at, "%s%s", i ? ", " : "", parse->names[i]);
    }
    return refuse(parse, "this track has no channel \"%.16s\"; it has %s", name, known);
}

// "-3", "1.5": steps of 0.1 dB.
static bool parse_level(const char *text, int32_t *out_cb)
{
    char *end;
    double level = strtod(text, &end);

    // strtod() takes more than people write: blanks, "inf", hexadecimal.
    if (end == text || *end != '\0' || text[strspn(text, "0123456789.+-")] != '\0' ||
        !(level * 10 >= LEVEL_MIN_CB && level * 10 <= LEVEL_MAX_CB))
        return false;
    *out_cb = (int32_t)lround(level * 10);
    return true;
}

// "3" or "3@-6". Cuts the text up.
static int parse_term(const struct parse *parse, char *term, int32_t row[MESSAGE_SOUND_INPUTS_MAX])
{
    int32_t level_cb = 0;
    char *level = strchr(term, '@');

    if (level)
        *level++ = '\0';
    if (term[0] < '1' || term[0] > '9' || term[1] != '\0')
        return refuse(parse, "\"%.16s\" is not the number of a channel of the source, 1 to %u", term,
                      parse->inputs);
    uint32_t input = (uint32_t)(term[0] - '1');
    if (input >= parse->inputs)
        return refuse(parse, "the source has %u channel%s, so there is no channel %u", parse->inputs,
                      parse->inputs == 1 ? "" : "s", input + 1);
    if (row[input] != 0)
        return refuse(parse, "channel %u of the source stands twice in the same sum", input + 1);
    if (level && !parse_level(level, &level_cb))
        return refuse(parse, "\"%.16s\" is not a level; give dB from %d to %d behind the @, as in %u@-6",
                      level, LEVEL_MIN_CB / 10, LEVEL_MAX_CB / 10, input + 1);
    row[input] = sound_map_factor(level_cb);
    return CASTOR_OK;
}

static bool is_silent(const int32_t row[MESSAGE_SOUND_INPUTS_MAX])
{
    for (uint32_t i = 0; i < MESSAGE_SOUND_INPUTS_MAX; i++)
        if (row[i] != 0)
            return false;
    return true;
}

// "L=1+3@-3". A plus sign belongs to a level where it follows an @.
static int parse_entry(const struct parse *parse, char *entry, sound_map_factors out)
{
    char *sum = strchr(entry, '=');
    uint32_t output = 0;

    if (!sum)
        return refuse(parse, "\"%.24s\" is not a channel and its sum; say for example \"%s=1\"", entry,
                      parse->names[0]);
    *sum++ = '\0';
    int error = find_output(parse, entry, &output);
    if (error != CASTOR_OK)
        return error;
    if (!is_silent(out[output]))
        return refuse(parse, "channel %s stands twice; put all of it into one sum, as in %s=1+2",
                      parse->names[output], parse->names[output]);
    while (error == CASTOR_OK && sum) {
        char *plus = strchr(sum, '+');
        if (plus && plus > sum && plus[-1] == '@')
            plus = strchr(plus + 1, '+');
        if (plus)
            *plus++ = '\0';
        error = parse_term(parse, sum, out[output]);
        sum = plus;
    }
    return error;
}

int sound_map_parse(const char *text, uint32_t outputs, uint32_t inputs, char *why, size_t size,
                    sound_map_factors out)
{
    const struct parse parse = {
        .names = outputs == 1   ? mono
                 : outputs == 2 ? stereo
                                : surround,
        .inputs = inputs ? inputs : MESSAGE_SOUND_INPUTS_MAX,
        .why = why,
        .size = size,
    };
    sound_map_factors factors = {{0}};
    char entry[WORD_BYTES];
    uint32_t entries = 0;

    for (text += strspn(text, BETWEEN); *text != '\0'; text += strspn(text, BETWEEN), entries++) {
        size_t length = strcspn(text, BETWEEN);
        if (length >= sizeof entry)
            return refuse(&parse, "\"%.24s...\" is too long for one sum", text);
        memcpy(entry, text, length);
        entry[length] = '\0';
        int error = parse_entry(&parse, entry, factors);
        if (error != CASTOR_OK)
            return error;
        text += length;
    }
    if (entries == 0)
        return refuse(&parse, "the map is empty; say for example \"%s=1\"", parse.names[0]);
    memcpy(out, factors, sizeof factors);
    return CASTOR_OK;
}
