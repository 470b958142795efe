// SPDX-License-Identifier: Apache-2.0
#include "castorctl/overlay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "castorctl/commands.h"
#include "castorctl/pick.h"

static int wrong(struct client_why *why, const char *format, const char *what)
{
    snprintf(why->text, sizeof why->text, format, what);
    return CASTOR_ERR_INVALID;
}

static int read_index(const char *text, json_int_t *out, struct client_why *why)
{
    if (!text || strlen(text) != 1 || text[0] < '0' || text[0] > '7')
        return wrong(why, "\"%s\" is not the number of an item, 0 to 7", text ? text : "");
    *out = text[0] - '0';
    return CASTOR_OK;
}

// Takes `item`.
static int send(struct client *client, json_int_t index, json_t *item, struct client_why *why)
{
    json_t *reply = NULL;
    int error =
        client_ask(client, json_pack("{s:s, s:I, s:o}", "command", "overlay", "index", index, "item", item),
                   &reply, why);

    json_decref(reply);
    return error;
}

// The box knows which values are numbers.
static int set(struct client *client, char **words, struct client_why *why)
{
    json_int_t index;
    json_t *item;
    int error = read_index(words[0], &index, why);

    if (error)
        return error;
    if (!words[1])
        return wrong(why, "nothing to change%s; say KEY=VALUE, as in castorctl overlay set 0 kind=clock", "");
    item = json_object();
    for (words++; *words; words++) {
        char *equals = strchr(*words, '=');

        if (!equals) {
            json_decref(item);
            return wrong(why, "\"%s\" is not KEY=VALUE", *words);
        }
        *equals = '\0';
        if (json_object_set_new(item, *words, json_string(equals + 1)) != 0) {
            json_decref(item);
            return wrong(why, "the value of %s is not UTF-8", *words);
        }
    }
    return send(client, index, item, why);
}

static int off(struct client *client, char **words, struct client_why *why)
{
    json_int_t index;
    int error = read_index(words[0], &index, why);

    return error ? error : send(client, index, json_pack("{s:s}", "kind", "off"), why);
}

// Whatever a text holds, it cannot command the terminal: the box refuses control characters in it.
static int list(struct client *client, char **words, struct client_why *why)
{
    json_t *status = NULL;
    json_t *item;
    size_t i;
    int error = commands_status(client, &status, why);

    (void)words;
    if (error)
        return error;
    json_array_foreach(pick(status, "overlay"), i, item) {
        const char *what = pick_text(item, strcmp(pick_text(item, "kind"), "logo") == 0 ? "file" : "text");

        if (strcmp(pick_text(item, "kind"), "off") == 0)
            continue;
        printf("%zu  %-8s  %-9s  %s %lld,%lld  opacity %lld  %s\n", i, pick_text(item, "kind"),
               pick_text(item, "state"), pick_text(item, "anchor"), pick_integer(item, "x"),
               pick_integer(item, "y"), pick_integer(item, "opacity"), what);
        if (pick_known(item, "reason"))
            printf("   %s\n", pick_text(item, "reason"));
    }
    json_decref(status);
    return CASTOR_OK;
}

int overlay_command(struct client *client, char **words, struct client_why *why)
{
    static const struct {
        const char *name;
        int (*run)(struct client *client, char **words, struct client_why *why);
    } verbs[] = {{"list", list}, {"set", set}, {"off", off}};

    for (size_t i = 0; words[0] && i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(words[0], verbs[i].name) == 0)
            return verbs[i].run(client, words + 1, why);
    return wrong(why, "overlay takes list, set N KEY=VALUE..., or off N%s", "");
}
