// SPDX-License-Identifier: Apache-2.0
#include "standin.h"

#include "../now.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUSY_CALLS 3
#define ITEM_BYTES 80

static const char *const call_names[CALLS] = {
    [CALL_CUINIT] = "cuinit",
    [CALL_CONTEXT] = "context",
    [CALL_CONTEXT_DESTROY] = "context_destroy",
    [CALL_HOST_REGISTER] = "host_register",
    [CALL_HOST_UNREGISTER] = "host_unregister",
    [CALL_ALLOC] = "alloc",
    [CALL_FREE] = "free",
    [CALL_COPY2D] = "copy2d",
    [CALL_INSTANCE] = "instance",
    [CALL_OPEN] = "open",
    [CALL_GUIDS] = "guids",
    [CALL_PROFILES] = "profiles",
    [CALL_FORMATS] = "formats",
    [CALL_CAPS] = "caps",
    [CALL_PRESET] = "preset",
    [CALL_INITIALIZE] = "initialize",
    [CALL_CREATE_INPUT] = "create_input",
    [CALL_CREATE_OUTPUT] = "create_output",
    [CALL_LOCK_INPUT] = "lock_input",
    [CALL_UNLOCK_INPUT] = "unlock_input",
    [CALL_REGISTER] = "register",
    [CALL_UNREGISTER] = "unregister",
    [CALL_MAP] = "map",
    [CALL_UNMAP] = "unmap",
    [CALL_ENCODE] = "encode",
    [CALL_EOS] = "eos",
    [CALL_LOCK] = "lock",
    [CALL_UNLOCK] = "unlock",
    [CALL_RECONFIGURE] = "reconfigure",
    [CALL_DESTROY_INPUT] = "destroy_input",
    [CALL_DESTROY_OUTPUT] = "destroy_output",
    [CALL_DESTROY] = "destroy",
    [CALL_OTHER] = "-",
};

static const struct {
    const char *name;
    enum standin_kind kind;
} kinds[] = {
    {"hang", KIND_HANG},       {"busy", KIND_BUSY},       {"lost", KIND_LOST}, {"fail", KIND_FAIL},
    {"oom", KIND_OOM},         {"limit", KIND_OOM},       {"key", KIND_KEY},   {"more", KIND_MORE},
    {"ignore", KIND_IGNORE},   {"drop", KIND_DROP},       {"slow", KIND_SLOW}, {"stamp", KIND_STAMP},
    {"garbage", KIND_GARBAGE}, {"not_idr", KIND_NOT_IDR},
};

void standin_misuse(const char *format, ...)
{
    const char *strict = getenv("CASTOR_STANDIN_STRICT");
    char text[240];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "standin nvenc: misuse: %s\n", text);
    if (strict && strcmp(strict, "1") == 0)
        abort();
}

static bool find_kind(const char *name, size_t length, enum standin_kind *out)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strlen(kinds[i].name) == length && memcmp(kinds[i].name, name, length) == 0) {
            *out = kinds[i].kind;
            return true;
        }
    }
    return false;
}

static bool find_call(const char *name, size_t length, enum standin_call *out)
{
    for (int i = 0; i < CALL_OTHER; i++) {
        if (strlen(call_names[i]) == length && memcmp(call_names[i], name, length) == 0) {
            *out = (enum standin_call)i;
            return true;
        }
    }
    return false;
}

// "@N" or "@N:K" or nothing.
static bool parse_place(const char *text, struct standin_fault *fault)
{
    char *end;

    fault->at = 1;
    fault->argument = 0;
    if (*text == '\0')
        return true;
    if (*text != '@')
        return false;
    fault->at = strtoull(text + 1, &end, 10);
    if (*end == ':')
        fault->argument = strtoull(end + 1, &end, 10);
    return *end == '\0' && fault->at > 0;
}

