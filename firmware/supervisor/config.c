// SPDX-License-Identifier: Apache-2.0
// Reads a configuration: every value is checked against the table of config_schema.c (config_value.c), then
// all together against the rules of config_rules.c.
#include "supervisor/config.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/config_rules.h"
#include "supervisor/config_schema.h"
#include "supervisor/config_value.h"

// Goes one step down (RFC 6901: "~" and "/" in keys are escaped). Returns where to go back to.
static size_t enter(struct config_check *check, const char *key)
{
    size_t mark = strlen(check->path);
    size_t at = mark;

    if (at + 1 < sizeof check->path)
        check->path[at++] = '/';
    for (; *key && at + 2 < sizeof check->path; key++) {
        if (*key == '~' || *key == '/') {
            check->path[at++] = '~';
            check->path[at++] = *key == '~' ? '0' : '1';
        } else {
            check->path[at++] = *key;
        }
    }
    check->path[at] = '\0';
    return mark;
}

static void leave(struct config_check *check, size_t mark)
{
    check->path[mark] = '\0';
}

// ---- structure ----

static void list_keys(const struct config_group *group, char *out, size_t size)
{
    size_t at = 0;

    out[0] = '\0';
    for (const struct config_field *field = group->fields; field->key && at < size; field++)
        if (field->key[0] != '$')
            at += (size_t)snprintf(out + at, size - at, "%s%s", at ? ", " : "", field->key);
}

// The known key that is nearest to a mistyped one, or NULL when none is near.
static const char *nearest_key(const struct config_group *group, const char *key)
{
    const char *best = NULL;
    unsigned best_distance = 0;

    for (const struct config_field *field = group->fields; field->key; field++) {
        unsigned distance = config_word_distance(field->key, key);
        if (!best || distance < best_distance) {
            best = field->key;
            best_distance = distance;
        }
    }
    return best && best_distance <= 1 + strlen(best) / 3 ? best : NULL;
}

static int check_group(struct config_check *check, const struct config_group *group, json_t *value,
                       void *base);

static int check_array(struct config_check *check, const struct config_field *field, json_t *value,
                       void *base)
{
    size_t count = json_array_size(value);
    char index[24];

    if (!json_is_array(value))
        return config_value_wrong(check, field, "a list", value);
    if (count < field->min || count > field->max)
        return config_value_refuse(check, "must have %u to %u entries, but has %zu", field->min, field->max,
                                   count);
    for (size_t i = 0; i < count; i++) {
        snprintf(index, sizeof index, "%zu", i);
        size_t mark = enter(check, index);
        int error = check_group(check, field->group, json_array_get(value, i),
                                (char *)config_field_at(field, base) + i * field->stride);
        if (error != CASTOR_OK)
            return error;
        leave(check, mark);
    }
    uint32_t stored = (uint32_t)count;
    memcpy((char *)base + field->count_offset, &stored, sizeof stored);
    return CASTOR_OK;
}

static int check_field(struct config_check *check, const struct config_field *field, json_t *value,
                       void *base)
{
    switch (field->kind) {
    case CONFIG_KIND_OBJECT:
        return check_group(check, field->group, value, config_field_at(field, base));
    case CONFIG_KIND_ARRAY:
        return check_array(check, field, value, base);
    default:
        return config_value_take(check, field, value, base);
    }
}

int config_field_take(const struct config_field *field, void *value, const char *path, void *base,
                      struct config_error *error)
{
    struct config_check check = {.error = error};

    snprintf(check.path, sizeof check.path, "%s", path);
    return check_field(&check, field, value, base);
}

// The default of an absent key, as if it had been written.
static json_t *default_of(const struct config_field *field)
{
    switch (field->kind) {
    case CONFIG_KIND_OBJECT:
        return json_object();
    case CONFIG_KIND_BOOL:
        return json_false();
    case CONFIG_KIND_NUMBER:
    case CONFIG_KIND_SIGNED:
    case CONFIG_KIND_RATE:
    case CONFIG_KIND_ARRAY:
        return json_loads(field->standard, JSON_DECODE_ANY, NULL);
    case CONFIG_KIND_TEXT:
    case CONFIG_KIND_WORD:
    case CONFIG_KIND_CHOICE:
        return json_string(field->standard ? field->standard : "");
    }
    return NULL;
}

