// SPDX-License-Identifier: Apache-2.0
// The v4l2 source on the stand-in capture device, and slots to lend it.
#ifndef SOURCE_V4L2_RIG_H
#define SOURCE_V4L2_RIG_H

#include <stdbool.h>

#include "hal/source.h"

#define RIG_SLOTS 6
#define RIG_BUDGET_MS 10000

struct rig {
    struct source *source;
    uint8_t *memory;
    struct castor_frame slot[RIG_SLOTS];
    bool lent[RIG_SLOTS];
};

// 320x180 I420 at 100 frames per second, which keeps tests short.
extern const struct castor_format rig_format;

// The source's options from now on; NULL at first.
extern const char *rig_options;

// Opens the stand-in made and broken as told (see plan.c). Returns open's result, with *why.
int rig_try(struct rig *rig, const char *made, const char *faults, const struct castor_format *wanted,
            struct source_text *why);

// The same, which must succeed.
void rig_open(struct rig *rig, const char *made, const char *faults, const struct castor_format *wanted);
void rig_close(struct rig *rig);

// Lends what is free, as far as the source likes.
void rig_lend(struct rig *rig);

// Lends and waits for what dequeue() says next other than AGAIN.
int rig_next(struct rig *rig, struct castor_frame *out);

// A frame, which must come.
struct castor_frame rig_frame(struct rig *rig);

// The number in the picture, which must be readable.
uint64_t rig_number(const struct rig *rig, const struct castor_frame *frame);

#endif
