// SPDX-License-Identifier: Apache-2.0
#include "vaapi_upload.h"

#include <string.h>

#include "vaapi_session.h"

#define IMAGE_FORMATS_MAX 128

struct chroma {
    uint8_t *u, *v;
    uint32_t step; // 2 where U and V are interleaved
};

static bool is_known(const struct castor_format *format, uint32_t fourcc)
{
    if (format->pixel == CASTOR_PIXEL_P010)
        return fourcc == VA_FOURCC_P010;
    return fourcc == VA_FOURCC_NV12 || fourcc == VA_FOURCC_I420 || fourcc == VA_FOURCC_YV12;
}

static void copy_luma_row(uint8_t *to, const uint8_t *from, uint32_t pixels, uint32_t to_pixels)
{
    memcpy(to, from, pixels);
    memset(to + pixels, from[pixels - 1], to_pixels - pixels);
}

static void copy_chroma_row(struct chroma to, struct chroma from, uint32_t pixels, uint32_t to_pixels)
{
    if (to.step == 2 && from.step == 2) {
        memcpy(to.u, from.u, (size_t)pixels * 2);
    } else if (to.step == 1 && from.step == 1) {
        memcpy(to.u, from.u, pixels);
        memcpy(to.v, from.v, pixels);
    } else if (to.step == 2) {
        for (uint32_t x = 0; x < pixels; x++) {
            to.u[x * 2] = from.u[x];
            to.u[x * 2 + 1] = from.v[x];
        }
    } else {
        for (uint32_t x = 0; x < pixels; x++) {
            to.u[x] = from.u[x * 2];
            to.v[x] = from.u[x * 2 + 1];
        }
    }
    for (uint32_t x = pixels; x < to_pixels; x++) {
        to.u[x * to.step] = to.u[(pixels - 1) * to.step];
        to.v[x * to.step] = to.v[(pixels - 1) * to.step];
    }
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static struct chroma frame_chroma(const struct castor_format *format, const struct castor_frame *frame,
                                  uint32_t row)
{
    if (format->pixel == CASTOR_PIXEL_NV12) {
        uint8_t *uv = frame->plane[1] + (size_t)row * frame->stride_bytes[1];
        return (struct chroma){uv, uv + 1, 2};
    }
    return (struct chroma){frame->plane[1] + (size_t)row * frame->stride_bytes[1],
                           frame->plane[2] + (size_t)row * frame->stride_bytes[2], 1};
}

static struct chroma image_chroma(const VAImage *image, uint8_t *bytes, uint32_t row)
{
    uint8_t *first = bytes + image->offsets[1] + (size_t)row * image->pitches[1];

    if (image->format.fourcc == VA_FOURCC_NV12)
        return (struct chroma){first, first + 1, 2};
    uint8_t *second = bytes + image->offsets[2] + (size_t)row * image->pitches[2];
    if (image->format.fourcc == VA_FOURCC_YV12)
        return (struct chroma){second, first, 1};
    return (struct chroma){first, second, 1};
}

// P010: a plane whose last sample, or pair of samples, of a row is repeated.
static void copy_deep_plane(const struct castor_frame *frame, unsigned plane, uint32_t samples, uint32_t rows,
                            const VAImage *image, uint8_t *bytes)
{
    uint32_t image_rows = plane ? image->height / 2u : image->height;

    for (uint32_t y = 0; y < image_rows; y++) {
        const uint8_t *from = frame->plane[plane] + (size_t)smaller(y, rows - 1) * frame->stride_bytes[plane];
        uint16_t *to =
            (uint16_t *)(void *)(bytes + image->offsets[plane] + (size_t)y * image->pitches[plane]);
        memcpy(to, from, (size_t)samples * 2);
        for (uint32_t x = samples; x < image->width; x++)
            to[x] = to[x - 1 - plane];
    }
}

void vaapi_copy_picture(const struct castor_format *format, const struct castor_frame *frame,
                        const VAImage *image, uint8_t *bytes)
{
    uint32_t width_px = smaller(format->width_px, image->width);

    if (format->pixel == CASTOR_PIXEL_P010) {
        copy_deep_plane(frame, 0, width_px, format->height_px, image, bytes);
        copy_deep_plane(frame, 1, width_px, format->height_px / 2, image, bytes);
        return;
    }
    for (uint32_t y = 0; y < image->height; y++) {
        uint32_t row = smaller(y, format->height_px - 1);
        copy_luma_row(bytes + image->offsets[0] + (size_t)y * image->pitches[0],
                      frame->plane[0] + (size_t)row * frame->stride_bytes[0], width_px, image->width);
    }
    for (uint32_t y = 0; y < image->height / 2u; y++) {
        uint32_t row = smaller(y, format->height_px / 2 - 1);
        copy_chroma_row(image_chroma(image, bytes, y), frame_chroma(format, frame, row), width_px / 2,
                        image->width / 2u);
    }
}

// An image in the layout of the frames, or else the first that is known.
static int create_image(struct vaapi_upload *upload, const VAImage *like, struct encoder_text *why)
{
    struct vaapi_device *device = upload->device;
    bool is_ten_bit = upload->format.pixel == CASTOR_PIXEL_P010;
    uint32_t own = upload->format.pixel == CASTOR_PIXEL_I420 ? VA_FOURCC_I420
                   : is_ten_bit                              ? VA_FOURCC_P010
                                                             : VA_FOURCC_NV12;
    VAImageFormat formats[IMAGE_FORMATS_MAX], chosen = {0};
    int count = 0;

    if (vaMaxNumImageFormats(device->display) > IMAGE_FORMATS_MAX)
        return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED, "vaapi: too many image formats");
    VAStatus status = VENDOR_CALL(device->thread, vaQueryImageFormats, device->display, formats, &count);
    for (int i = 0; status == VA_STATUS_SUCCESS && i < count; i++) {
        if (formats[i].fourcc == own || (is_known(&upload->format, formats[i].fourcc) && chosen.fourcc == 0))
            chosen = formats[i];
    }
    if (chosen.fourcc == 0)
        return encoder_text_set(
            why, CASTOR_ERR_UNSUPPORTED,
            is_ten_bit ? "vaapi: this device takes no pictures as P010"
                       : "vaapi: this device takes pictures neither as NV12 nor as I420 or YV12");
    status = VENDOR_CALL(device->thread, vaCreateImage, device->display, &chosen, like->width, like->height,
                         &upload->image);
    if (status == VA_STATUS_SUCCESS)
        return CASTOR_OK;
    upload->image.image_id = VA_INVALID_ID;
    return vaapi_device_failed(device, CASTOR_ERR_IO, "vaCreateImage", status, why);
}

