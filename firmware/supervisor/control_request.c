// SPDX-License-Identifier: Apache-2.0
// One request to the supervisor: parsed, its arguments checked against a table, handed to its handler.
#include <ctype.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/message.h"
#include "supervisor/control.h"
#include "supervisor/json_text.h"

enum argument_kind {
    ARGUMENT_PATH,
    ARGUMENT_PATH_OR_SOUND,
    ARGUMENT_NUMBER,
    ARGUMENT_FAULT,
    ARGUMENT_WORKER,
    ARGUMENT_DOCUMENT,
    ARGUMENT_RECORD,
    ARGUMENT_TEXT
};

// Everything that any command takes.
struct arguments {
    uint32_t path;
    uint32_t kbps;
    uint32_t kind; // enum message_fault_kind
    uint32_t count;
    uint32_t factor;
    char worker[16];
    uint32_t action; // enum message_record_order_kind
    uint32_t minutes;
    char text[MESSAGE_RECORD_TEXT_BYTES];
    uint32_t index;
    char *config; // JSON, malloc'ed
};

struct argument {
    const char *key;
    enum argument_kind kind;
    size_t offset;
    uint32_t min, max, standard;
    bool required;
};

struct command {
    const char *name;
    const struct argument *arguments; // ends with key NULL; NULL = none
    // One of these two.
    int (*act)(const struct control_handlers *handlers, struct supervisor *s,
               const struct arguments *arguments, struct control_text *text);
    char *(*show)(const struct control_handlers *handlers, struct supervisor *s);
};

// ---- replies ----

static char *reply_text(bool ok, const char *key, const char *text)
{
    json_t *reply = json_pack("{s:b}", "ok", ok);

    if (text[0] != '\0')
        json_object_set_new(reply, key, json_text(text));
    char *out = json_dumps(reply, 0);
    json_decref(reply);
    return out;
}

__attribute__((format(printf, 1, 2))) static char *reply_error(const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return reply_text(false, "error", text);
}

// {"ok":true,"NAME":DOCUMENT}, without parsing the document again. Takes `document`.
static char *reply_document(const char *name, char *document)
{
    char *reply = NULL;

    if (!document)
        return reply_error("out of memory; nothing was done");
    if (asprintf(&reply, "{\"ok\":true,\"%s\":%s}", name, document) < 0)
        reply = NULL;
    free(document);
    return reply;
}

// ---- arguments ----

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
    return reply_error("kind must be one of drop, swallow, garbage, silence, slow, crash, hang, bad_message");
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
        return reply_error("worker must be the letter of a path, capture, egress, sound, slate or record");
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
    return reply_error("action must be one of start, stop, mark, save, protect, unprotect");
}

static char *take_text(const struct argument *argument, const char *text, char *out, size_t size)
{
    if (strlen(text) >= size)
        return reply_error("%s must not be longer than %zu bytes", argument->key, size - 1);
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return reply_error("%s must not hold control characters", argument->key);
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
                                        : reply_error("%s must be the letter of a path, A to %c",
                                                      argument->key, 'A' + MESSAGE_PATHS_MAX - 1);
    case ARGUMENT_PATH_OR_SOUND:
        if (strcmp(text, "sound") == 0) {
            *(uint32_t *)at = CONTROL_PATH_SOUND;
            return NULL;
        }
        return path_from_text(text, at)
                   ? NULL
                   : reply_error("%s must be the letter of a path, or sound", argument->key);
    case ARGUMENT_NUMBER:
        if (!json_is_integer(value) || json_integer_value(value) < argument->min ||
            json_integer_value(value) > argument->max)
            return reply_error("%s must be a whole number from %u to %u", argument->key, argument->min,
                               argument->max);
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
        return arguments->config ? NULL : reply_error("out of memory; nothing was done");
    }
    return reply_error("internal error: an argument without a kind");
}

