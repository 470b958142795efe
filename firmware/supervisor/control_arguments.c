// SPDX-License-Identifier: Apache-2.0
#include "supervisor/control_arguments.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/control.h"
#include "supervisor/json_text.h"

char *control_reply_text(bool ok, const char *key, const char *text)
{
    json_t *reply = json_pack("{s:b}", "ok", ok);

    if (text[0] != '\0')
        json_object_set_new(reply, key, json_text(text));
    char *out = json_dumps(reply, 0);
    json_decref(reply);
    return out;
}

char *control_reply_error(const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return control_reply_text(false, "error", text);
}

static const char *const fault_words[] = {
    [MESSAGE_FAULT_DROP] = "drop",       [MESSAGE_FAULT_SWALLOW] = "swallow",
    [MESSAGE_FAULT_GARBAGE] = "garbage", [MESSAGE_FAULT_SILENCE] = "silence",
    [MESSAGE_FAULT_SLOW] = "slow",       [MESSAGE_FAULT_CRASH] = "crash",
    [MESSAGE_FAULT_HANG] = "hang",       [MESSAGE_FAULT_BAD_MESSAGE] = "bad_message",
};

const char *control_fault_name(unsigned kind)
{
    return kind < sizeof fault_words / sizeof fault_words[0] ? fault_words[kind] : NULL;
}

static bool path_from_text(const char *text, uint32_t *out)
{
    int letter = toupper((unsigned char)text[0]);

    if (letter < 'A' || letter >= 'A' + MESSAGE_PATHS_MAX || text[1] != '\0')
        return false;
    *out = (uint32_t)(letter - 'A');
    return true;
}

static char *take_fault(const char *text, uint32_t *out)
{
    for (unsigned kind = MESSAGE_FAULT_DROP; control_fault_name(kind); kind++) {
        if (strcmp(text, control_fault_name(kind)) != 0)
            continue;
        *out = kind;
        return NULL;
    }
    return control_reply_error(
        "kind must be one of drop, swallow, garbage, silence, slow, crash, hang, bad_message");
}

static char *take_worker(const char *text, char *out, size_t size)
{
    uint32_t path;

    if (path_from_text(text, &path))
        snprintf(out, size, "%c", (char)('A' + path));
    else if (strcmp(text, "capture") == 0 || strcmp(text, "egress") == 0 || strcmp(text, "sound") == 0 ||
             strcmp(text, "slate") == 0 || strcmp(text, "record") == 0)
        snprintf(out, size, "%s", text);
    else
        return control_reply_error(
            "worker must be the letter of a path, capture, egress, sound, slate or record");
    return NULL;
}

static char *take_record(const char *text, uint32_t *out)
{
    static const char *const words[MESSAGE_RECORD_ORDERS] = {
        [MESSAGE_RECORD_ORDER_START] = "start",     [MESSAGE_RECORD_ORDER_STOP] = "stop",
        [MESSAGE_RECORD_ORDER_MARK] = "mark",       [MESSAGE_RECORD_ORDER_SAVE] = "save",
        [MESSAGE_RECORD_ORDER_PROTECT] = "protect", [MESSAGE_RECORD_ORDER_UNPROTECT] = "unprotect",
    };

    for (uint32_t i = MESSAGE_RECORD_ORDER_START; i < MESSAGE_RECORD_ORDERS; i++) {
        if (strcmp(text, words[i]) != 0)
            continue;
        *out = i;
        return NULL;
    }
    return control_reply_error("action must be one of start, stop, mark, save, protect, unprotect");
}

static char *take_text(const struct argument *argument, const char *text, char *out, size_t size)
{
    if (strlen(text) >= size)
        return control_reply_error("%s must not be longer than %zu bytes", argument->key, size - 1);
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return control_reply_error("%s must not hold control characters", argument->key);
    snprintf(out, size, "%s", text);
    return NULL;
}

// Stores one argument; returns the reply that refuses it, or NULL when it is right.
static char *take_argument(const struct argument *argument, json_t *value, struct arguments *arguments)
{
    void *at = (char *)arguments + argument->offset;
    const char *text = json_is_string(value) ? json_string_value(value) : "";

    switch (argument->kind) {
    case ARGUMENT_PATH:
        return path_from_text(text, at) ? NULL
                                        : control_reply_error("%s must be the letter of a path, A to %c",
                                                              argument->key, 'A' + MESSAGE_PATHS_MAX - 1);
    case ARGUMENT_PATH_OR_SOUND:
        if (strcmp(text, "sound") == 0) {
            *(uint32_t *)at = CONTROL_PATH_SOUND;
            return NULL;
        }
        return path_from_text(text, at)
                   ? NULL
                   : control_reply_error("%s must be the letter of a path, or sound", argument->key);
    case ARGUMENT_NUMBER:
        if (!json_is_integer(value) || json_integer_value(value) < argument->min ||
            json_integer_value(value) > argument->max)
            return control_reply_error("%s must be a whole number from %u to %u", argument->key,
                                       argument->min, argument->max);
        *(uint32_t *)at = (uint32_t)json_integer_value(value);
        return NULL;
    case ARGUMENT_FAULT:
        return take_fault(text, at);
    case ARGUMENT_WORKER:
        return take_worker(text, at, sizeof arguments->worker);
    case ARGUMENT_RECORD:
        return take_record(text, at);
    case ARGUMENT_TEXT:
        return take_text(argument, text, at, sizeof arguments->text);
    case ARGUMENT_DOCUMENT:
        arguments->config = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        return arguments->config ? NULL : control_reply_error("out of memory; nothing was done");
    }
    return control_reply_error("internal error: an argument without a kind");
}

char *control_take_arguments(const char *command, const struct argument *expected, json_t *request,
                             struct arguments *arguments)
{
    static const struct argument none[] = {{0}};
    const struct argument *known = expected ? expected : none;
    char *refusal = NULL;
    const char *key;
    json_t *value;

    json_object_foreach(request, key, value) {
        const struct argument *argument = known;
        while (argument->key && strcmp(argument->key, key) != 0)
            argument++;
        if (!argument->key && strcmp(key, "command") != 0)
            return control_reply_error("the command %s takes no \"%.32s\"", command, key);
    }
    for (const struct argument *argument = known; argument->key && !refusal; argument++) {
        value = json_object_get(request, argument->key);
        if (value)
            refusal = take_argument(argument, value, arguments);
        else if (argument->required)
            refusal = control_reply_error("the command %s needs \"%s\"", command, argument->key);
        else if (argument->kind == ARGUMENT_NUMBER)
            *(uint32_t *)(void *)((char *)arguments + argument->offset) = argument->standard;
    }
    return refusal;
}
