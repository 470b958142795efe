// SPDX-License-Identifier: Apache-2.0
#include "clip_picture.h"

#include <stdlib.h>

#include <libavutil/pixdesc.h>
#include <libyuv.h>

#include "picture.h"

struct clip_picture {
    struct castor_format format;
    struct picture_scratch converted; // the decoded picture as I420
    struct picture_scratch scaled;
    struct recolour limit; // full range to limited range
};

int clip_picture_create(const struct castor_format *format, struct clip_picture **out)
{
    struct clip_picture *self = calloc(1, sizeof *self);

    if (!self)
        return CASTOR_ERR_NO_MEMORY;
    self->format = *format;
    recolour_init(&self->limit, false, RECOLOUR_FULL);
    *out = self;
    return CASTOR_OK;
}

void clip_picture_destroy(struct clip_picture *self)
{
    if (!self)
        return;
    picture_scratch_free(&self->converted);
    picture_scratch_free(&self->scaled);
    free(self);
}

#define IN(i) p->data[i], p->linesize[i]
#define IN16(i) (const uint16_t *)(const void *)p->data[i], p->linesize[i] / 2
#define OUT                                                                                                  \
    v->plane[0], v->stride[0], v->plane[1], v->stride[1], v->plane[2], v->stride[2], v->width, v->height

// Returns libyuv's result, or 1 for a format that is not known.
static int convert(const AVFrame *p, const struct picture_view *v)
{
    switch (p->format) {
    case AV_PIX_FMT_YUV420P:
    case AV_PIX_FMT_YUVJ420P:
        return I420Copy(IN(0), IN(1), IN(2), OUT);
    case AV_PIX_FMT_YUV422P:
    case AV_PIX_FMT_YUVJ422P:
        return I422ToI420(IN(0), IN(1), IN(2), OUT);
    case AV_PIX_FMT_YUV444P:
    case AV_PIX_FMT_YUVJ444P:
        return I444ToI420(IN(0), IN(1), IN(2), OUT);
    case AV_PIX_FMT_YUV420P10LE:
        return I010ToI420(IN16(0), IN16(1), IN16(2), OUT);
    case AV_PIX_FMT_YUV422P10LE:
        return I210ToI420(IN16(0), IN16(1), IN16(2), OUT);
    case AV_PIX_FMT_YUV444P10LE:
        return I410ToI420(IN16(0), IN16(1), IN16(2), OUT);
    case AV_PIX_FMT_GRAY8:
        return I400ToI420(IN(0), OUT);
    case AV_PIX_FMT_NV12:
        return NV12ToI420(IN(0), IN(1), OUT);
    case AV_PIX_FMT_NV21:
        return NV21ToI420(IN(0), IN(1), OUT);
    case AV_PIX_FMT_YUYV422:
        return YUY2ToI420(IN(0), OUT);
    case AV_PIX_FMT_UYVY422:
        return UYVYToI420(IN(0), OUT);
    case AV_PIX_FMT_RGB24:
        return RAWToI420(IN(0), OUT); // libyuv names the order in a little-endian word
    case AV_PIX_FMT_BGR24:
        return RGB24ToI420(IN(0), OUT);
    case AV_PIX_FMT_BGRA:
    case AV_PIX_FMT_BGR0:
        return ARGBToI420(IN(0), OUT);
    case AV_PIX_FMT_RGBA:
    case AV_PIX_FMT_RGB0:
        return ABGRToI420(IN(0), OUT);
    case AV_PIX_FMT_ARGB:
        return BGRAToI420(IN(0), OUT);
    default:
        return 1;
    }
}

// `own`: in memory that may be written to.
static int as_i420(struct clip_picture *self, const AVFrame *picture, bool own, struct picture_view *out,
                   struct source_text *why)
{
    const char *name = av_get_pix_fmt_name(picture->format);
    int error;

    if (!own && (picture->format == AV_PIX_FMT_YUV420P || picture->format == AV_PIX_FMT_YUVJ420P)) {
        for (int i = 0; i < 3; i++) {
            out->plane[i] = picture->data[i];
            out->stride[i] = picture->linesize[i];
        }
        out->width = picture->width;
        out->height = picture->height;
        return CASTOR_OK;
    }
    error = picture_scratch_allocate(&self->converted, picture->width, picture->height);
    if (error)
        return source_text_set(why, error, "out of memory for a picture of %dx%d", picture->width,
                               picture->height);
    if (convert(picture, &self->converted.view) != 0)
        return source_text_set(
            why, CASTOR_ERR_UNSUPPORTED,
            "pictures in pixel format %s cannot be converted: encode the clip as 8-bit 4:2:0",
            name ? name : "unknown");
    *out = self->converted.view;
    return CASTOR_OK;
}