static int check_keys(struct config_check *check, const struct config_group *group, json_t *object)
{
    const char *key;
    json_t *value;
    char keys[256];

    json_object_foreach(object, key, value) {
        const struct config_field *field = group->fields;
        while (field->key && strcmp(field->key, key) != 0)
            field++;
        if (field->key)
            continue;
        const char *near = nearest_key(group, key);
        (void)enter(check, key);
        if (near)
            return config_value_refuse(check, "is not a known key; perhaps \"%s\" is meant", near);
        list_keys(group, keys, sizeof keys);
        return config_value_refuse(check, "is not a known key; known here are %s", keys);
    }
    return CASTOR_OK;
}

static int check_group(struct config_check *check, const struct config_group *group, json_t *value,
                       void *base)
{
    const struct config_field any = {.key = ""};

    if (!json_is_object(value))
        return config_value_wrong(check, &any, "an object {…}", value);
    int error = check_keys(check, group, value);
    for (const struct config_field *field = group->fields; field->key && error == CASTOR_OK; field++) {
        json_t *given = json_object_get(value, field->key);
        json_t *used = given ? json_incref(given) : default_of(field);
        size_t mark = enter(check, field->key);
        if (!given && field->required)
            error = config_value_refuse(check, "is missing; it is required");
        else
            error = used ? check_field(check, field, used, base) : CASTOR_ERR_NO_MEMORY;
        json_decref(used);
        if (error == CASTOR_OK)
            leave(check, mark);
    }
    return error;
}

int config_check_group(const struct config_group *group, struct json_t *object, const char *path, void *base,
                       struct config_error *error)
{
    struct config_check check = {.error = error};

    snprintf(check.path, sizeof check.path, "%s", path);
    return check_group(&check, group, object, base);
}

// ---- documents ----

static int syntax_error(const json_error_t *json, struct config_error *error)
{
    error->path[0] = '\0';
    // The parser's own text may quote the document, and with it a secret: only a duplicate's key is named.
    if (json_error_code(json) == json_error_duplicate_key)
        snprintf(error->text, sizeof error->text,
                 "line %d, column %d: a key stands twice in the same object; remove one", json->line,
                 json->column);
    else
        snprintf(error->text, sizeof error->text,
                 "is not a JSON document: line %d, column %d is where it stops to be one (%s)", json->line,
                 json->column,
                 json_error_code(json) == json_error_premature_end_of_input ? "it ends too early"
                 : json_error_code(json) == json_error_invalid_utf8         ? "not UTF-8"
                 : json_error_code(json) == json_error_numeric_overflow
                     ? "a number is too large"
                     : "a comma, quote or bracket is wrong");
    return CASTOR_ERR_INVALID;
}

int config_parse(const char *json, size_t size_bytes, struct config *out, struct config_error *error)
{
    struct config_check check = {.path = "", .error = error};
    json_error_t json_error;

    memset(error, 0, sizeof *error);
    json_t *document = json_loadb(json, size_bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &json_error);
    if (!document)
        return syntax_error(&json_error, error);
    struct config *config = calloc(1, sizeof *config);
    int result = config ? check_group(&check, &config_root, document, config) : CASTOR_ERR_NO_MEMORY;
    if (result == CASTOR_OK)
        result = config_rules_check(config, error);
    if (result == CASTOR_OK)
        *out = *config;
    if (result == CASTOR_ERR_NO_MEMORY) {
        snprintf(error->text, sizeof error->text, "no memory for checking it; nothing was changed");
        result = CASTOR_ERR_INVALID;
    }
    if (config)
        explicit_bzero(config, sizeof *config);
    free(config);
    json_decref(document);
    return result;
}
