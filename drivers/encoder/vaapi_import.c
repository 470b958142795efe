// SPDX-License-Identifier: Apache-2.0
#include "vaapi_import.h"

#include <fcntl.h>
#include <unistd.h>

#include <va/va_drmcommon.h>

#define ATTRIBUTES_MAX 64
#define MODIFIER_LINEAR 0 // DRM_FORMAT_MOD_LINEAR

bool vaapi_import_is_offered(struct vaapi_device *device, VAConfigID config)
{
    VASurfaceAttrib attributes[ATTRIBUTES_MAX];
    unsigned count = ATTRIBUTES_MAX;

    if (VENDOR_CALL(device->thread, vaQuerySurfaceAttributes, device->display, config, attributes, &count) !=
        VA_STATUS_SUCCESS)
        return false;
    for (unsigned i = 0; i < count; i++) {
        if (attributes[i].type == VASurfaceAttribMemoryType &&
            (attributes[i].flags & VA_SURFACE_ATTRIB_SETTABLE))
            return (uint32_t)attributes[i].value.value.i & VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2;
    }
    return false;
}

// For both layouts that devices read, DRM's name of the format is the same number as VA's.
static uint32_t fourcc_of(const struct castor_format *format)
{
    return format->pixel == CASTOR_PIXEL_NV12   ? VA_FOURCC_NV12
           : format->pixel == CASTOR_PIXEL_P010 ? VA_FOURCC_P010
                                                : 0;
}

// A descriptor of our own, which outlives the frame's; -1 where there is nothing to import.
static int borrow_descriptor(struct vaapi_import *import, const struct castor_frame *frame)
{
    if (!vendor_thread_borrow_pixels(import->device->thread))
        return -1;
    int fd = fcntl(frame->dmabuf_fd, F_DUPFD_CLOEXEC, 0);
    vendor_thread_return_pixels(import->device->thread);
    return fd;
}

static bool describe(const struct vaapi_import *import, const struct castor_frame *frame, int fd,
                     VADRMPRIMESurfaceDescriptor *out)
{
    uint32_t fourcc = fourcc_of(&import->format);
    off_t size = lseek(fd, 0, SEEK_END);

    if (size <= 0 || size > UINT32_MAX || frame->plane[1] <= frame->plane[0] ||
        frame->plane[1] - frame->plane[0] >= size)
        return false;
    *out = (VADRMPRIMESurfaceDescriptor){
        .fourcc = fourcc,
        .width = import->format.width_px,
        .height = import->format.height_px,
        .num_objects = 1,
        .objects = {{.fd = fd, .size = (uint32_t)size, .drm_format_modifier = MODIFIER_LINEAR}},
        .num_layers = 1,
        .layers = {{.drm_format = fourcc,
                    .num_planes = 2,
                    .offset = {0, (uint32_t)(frame->plane[1] - frame->plane[0])},
                    .pitch = {frame->stride_bytes[0], frame->stride_bytes[1]}}},
    };
    return true;
}

static VASurfaceID create(struct vaapi_import *import, const struct castor_frame *frame, int fd)
{
    struct vaapi_device *device = import->device;
    bool is_ten_bit = import->format.pixel == CASTOR_PIXEL_P010;
    VADRMPRIMESurfaceDescriptor descriptor;
    VASurfaceAttrib attributes[] = {
        {.type = VASurfaceAttribPixelFormat,
         .flags = VA_SURFACE_ATTRIB_SETTABLE,
         .value = {.type = VAGenericValueTypeInteger, .value.i = (int)fourcc_of(&import->format)}},
        {.type = VASurfaceAttribMemoryType,
         .flags = VA_SURFACE_ATTRIB_SETTABLE,
         .value = {.type = VAGenericValueTypeInteger, .value.i = VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2}},
        {.type = VASurfaceAttribExternalBufferDescriptor,
         .flags = VA_SURFACE_ATTRIB_SETTABLE,
         .value = {.type = VAGenericValueTypePointer, .value.p = &descriptor}},
    };
    VASurfaceID surface = VA_INVALID_SURFACE;

    if (!describe(import, frame, fd, &descriptor))
        return VA_INVALID_SURFACE;
    VAStatus status = VENDOR_CALL(device->thread, vaCreateSurfaces, device->display,
                                  is_ten_bit ? VA_RT_FORMAT_YUV420_10 : VA_RT_FORMAT_YUV420,
                                  import->format.width_px, import->format.height_px, &surface, 1, attributes,
                                  sizeof attributes / sizeof attributes[0]);
    if (status == VA_STATUS_SUCCESS)
        return surface;
    if (!import->refusal.text[0])
        (void)vaapi_device_failed(device, 0, "frames are copied, not imported: vaCreateSurfaces", status,
                                  &import->refusal);
    return VA_INVALID_SURFACE;
}

VASurfaceID vaapi_import_frame(struct vaapi_import *import, const struct castor_frame *frame)
{
    if (!import->is_offered || frame->dmabuf_fd < 0 || frame->slot >= VAAPI_IMPORT_SLOTS_MAX ||
        fourcc_of(&import->format) == 0)
        return VA_INVALID_SURFACE;
    if (!import->slots[frame->slot].is_known) {
        int fd = borrow_descriptor(import, frame);
        import->slots[frame->slot].surface = fd >= 0 ? create(import, frame, fd) : VA_INVALID_SURFACE;
        import->slots[frame->slot].fd = frame->dmabuf_fd;
        import->slots[frame->slot].is_known = true;
        if (fd >= 0)
            close(fd); // the surface has its own hold on the memory
    }
    return import->slots[frame->slot].fd == frame->dmabuf_fd ? import->slots[frame->slot].surface
                                                             : VA_INVALID_SURFACE;
}

void vaapi_import_close(struct vaapi_import *import)
{
    for (unsigned i = 0; i < VAAPI_IMPORT_SLOTS_MAX; i++) {
        if (import->slots[i].is_known && import->slots[i].surface != VA_INVALID_SURFACE)
            (void)VENDOR_CALL(import->device->thread, vaDestroySurfaces, import->device->display,
                              &import->slots[i].surface, 1);
        import->slots[i].is_known = false;
    }
}
