// SPDX-License-Identifier: Apache-2.0
#include "castorctl/words.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct word {
    const char *name;
    const char *text;
};

static const char *find(const struct word *words, const char *name)
{
    for (; words->name; words++)
        if (strcmp(words->name, name) == 0)
            return words->text;
    return name;
}

const char *words_cause(const char *cause)
{
    static const struct word causes[] = {
        {"none", "nothing was on air yet"},
        {"start", "the first path that was ready"},
        {"exit", "its process ended"},
        {"protocol", "it sent a malformed message"},
        {"drop", "it dropped a frame"},
        {"stall", "it stalled"},
        {"drop_rate", "it dropped too many frames"},
        {"bitstream", "its bitstream was wrong"},
        {"slow_start", "it took too long to start"},
        {"reported", "it reported a failure"},
        {"planned", "an operator asked for it"},
        {"go_back", "back to the preferred path"},
        {NULL, NULL},
    };

    return find(causes, cause);
}

const char *words_failure(const char *cause, const char *failure)
{
    // A process that the supervisor ended has nothing to say about it.
    bool told =
        failure[0] != '\0' && strcmp(failure, "ended by the supervisor") != 0 && strcmp(failure, cause) != 0;

    return told || cause[0] == '\0' ? failure : words_cause(cause);
}

const char *words_path_state(const char *state)
{
    static const struct word states[] = {
        {"active", "ON AIR"},
        {"standby", "standby"},
        {"starting", "starting"},
        {"startable", "reserve"},
        {"dying", "ending"},
        {"down", "down"},
        {NULL, NULL},
    };

    return find(states, state);
}

const char *words_clock(const char *time)
{
    return strlen(time) > strlen("2026-01-02T") ? time + strlen("2026-01-02T") : "";
}

void words_duration(double seconds, char *out, size_t size)
{
    unsigned long long s = seconds > 0 ? (unsigned long long)seconds : 0;

    if (s >= 86400)
        snprintf(out, size, "%llu d %02llu:%02llu:%02llu", s / 86400, s / 3600 % 24, s / 60 % 60, s % 60);
    else
        snprintf(out, size, "%llu:%02llu:%02llu", s / 3600, s / 60 % 60, s % 60);
}
