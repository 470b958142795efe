// SPDX-License-Identifier: Apache-2.0
// Changes to one item of "overlay", and what the keys of an item demand of each other.
#ifndef SUPERVISOR_CONFIG_OVERLAY_H
#define SUPERVISOR_CONFIG_OVERLAY_H

#include "supervisor/config.h"

// Part of config_rules_check().
CASTOR_MUST_USE int config_overlay_check(const struct config *config, struct config_error *error);

// What: item `index` (below MESSAGE_OVERLAY_ITEMS_MAX) with the keys of a JSON object changed, whose numbers
// may also be written as strings; an item that is off begins with the defaults. Errors: INVALID, *error says
// why; *out is untouched then.
CASTOR_MUST_USE int config_overlay_change(const struct config *config, uint32_t index, const char *json,
                                          struct message_overlay_item *out, struct config_error *error);

// An item that is off.
void config_overlay_off(struct message_overlay_item *item);

// An item's keys as JSON, a json_t that is the caller's; NULL when out of memory.
struct json_t *config_overlay_json(const struct message_overlay_item *item);

// The places (bits) at which something else is to be drawn.
uint32_t config_overlay_changes(const struct config *before, const struct config *after);

#endif
