// SPDX-License-Identifier: Apache-2.0
// One sound encoder of libavcodec: AAC-LC (with ADTS headers) or Opus (20 ms), 48 kHz. Each access unit is
// named by its place on the grid: what a decoder makes of unit k is the sound of samples k * samples_per_unit
// and on; what the encoder holds back is accounted for here, by when its input has to begin.
#ifndef SOUND_CODER_H
#define SOUND_CODER_H

#include <stddef.h>
#include <stdint.h>

#include "hal/error.h"
#include "ipc/message_sound.h"

struct coder;

struct coder_unit {
    const uint8_t *data; // valid until the next call
    size_t size_bytes;   // 1..MESSAGE_SOUND_UNIT_MAX_BYTES
    uint64_t index;
};

// Opens the encoder. Takes all memory it can; libavcodec itself makes a buffer for each packet. On failure
// *why (size bytes) says what to do. Errors: UNSUPPORTED, NO_MEMORY, INTERNAL.
CASTOR_MUST_USE int coder_create(const struct message_sound_track *track, char *why, size_t size,
                                 struct coder **out);
void coder_destroy(struct coder *coder); // accepts NULL

// What it makes, with a unit of silence.
const struct message_sound_stream *coder_stream(const struct coder *coder);

// The first position from `position` on at which its input may begin.
uint64_t coder_first(const struct coder *coder, uint64_t position);

// The next samples_per_unit samples, channels interleaved in the order L R C LFE Ls Rs, full scale -1..1;
// `position` follows on what was put in before.
CASTOR_MUST_USE int coder_put(struct coder *coder, const float *samples, uint64_t position);

// The next access unit. AGAIN: it needs more samples.
CASTOR_MUST_USE int coder_take(struct coder *coder, struct coder_unit *out);

#endif
