// SPDX-License-Identifier: Apache-2.0
// The table of keys as JSON Schema.
#include "supervisor/config_schema.h"

#include <jansson.h>
#include <stdlib.h>

#include "supervisor/config.h"

static json_t *group_schema(const struct config_group *group);

static json_t *words_schema(const struct config_field *field)
{
    json_t *words = json_array();

    for (const char *const *word = field->words; *word; word++)
        json_array_append_new(words, json_string(*word));
    return json_pack("{s:s, s:o, s:s}", "type", "string", "enum", words, "default", field->standard);
}

static json_t *text_schema(const struct config_field *field)
{
    json_t *schema = json_pack("{s:s, s:i}", "type", "string", "maxLength", (int)field->max);

    // Lengths are of bytes here and of characters there, so for other than ASCII the program is the stricter
    // one. Optional texts may also be empty.
    if (field->required)
        json_object_set_new(schema, "minLength", json_integer(field->min));
    else if (field->min > 1)
        json_object_set_new(schema, "anyOf",
                            json_pack("[{s:i}, {s:i}]", "maxLength", 0, "minLength", (int)field->min));
    if (!field->required)
        json_object_set_new(schema, "default", json_string(field->standard ? field->standard : ""));
    return schema;
}

static json_t *number_schema(const struct config_field *field)
{
    json_t *range = json_pack("{s:i, s:i}", "minimum", (int)field->min, "maximum", (int)field->max);
    json_t *schema = json_pack("{s:s, s:i}", "type", "integer", "default", atoi(field->standard));

    if (field->step > 1)
        json_object_set_new(range, "multipleOf", json_integer(field->step));
    if (field->zero)
        json_object_set_new(schema, "anyOf", json_pack("[{s:i}, o]", "const", 0, range));
    else
        json_object_update_new(schema, range);
    return schema;
}

static json_t *signed_schema(const struct config_field *field)
{
    json_t *schema =
        json_pack("{s:s, s:i, s:i, s:i}", "type", field->scale > 1 ? "number" : "integer", "default",
                  atoi(field->standard), "minimum", field->low, "maximum", field->high);

    if (field->scale > 1)
        json_object_set_new(schema, "multipleOf", json_real(1.0 / field->scale));
    return schema;
}

static json_t *rate_schema(const struct config_field *field)
{
    return json_pack("{s:[{s:i}, {s:s, s:i, s:i}, {s:s, s:s}], s:i}", "anyOf", "const", 0, "type", "number",
                     "minimum", (int)field->min, "maximum", (int)field->max, "type", "string", "pattern",
                     "^[0-9]{1,6}/[0-9]{1,6}$", "default", 0);
}

static json_t *array_schema(const struct config_field *field)
{
    return json_pack("{s:s, s:i, s:i, s:o, s:o}", "type", "array", "minItems", (int)field->min, "maxItems",
                     (int)field->max, "items", group_schema(field->group), "default",
                     json_loads(field->standard, 0, NULL));
}

static json_t *field_schema(const struct config_field *field)
{
    json_t *schema = NULL;

    switch (field->kind) {
    case CONFIG_KIND_OBJECT:
        return group_schema(field->group);
    case CONFIG_KIND_ARRAY:
        schema = array_schema(field);
        break;
    case CONFIG_KIND_TEXT:
        schema = text_schema(field);
        break;
    case CONFIG_KIND_WORD:
    case CONFIG_KIND_CHOICE:
        schema = words_schema(field);
        break;
    case CONFIG_KIND_NUMBER:
        schema = number_schema(field);
        break;
    case CONFIG_KIND_SIGNED:
        schema = signed_schema(field);
        break;
    case CONFIG_KIND_BOOL:
        schema = json_pack("{s:s, s:b}", "type", "boolean", "default", 0);
        break;
    case CONFIG_KIND_RATE:
        schema = rate_schema(field);
        break;
    }
    json_object_set_new(schema, "description", json_string(field->text));
    return schema;
}

static json_t *group_schema(const struct config_group *group)
{
    json_t *properties = json_object();
    json_t *required = json_array();

    for (const struct config_field *field = group->fields; field->key; field++) {
        json_object_set_new(properties, field->key, field_schema(field));
        if (field->required)
            json_array_append_new(required, json_string(field->key));
    }
    json_t *schema = json_pack("{s:s, s:s, s:b, s:o}", "type", "object", "description", group->text,
                               "additionalProperties", 0, "properties", properties);
    if (json_array_size(required) > 0)
        json_object_set(schema, "required", required);
    json_decref(required);
    return schema;
}

char *config_schema_json(void)
{
    json_t *schema = json_pack("{s:s, s:s}", "$schema", "https://json-schema.org/draft/2020-12/schema",
                               "title", "Castor configuration");
    char *text = NULL;

    if (schema && json_object_update_new(schema, group_schema(&config_root)) == 0)
        text = json_dumps(schema, JSON_INDENT(2));
    json_decref(schema);
    return text;
}
