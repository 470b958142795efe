// SPDX-License-Identifier: Apache-2.0
// Levels and loudness of a track by libebur128 (EBU R128, ITU-R BS.1770).
#ifndef SOUND_METER_H
#define SOUND_METER_H

#include <stdint.h>

#include "hal/error.h"
#include "ipc/message_sound.h"

struct meter;

// `channels` 1, 2 or 6 (L R C LFE Ls Rs). Errors: NO_MEMORY.
CASTOR_MUST_USE int meter_create(uint32_t channels, struct meter **out);
void meter_destroy(struct meter *meter); // accepts NULL

// Samples of 48 kHz, interleaved.
void meter_put(struct meter *meter, const float *samples, uint32_t count);

// Fills in the measured members; the peaks begin anew.
void meter_take(struct meter *meter, struct message_sound_levels *out);

#endif
