// SPDX-License-Identifier: Apache-2.0
// A VA-API device: finding it, opening it, and choosing how to encode with it. Everything here may hang in
// the vendor's code, so only a struct vendor_thread calls it.
#ifndef DRIVERS_ENCODER_VAAPI_DEVICE_H
#define DRIVERS_ENCODER_VAAPI_DEVICE_H

#include <va/va.h>

#include "hal/encoder.h"
#include "vendor_thread.h"

struct vaapi_device {
    struct vendor_thread *thread;
    int fd;
    VADisplay display;
    bool is_initialized;
    bool has_sync_buffer; // vaSyncBuffer() is there: waiting with a timeout
    bool is_intel;
    struct encoder_text said; // the last complaint of libva or the vendor's library
};

// How a device is used.
struct vaapi_choice {
    VAProfile profile;
    VAEntrypoint entrypoint;
    uint32_t rate_control;   // VA_RC_CBR, VA_RC_VBR or VA_RC_CQP
    uint32_t packed_headers; // VA_ENC_PACKED_HEADER_*: exactly what is submitted
    uint32_t quality_levels; // 1 is the best, this the fastest; 0 or 1: no choice
    uint32_t max_width_px, max_height_px;
};

// Render nodes of this machine: as struct encoder_driver.devices. Looks at nodes only.
int vaapi_device_list(struct encoder_device *list, uint32_t capacity, uint32_t *count);

// Opens a render node ("" = the first). *device is to be closed whatever comes out. Errors: NOT_FOUND,
// DENIED, BUSY, UNSUPPORTED no VA-API driver for this device, IO; *why says so in words.
CASTOR_MUST_USE int vaapi_device_open(struct vaapi_device *device, struct vendor_thread *thread,
                                      const char *path, struct encoder_text *why);

// Chooses for H.264: low power before the other where both control the rate, constant quality only where none
// does. Errors: UNSUPPORTED no H.264 encoder.
CASTOR_MUST_USE int vaapi_device_choose(struct vaapi_device *device, struct vaapi_choice *out,
                                        struct encoder_text *why);

// Makes a configuration of what was chosen. Owner: the caller, to be given to vaDestroyConfig(). Errors: IO.
CASTOR_MUST_USE int vaapi_device_configure(struct vaapi_device *device, const struct vaapi_choice *choice,
                                           VAConfigID *out, struct encoder_text *why);

void vaapi_device_close(struct vaapi_device *device);

// "vaCreateConfig: attribute not supported (what the vendor's library said)".
int vaapi_device_failed(const struct vaapi_device *device, int error, const char *function, VAStatus status,
                        struct encoder_text *why);

#endif
