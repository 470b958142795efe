// SPDX-License-Identifier: Apache-2.0
// A configuration changed in a few values by a command.
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/config_fields.h"
#include "supervisor/config_sound.h"

static const char *const on_air_keys[] = {"gain_db", "mute", "delay_ms", "map"};

static bool is_on_air_key(const char *key)
{
    for (size_t i = 0; i < sizeof on_air_keys / sizeof on_air_keys[0]; i++)
        if (strcmp(on_air_keys[i], key) == 0)
            return true;
    return false;
}

static const struct config_field *track_field(const char *key)
{
    const struct config_field *tracks = config_sound_group.fields;

    while (strcmp(tracks->key, "tracks") != 0)
        tracks++;
    for (const struct config_field *field = tracks->group->fields; field->key; field++)
        if (strcmp(field->key, key) == 0)
            return field;
    return NULL;
}

static int find_track(const struct config *config, const char *name, uint32_t *out,
                      struct config_error *error)
{
    char known[160] = "";
    size_t used = 0;

    if (!config_sound_is_on(config)) {
        (void)config_refuse(error, "/sound/driver", "this box has no sound");
        return CASTOR_ERR_NOT_FOUND;
    }
    for (uint32_t i = 0; i < config->sound.track_count; i++) {
        if (strcmp(config->sound.tracks[i].name, name) == 0) {
            *out = i;
            return CASTOR_OK;
        }
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i > 0 ? ", " : "",
                                 config->sound.tracks[i].name);
    }
    (void)config_refuse(error, "/sound/tracks", "there is no track \"%.32s\"; there is %s", name, known);
    return CASTOR_ERR_NOT_FOUND;
}

static int take(struct config_track *track, json_t *changes, struct config_error *error)
{
    char path[64];
    const char *key;
    json_t *value;

    json_object_foreach(changes, key, value) {
        const struct config_field *field = is_on_air_key(key) ? track_field(key) : NULL;
        snprintf(path, sizeof path, "/%.40s", key);
        if (!field)
            return config_refuse(error, path,
                                 "cannot be changed on air; gain_db, mute, delay_ms and map can");
        int result = config_field_take(field, value, path, track, error);
        if (result != CASTOR_OK)
            return result;
    }
    return CASTOR_OK;
}

int config_change_track(const struct config *config, const char *track, const char *json, struct config *out,
                        struct config_error *error)
{
    uint32_t index = 0;
    json_t *changes = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    int result = find_track(config, track, &index, error);

    if (result == CASTOR_OK && (!json_is_object(changes) || json_object_size(changes) == 0))
        result = config_refuse(error, "/change", "must be an object with gain_db, mute, delay_ms or map");
    if (result == CASTOR_OK) {
        *out = *config;
        result = take(&out->sound.tracks[index], changes, error);
    }
    if (result == CASTOR_OK)
        result = config_sound_check(out, error);
    json_decref(changes);
    return result;
}
