// SPDX-License-Identifier: Apache-2.0
// Drivers that are loaded when they are asked for, so that a box without their libraries lacks these drivers
// and nothing else. A module is castor-CATEGORY-NAME.so and exports one function, which gives its table.
// Modules come from the same build as the program; the number refuses one that does not. Here too: how a
// driver is found by its name, whether it is a module or not.
#ifndef DRIVERS_MODULE_MODULE_H
#define DRIVERS_MODULE_MODULE_H

#include <stddef.h>
#include <stdint.h>

#include "hal/error.h"

#define DRIVER_MODULE_VERSION 2u

// Makes a module of `table` (struct encoder_driver, struct source_driver), static storage: defines the
// function that the module exports. It gives NULL where `version` is not the one that the module was built
// for.
#define DRIVER_MODULE(table)                                                                                 \
    __attribute__((visibility("default"))) const void *castor_driver_module(uint32_t version);               \
    const void *castor_driver_module(uint32_t version)                                                       \
    {                                                                                                        \
        return version == DRIVER_MODULE_VERSION ? &(table) : NULL;                                           \
    }
#define DRIVER_MODULE_SYMBOL "castor_driver_module"

struct driver_entry {
    const char *name;
    const void *table; // the driver's (struct encoder_driver, struct source_driver); NULL: a module
};

struct driver_list {
    const char *category; // "encoder", "source"
    const struct driver_entry *entries;
    size_t count;
};

// What: the table of the driver of that name. A module is loaded: castor-CATEGORY-NAME.so from
// CASTOR_MODULE_DIR, or else from ../lib beside the program's folder or from that folder. Owner: the table
// stays the driver's; a module stays loaded. Blocks: for loading. Errors: NOT_FOUND there is no such name;
// UNSUPPORTED the module, or a library that it needs, is missing or comes from another build. `why`, of
// `why_bytes`, then says which, and what to do.
CASTOR_MUST_USE int driver_find(const struct driver_list *list, const char *name, const void **out, char *why,
                                size_t why_bytes);

#endif