static bool parse_fault(const char *item, struct standin_faults *faults)
{
    struct standin_fault fault = {.call = CALL_OTHER};
    const char *kind = item;
    size_t length = strcspn(item, ":@");

    if (item[length] == ':') {
        if (!find_call(item, length, &fault.call))
            return false;
        kind = item + length + 1;
        length = strcspn(kind, "@");
    }
    if (!find_kind(kind, length, &fault.kind) || !parse_place(kind + length, &fault))
        return false;
    if ((fault.kind >= KIND_GARBAGE) != (fault.call == CALL_OTHER) || faults->count == STANDIN_FAULTS_MAX)
        return false;
    faults->list[faults->count++] = fault;
    return true;
}

static bool parse_without(const char *what, struct standin_faults *faults)
{
    const struct {
        const char *name;
        bool *flag;
    } known[] = {
        {"vbv", &faults->without_vbv},     {"bitrate", &faults->without_bitrate},
        {"h264", &faults->without_h264},   {"hevc", &faults->without_hevc},
        {"10bit", &faults->without_10bit}, {"register", &faults->without_register},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].name, what) == 0)
            return *known[i].flag = true;
    }
    return false;
}

static bool parse_item(const char *item, struct standin_faults *faults)
{
    const char without[] = "without=";

    if (sscanf(item, "limit=%u", &faults->session_limit) == 1)
        return true;
    if (sscanf(item, "version=%u.%u", &faults->version_major, &faults->version_minor) == 2)
        return true;
    if (strncmp(item, without, sizeof without - 1) == 0)
        return parse_without(item + sizeof without - 1, faults);
    return parse_fault(item, faults);
}

static void read_text(const char *text, struct standin_faults *out)
{
    while (text && *text) {
        char item[ITEM_BYTES];
        size_t length = strcspn(text, ",");
        (void)snprintf(item, sizeof item, "%.*s", (int)length, text);
        if (length >= sizeof item || !parse_item(item, out)) {
            (void)fprintf(stderr, "standin nvenc: misuse: cannot read \"%s\"\n", item);
            abort();
        }
        text += length;
        text += *text == ',';
    }
}

void standin_faults_read(struct standin_faults *out)
{
    memset(out, 0, sizeof *out);
    read_text(getenv("CASTOR_STANDIN_NVENC"), out);
}

void standin_faults_renew(struct standin_faults *faults, bool opens, uint64_t pictures)
{
    char text[STANDIN_NOW_BYTES];

    if (!standin_now(opens ? "nvenc" : NULL, text))
        return;
    faults->count = 0;
    read_text(text, faults);
    for (uint32_t i = 0; i < faults->count; i++) {
        struct standin_fault *fault = &faults->list[i];
        fault->at += fault->call == CALL_OTHER ? pictures : faults->calls[fault->call];
    }
}

enum standin_kind standin_faults_enter(struct standin_faults *faults, enum standin_call call)
{
    uint64_t number = ++faults->calls[call];

    for (uint32_t i = 0; i < faults->count; i++) {
        const struct standin_fault *fault = &faults->list[i];
        if (fault->call != call || number < fault->at)
            continue;
        uint64_t calls = fault->kind != KIND_BUSY ? 1 : fault->argument ? fault->argument : BUSY_CALLS;
        if (number >= fault->at + calls)
            continue;
        while (fault->kind == KIND_HANG)
            (void)pause();
        return fault->kind;
    }
    return KIND_NONE;
}

bool standin_faults_picture(const struct standin_faults *faults, enum standin_kind kind, uint64_t number,
                            uint64_t *argument)
{
    for (uint32_t i = 0; i < faults->count; i++) {
        const struct standin_fault *fault = &faults->list[i];
        uint64_t pictures = kind == KIND_NOT_IDR && fault->argument ? fault->argument : 1;
        if (fault->kind == kind && number >= fault->at && number - fault->at < pictures) {
            *argument = fault->argument;
            return true;
        }
    }
    return false;
}
