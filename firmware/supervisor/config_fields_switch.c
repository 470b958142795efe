// SPDX-License-Identifier: Apache-2.0
// The keys of "switch".
#include "supervisor/config_fields.h"

static const char *const standby_words[] = {"warm", "hot", "off", NULL}; // enum config_standby

static const struct config_field switch_fields[] = {
    {.key = "standby",
     .kind = CONFIG_KIND_CHOICE,
     AT(struct config_switch, standby),
     .words = standby_words,
     .standard = "warm",
     .text =
         "warm: the second path is open and proves itself with a picture now and then; hot: it encodes every "
         "frame; off: there is none."},
    {.key = "stall_budget_ms",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_switch, stall_budget_ms),
     RANGE(10, 5000),
     .unit = "ms",
     .standard = "70",
     .text = "Age of the oldest frame that is not out at which the path on air has failed and the other "
             "takes over. "
             "So that receivers notice nothing: stall_budget_ms + one frame interval + 25 ms (the first "
             "picture of "
             "the other path) <= the smallest SRT latency of all destinations."},
    {.key = "hang_budget_ms",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_switch, hang_budget_ms),
     RANGE(10, 60000),
     .unit = "ms",
     .standard = "1000",
     .text =
         "The same while there is no other path to go to: then the path is ended and started again. At least "
         "stall_budget_ms."},
    {.key = "standby_budget_ms",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_switch, standby_budget_ms),
     RANGE(10, 60000),
     .unit = "ms",
     .standard = "500",
     .text = "A standby that does not answer an order for so long has failed."},
    {.key = "start_budget_ms",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_switch, start_budget_ms),
     RANGE(100, 60000),
     .unit = "ms",
     .standard = "5000",
     .text = "An encoder that is not ready so long after its start has failed."},
    {.key = "canary_interval_ms",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_switch, canary_interval_ms),
     RANGE(100, 60000),
     .unit = "ms",
     .standard = "1000",
     .text = "How often a warm standby encodes one picture to prove that it works."},
    {.key = "drops_per_mille",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_switch, drops_per_mille),
     RANGE(0, 1000),
     .unit = "frames per thousand",
     .standard = "5",
     .text = "A hot standby that drops more frames than this is replaced."},
    {.key = "go_back",
     .kind = CONFIG_KIND_BOOL,
     AT(struct config_switch, go_back),
     .text = "Return to path A when it has been ready for hold_ms."},
    {.key = "hold_ms",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_switch, hold_ms),
     RANGE(0, 3600000),
     .unit = "ms",
     .standard = "30000",
     .text = "See go_back."},
    {.key = "allow_late",
     .kind = CONFIG_KIND_BOOL,
     AT(struct config_switch, allow_late),
     .text =
         "Accept budgets that do not fit into the SRT latency: a take-over after a stall then shows at the "
         "receiver. Gives a warning instead of an error."},
    {0}};
const struct config_group config_switch_group = {"When a path has failed, and what then.", switch_fields};
