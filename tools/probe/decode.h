// SPDX-License-Identifier: Apache-2.0
// Decodes the pictures and follows the frame numbers drawn into them.
#ifndef PROBE_DECODE_H
#define PROBE_DECODE_H

#include "hal/error.h"
#include "probe/analysis.h"
#include "probe/sequence.h"

struct decode_counters {
    uint64_t pictures;
    uint64_t errors;     // access units refused, and pictures that the decoder had to patch up
    uint64_t numbered;   // pictures whose number could be read
    uint64_t unreadable; // pictures without one, once there was one
    uint64_t mismatches; // picture and SEI name different frames
    struct sequence_track track;
};

struct decode;

// One thread, no reordering delay beyond what the stream asks for. Errors: NO_MEMORY, UNSUPPORTED (libavcodec
// without an H.264 decoder).
int CASTOR_MUST_USE decode_create(struct decode **decode);
void decode_destroy(struct decode *d); // NULL is fine

// Decodes one access unit; takes as long as decoding takes.
void decode_picture(struct decode *d, const struct analysis_picture *picture);
void decode_reconnected(struct decode *d);
void decode_finish(struct decode *d); // hands out what the decoder still holds

const struct decode_counters *decode_get_counters(const struct decode *d);

#endif
