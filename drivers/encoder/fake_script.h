// SPDX-License-Identifier: Apache-2.0
// The script of the fake encoder: statements separated by ';', words by blanks.
//
//   delay 20ms         every frame takes 20 ms to code (us, ms, s; default 0)
//   in_flight 2        takes so many frames at the same time (1..4; default 4)
//   at 100 ACTION      for the frame whose sequence number is 100, and no other
//   every 50 ACTION    for every frame whose sequence number divides by 50 (0 included)
//   from 250 ACTION    for every frame with sequence number 250 or above
//
// ACTION is one of
//   drop               no access unit; the result says so
//   swallow            no result at all, the frame is forgotten
//   garbage            bytes that are no H.264
//   empty              an access unit of no bytes
//   huge               an access unit larger than the interface allows
//   wrong_size         an IDR whose SPS tells half the height
//   no_parameter_sets  an IDR without SPS and PPS
//   slow 3x            takes 3 times the delay (of at least 1 ms)
//   silent             nothing comes out any more, from this frame on
//   crash              SIGSEGV when the frame's result is asked for
//   exit               the process ends with status 3 then
//   hang               the call that asks for the frame's result never returns
#ifndef DRIVERS_ENCODER_FAKE_SCRIPT_H
#define DRIVERS_ENCODER_FAKE_SCRIPT_H

#include <stdint.h>

#include "hal/encoder.h"

#define FAKE_RULES_MAX 32
#define FAKE_IN_FLIGHT_MAX 4

enum fake_action {
    FAKE_NONE = 0,
    FAKE_DROP,
    FAKE_SWALLOW,
    FAKE_GARBAGE,
    FAKE_EMPTY,
    FAKE_HUGE,
    FAKE_WRONG_SIZE,
    FAKE_NO_PARAMETER_SETS,
    FAKE_SLOW,
    FAKE_SILENT,
    FAKE_CRASH,
    FAKE_EXIT,
    FAKE_HANG,
};

enum fake_when { FAKE_AT, FAKE_EVERY, FAKE_FROM };

struct fake_rule {
    enum fake_when when;
    uint64_t sequence;
    enum fake_action action;
    uint32_t factor; // of FAKE_SLOW
};

struct fake_script {
    int64_t delay_ns;
    uint32_t in_flight;
    uint32_t rule_count;
    struct fake_rule rules[FAKE_RULES_MAX];
};

// Parses a script, "" included. CASTOR_ERR_INVALID with the offending statement and what would be right.
CASTOR_MUST_USE int fake_script_parse(const char *text, struct fake_script *out, struct encoder_text *why);

// The first rule that fits the frame, or NULL. Rules for FAKE_SLOW are looked up on their own with `slow`.
const struct fake_rule *fake_script_find(const struct fake_script *script, uint64_t sequence, bool slow);

#endif
