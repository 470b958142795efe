// SPDX-License-Identifier: Apache-2.0
// Which NVIDIA devices there are and what they can do.
#ifndef DRIVERS_ENCODER_NVENC_PROBE_H
#define DRIVERS_ENCODER_NVENC_PROBE_H

#include "hal/encoder.h"

// The members devices() and probe() of struct encoder_driver.
CASTOR_MUST_USE int nvenc_probe_devices(struct encoder_device *list, uint32_t capacity, uint32_t *count);
CASTOR_MUST_USE int nvenc_probe(const char *device, struct encoder_caps *out, struct encoder_text *why);

#endif
