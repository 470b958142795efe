// SPDX-License-Identifier: Apache-2.0
#include "supervisor/config_overlay.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/config_fields.h"

static int refuse(struct config_error *error, uint32_t index, const char *key, const char *text)
{
    (void)snprintf(error->path, sizeof error->path, "/overlay/%u/%s", index, key);
    (void)snprintf(error->text, sizeof error->text, "%s", text);
    return CASTOR_ERR_INVALID;
}

static int check_item(const struct message_overlay_item *item, uint32_t index, struct config_error *error)
{
    bool text = item->kind == MESSAGE_OVERLAY_TEXT || item->kind == MESSAGE_OVERLAY_QR;

    if (!message_overlay_colour(item->colour))
        return refuse(error, index, "colour", "must be a colour such as \"#ffffff\"");
    if (text && item->text[0] == '\0')
        return refuse(error, index, "text", "is missing; a text and a QR code need one");
    if (item->kind == MESSAGE_OVERLAY_LOGO && item->file[0] != '/')
        return refuse(error, index, "file", "must name a PNG file by its whole path, beginning with /");
    return CASTOR_OK;
}

int config_overlay_check(const struct config *config, struct config_error *error)
{
    int result = CASTOR_OK;

    for (uint32_t i = 0; i < config->overlay_count && result == CASTOR_OK; i++)
        result = check_item(&config->overlay[i], i, error);
    return result;
}

void config_overlay_off(struct message_overlay_item *item)
{
    memset(item, 0, sizeof *item);
    (void)snprintf(item->colour, sizeof item->colour, "#ffffff");
}

struct json_t *config_overlay_json(const struct message_overlay_item *item)
{
    return config_dump_group(&config_overlay_group, item);
}

// A command line gives all values as strings; those of numbers become what they mean.
static json_t *value_of(const char *key, json_t *value)
{
    const struct config_field *field = config_overlay_group.fields;
    const char *text = json_string_value(value);

    while (field->key && strcmp(field->key, key) != 0)
        field++;
    if (!text || field->kind != CONFIG_KIND_NUMBER || !field->key || text[0] == '\0' || strlen(text) > 9 ||
        strspn(text, "0123456789") != strlen(text))
        return json_incref(value);
    return json_integer(strtol(text, NULL, 10));
}

int config_overlay_change(const struct config *config, uint32_t index, const char *json,
                          struct message_overlay_item *out, struct config_error *error)
{
    json_t *changes = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    bool begins = index >= config->overlay_count || config->overlay[index].kind == MESSAGE_OVERLAY_OFF;
    json_t *item = begins ? json_object() : config_overlay_json(&config->overlay[index]);
    struct message_overlay_item changed = {0};
    const char *key;
    json_t *value;
    char place[24];
    int result = CASTOR_OK;

    (void)snprintf(place, sizeof place, "/overlay/%u", index);
    if (!json_is_object(changes))
        result = refuse(error, index, "", "must be an object with the keys to change");
    json_object_foreach(changes, key, value)
        json_object_set_new(item, key, value_of(key, value));
    if (result == CASTOR_OK)
        result = config_check_group(&config_overlay_group, item, place, &changed, error);
    if (result == CASTOR_OK)
        result = check_item(&changed, index, error);
    if (result == CASTOR_OK)
        *out = changed;
    json_decref(item);
    json_decref(changes);
    return result;
}

static bool same(const struct message_overlay_item *a, const struct message_overlay_item *b)
{
    return a->kind == b->kind && a->anchor == b->anchor && a->x_px == b->x_px && a->y_px == b->y_px &&
           a->size_px == b->size_px && a->opacity_percent == b->opacity_percent && a->edge == b->edge &&
           a->zone == b->zone && a->level == b->level && a->quiet == b->quiet &&
           strcmp(a->colour, b->colour) == 0 && strcmp(a->font, b->font) == 0 &&
           strcmp(a->text, b->text) == 0 && strcmp(a->file, b->file) == 0;
}

// A place that has no item in one of them counts as off there.
uint32_t config_overlay_changes(const struct config *before, const struct config *after)
{
    bool renamed = strcmp(before->name, after->name) != 0; // which a text may tell
    uint32_t changes = 0;

    for (uint32_t i = 0; i < MESSAGE_OVERLAY_ITEMS_MAX; i++) {
        const struct message_overlay_item *a = i < before->overlay_count ? &before->overlay[i] : NULL;
        const struct message_overlay_item *b = i < after->overlay_count ? &after->overlay[i] : NULL;
        bool was = a && a->kind != MESSAGE_OVERLAY_OFF;
        bool is = b && b->kind != MESSAGE_OVERLAY_OFF;

        if (was != is || (is && (renamed || !same(a, b))))
            changes |= 1u << i;
    }
    return changes;
}
