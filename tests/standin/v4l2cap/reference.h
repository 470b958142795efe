// SPDX-License-Identifier: Apache-2.0
// The picture that the stand-in capture device delivers, before it is packed into the device's pixel format.
#ifndef STANDIN_V4L2CAP_REFERENCE_H
#define STANDIN_V4L2CAP_REFERENCE_H

#include <stdint.h>

#include "hal/frame.h"

// Draws picture `number` into an I420 frame of that size: soft gradients within what RGB can show, and the
// house's number block.
void standin_v4l2cap_reference(const struct castor_format *format, const struct castor_frame *frame,
                               uint64_t number);

// The low byte of a P010 sample, whose high byte is the reference picture's: two bits more, as in the house's
// P010 the upper ones.
#define STANDIN_V4L2CAP_LOW_BITS(x, y) ((uint8_t)(((x) + (y)) % 4 << 6))

// How often a program has written an EDID.
uint32_t standin_v4l2cap_edid_writes(void);

#endif
