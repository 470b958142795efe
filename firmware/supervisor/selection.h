// SPDX-License-Identifier: Apache-2.0
// Which encoders take the automatic places of the chain. At start, before any path runs, every driver is
// asked for its devices and every device is put on trial, each by a castor-encode of its own with a deadline;
// what crashes or hangs there is a finding and nothing else. hal/select.h then chooses. Boxes whose chain is
// written out try nothing.
#ifndef SUPERVISOR_SELECTION_H
#define SUPERVISOR_SELECTION_H

#include <jansson.h>

#include "hal/select.h"
#include "supervisor/config.h"

// Trials at start take no longer than this together; a device that was not reached is taken untried if
// nothing else will do.
#define SELECTION_TOTAL_NS (20 * CASTOR_NS_PER_S)
#define SELECTION_TRIAL_NS (6 * CASTOR_NS_PER_S)
#define SELECTION_LIST_NS (2 * CASTOR_NS_PER_S)

struct selection {
    bool done; // trials were made
    struct castor_format format;
    bool hevc;
    uint32_t prefer_count; // encoder.prefer as it was then
    struct config_encoder prefer[CONFIG_CHAIN_MAX];
    int64_t took_ns;
    uint32_t count;
    struct select_candidate candidate[SELECT_CANDIDATES_MAX];
    uint32_t settings[SELECT_CANDIDATES_MAX]; // entry of `prefer` it was tried with; SELECT_UNRANKED
    struct select_result result;
};

// Whether a path of this configuration is automatic.
bool selection_is_wanted(const struct config *config);

// Tries what the box has, in the order of encoder.prefer, then hardware, then software. `folder` is where
// castor-encode is. Blocks: at most SELECTION_TOTAL_NS and a second. Errors: none; what went wrong is said in
// the candidates.
void selection_try(struct selection *selection, const struct config *config, const char *folder);

// Fills the automatic places of config->encoder.chain from what was tried; the rest stays. Without anything
// that works the place becomes the software encoder that every build has. Pure. CASTOR_ERR_BUSY: there are
// automatic places, but nothing was tried, or with another encoder.prefer.
CASTOR_MUST_USE int selection_apply(struct selection *selection, struct config *config);

// One line for each candidate, and one for each place.
void selection_log(const struct selection *selection, const struct config *config);

// The member "encoders" of the status document; see status.h. NULL when out of memory.
json_t *selection_json(const struct selection *selection);

// ---- for selection_try() and tests ----

// Empties it and notes what the trials are for.
void selection_begin(struct selection *selection, const struct config *config);

// Adds what `castor-encode --devices` printed for `driver`, as candidates without a trial, one for each entry
// of encoder.prefer that means the device, or one without settings. `why` (not NULL) stands for an answer
// that did not come.
void selection_add_devices(struct selection *selection, const char *driver, const char *answer,
                           const char *why);

// Takes over what `castor-encode --probe` printed. CASTOR_ERR_INVALID: that was no answer.
CASTOR_MUST_USE int selection_take_report(struct select_candidate *candidate, const char *answer);

// In the order in which they should be tried.
void selection_sort(struct selection *selection);

#endif
