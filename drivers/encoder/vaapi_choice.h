// SPDX-License-Identifier: Apache-2.0
// How a device is used: its profiles and entry points, and what of them it can do. May hang in the vendor's
// code, so only a struct vendor_thread calls it.
#ifndef DRIVERS_ENCODER_VAAPI_CHOICE_H
#define DRIVERS_ENCODER_VAAPI_CHOICE_H

#include "vaapi_device.h"
#include "vaapi_headers.h"

struct vaapi_choice {
    VAProfile profile;
    VAEntrypoint entrypoint;
    uint32_t surface_format; // VA_RT_FORMAT_*
    uint32_t rate_control;   // VA_RC_CBR, VA_RC_VBR or VA_RC_CQP
    uint32_t packed_headers; // VA_ENC_PACKED_HEADER_*: exactly what is submitted
    uint32_t quality_levels; // 1 is the best, this the fastest; 0 or 1: no choice
    uint32_t max_width_px, max_height_px;
    struct vaapi_hevc_tools hevc; // all zero for H.264
};

// Chooses for a codec and a pixel format: low power before the other where both control the rate, constant
// quality only where none does. Errors: UNSUPPORTED the device does not encode that.
CASTOR_MUST_USE int vaapi_choice_make(struct vaapi_device *device, enum encoder_codec codec, uint32_t pixel,
                                      struct vaapi_choice *out, struct encoder_text *why);

// Makes a configuration of what was chosen. Owner: the caller, to be given to vaDestroyConfig(). Errors: IO.
CASTOR_MUST_USE int vaapi_choice_configure(struct vaapi_device *device, const struct vaapi_choice *choice,
                                           VAConfigID *out, struct encoder_text *why);

#endif
