// SPDX-License-Identifier: Apache-2.0
// A channel map as operators write it: which of the source's channels go into which channels of a track, and
// how loud. Pure.
//
//   "L=1 R=2"             left from the first channel, right from the second
//   "L=1+3@-3 R=2+3@-3"   the third into both besides, 3 dB softer
//   "M=1@-6+2@-6"         mono of two
//
// Outputs are M for mono, L R for stereo, L R C LFE Ls Rs for 5.1; those not named stay silent. Inputs count
// from 1. Levels are dB, -60 to 12, in steps of 0.1.
#ifndef SUPERVISOR_SOUND_MAP_H
#define SUPERVISOR_SOUND_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "hal/error.h"
#include "ipc/message_sound.h"

// Factors in 1/MESSAGE_SOUND_ONE, of outputs and inputs.
typedef int32_t sound_map_factors[MESSAGE_SOUND_OUTPUTS_MAX][MESSAGE_SOUND_INPUTS_MAX];

// Parses a map for a track of `outputs` channels (1, 2 or 6). `inputs` is how many channels the source has, 0
// when that is not known: then MESSAGE_SOUND_INPUTS_MAX are taken for possible. CASTOR_ERR_INVALID: *why
// (size bytes) says what is wrong and what would be right.
CASTOR_MUST_USE int sound_map_parse(const char *text, uint32_t outputs, uint32_t inputs, char *why,
                                    size_t size, sound_map_factors out);

// A level in 1/10 dB as a factor in 1/MESSAGE_SOUND_ONE.
int32_t sound_map_factor(int32_t level_cb);

#endif
