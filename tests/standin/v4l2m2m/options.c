// SPDX-License-Identifier: Apache-2.0
#include "standin.h"

#include "../now.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES 512

static const char *const fault_names[FAULT_COUNT] = {
    [FAULT_HANG] = "hang",
    [FAULT_EIO] = "eio",
    [FAULT_DROP] = "drop",
    [FAULT_ERROR] = "error",
    [FAULT_EMPTY] = "empty",
    [FAULT_GARBAGE] = "garbage",
    [FAULT_SLOW] = "slow",
    [FAULT_BAD_TIME] = "bad_time",
    [FAULT_SAME_TIME] = "same_time",
    [FAULT_NO_KEY] = "no_key",
    [FAULT_SOURCE_CHANGE] = "source_change",
    [FAULT_KEEP] = "keep",
    [FAULT_STUCK] = "stuck",
    [FAULT_DEAF] = "deaf",
    [FAULT_LAST] = "last",
};

static void refuse(const char *word)
{
    (void)fprintf(stderr, "castor-standin-v4l2m2m: misuse: \"%s\" is not understood\n", word);
    abort();
}

static bool set_flag(struct standin_options *options, const char *word)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {
        {"mplane", &options->mplane},
        {"no_force_key", &options->no_force_key},
        {"no_repeat", &options->no_repeat},
        {"no_aud", &options->no_aud},
        {"no_vbv", &options->no_vbv},
        {"no_gop", &options->no_gop},
        {"no_cmd", &options->no_cmd},
        {"no_crop", &options->no_crop},
        {"no_parm", &options->no_parm},
        {"hevc", &options->hevc},
        {"headers_apart", &options->headers_apart},
        {"junk_first", &options->junk_first},
        {"last_on_data", &options->last_on_data},
        {"no_import", &options->no_import},
    };

    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (strcmp(flags[i].name, word) == 0)
            return *flags[i].flag = true;
    }
    return false;
}

static bool set_raw(struct standin_options *options, const char *word)
{
    static const struct {
        const char *name;
        unsigned raw;
    } raws[] = {{"i420", STANDIN_I420},
                {"i420m", STANDIN_I420M},
                {"nv12", STANDIN_NV12},
                {"nv12m", STANDIN_NV12M},
                {"p010", STANDIN_P010}};

    for (size_t i = 0; i < sizeof raws / sizeof raws[0]; i++) {
        if (strcmp(raws[i].name, word) == 0) {
            options->raws |= raws[i].raw;
            return true;
        }
    }
    return false;
}

static void read_word(struct standin_options *options, const char *word)
{
    char rest;

    if (set_flag(options, word) || set_raw(options, word))
        return;
    if (sscanf(word, "stride=%u%c", &options->stride_align, &rest) == 1 && options->stride_align > 0)
        return;
    if (sscanf(word, "rows=%u%c", &options->rows_align, &rest) == 1 && options->rows_align > 0)
        return;
    if (sscanf(word, "hoard=%u%c", &options->hoard, &rest) == 1 && options->hoard > 0)
        return;
    if (sscanf(word, "extra=%u%c", &options->extra_bytes, &rest) == 1)
        return;
    if (sscanf(word, "refuse=%u%c", &options->refuse_at, &rest) == 1) {
        options->refuses = true;
        return;
    }
    if (sscanf(word, "nodes=%u%c", &options->nodes, &rest) == 1 && options->nodes <= STANDIN_NODES_MAX)
        return;
    if (sscanf(word, "bad=%15[a-z0-9_]%c", options->bad, &rest) == 1)
        return;
    refuse(word);
}

static void read_fault(struct standin_options *options, const char *word)
{
    struct standin_rule rule = {.fault = FAULT_COUNT};
    char name[32] = "", plus = 0, rest;
    unsigned long long at = 0;
    int fields;

    if (strchr(word, '=')) {
        fields = sscanf(word, "%31[a-z_]=%u@%llu%c%c", name, &rule.value, &at, &plus, &rest);
        fields -= 1;
    } else {
        fields = sscanf(word, "%31[a-z_]@%llu%c%c", name, &at, &plus, &rest);
    }
    for (int i = 0; i < FAULT_COUNT; i++) {
        if (strcmp(fault_names[i], name) == 0)
            rule.fault = (enum standin_fault)i;
    }
    rule.at = at;
    rule.onward = plus == '+';
    if (rule.fault == FAULT_COUNT || fields < 2 || fields > 3 || (fields == 3 && plus != '+') ||
        options->rule_count == STANDIN_FAULTS_MAX)
        refuse(word);
    options->rules[options->rule_count++] = rule;
}

static void read_list(const char *value, struct standin_options *options,
                      void (*read_one)(struct standin_options *, const char *))
{
    char text[TEXT_BYTES], *rest = NULL;

    if (!value)
        return;
    if ((size_t)snprintf(text, sizeof text, "%s", value) >= sizeof text)
        refuse(value);
    for (char *word = strtok_r(text, ", ", &rest); word; word = strtok_r(NULL, ", ", &rest))
        read_one(options, word);
}

void standin_options_read(struct standin_options *out)
{
    *out = (struct standin_options){.stride_align = 32, .rows_align = 1, .hoard = 1, .nodes = 1};
    read_list(getenv("CASTOR_STANDIN_V4L2M2M"), out, read_word);
    read_list(getenv("CASTOR_STANDIN_V4L2M2M_FAULT"), out, read_fault);
    if (out->raws == 0)
        out->raws = STANDIN_I420 | STANDIN_NV12 | (out->mplane ? STANDIN_I420M | STANDIN_NV12M : 0);
}

void standin_options_renew(struct standin_options *options, bool opens, uint64_t picture)
{
    char text[STANDIN_NOW_BYTES];

    if (!standin_now(opens ? "v4l2m2m" : NULL, text))
        return;
    options->rule_count = 0;
    read_list(text, options, read_fault);
    for (unsigned i = 0; i < options->rule_count; i++)
        options->rules[i].at += picture;
}

bool standin_is_bad(const struct standin_options *options, const char *what)
{
    return strcmp(options->bad, what) == 0;
}

const struct standin_rule *standin_find_fault(const struct standin_options *options, enum standin_fault fault,
                                              uint64_t picture)
{
    for (unsigned i = 0; i < options->rule_count; i++) {
        const struct standin_rule *rule = &options->rules[i];
        if (rule->fault == fault && (rule->at == picture || (rule->onward && rule->at < picture)))
            return rule;
    }
    return NULL;
}
