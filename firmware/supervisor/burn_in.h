// SPDX-License-Identifier: Apache-2.0
// What is drawn over the picture: orders to those who draw it, and what became of them.
#ifndef SUPERVISOR_BURN_IN_H
#define SUPERVISOR_BURN_IN_H

#include "ipc/message.h"
#include "supervisor/config.h"

struct burn_in {
    uint32_t revision; // of the last order
    struct burn_in_item {
        uint32_t revision;                  // 0 = it was never ordered
        bool answered;                      // `state` is of this revision
        struct message_overlay_state state; // as capture says
    } item[MESSAGE_OVERLAY_ITEMS_MAX];
};

// Item `index` of the configuration has changed, or somebody new is to be told of it: gives it a new
// revision, for burn_in_order(). Pure, as all here.
void burn_in_change(struct burn_in *burn_in, uint32_t index);

// The order for an item as it stands.
void burn_in_order(const struct burn_in *burn_in, const struct config *config, uint32_t index,
                   struct message *out);

// Capture's answer.
void burn_in_answer(struct burn_in *burn_in, const struct message_overlay_state *state);

#endif
