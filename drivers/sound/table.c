// SPDX-License-Identifier: Apache-2.0
// All sound drivers by name. Those with heavy libraries are modules, loaded when they are asked for.
#include "module/module.h"
#include "tone.h"

static const struct driver_entry entries[] = {
    {"alsa", NULL},
    {"clip", NULL},
    {"tone", &sound_tone},
};
static const struct driver_list list = {"sound", entries, sizeof entries / sizeof entries[0]};

const char *sound_driver_name(size_t index)
{
    return index < list.count ? entries[index].name : NULL;
}

int sound_driver_find(const char *name, const struct sound_driver **out, struct source_text *why)
{
    const void *table;
    int error = driver_find(&list, name, &table, why->text, sizeof why->text);

    if (error == CASTOR_OK)
        *out = table;
    return error;
}
