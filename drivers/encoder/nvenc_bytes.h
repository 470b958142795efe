// SPDX-License-Identifier: Apache-2.0
// A look at what the device wrote, whatever its flags say.
#ifndef DRIVERS_ENCODER_NVENC_BYTES_H
#define DRIVERS_ENCODER_NVENC_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/encoder.h"

// Whether this access unit (Annex B) is an IDR picture. Reads up to the first slice's header.
bool nvenc_bytes_are_idr(enum encoder_codec codec, const uint8_t *data, size_t size_bytes);

#endif
