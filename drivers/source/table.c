// SPDX-License-Identifier: Apache-2.0
// All source drivers by name. Those with heavy libraries are modules, loaded when they are asked for.
#include "module/module.h"
#include "pattern.h"
#include "pipe.h"

static const struct driver_entry entries[] = {
    {"clip", NULL},
    {"pattern", &source_pattern},
    {"pipe", &source_pipe},
    {"v4l2", NULL},
};
static const struct driver_list list = {"source", entries, sizeof entries / sizeof entries[0]};

const char *source_driver_name(size_t index)
{
    return index < list.count ? entries[index].name : NULL;
}

int source_driver_find(const char *name, const struct source_driver **out, struct source_text *why)
{
    const void *table;
    int error = driver_find(&list, name, &table, why->text, sizeof why->text);

    if (error == CASTOR_OK)
        *out = table;
    return error;
}
