// SPDX-License-Identifier: Apache-2.0
#include "supervisor/switch.h"

#include <assert.h>

const char *switch_path_state_name(enum switch_path_state path_state)
{
    static const char *const names[] = {
        [SWITCH_PATH_DOWN] = "down",         [SWITCH_PATH_STARTABLE] = "startable",
        [SWITCH_PATH_STARTING] = "starting", [SWITCH_PATH_STANDBY] = "standby",
        [SWITCH_PATH_ACTIVE] = "active",     [SWITCH_PATH_DYING] = "dying",
    };

    assert((unsigned)path_state <= SWITCH_PATH_DYING);
    return names[path_state];
}

const char *switch_cause_name(enum switch_cause cause)
{
    static const char *const names[SWITCH_CAUSES] = {
        [SWITCH_CAUSE_NONE] = "none",
        [SWITCH_CAUSE_START] = "start",
        [SWITCH_CAUSE_EXIT] = "exit",
        [SWITCH_CAUSE_PROTOCOL] = "protocol",
        [SWITCH_CAUSE_DROP] = "drop",
        [SWITCH_CAUSE_STALL] = "stall",
        [SWITCH_CAUSE_DROP_RATE] = "drop_rate",
        [SWITCH_CAUSE_BITSTREAM] = "bitstream",
        [SWITCH_CAUSE_SLOW_START] = "slow_start",
        [SWITCH_CAUSE_REPORTED] = "reported",
        [SWITCH_CAUSE_PLANNED] = "planned",
        [SWITCH_CAUSE_GO_BACK] = "go_back",
    };

    assert((unsigned)cause < SWITCH_CAUSES);
    return names[cause];
}

const char *switch_loss_name(enum switch_loss loss)
{
    assert((unsigned)loss < SWITCH_LOSSES);
    return loss == SWITCH_LOSS_CAPTURE ? "capture" : "no_path";
}
