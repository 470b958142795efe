// SPDX-License-Identifier: Apache-2.0
// The tables of the drivers that are no modules, for table.c.
#ifndef DRIVERS_ENCODER_DRIVERS_H
#define DRIVERS_ENCODER_DRIVERS_H

#include "hal/encoder.h"

extern const struct encoder_driver encoder_driver_x264;
extern const struct encoder_driver encoder_driver_nvenc;
extern const struct encoder_driver encoder_driver_v4l2m2m;
extern const struct encoder_driver encoder_driver_fake;

#endif
