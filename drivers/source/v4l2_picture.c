// SPDX-License-Identifier: Apache-2.0
#include "v4l2_picture.h"

#include <stdlib.h>

#include <libyuv.h>

#include "picture.h"
#include "v4l2_jpeg.h"

struct v4l2_picture {
    struct v4l2_layout layout;
    struct castor_format format;
    struct picture_area target;
    bool scales;
    struct v4l2_jpeg *jpeg;
    struct picture_scratch decoded;   // a JPEG's planes
    struct picture_scratch converted; // I420 in the device's size
    struct picture_scratch scaled;    // I420 in the target's size
    struct recolour recolour;
    uint32_t copies; // of the picture at work
};

static int allocate(struct v4l2_picture *self)
{
    const struct v4l2_layout *layout = &self->layout;
    int width = (int)layout->width_px, height = (int)layout->height_px;
    bool nv12 = self->format.pixel == CASTOR_PIXEL_NV12;
    bool jpeg = layout->kind == V4L2_KIND_MJPEG;
    int error = CASTOR_OK;

    if (jpeg)
        error = v4l2_jpeg_create(&self->jpeg);
    if (!error && jpeg)
        error = picture_scratch_allocate(&self->decoded, width, height);
    if (!error && (self->scales || (nv12 && (jpeg || layout->kind == V4L2_KIND_RGB24))))
        error = picture_scratch_allocate(&self->converted, width, height);
    if (!error && self->scales && nv12)
        error = picture_scratch_allocate(&self->scaled, self->target.width, self->target.height);
    return error;
}

int v4l2_picture_create(const struct v4l2_layout *layout, const struct castor_format *format,
                        struct v4l2_picture **out, struct source_text *why)
{
    struct v4l2_picture *self = calloc(1, sizeof *self);

    if (!self)
        return source_text_set(why, CASTOR_ERR_NO_MEMORY, "out of memory for the capture device's pictures");
    self->layout = *layout;
    self->format = *format;
    self->scales = layout->width_px != format->width_px || layout->height_px != format->height_px;
    self->target = picture_area_fit(format, layout->width_px, layout->height_px);
    recolour_init(&self->recolour, layout->bt601, layout->range);
    if ((layout->kind == V4L2_KIND_P010) != (format->pixel == CASTOR_PIXEL_P010) ||
        (layout->kind == V4L2_KIND_P010 && self->scales)) {
        v4l2_picture_destroy(self);
        return source_text_set(why, CASTOR_ERR_UNSUPPORTED,
                               "10-bit pictures (P010) are passed on as they come, in %ux%u only",
                               layout->width_px, layout->height_px);
    }
    if (allocate(self) != CASTOR_OK) {
        v4l2_picture_destroy(self);
        return source_text_set(why, CASTOR_ERR_NO_MEMORY, "out of memory for pictures of %ux%u",
                               layout->width_px, layout->height_px);
    }
    *out = self;
    return CASTOR_OK;
}

bool v4l2_picture_is_plain(const struct v4l2_picture *self)
{
    bool recolours = self->recolour.needed && self->layout.kind != V4L2_KIND_P010;

    return !self->scales && !recolours && v4l2_layout_pixel(self->layout.kind) == self->format.pixel;
}

void v4l2_picture_destroy(struct v4l2_picture *self)
{
    if (!self)
        return;
    v4l2_jpeg_destroy(self->jpeg);
    picture_scratch_free(&self->decoded);
    picture_scratch_free(&self->converted);
    picture_scratch_free(&self->scaled);
    free(self);
}

#define IN(i) in->plane[i], in->stride[i]
#define OUT(i) out->plane[i], out->stride[i]
#define OUT_I420 OUT(0), OUT(1), OUT(2), out->width, out->height
#define OUT_NV12 OUT(0), OUT(1), out->width, out->height

static int to_i420(enum v4l2_kind kind, const struct picture_view *in, const struct picture_view *out)
{
    switch (kind) {
    case V4L2_KIND_NV12:
        return NV12ToI420(IN(0), IN(1), OUT_I420);
    case V4L2_KIND_I420:
        return I420Copy(IN(0), IN(1), IN(2), OUT_I420);
    case V4L2_KIND_YUYV:
        return YUY2ToI420(IN(0), OUT_I420);
    case V4L2_KIND_UYVY:
        return UYVYToI420(IN(0), OUT_I420);
    case V4L2_KIND_RGB24:
        return RAWToI420(IN(0), OUT_I420); // libyuv names the order in a little-endian word
    default:
        return -1;
    }
}

// -1 for what has no direct way.
static int to_nv12(enum v4l2_kind kind, const struct picture_view *in, const struct picture_view *out)
{
    switch (kind) {
    case V4L2_KIND_NV12:
        return NV12Copy(IN(0), IN(1), OUT_NV12);
    case V4L2_KIND_I420:
        return I420ToNV12(IN(0), IN(1), IN(2), OUT_NV12);
    case V4L2_KIND_YUYV:
        return YUY2ToNV12(IN(0), OUT_NV12);
    case V4L2_KIND_UYVY:
        return UYVYToNV12(IN(0), OUT_NV12);
    default:
        return -1;
    }
}

