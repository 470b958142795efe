// SPDX-License-Identifier: Apache-2.0
// What a decoder that is not ours makes of a coded stream.
#ifndef CONTRACT_DECODED_H
#define CONTRACT_DECODED_H

#include "encoder_rig.h"

// Whether there is such a decoder on this machine (ffmpeg).
bool decoded_is_possible(void);

// Codes `count` pictures of the rig, the 11th as an IDR, and decodes them. Fails the test unless every access
// unit becomes exactly one picture of the rig's size and bit depth, without a complaint. Returns how far the
// worst picture is from the one that went in: the mean difference of a sample, in steps of 8 bit.
double decoded_difference(struct rig *rig, uint32_t count);

#endif
