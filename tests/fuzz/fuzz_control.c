// SPDX-License-Identifier: Apache-2.0
// Any bytes as a request to the control socket: one JSON object with "ok" comes back, and handlers only get
// arguments within their ranges.
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/message.h"
#include "supervisor/config.h"
#include "supervisor/burn_in.h"
#include "supervisor/config_overlay.h"
#include "supervisor/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void demand(int condition)
{
    if (!condition)
        abort();
}

static char *give(struct supervisor *s)
{
    (void)s;
    return strdup("{}");
}

static int on_switch(struct supervisor *s, uint32_t path, struct control_text *text)
{
    (void)s;
    (void)text;
    demand(path < MESSAGE_PATHS_MAX);
    return CASTOR_OK;
}

static int on_plain(struct supervisor *s, struct control_text *text)
{
    (void)s;
    snprintf(text->text, sizeof text->text, "a remark");
    return CASTOR_ERR_BUSY;
}

static int on_bitrate(struct supervisor *s, uint32_t bitrate_bps, struct control_text *text)
{
    (void)s;
    (void)text;
    demand(bitrate_bps >= 100000 && bitrate_bps <= 100000000);
    return CASTOR_OK;
}

static int on_fault(struct supervisor *s, uint32_t path, uint32_t kind, uint32_t count, uint32_t factor,
                    struct control_text *text)
{
    (void)s;
    (void)text;
    demand(path < MESSAGE_PATHS_MAX && control_fault_name(kind) && count >= 1 && count <= 1000 &&
           factor >= 1 && factor <= 100);
    return CASTOR_OK;
}

static int on_restart(struct supervisor *s, const char *worker, struct control_text *text)
{
    (void)s;
    (void)text;
    demand(strcmp(worker, "capture") == 0 || strcmp(worker, "egress") == 0 || strcmp(worker, "record") == 0 ||
           (worker[0] >= 'A' && worker[0] <= 'H' && worker[1] == '\0'));
    return CASTOR_OK;
}

static int on_reload(struct supervisor *s, const char *json, struct control_text *text)
{
    static struct config config;
    struct config_error error;

    (void)s;
    int result = config_parse(json, strlen(json), &config, &error);
    if (result != CASTOR_OK)
        snprintf(text->text, sizeof text->text, "%s: %s", error.path, error.text);
    return result;
}

static int on_record(struct supervisor *s, uint32_t kind, uint32_t minutes, const char *words,
                     struct control_text *text)
{
    (void)s;
    (void)text;
    demand(kind >= MESSAGE_RECORD_ORDER_START && kind < MESSAGE_RECORD_ORDERS && minutes <= 1440 &&
           strlen(words) < MESSAGE_RECORD_TEXT_BYTES);
    return CASTOR_OK;
}

static int on_sound(struct supervisor *s, const char *track, const char *change, struct control_text *text)
{
    (void)s;
    (void)text;
    demand(track && change);
    return CASTOR_OK;
}

// A change of any item is refused, or leaves one that its receiver takes.
static int on_overlay(struct supervisor *s, uint32_t index, const char *json, struct control_text *text)
{
    static const struct config config;
    struct burn_in burn_in = {0};
    struct config_error error;
    struct message message;
    int result;

    (void)s;
    demand(index < MESSAGE_OVERLAY_ITEMS_MAX);
    burn_in_order(&burn_in, &config, index, &message);
    result = config_overlay_change(&config, index, json, &message.body.overlay.item, &error);
    demand(message_check(&message, message.header.size, MESSAGE_FROM_SUPERVISOR, NULL) == CASTOR_OK);
    if (result != CASTOR_OK)
        snprintf(text->text, sizeof text->text, "%s: %s", error.path, error.text);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static const struct control_handlers handlers = {give,       give,       give,       on_switch, on_plain,
                                                     on_bitrate, on_fault,   on_restart, on_sound,  on_reload,
                                                     on_record,  on_overlay, on_plain};
    char *reply = control_answer(&handlers, NULL, (const char *)data, size_bytes);
    demand(reply != NULL);
    json_t *object = json_loads(reply, JSON_REJECT_DUPLICATES, NULL);
    demand(json_is_boolean(json_object_get(object, "ok")));
    json_decref(object);
    free(reply);
    return 0;
}