// The largest area with the shape that the picture is to be shown in.
static struct picture_area fit(const struct castor_format *format, const AVFrame *picture)
{
    AVRational pixel = picture->sample_aspect_ratio;
    bool known = pixel.num > 0 && pixel.den > 0;

    return picture_area_fit(format, (int64_t)picture->width * (known ? pixel.num : 1),
                            (int64_t)picture->height * (known ? pixel.den : 1));
}

static bool is_full_range(const AVFrame *picture)
{
    return picture->color_range == AVCOL_RANGE_JPEG || picture->format == AV_PIX_FMT_YUVJ420P ||
           picture->format == AV_PIX_FMT_YUVJ422P || picture->format == AV_PIX_FMT_YUVJ444P;
}

static bool is_deep(const AVFrame *picture)
{
    return picture->format == AV_PIX_FMT_YUV420P10LE || picture->format == AV_PIX_FMT_YUV422P10LE ||
           picture->format == AV_PIX_FMT_YUV444P10LE;
}

// Planes of 10 bit, of any subsampling, scaled to 4:2:0 in the size of `to`: three planes of 16 bit a sample,
// one after the other in the memory of `scaled`.
static int scale_deep(struct clip_picture *self, const AVFrame *p, const struct picture_view *to,
                      uint16_t *plane[3])
{
    const AVPixFmtDescriptor *shape = av_pix_fmt_desc_get(p->format);
    int error = picture_scratch_allocate(&self->scaled, to->width, to->height);

    if (error)
        return error;
    plane[0] = (void *)self->scaled.memory;
    plane[1] = plane[0] + (size_t)to->width * (size_t)to->height;
    plane[2] = plane[1] + (size_t)to->width * (size_t)to->height / 4;
    for (int i = 0; i < 3; i++) {
        int width = i ? AV_CEIL_RSHIFT(p->width, shape->log2_chroma_w) : p->width;
        int height = i ? AV_CEIL_RSHIFT(p->height, shape->log2_chroma_h) : p->height;
        int to_width = i ? to->width / 2 : to->width, to_height = i ? to->height / 2 : to->height;
        ScalePlane_16(IN16(i), width, height, plane[i], to_width, to_width, to_height, kFilterBox);
    }
    return CASTOR_OK;
}

static int draw_deep(struct clip_picture *self, const AVFrame *p, const struct picture_view *out,
                     uint32_t *copies)
{
    uint16_t *to_y = (void *)out->plane[0], *to_uv = (void *)out->plane[1];
    uint16_t *plane[3];

    ++*copies;
    if (p->format == AV_PIX_FMT_YUV420P10LE && p->width == out->width && p->height == out->height)
        return I010ToP010(IN16(0), IN16(1), IN16(2), to_y, out->stride[0] / 2, to_uv, out->stride[1] / 2,
                          out->width, out->height)
                   ? CASTOR_ERR_INTERNAL
                   : CASTOR_OK;
    ++*copies;
    int error = scale_deep(self, p, out, plane);
    if (error)
        return error;
    return I010ToP010(plane[0], out->width, plane[1], out->width / 2, plane[2], out->width / 2, to_y,
                      out->stride[0] / 2, to_uv, out->stride[1] / 2, out->width, out->height)
               ? CASTOR_ERR_INTERNAL
               : CASTOR_OK;
}

int clip_picture_draw(struct clip_picture *self, const AVFrame *picture, const struct castor_frame *slot,
                      uint32_t *copies, struct source_text *why)
{
    const bool deep = self->format.pixel == CASTOR_PIXEL_P010, recolours = is_full_range(picture);
    struct picture_area area = fit(&self->format, picture);
    struct picture_view out = picture_area_view(&self->format, slot, &area);
    struct picture_view in = {.width = 0};
    int error = CASTOR_OK;

    picture_area_frame(&self->format, slot, &area);
    if (deep && is_deep(picture) && !recolours) {
        error = draw_deep(self, picture, &out, copies);
    } else {
        error = as_i420(self, picture, deep && recolours, &in, why);
        if (error)
            return error;
        *copies += in.plane[0] != picture->data[0]; // converted
        if (deep && recolours)                      // before, since it is done in 8 bit
            picture_recolour(&self->limit, CASTOR_PIXEL_I420, &in);
        error = picture_write_i420(&in, self->format.pixel, &self->scaled, &out, copies);
    }
    if (error)
        return source_text_set(why, error, "a picture of %dx%d could not be scaled: %s", picture->width,
                               picture->height, castor_error_text(error));
    if (!deep && recolours)
        picture_recolour(&self->limit, self->format.pixel, &out);
    return CASTOR_OK;
}