static char *take_arguments(const struct command *command, json_t *request, struct arguments *arguments)
{
    static const struct argument none[] = {{0}};
    const struct argument *known = command->arguments ? command->arguments : none;
    char *refusal = NULL;
    const char *key;
    json_t *value;

    json_object_foreach(request, key, value) {
        const struct argument *argument = known;
        while (argument->key && strcmp(argument->key, key) != 0)
            argument++;
        if (!argument->key && strcmp(key, "command") != 0)
            return reply_error("the command %s takes no \"%.32s\"", command->name, key);
    }
    for (const struct argument *argument = known; argument->key && !refusal; argument++) {
        value = json_object_get(request, argument->key);
        if (value)
            refusal = take_argument(argument, value, arguments);
        else if (argument->required)
            refusal = reply_error("the command %s needs \"%s\"", command->name, argument->key);
        else if (argument->kind == ARGUMENT_NUMBER)
            *(uint32_t *)(void *)((char *)arguments + argument->offset) = argument->standard;
    }
    return refusal;
}

// ---- commands ----

static char *show_status(const struct control_handlers *handlers, struct supervisor *s)
{
    return reply_document("status", handlers->status(s));
}

static char *show_config(const struct control_handlers *handlers, struct supervisor *s)
{
    return reply_document("config", handlers->config(s));
}

static char *show_gaps(const struct control_handlers *handlers, struct supervisor *s)
{
    return reply_document("gaps", handlers->gaps(s));
}

static int act_switch(const struct control_handlers *handlers, struct supervisor *s,
                      const struct arguments *arguments, struct control_text *text)
{
    return handlers->switch_to(s, arguments->path, text);
}

static int act_idr(const struct control_handlers *handlers, struct supervisor *s,
                   const struct arguments *arguments, struct control_text *text)
{
    (void)arguments;
    return handlers->idr(s, text);
}

static int act_bitrate(const struct control_handlers *handlers, struct supervisor *s,
                       const struct arguments *arguments, struct control_text *text)
{
    return handlers->bitrate(s, arguments->kbps * 1000, text);
}

static int act_fault(const struct control_handlers *handlers, struct supervisor *s,
                     const struct arguments *arguments, struct control_text *text)
{
    return handlers->fault(s, arguments->path, arguments->kind, arguments->count, arguments->factor, text);
}

static int act_restart(const struct control_handlers *handlers, struct supervisor *s,
                       const struct arguments *arguments, struct control_text *text)
{
    return handlers->restart(s, arguments->worker, text);
}

static int act_sound(const struct control_handlers *handlers, struct supervisor *s,
                     const struct arguments *arguments, struct control_text *text)
{
    return handlers->sound(s, arguments->text, arguments->config, text);
}

static int act_reload(const struct control_handlers *handlers, struct supervisor *s,
                      const struct arguments *arguments, struct control_text *text)
{
    return handlers->reload(s, arguments->config, text);
}

static int act_record(const struct control_handlers *handlers, struct supervisor *s,
                      const struct arguments *arguments, struct control_text *text)
{
    return handlers->record(s, arguments->action, arguments->minutes, arguments->text, text);
}

static int act_overlay(const struct control_handlers *handlers, struct supervisor *s,
                       const struct arguments *arguments, struct control_text *text)
{
    return handlers->overlay(s, arguments->index, arguments->config, text);
}

static int act_stop(const struct control_handlers *handlers, struct supervisor *s,
                    const struct arguments *arguments, struct control_text *text)
{
    (void)arguments;
    return handlers->stop(s, text);
}

#define ARGUMENT(name, what) .key = #name, .kind = (what), .offset = offsetof(struct arguments, name)
static const struct argument switch_arguments[] = {{ARGUMENT(path, ARGUMENT_PATH), .required = true}, {0}};
static const struct argument bitrate_arguments[] = {
    {ARGUMENT(kbps, ARGUMENT_NUMBER), .min = 100, .max = 100000, .required = true}, {0}};
static const struct argument fault_arguments[] = {
    {ARGUMENT(path, ARGUMENT_PATH_OR_SOUND), .required = true},
    {ARGUMENT(kind, ARGUMENT_FAULT), .required = true},
    {ARGUMENT(count, ARGUMENT_NUMBER), .min = 1, .max = 1000, .standard = 1},
    {ARGUMENT(factor, ARGUMENT_NUMBER), .min = 1, .max = 100, .standard = 3},
    {0}};
