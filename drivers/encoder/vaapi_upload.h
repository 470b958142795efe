// SPDX-License-Identifier: Apache-2.0
// Brings a frame from memory into a surface of the device: one copy by the processor.
#ifndef DRIVERS_ENCODER_VAAPI_UPLOAD_H
#define DRIVERS_ENCODER_VAAPI_UPLOAD_H

#include "hal/frame.h"
#include "vaapi_device.h"

struct vaapi_upload {
    struct vaapi_device *device;
    struct castor_format format;
    uint32_t width_px, height_px; // of surfaces
    bool derives;  // the surface's own memory is written; otherwise `image`, which is then put into it
    VAImage image; // image_id VA_INVALID_ID when there is none
};

// Finds out how to write into surfaces like `surface`. Errors: UNSUPPORTED no layout that is known here, IO.
CASTOR_MUST_USE int vaapi_upload_open(struct vaapi_upload *upload, VASurfaceID surface,
                                      struct encoder_text *why);
void vaapi_upload_close(struct vaapi_upload *upload);

// Copies the visible picture and continues its edges as far as the surface goes. Errors: LOST, also
// when the pixels are the caller's again; IO.
CASTOR_MUST_USE int vaapi_upload_frame(struct vaapi_upload *upload, VASurfaceID surface,
                                       const struct castor_frame *frame, struct encoder_text *why);

// Copies between layouts: NV12 or I420 to NV12, I420 or YV12, P010 to P010 (VA_FOURCC_*), of image->width by
// image->height.
void vaapi_copy_picture(const struct castor_format *format, const struct castor_frame *frame,
                        const VAImage *image, uint8_t *bytes);

#endif
