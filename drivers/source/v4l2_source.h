// SPDX-License-Identifier: Apache-2.0
// A capture device that is open, and the slots that it is lent.
#ifndef SOURCE_V4L2_SOURCE_H
#define SOURCE_V4L2_SOURCE_H

#include "slots.h"
#include "v4l2_buffers.h"
#include "v4l2_naming.h"
#include "v4l2_picture.h"

struct v4l2_source {
    struct source source;
    struct v4l2_device device;
    struct v4l2_layout layout;
    struct v4l2_buffers buffers;
    struct v4l2_picture *picture;
    struct v4l2_naming naming;
    bool judged;        // whether the device can import the slots
    uint32_t untrue;    // imported pictures, one after the other, of which it said what cannot be
    struct slots empty; // lent, to be copied into, or handed to the device when it has a buffer free
    int descriptor;     // epoll of the device and the ticker
    int ticker;         // the next look at the link
    enum v4l2_link link;
    int64_t look_ns;
    int64_t opened_ns;
    int64_t picture_ns;        // when the last good picture was taken, 0 = none yet
    int64_t fault_ns;          // when the link was last seen bad, 0 = never
    int64_t starving_since_ns; // 0 = a slot is lent
    int64_t slot_ns;           // when a slot came after a time without; pictures before it had none
    bool starved;              // what is missing before the next frame is for want of slots
    uint32_t failures;
};

// A slot to be filled: by the device itself where slots are DMA-BUFs and hold pictures as it delivers them,
// which the first one decides; otherwise by a copy. Errors: LOST.
CASTOR_MUST_USE int v4l2_source_lend(struct v4l2_source *self, const struct castor_frame *slot);

// Hands the slots that wait to the device, as far as it has buffers for them and imports them. Errors: as
// above.
CASTOR_MUST_USE int v4l2_source_hand_over(struct v4l2_source *self);

// Goes on with the device's own buffers and copies; the note gives `why`. Slots that the device had wait to
// be copied into. Errors: LOST.
CASTOR_MUST_USE int v4l2_source_copy(struct v4l2_source *self, const char *why);

// Slots that have been lent and not yet filled.
uint32_t v4l2_source_lent(const struct v4l2_source *self);

// CASTOR_ERR_LOST, with the fault in words for this errno.
int v4l2_source_lost(struct v4l2_source *self, int number);

#endif