// A JPEG as I420 into `out`: decoded there where its subsampling allows it.
static int jpeg_to_i420(struct v4l2_picture *self, const uint8_t *data, size_t bytes,
                        const struct picture_view *out)
{
    struct picture_view decoded = self->decoded.view;
    const struct picture_view *in = &decoded;
    enum v4l2_jpeg_shape shape;
    int error = v4l2_jpeg_look(self->jpeg, data, bytes, (uint32_t)out->width, (uint32_t)out->height, &shape);

    if (error)
        return error;
    if (shape == V4L2_JPEG_420)
        return v4l2_jpeg_decode(self->jpeg, data, bytes, out->plane, out->stride);
    if (shape == V4L2_JPEG_444)
        decoded.stride[1] = decoded.stride[2] = decoded.width;
    error = v4l2_jpeg_decode(self->jpeg, data, bytes, decoded.plane, decoded.stride);
    if (error)
        return error;
    self->copies++;
    if (shape == V4L2_JPEG_422)
        error = I422ToI420(IN(0), IN(1), IN(2), OUT_I420);
    else if (shape == V4L2_JPEG_444)
        error = I444ToI420(IN(0), IN(1), IN(2), OUT_I420);
    else
        error = I400ToI420(IN(0), OUT_I420);
    return error ? CASTOR_ERR_INTERNAL : CASTOR_OK;
}

// By way of I420 in the device's size.
static int convert_twice(struct v4l2_picture *self, const struct picture_view *in, const uint8_t *data,
                         size_t bytes, const struct picture_view *out)
{
    struct picture_view own = self->converted.view;
    int error = CASTOR_OK;

    if (self->layout.kind == V4L2_KIND_MJPEG)
        error = jpeg_to_i420(self, data, bytes, &own);
    else if (self->layout.kind == V4L2_KIND_I420)
        own = *in;
    else
        error = to_i420(self->layout.kind, in, &own) == 0 ? CASTOR_OK : CASTOR_ERR_INTERNAL;
    self->copies += own.plane[0] == self->converted.view.plane[0] && self->layout.kind != V4L2_KIND_MJPEG;
    return error ? error : picture_write_i420(&own, self->format.pixel, &self->scaled, out, &self->copies);
}

static int convert(struct v4l2_picture *self, const struct picture_view *in, const uint8_t *data,
                   size_t bytes, const struct picture_view *out)
{
    enum v4l2_kind kind = self->layout.kind;

    if (!self->converted.memory && kind != V4L2_KIND_MJPEG)
        self->copies++;
    if (kind == V4L2_KIND_P010) {
        CopyPlane(IN(0), OUT(0), 2 * out->width, out->height);
        CopyPlane(IN(1), OUT(1), 2 * out->width, out->height / 2);
        return CASTOR_OK;
    }
    if (self->converted.memory)
        return convert_twice(self, in, data, bytes, out);
    if (kind == V4L2_KIND_MJPEG)
        return jpeg_to_i420(self, data, bytes, out);
    if (self->format.pixel == CASTOR_PIXEL_I420)
        return to_i420(kind, in, out) == 0 ? CASTOR_OK : CASTOR_ERR_INTERNAL;
    return to_nv12(kind, in, out) == 0 ? CASTOR_OK : CASTOR_ERR_INTERNAL;
}

int v4l2_picture_write(struct v4l2_picture *self, const uint8_t *const memory[3], const size_t bytes[3],
                       const struct castor_frame *slot, uint64_t *copies)
{
    const struct v4l2_layout *layout = &self->layout;
    struct picture_view out = picture_area_view(&self->format, slot, &self->target);
    struct picture_view in = {.width = (int)layout->width_px, .height = (int)layout->height_px};
    int error;

    for (uint32_t i = 0; i < layout->memory_planes; i++)
        if (bytes[i] < layout->needed_bytes[i])
            return CASTOR_ERR_INVALID;
    for (int i = 0; i < 3; i++) {
        const struct v4l2_place *place = &layout->plane[i];
        if (place->stride_bytes == 0)
            continue;
        in.plane[i] = (uint8_t *)(uintptr_t)(memory[place->memory] + place->offset_bytes); // only read
        in.stride[i] = (int)place->stride_bytes;
    }
    picture_area_frame(&self->format, slot, &self->target);
    self->copies = 0;
    error = convert(self, &in, memory[0], bytes[0], &out);
    *copies += self->copies;
    if (!error && self->recolour.needed && layout->kind != V4L2_KIND_P010)
        picture_recolour(&self->recolour, self->format.pixel, &out);
    return error;
}
