// SPDX-License-Identifier: Apache-2.0
// Makes an access unit of what a device put into its coded buffer.
#ifndef DRIVERS_ENCODER_VAAPI_UNIT_H
#define DRIVERS_ENCODER_VAAPI_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/encoder.h"

#define VAAPI_PARAMETER_SETS_MAX_BYTES 1000
#define VAAPI_UNIT_ROOM_BYTES 1024 // writable in front of the coded bytes: parameter sets and a delimiter

// All parameter sets with start codes, as they last stood in front of an IDR.
struct vaapi_parameter_sets {
    uint8_t bytes[VAAPI_PARAMETER_SETS_MAX_BYTES];
    size_t size_bytes; // 0: none known
};

struct vaapi_unit {
    const uint8_t *data;
    size_t size_bytes;
    bool idr; // by the type of its slices, whatever was asked for
};

// What: puts an access unit delimiter in front, and the parameter sets where an IDR lacks them. Those that
// the device wrote are remembered in *sets, as its slices refer to them. Owner: *out points into `coded` and
// the VAAPI_UNIT_ROOM_BYTES before it, all the caller's. Errors: CASTOR_ERR_INVALID for what is no byte
// stream of `codec` with a slice in it (annex B), or an IDR without any parameter sets.
CASTOR_MUST_USE int vaapi_unit_make(enum encoder_codec codec, uint8_t *coded, size_t size_bytes,
                                    struct vaapi_parameter_sets *sets, struct vaapi_unit *out);

#endif
