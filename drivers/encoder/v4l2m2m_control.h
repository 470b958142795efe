// SPDX-License-Identifier: Apache-2.0
// Controls of a V4L2 encoder. Every device has others, so each is asked for before it is set.
#ifndef DRIVERS_ENCODER_V4L2M2M_CONTROL_H
#define DRIVERS_ENCODER_V4L2M2M_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/encoder.h"
#include "v4l2m2m_device.h"

// True when the device has the control and it is not disabled.
bool v4l2m2m_control_exists(int fd, uint32_t id);

// True when the menu of the control has this entry.
bool v4l2m2m_control_offers(int fd, uint32_t id, uint32_t entry);

// The value of a control, or `otherwise` where the device has none.
int32_t v4l2m2m_control_get(int fd, uint32_t id, int32_t otherwise);

// Sets everything that stays as it is for the session: rate control, GOP, profile, level, headers.
// Errors: UNSUPPORTED the bitrate is out of the device's range, or no 10 bits; LOST; *why says so.
CASTOR_MUST_USE int v4l2m2m_control_setup(const struct v4l2m2m_device *device,
                                          const struct encoder_config *config, uint32_t vbv_ms,
                                          struct encoder_text *why);

// Sets the mean and peak rate and, in proportion, the VBV. Errors: UNSUPPORTED (no such control, out of
// range, or not while streaming), LOST.
CASTOR_MUST_USE int v4l2m2m_control_bitrate(int fd, uint32_t bitrate_bps, uint32_t vbv_ms,
                                            struct encoder_text *why);

// Asks for a key frame. 0 or a negative errno.
CASTOR_MUST_USE int v4l2m2m_control_force_key(int fd);

#endif
