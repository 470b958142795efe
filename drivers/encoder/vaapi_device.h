// SPDX-License-Identifier: Apache-2.0
// A VA-API device: finding it and opening it. Everything here may hang in the vendor's code, so only a struct
// vendor_thread calls it.
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

// Render nodes of this machine: as struct encoder_driver.devices. Looks at nodes only.
int vaapi_device_list(struct encoder_device *list, uint32_t capacity, uint32_t *count);

// Opens a render node ("" = the first). *device is to be closed whatever comes out. Errors: NOT_FOUND,
// DENIED, BUSY, UNSUPPORTED no VA-API driver for this device, IO; *why says so in words.
CASTOR_MUST_USE int vaapi_device_open(struct vaapi_device *device, struct vendor_thread *thread,
                                      const char *path, struct encoder_text *why);

void vaapi_device_close(struct vaapi_device *device);

// "vaCreateConfig: attribute not supported (what the vendor's library said)".
int vaapi_device_failed(const struct vaapi_device *device, int error, const char *function, VAStatus status,
                        struct encoder_text *why);

#endif
