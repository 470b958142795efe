// SPDX-License-Identifier: Apache-2.0
// Which frame an access unit is: its SEI message "castor-frame-id1" says so. Pure.
#ifndef EXPORT_IDENTITY_H
#define EXPORT_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/encoder.h"

// Of an access unit in Annex B. False when it does not say.
bool identity_read(const uint8_t *data, size_t size_bytes, uint64_t *sequence);

// Whether decoding may begin with it.
bool identity_is_idr(enum encoder_codec codec, const uint8_t *data, size_t size_bytes);

#endif
