// SPDX-License-Identifier: Apache-2.0
#include "supervisor/burn_in.h"

#include <stdio.h>

#include "supervisor/config_overlay.h"

void burn_in_change(struct burn_in *burn_in, uint32_t index)
{
    burn_in->item[index].revision = ++burn_in->revision;
    burn_in->item[index].answered = false;
}

void burn_in_order(const struct burn_in *burn_in, const struct config *config, uint32_t index,
                   struct message *out)
{
    struct message_overlay *order = &out->body.overlay;

    message_init(out, MESSAGE_OVERLAY);
    order->index = index;
    order->revision = burn_in->item[index].revision;
    (void)snprintf(order->name, sizeof order->name, "%s", config->name);
    if (index < config->overlay_count)
        order->item = config->overlay[index];
    else
        config_overlay_off(&order->item);
}

void burn_in_answer(struct burn_in *burn_in, const struct message_overlay_state *state)
{
    struct burn_in_item *item = &burn_in->item[state->index];

    if (state->revision != item->revision)
        return; // of an order that was replaced
    item->state = *state;
    item->answered = true;
}
