// SPDX-License-Identifier: Apache-2.0
// One request to the supervisor: parsed and handed to its handler.
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/message.h"
#include "supervisor/control.h"
#include "supervisor/control_arguments.h"

struct command {
    const char *name;
    const struct argument *arguments; // ends with key NULL; NULL = none
    // One of these two.
    int (*act)(const struct control_handlers *handlers, struct supervisor *s,
               const struct arguments *arguments, struct control_text *text);
    char *(*show)(const struct control_handlers *handlers, struct supervisor *s);
};

// {"ok":true,"NAME":DOCUMENT}, without parsing the document again. Takes `document`.
static char *reply_document(const char *name, char *document)
{
    char *reply = NULL;

    if (!document)
        return control_reply_error("out of memory; nothing was done");
    if (asprintf(&reply, "{\"ok\":true,\"%s\":%s}", name, document) < 0)
        reply = NULL;
    free(document);
    return reply;
}

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
    char *reply = control_take_arguments(command->name, command->arguments, request, &arguments);

    if (!reply && command->show)
        reply = command->show(handlers, s);
    else if (!reply && command->act(handlers, s, &arguments, &text) == CASTOR_OK)
        reply = control_reply_text(true, "text", text.text);
    else if (!reply)
        reply = control_reply_error("%s", text.text[0] ? text.text : "refused");
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
    return name ? control_reply_error("\"%.32s\" is not a command; known are %s", name, known)
                : control_reply_error("the request has no \"command\"; known commands are %s", known);
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
        reply = control_reply_error("the request has a key twice, at byte %d", error.position);
    else if (!object)
        reply = control_reply_error("the request is not a JSON object; it stops to be one at byte %d",
                                    error.position);
    else if (!name || !find_command(name))
        reply = reply_no_command(name);
    else
        reply = run(find_command(name), handlers, supervisor, object);
    json_decref(object);
    return reply;
}