static const struct argument restart_arguments[] = {{ARGUMENT(worker, ARGUMENT_WORKER), .required = true},
                                                    {0}};
static const struct argument sound_arguments[] = {
    {.key = "track", .kind = ARGUMENT_TEXT, .offset = offsetof(struct arguments, text), .required = true},
    {.key = "change",
     .kind = ARGUMENT_DOCUMENT,
     .offset = offsetof(struct arguments, config),
     .required = true},
    {0}};
static const struct argument reload_arguments[] = {{ARGUMENT(config, ARGUMENT_DOCUMENT), .required = true},
                                                   {0}};

static const struct argument record_arguments[] = {
    {ARGUMENT(action, ARGUMENT_RECORD), .required = true},
    {ARGUMENT(minutes, ARGUMENT_NUMBER), .min = 0, .max = 1440},
    {ARGUMENT(text, ARGUMENT_TEXT)},
    {0}};

static const struct argument overlay_arguments[] = {
    {ARGUMENT(index, ARGUMENT_NUMBER), .max = MESSAGE_OVERLAY_ITEMS_MAX - 1, .required = true},
    {.key = "item",
     .kind = ARGUMENT_DOCUMENT,
     .offset = offsetof(struct arguments, config),
     .required = true},
    {0}};

static const struct command commands[] = {
    {.name = "status", .show = show_status},
    {.name = "config", .show = show_config},
    {.name = "gaps", .show = show_gaps},
    {.name = "switch", .arguments = switch_arguments, .act = act_switch},
    {.name = "idr", .act = act_idr},
    {.name = "bitrate", .arguments = bitrate_arguments, .act = act_bitrate},
    {.name = "fault", .arguments = fault_arguments, .act = act_fault},
    {.name = "restart", .arguments = restart_arguments, .act = act_restart},
    {.name = "sound", .arguments = sound_arguments, .act = act_sound},
    {.name = "reload", .arguments = reload_arguments, .act = act_reload},
    {.name = "record", .arguments = record_arguments, .act = act_record},
    {.name = "overlay", .arguments = overlay_arguments, .act = act_overlay},
    {.name = "stop", .act = act_stop},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static char *run(const struct command *command, const struct control_handlers *handlers, struct supervisor *s,
                 json_t *request)
{
    struct arguments arguments = {0};
    struct control_text text = {{0}};
    char *reply = take_arguments(command, request, &arguments);

    if (!reply && command->show)
        reply = command->show(handlers, s);
    else if (!reply && command->act(handlers, s, &arguments, &text) == CASTOR_OK)
        reply = reply_text(true, "text", text.text);
    else if (!reply)
        reply = reply_error("%s", text.text[0] ? text.text : "refused");
    if (arguments.config)
        explicit_bzero(arguments.config, strlen(arguments.config));
    free(arguments.config);
    return reply;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static char *reply_no_command(const char *name)
{
    char known[320] = "";
    size_t used = 0;

    for (size_t i = 0; i < COMMANDS && used < sizeof known; i++)
        used +=
            (size_t)snprintf(known + used, sizeof known - used, "%s%s", i > 0 ? ", " : "", commands[i].name);
    return name ? reply_error("\"%.32s\" is not a command; known are %s", name, known)
                : reply_error("the request has no \"command\"; known commands are %s", known);
}

char *control_answer(const struct control_handlers *handlers, struct supervisor *supervisor,
                     const char *request, size_t size_bytes)
{
    json_error_t error;
    json_t *object = json_loadb(request, size_bytes, JSON_REJECT_DUPLICATES, &error);
    const char *name = json_string_value(json_object_get(object, "command"));
    char *reply;

    // The parser's own words may quote the request, and with it a passphrase.
    if (!object && json_error_code(&error) == json_error_duplicate_key)
        reply = reply_error("the request has a key twice, at byte %d", error.position);
    else if (!object)
        reply =
            reply_error("the request is not a JSON object; it stops to be one at byte %d", error.position);
    else if (!name || !find_command(name))
        reply = reply_no_command(name);
    else
        reply = run(find_command(name), handlers, supervisor, object);
    json_decref(object);
    return reply;
}
