// SPDX-License-Identifier: Apache-2.0
#include "va_standin.h"

#include "../now.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct standin *standin_of(VADriverContextP driver)
{
    return driver->pDriverData;
}

int64_t standin_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

VAStatus standin_misuse(VAStatus status, const char *format, ...)
{
    const char *strict = getenv("CASTOR_STANDIN_STRICT");
    va_list arguments;

    va_start(arguments, format);
    (void)fputs("standin-va: misuse: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
    if (strict && strict[0] == '1')
        abort();
    return status;
}

static void set_word(struct standin *standin, const char *word)
{
    if (strcmp(word, "pcm") == 0)
        standin->is_pcm = true;
    else if (strcmp(word, "cqp") == 0)
        standin->rate_controls = VA_RC_CQP;
    else if (strcmp(word, "vbr") == 0)
        standin->rate_controls = VA_RC_VBR;
    else if (strcmp(word, "lp") == 0)
        standin->has_lp = standin->lp_is_cqp = true;
    else if (strcmp(word, "lponly") == 0)
        standin->has_lp = !(standin->has_slice = false);
    else if (strcmp(word, "nopacked") == 0)
        standin->packed = VA_ENC_PACKED_HEADER_NONE;
    else if (strcmp(word, "seqonly") == 0)
        standin->packed = VA_ENC_PACKED_HEADER_SEQUENCE;
    else if (strcmp(word, "noderive") == 0)
        standin->has_derive = false;
    else if (strcmp(word, "nosyncbuffer") == 0)
        standin->has_sync_buffer = false;
    else if (strcmp(word, "putyuv") == 0)
        standin->puts_yuv = true;
    else if (strcmp(word, "intel") == 0)
        standin->is_intel = true;
    else if (strcmp(word, "nohevc") == 0)
        standin->has_hevc = false;
    else if (strcmp(word, "gpb") == 0)
        standin->is_gpb = true;
    else if (strcmp(word, "tools") == 0)
        standin->has_all_tools = true;
    else if (strcmp(word, "hash") == 0)
        standin->hashes = true;
    else if (strcmp(word, "noprime") == 0)
        standin->has_prime = false;
    else if (strcmp(word, "badprime") == 0)
        standin->refuses_prime = true;
    else
        (void)standin_misuse(VA_STATUS_SUCCESS, "CASTOR_STANDIN_VA: unknown word \"%s\"", word);
}

static void add_fault(struct standin *standin, const char *text)
{
    struct fault *fault = &standin->faults[standin->fault_count];
    unsigned long long first = 0, count = 1;
    const char *at = strchr(text, '@'), *plus = at ? strchr(at, '+') : NULL,
               *equal = at ? strchr(at, '=') : NULL;

    if (standin->fault_count == FAULTS_MAX || !at || sscanf(at, "@%llu", &first) != 1 ||
        (plus && sscanf(plus, "+%llu", &count) != 1) ||
        (equal && sscanf(equal, "=%d", &fault->delay_ms) != 1) ||
        sscanf(text, "%15[a-z]:%39[A-Za-z0-9]", fault->kind, fault->function) < 1) {
        (void)standin_misuse(VA_STATUS_SUCCESS, "CASTOR_STANDIN_VA_FAULTS: what is \"%s\"?", text);
        return;
    }
    fault->first = first;
    fault->count = count ? count : UINT64_MAX - first;
    standin->fault_count++;
}

static void split(const char *value, void (*each)(struct standin *, const char *), struct standin *standin)
{
    char copy[512], *rest = NULL;

    if (!value)
        return;
    (void)snprintf(copy, sizeof copy, "%s", value);
    for (char *word = strtok_r(copy, ",", &rest); word; word = strtok_r(NULL, ",", &rest))
        each(standin, word);
}

static void each_word(struct standin *standin, const char *word)
{
    set_word(standin, word);
}

void standin_configure(struct standin *standin)
{
    standin->rate_controls = VA_RC_CBR | VA_RC_VBR | VA_RC_CQP;
    standin->packed =
        VA_ENC_PACKED_HEADER_SEQUENCE | VA_ENC_PACKED_HEADER_SLICE | VA_ENC_PACKED_HEADER_RAW_DATA;
    standin->has_hevc = standin->has_prime = standin->has_slice = standin->has_derive =
        standin->has_sync_buffer = true;
    split(getenv("CASTOR_STANDIN_VA"), each_word, standin);
    split(getenv("CASTOR_STANDIN_VA_FAULTS"), add_fault, standin);
}

// How often a function was called so far; NULL when there are too many functions.
static uint64_t *calls_of(struct standin *standin, const char *function)
{
    for (unsigned i = 0; i < CALLS_MAX; i++) {
        if (!standin->calls[i].name)
            standin->calls[i].name = function;
        if (strcmp(standin->calls[i].name, function) == 0)
            return &standin->calls[i].calls;
    }
    return NULL;
}

// What was told to happen now takes the place of the schedule.
static void renew_faults(struct standin *standin, bool opens)
{
    char text[STANDIN_NOW_BYTES];

    if (!standin_now(opens ? "vaapi" : NULL, text))
        return;
    memset(standin->faults, 0, sizeof standin->faults);
    standin->fault_count = 0;
    split(text, add_fault, standin);
    for (unsigned i = 0; i < standin->fault_count; i++) {
        struct fault *fault = &standin->faults[i];
        const uint64_t *calls = calls_of(standin, fault->function);
        fault->first += !fault->function[0] ? standin->pictures : calls ? *calls : 0;
    }
}

static VAStatus status_of(const char *kind)
{
    if (strcmp(kind, "busy") == 0)
        return VA_STATUS_ERROR_HW_BUSY;
    if (strcmp(kind, "memory") == 0)
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    return VA_STATUS_ERROR_ENCODING_ERROR;
}

VAStatus standin_enter(VADriverContextP driver, const char *function)
{
    struct standin *standin = standin_of(driver);
    VAStatus status = VA_STATUS_SUCCESS;
    bool hangs = false;

    pthread_mutex_lock(&standin->lock);
    renew_faults(standin, strcmp(function, "vaInitialize") == 0);
    uint64_t *calls = calls_of(standin, function);
    uint64_t number = calls ? ++*calls : 0;
    for (unsigned i = 0; i < standin->fault_count; i++) {
        const struct fault *fault = &standin->faults[i];
        if (strcmp(fault->function, function) != 0 || number < fault->first ||
            number - fault->first >= fault->count)
            continue;
        hangs = strcmp(fault->kind, "hang") == 0;
        status = status_of(fault->kind);
        if (status == VA_STATUS_ERROR_ENCODING_ERROR)
            standin->is_excused = true;
    }
    bool is_cleaning = strstr(function, "Destroy") || strstr(function, "Terminate");
    if (standin->is_lost && !is_cleaning)
        status = VA_STATUS_ERROR_OPERATION_FAILED;
    pthread_mutex_unlock(&standin->lock);
    while (hangs)
        (void)pause();
    return status;
}

const struct fault *standin_picture_fault(const struct standin *standin, const char *kind)
{
    for (unsigned i = 0; i < standin->fault_count; i++) {
        const struct fault *fault = &standin->faults[i];
        if (!fault->function[0] && strcmp(fault->kind, kind) == 0 && standin->pictures >= fault->first &&
            standin->pictures - fault->first < fault->count)
            return fault;
    }
    return NULL;
}
