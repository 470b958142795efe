// SPDX-License-Identifier: Apache-2.0
// What is drawn over the picture. The keys are described in status.h.
#include "supervisor/config_overlay.h"
#include "supervisor/status_values.h"

static const char *const states[] = {
    [MESSAGE_OVERLAY_IS_OFF] = "off",
    [MESSAGE_OVERLAY_IS_PREPARED] = "shown",
    [MESSAGE_OVERLAY_HAS_FAILED] = "failed",
    [MESSAGE_OVERLAY_IS_KEPT] = "kept",
};

static json_t *item(const struct status_snapshot *s, uint32_t index)
{
    const struct message_overlay_item *configured = &s->config->overlay[index];
    const struct burn_in_item *now = &s->burn_in->item[index];
    json_t *object = config_overlay_json(configured);
    bool off = configured->kind == MESSAGE_OVERLAY_OFF;

    json_object_set_new(object, "index", json_integer(index));
    json_object_set_new(object, "state",
                        json_string(off             ? "off"
                                    : now->answered ? STATUS_NAME(states, now->state.status)
                                                    : "preparing"));
    json_object_set_new(object, "reason",
                        status_text_or_null(!off && now->answered ? now->state.reason : ""));
    return object;
}

json_t *status_overlay(const struct status_snapshot *s)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < s->config->overlay_count; i++)
        json_array_append_new(list, item(s, i));
    return list;
}
