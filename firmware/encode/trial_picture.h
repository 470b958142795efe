// SPDX-License-Identifier: Apache-2.0
// Pictures for a trial: each carries its number, none is like the one before, and they are rich enough that
// an encoder has to spend the whole bitrate on them.
#ifndef ENCODE_TRIAL_PICTURE_H
#define ENCODE_TRIAL_PICTURE_H

#include "hal/error.h"
#include "hal/frame.h"

#define TRIAL_PICTURES 5

struct trial_pictures {
    struct castor_format format;
    struct castor_frame_layout layout;
    uint8_t *memory; // page aligned, all pictures one after the other
    size_t memory_bytes, stride_bytes;
};

// Errors: INVALID format, NO_MEMORY. On failure nothing is left behind.
CASTOR_MUST_USE int trial_pictures_create(const struct castor_format *format, struct trial_pictures *out);
void trial_pictures_destroy(struct trial_pictures *pictures);

// The picture for frame `sequence`, drawn into the memory of frame `sequence` - TRIAL_PICTURES, which must
// not be lent to an encoder any more.
void trial_pictures_draw(const struct trial_pictures *pictures, uint64_t sequence, struct castor_frame *out);

#endif
