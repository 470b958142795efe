// SPDX-License-Identifier: Apache-2.0
// The one table that describes the configuration: which keys there are, of what type and range, their
// defaults, and what they mean. The checker (config.c), the redacted dump (config_dump.c) and the JSON Schema
// (config_schema.c) are all made from it.
#ifndef SUPERVISOR_CONFIG_SCHEMA_H
#define SUPERVISOR_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/config.h"

enum config_kind {
    CONFIG_KIND_OBJECT, // `group`, at `offset`
    CONFIG_KIND_ARRAY,  // min..max of `group`, `stride` bytes apart from `offset` on; their count at
                        // `count_offset`
    CONFIG_KIND_TEXT,   // char[size] at `offset`; min..max bytes, or empty
    CONFIG_KIND_WORD,   // the same, but only one of `words`
    CONFIG_KIND_CHOICE, // one of `words`; its index is stored in `size` bytes
    CONFIG_KIND_NUMBER, // whole; min..max, multiplied by `scale` and stored as uint32_t
    CONFIG_KIND_SIGNED, // low..high, in steps of 1/scale; multiplied by `scale` and stored as int32_t
    CONFIG_KIND_BOOL,
    CONFIG_KIND_RATE, // frames per second: a number, or "30000/1001"; struct castor_rational
};

struct config_group;

struct config_field {
    const char *key;
    enum config_kind kind;
    size_t offset; // in the struct of the group that the field belongs to
    size_t size;   // 0 = checked but stored nowhere
    uint32_t min, max;
    int32_t low, high; // SIGNED
    uint32_t step;     // NUMBER: must divide by this
    uint32_t scale;    // NUMBER, SIGNED
    bool zero;         // NUMBER: 0 is allowed besides min..max
    bool required;
    bool secret;          // never shown, not even in an error
    const char *standard; // default, as it would be written in JSON without quotes; NULL = empty, 0, false
    const char *unit;     // NUMBER, SIGNED, for messages; may be NULL
    const char *const *words; // ends with NULL
    const struct config_group *group;
    size_t stride, count_offset;
    const char *text; // what it means
};

struct config_group {
    const char *text;
    const struct config_field *fields; // ends with key NULL
};

extern const struct config_group config_root;

struct config_error;

// Checks one value (a json_t) and stores it in the struct `base` of the field's group. `path` is where it
// stands. CASTOR_ERR_INVALID with *error filled in; nothing is stored then.
CASTOR_MUST_USE int config_field_take(const struct config_field *field, void *value, const char *path,
                                      void *base, struct config_error *error);
// What: checks a JSON object against a group, and stores it in the group's struct at `base`, which is all 0;
// absent keys take their defaults. `path` is where the object stands ("/overlay/2"). Errors: INVALID,
// NO_MEMORY, as config_parse().
struct json_t;
CASTOR_MUST_USE int config_check_group(const struct config_group *group, struct json_t *object,
                                       const char *path, void *base, struct config_error *error);

// A group's struct as a JSON object, without its secrets; the caller's. NULL when out of memory.
struct json_t *config_dump_group(const struct config_group *group, const void *base);

// Where a field is, in the struct of its group.
static inline void *config_field_at(const struct config_field *field, void *base)
{
    return (char *)base + field->offset;
}
static inline const void *config_field_in(const struct config_field *field, const void *base)
{
    return (const char *)base + field->offset;
}

#endif
