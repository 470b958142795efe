// SPDX-License-Identifier: Apache-2.0
// What the keys of "slate" mean once they are checked. Pure but for config_slate_check(), which looks at
// files.
#ifndef SUPERVISOR_CONFIG_SLATE_H
#define SUPERVISOR_CONFIG_SLATE_H

#include "ipc/message_slate.h"
#include "supervisor/config.h"
#include "supervisor/config_rules.h"
#include "supervisor/feed.h"

// Drawing a frame, and the time at which it is looked at.
#define CONFIG_SLATE_DRAW_MS 10u

// Slots of the pool that the slate fills; 0 where it is off.
uint32_t config_slate_slots(const struct config *config, struct castor_rational rate);

// How many frames without a slot of their own the switch may hold, for a pool of `slot_count` slots of which
// the last `slate_slots` are the slate's; see feed.h.
uint32_t config_slate_repeats(uint32_t slot_count, uint32_t slate_slots);

// How long a frame is waited for.
uint32_t config_slate_budget_ms(const struct config *config, struct castor_rational rate);

// The feed's part, for a pool of `slot_count` slots of which the last `slate_slots` are the slate's.
struct feed_config config_slate_feed(const struct config *config, struct castor_rational rate,
                                     uint32_t slot_count, uint32_t slate_slots);

void config_slate_look(const struct config *config, struct message_slate_look *out);

// Part of config_rules_check().
CASTOR_MUST_USE int config_slate_check(struct config *config, struct config_error *error);

// Part of config_diff().
unsigned config_slate_diff(const struct config *before, const struct config *after);

#endif
