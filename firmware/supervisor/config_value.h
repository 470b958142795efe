// SPDX-License-Identifier: Apache-2.0
// One value of a configuration: checked against its line of the table, and stored. Part of config.c, which
// follows the document; nobody else includes this.
#ifndef SUPERVISOR_CONFIG_VALUE_H
#define SUPERVISOR_CONFIG_VALUE_H

#include <jansson.h>

#include "supervisor/config_schema.h"

// Where the check is in the document.
struct config_check {
    char path[sizeof((struct config_error *)0)->path];
    struct config_error *error;
};

// Checks `value`, which is no object and no list, and stores it in the struct `base` of the field's group.
// INVALID, with the error filled in: not of its type or range. What is wrong is said without the value where
// that is a secret.
CASTOR_MUST_USE int config_value_take(struct config_check *check, const struct config_field *field,
                                      const json_t *value, void *base);

// Fill in the error, for the place where the check is; return INVALID: in these words, or that the value must
// be as `wanted` says, but is what it is.
int config_value_refuse(const struct config_check *check, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int config_value_wrong(const struct config_check *check, const struct config_field *field, const char *wanted,
                       const json_t *value);

#endif
