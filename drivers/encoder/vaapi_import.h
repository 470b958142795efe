// SPDX-License-Identifier: Apache-2.0
// Surfaces that are the memory of frames (DRM PRIME), so that the device reads it and nobody copies it.
#ifndef DRIVERS_ENCODER_VAAPI_IMPORT_H
#define DRIVERS_ENCODER_VAAPI_IMPORT_H

#include "hal/frame.h"
#include "vaapi_device.h"

#define VAAPI_IMPORT_SLOTS_MAX 64 // of the frame pool; what is in a higher one is copied

struct vaapi_import {
    struct vaapi_device *device; // set by the user, as are the next two; all else is zero
    struct castor_format format;
    bool is_offered;
    struct encoder_text refusal; // why the first slot that was refused was; "" when none was
    struct {
        bool is_known;
        int fd;              // frame->dmabuf_fd when the slot was first seen
        VASurfaceID surface; // VA_INVALID_SURFACE: the device refused it
    } slots[VAAPI_IMPORT_SLOTS_MAX];
};

// Whether surfaces for `config` may be other memory.
bool vaapi_import_is_offered(struct vaapi_device *device, VAConfigID config);

// The surface that is this frame's DMA-BUF, where the picture begins at the first byte and planes lie as far
// apart as in the frame. It is made when its slot is seen first, and a slot keeps its DMA-BUF. Owner: the
// import, until it is closed. VA_INVALID_SURFACE: there is none, and the frame has to be copied.
VASurfaceID vaapi_import_frame(struct vaapi_import *import, const struct castor_frame *frame);

void vaapi_import_close(struct vaapi_import *import);

#endif