int vaapi_upload_open(struct vaapi_upload *upload, VASurfaceID surface, struct encoder_text *why)
{
    struct vaapi_device *device = upload->device;
    VAImage derived = {0};

    upload->image.image_id = VA_INVALID_ID;
    VAStatus status = VENDOR_CALL(device->thread, vaDeriveImage, device->display, surface, &derived);
    upload->derives = status == VA_STATUS_SUCCESS && is_known(&upload->format, derived.format.fourcc);
    if (status == VA_STATUS_SUCCESS)
        (void)VENDOR_CALL(device->thread, vaDestroyImage, device->display, derived.image_id);
    if (upload->derives)
        return CASTOR_OK;
    derived.width = (uint16_t)upload->width_px;
    derived.height = (uint16_t)upload->height_px;
    return create_image(upload, &derived, why);
}

void vaapi_upload_close(struct vaapi_upload *upload)
{
    if (upload->device && upload->image.image_id != VA_INVALID_ID)
        (void)VENDOR_CALL(upload->device->thread, vaDestroyImage, upload->device->display,
                          upload->image.image_id);
}

static int fill(struct vaapi_upload *upload, const VAImage *image, const struct castor_frame *frame,
                struct encoder_text *why)
{
    struct vaapi_device *device = upload->device;
    void *bytes = NULL;
    VAStatus status = VENDOR_CALL(device->thread, vaMapBuffer, device->display, image->buf, &bytes);

    if (status != VA_STATUS_SUCCESS)
        return vaapi_device_failed(device, vaapi_error(status), "vaMapBuffer", status, why);
    bool is_ours = vendor_thread_borrow_pixels(device->thread);
    if (is_ours) {
        vaapi_copy_picture(&upload->format, frame, image, bytes);
        vendor_thread_return_pixels(device->thread);
    }
    status = VENDOR_CALL(device->thread, vaUnmapBuffer, device->display, image->buf);
    if (status != VA_STATUS_SUCCESS)
        return vaapi_device_failed(device, vaapi_error(status), "vaUnmapBuffer", status, why);
    return is_ours ? CASTOR_OK : CASTOR_ERR_LOST;
}

int vaapi_upload_frame(struct vaapi_upload *upload, VASurfaceID surface, const struct castor_frame *frame,
                       struct encoder_text *why)
{
    struct vaapi_device *device = upload->device;
    VAImage derived;

    if (!upload->derives) {
        const VAImage *image = &upload->image;
        int failed = fill(upload, image, frame, why);
        if (failed != CASTOR_OK)
            return failed;
        VAStatus put = VENDOR_CALL(device->thread, vaPutImage, device->display, surface, image->image_id, 0,
                                   0, image->width, image->height, 0, 0, image->width, image->height);
        return put == VA_STATUS_SUCCESS
                   ? CASTOR_OK
                   : vaapi_device_failed(device, vaapi_error(put), "vaPutImage", put, why);
    }
    VAStatus status = VENDOR_CALL(device->thread, vaDeriveImage, device->display, surface, &derived);
    if (status != VA_STATUS_SUCCESS)
        return vaapi_device_failed(device, vaapi_error(status), "vaDeriveImage", status, why);
    int error = fill(upload, &derived, frame, why);
    status = VENDOR_CALL(device->thread, vaDestroyImage, device->display, derived.image_id);
    if (error == CASTOR_OK && status != VA_STATUS_SUCCESS)
        error = vaapi_device_failed(device, vaapi_error(status), "vaDestroyImage", status, why);
    return error;
}
