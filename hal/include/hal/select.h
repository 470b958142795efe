// SPDX-License-Identifier: Apache-2.0
// Which encoders a box takes, when it may choose: every candidate (a device of a driver) has been tried in a
// process of its own; this scores what the trials found and fills the places of the chain, A first.
//
// Pure: no I/O, no clock, no allocation.
#ifndef HAL_SELECT_H
#define HAL_SELECT_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/encoder.h"

#define SELECT_CANDIDATES_MAX 24
#define SELECT_PLACES_MAX 8
#define SELECT_UNRANKED UINT32_MAX
#define SELECT_NONE UINT32_MAX
#define SELECT_RANKS_MAX 8

enum select_trial {
    SELECT_NOT_TRIED = 0, // no time was left; taken only when nothing that was tried will do
    SELECT_PASSED,
    SELECT_FAILED, // `why` says how: no such library, refused, wrong bitstream, hung, crashed
};

enum select_answer { SELECT_UNKNOWN = 0, SELECT_NO, SELECT_YES };

// One device of one driver, and how its trial went.
struct select_candidate {
    char driver[16];
    struct encoder_device device;
    uint32_t rank;   // place in the board's preference, 0 = first, up to SELECT_RANKS_MAX; SELECT_UNRANKED =
                     // not in it
    bool by_request; // taken only when the board's preference names it (a driver for tests)
    enum select_trial trial;
    struct encoder_text why;  // of a failed trial, or ""
    bool caps_known;          // then `caps` is filled in
    struct encoder_caps caps; // as the driver's probe() says
    uint32_t latency_p50_us;  // of one frame, one in flight; 0 = not measured
    uint32_t latency_p99_us;  // 0 = too few frames for it
    uint32_t latency_max_us;
    uint32_t open_us;
    enum select_answer idr_on_request;  // measured: exactly the frame that was asked for became an IDR
    enum select_answer bitrate_changes; // measured: the rate moved when told, without opening again
};

// What the stream needs.
struct select_wish {
    enum encoder_codec codec;
    struct castor_format format;
    uint32_t place_count;              // length of the chain, 1..SELECT_PLACES_MAX
    uint32_t fixed[SELECT_PLACES_MAX]; // a place that is given already: its candidate; else SELECT_NONE
    // A fixed place whose device is no candidate: what it shares with others is known by these alone.
    bool held[SELECT_PLACES_MAX];
    char held_driver[SELECT_PLACES_MAX][16];
};

// What became of a candidate.
struct select_verdict {
    bool eligible;    // could be taken
    int32_t score;    // of an eligible one; more is better
    uint32_t places;  // bit mask of the places it was given
    char reason[256]; // why it was chosen, kept spare or rejected; always filled in
};

struct select_result {
    uint32_t place[SELECT_PLACES_MAX]; // index of the candidate; SELECT_NONE: nothing can be had for it
    struct select_verdict verdict[SELECT_CANDIDATES_MAX];
};

// What: judges `count` candidates (at most SELECT_CANDIDATES_MAX) and fills every place that is not given.
// Shape: the first two places are chosen as a pair that shares neither device, fault domain nor driver if
// there is such a pair of candidates that passed and keep up with the frame rate; of those, the pair whose
// first has the highest score, then whose second has. Next to a given first or second
// place the other shares as little as possible with it; later places, with all the others. A candidate serves
// several places only when no other is left. Equal candidates: the earlier in the list. Never blocks, never
// fails.
void select_chain(const struct select_candidate *candidates, uint32_t count, const struct select_wish *wish,
                  struct select_result *out);

// Whether it needs no device but the processor.
bool select_is_software(const struct select_candidate *candidate);

// What two candidates have in common: 0 nothing, 1 the driver, 2 the fault domain, 3 both or the device.
uint32_t select_sharing(const struct select_candidate *a, const struct select_candidate *b);

#endif
