// SPDX-License-Identifier: Apache-2.0
#include "archive/name.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "hal/time.h"

#define STAMP "00000000T000000.000Z" // digits stand for digits
#define ATTEMPT_DIGITS_MAX 4

static const char *const suffixes[ARCHIVE_CONTAINERS] = {[ARCHIVE_TS] = ".ts", [ARCHIVE_MP4] = ".mp4"};

static bool is_name_character(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '_';
}

bool archive_name_is_valid(const char *name)
{
    size_t length = strlen(name);

    if (length == 0 || length >= ARCHIVE_NAME_BYTES)
        return false;
    for (size_t i = 0; i < length; i++)
        if (!is_name_character(name[i]))
            return false;
    return isalnum((unsigned char)name[0]);
}

int archive_name_make(const char *recording, int64_t utc_ns, unsigned attempt,
                      enum archive_container container, char out[ARCHIVE_FILE_BYTES])
{
    char stamp[32], again[16] = "";
    struct tm tm;
    time_t utc_s = (time_t)(utc_ns / CASTOR_NS_PER_S);

    if (utc_ns < 0 || !gmtime_r(&utc_s, &tm) || tm.tm_year + 1900 > 9999 ||
        strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%S", &tm) == 0)
        return CASTOR_ERR_INVALID;
    if (attempt > 1)
        snprintf(again, sizeof again, "-%u", attempt);
    snprintf(out, ARCHIVE_FILE_BYTES, "%s-%s.%03dZ%s%s", recording[0] ? recording : ARCHIVE_PREFIX, stamp,
             (int)(utc_ns % CASTOR_NS_PER_S / CASTOR_NS_PER_MS), again, suffixes[container]);
    return CASTOR_OK;
}

// Takes `suffix` off the end; false when it does not stand there.
static bool cut_suffix(const char *file, size_t *length, const char *suffix)
{
    size_t suffix_length = strlen(suffix);

    if (*length < suffix_length || memcmp(file + *length - suffix_length, suffix, suffix_length) != 0)
        return false;
    *length -= suffix_length;
    return true;
}

// Takes "-2" off the end, where it stands there.
static void cut_attempt(const char *file, size_t *length)
{
    size_t at = *length;

    while (at > 0 && isdigit((unsigned char)file[at - 1]) && *length - at < ATTEMPT_DIGITS_MAX)
        at--;
    if (at < *length && at > 0 && file[at - 1] == '-')
        *length = at - 1;
}

static bool is_stamp(const char *text)
{
    for (size_t i = 0; i < sizeof STAMP - 1; i++)
        if (STAMP[i] == '0' ? !isdigit((unsigned char)text[i]) : text[i] != STAMP[i])
            return false;
    return true;
}

bool archive_name_is_segment(const char *file, enum archive_container *container, bool *part)
{
    char prefix[ARCHIVE_NAME_BYTES];
    size_t length = strnlen(file, ARCHIVE_FILE_BYTES + sizeof ARCHIVE_PART_SUFFIX);
    unsigned kind = 0;

    bool is_part = cut_suffix(file, &length, ARCHIVE_PART_SUFFIX);
    if (length >= ARCHIVE_FILE_BYTES)
        return false;
    while (kind < ARCHIVE_CONTAINERS && !cut_suffix(file, &length, suffixes[kind]))
        kind++;
    if (kind == ARCHIVE_CONTAINERS)
        return false;
    cut_attempt(file, &length);
    if (length < sizeof STAMP + 1 || !is_stamp(file + length - (sizeof STAMP - 1)))
        return false;
    length -= sizeof STAMP - 1;
    if (file[length - 1] != '-' || length > sizeof prefix)
        return false;
    memcpy(prefix, file, length - 1);
    prefix[length - 1] = '\0';
    if (!archive_name_is_valid(prefix))
        return false;
    if (container)
        *container = (enum archive_container)kind;
    if (part)
        *part = is_part;
    return true;
}
