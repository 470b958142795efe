// SPDX-License-Identifier: Apache-2.0
#include "castorctl/pick.h"

#include <stdlib.h>
#include <string.h>

json_t *pick(json_t *document, const char *place)
{
    char key[64];

    while (document && *place) {
        size_t length = strcspn(place, ".");
        if (length >= sizeof key)
            return NULL;
        memcpy(key, place, length);
        key[length] = '\0';
        document = json_is_array(document) ? json_array_get(document, (size_t)strtoul(key, NULL, 10))
                                           : json_object_get(document, key);
        place += length + (place[length] == '.');
    }
    return document;
}

const char *pick_text(json_t *document, const char *place)
{
    const char *text = json_string_value(pick(document, place));

    return text ? text : "";
}

double pick_number(json_t *document, const char *place)
{
    return json_number_value(pick(document, place));
}

long long pick_integer(json_t *document, const char *place)
{
    json_t *value = pick(document, place);

    return json_is_integer(value) ? (long long)json_integer_value(value)
                                  : (long long)json_number_value(value);
}

bool pick_bool(json_t *document, const char *place)
{
    return json_is_true(pick(document, place));
}

bool pick_known(json_t *document, const char *place)
{
    json_t *value = pick(document, place);

    return value && !json_is_null(value);
}
