// SPDX-License-Identifier: Apache-2.0
// What the files of the table of keys share. Nobody else includes this.
#ifndef SUPERVISOR_CONFIG_FIELDS_H
#define SUPERVISOR_CONFIG_FIELDS_H

#include "supervisor/config.h"
#include "supervisor/config_schema.h"

#define AT(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)
// Room for a text of the struct, less what the program may add itself.
#define LENGTH(low, high) .min = (low), .max = (high)
#define RANGE(low, high) .min = (low), .max = (high), .step = 1, .scale = 1

extern const struct config_group config_source_group;
extern const struct config_group config_sound_group;
extern const struct config_group config_encoder_group;
extern const struct config_group config_switch_group;
extern const struct config_group config_slate_group;
extern const struct config_group config_mux_group;
extern const struct config_group config_destination_group;
extern const struct config_group config_record_group;
extern const struct config_group config_overlay_group;

#endif
