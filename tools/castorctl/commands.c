// SPDX-License-Identifier: Apache-2.0
#include "castorctl/commands.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "castorctl/pick.h"

static int ask(struct client *client, json_t *request, struct client_why *why)
{
    json_t *reply = NULL;

    why->text[0] = '\0';
    int error = client_ask(client, request, &reply, why);
    if (error == CASTOR_OK)
        snprintf(why->text, sizeof why->text, "%s", pick_text(reply, "text"));
    json_decref(reply);
    return error;
}

int commands_switch(struct client *client, const char *path, struct client_why *why)
{
    return ask(client, json_pack("{s:s, s:s}", "command", "switch", "path", path), why);
}

int commands_idr(struct client *client, struct client_why *why)
{
    return ask(client, json_pack("{s:s}", "command", "idr"), why);
}

int commands_bitrate(struct client *client, long kbps, struct client_why *why)
{
    return ask(client, json_pack("{s:s, s:I}", "command", "bitrate", "kbps", (json_int_t)kbps), why);
}

int commands_fault(struct client *client, const char *path, const char *kind, long count, long factor,
                   struct client_why *why)
{
    return ask(client,
               json_pack("{s:s, s:s, s:s, s:I, s:I}", "command", "fault", "path", path, "kind", kind, "count",
                         (json_int_t)count, "factor", (json_int_t)factor),
               why);
}

int commands_restart(struct client *client, const char *worker, struct client_why *why)
{
    return ask(client, json_pack("{s:s, s:s}", "command", "restart", "worker", worker), why);
}

int commands_sound(struct client *client, const char *track, json_t *change, struct client_why *why)
{
    return ask(client, json_pack("{s:s, s:s, s:o}", "command", "sound", "track", track, "change", change),
               why);
}

int commands_stop(struct client *client, struct client_why *why)
{
    return ask(client, json_pack("{s:s}", "command", "stop"), why);
}

int commands_reload(struct client *client, const char *file, struct client_why *why)
{
    json_error_t error;
    json_t *config = json_load_file(file, JSON_REJECT_DUPLICATES, &error);

    if (!config) {
        if (error.line > 0)
            snprintf(why->text, sizeof why->text, "%s, line %d, column %d: %s. Nothing was changed", file,
                     error.line, error.column,
                     json_error_code(&error) == json_error_duplicate_key
                         ? "a key stands twice in the same object"
                         : "this is not JSON any more");
        else
            snprintf(why->text, sizeof why->text, "%s cannot be read: %s. Nothing was changed", file,
                     strerror(errno));
        return CASTOR_ERR_INVALID;
    }
    return ask(client, json_pack("{s:s, s:o}", "command", "reload", "config", config), why);
}

static int fetch(struct client *client, const char *command, json_t **out, struct client_why *why)
{
    json_t *reply = NULL;
    int error = client_ask(client, json_pack("{s:s}", "command", command), &reply, why);

    if (error != CASTOR_OK)
        return error;
    *out = json_incref(pick(reply, command));
    json_decref(reply);
    if (*out)
        return CASTOR_OK;
    snprintf(why->text, sizeof why->text, "castord answered without a %s; it may be of another version",
             command);
    return CASTOR_ERR_INVALID;
}

int commands_status(struct client *client, json_t **out, struct client_why *why)
{
    return fetch(client, "status", out, why);
}

int commands_gaps(struct client *client, json_t **out, struct client_why *why)
{
    return fetch(client, "gaps", out, why);
}

int commands_config(struct client *client, json_t **out, struct client_why *why)
{
    return fetch(client, "config", out, why);
}

// The worker of that name in a status document; NULL when there is none.
static json_t *find_worker(json_t *status, const char *name)
{
    json_t *path;
    size_t i;

    static const struct {
        const char *name, *at;
    } others[] = {{"capture", "source.worker"},
                  {"egress", "egress.worker"},
                  {"sound", "sound.worker"},
                  {"slate", "slate.worker"},
                  {"record", "record.worker"}};

    for (size_t k = 0; k < sizeof others / sizeof others[0]; k++)
        if (strcmp(name, others[k].name) == 0)
            return pick(status, others[k].at);
    json_array_foreach(pick(status, "paths"), i, path)
        if (strlen(name) == 1 && pick_text(path, "path")[0] == toupper((unsigned char)name[0]))
            return pick(path, "worker");
    return NULL;
}

int commands_signal(struct client *client, const char *worker, int signal_number, struct client_why *why)
{
    json_t *status = NULL;
    int error = commands_status(client, &status, why);

    if (error != CASTOR_OK)
        return error;
    json_t *found = find_worker(status, worker);
    long long pid = pick_integer(found, "pid");
    error = CASTOR_ERR_REJECTED;
    if (!pick_bool(status, "faults_allowed"))
        snprintf(why->text, sizeof why->text,
                 "this box does not allow deliberate faults; set control.allow_faults in its configuration");
    else if (!found)
        snprintf(
            why->text, sizeof why->text,
            "there is no worker \"%s\"; say the letter of a path, capture, egress, sound, slate or record",
            worker);
    else if (pid <= 1)
        snprintf(why->text, sizeof why->text, "%s has no process at the moment; see castorctl status",
                 worker);
    else if (kill((pid_t)pid, signal_number) != 0)
        snprintf(why->text, sizeof why->text,
                 "process %lld of %s cannot be signalled: %s; run castorctl as castord's user", pid, worker,
                 strerror(errno));
    else
        error = CASTOR_OK;
    if (error == CASTOR_OK)
        snprintf(why->text, sizeof why->text, "process %lld of %s %s", pid, worker,
                 signal_number == SIGSTOP ? "is frozen" : "was killed");
    json_decref(status);
    return error;
}
