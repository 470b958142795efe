// SPDX-License-Identifier: Apache-2.0
#include "table.h"

#include "drivers.h"
#include "module/module.h"

static const struct driver_entry entries[] = {
    {"x264", &encoder_driver_x264},
    {"nvenc", &encoder_driver_nvenc},
    {"v4l2m2m", &encoder_driver_v4l2m2m},
    {"vaapi", NULL},
    {"x265", NULL},
    {"fake", &encoder_driver_fake},
};
static const struct driver_list list = {"encoder", entries, sizeof entries / sizeof entries[0]};

const char *encoder_driver_name(size_t index)
{
    return index < list.count ? entries[index].name : NULL;
}

int encoder_driver_find(const char *name, const struct encoder_driver **out, struct encoder_text *why)
{
    const void *table;
    int error = driver_find(&list, name, &table, why->text, sizeof why->text);

    if (error == CASTOR_OK)
        *out = table;
    return error;
}
