// SPDX-License-Identifier: Apache-2.0
#include "v4l2m2m_format.h"

#include <errno.h>
#include <string.h>

#include <linux/videodev2.h>

#define CODED_MIN_BYTES (512u << 10)
#define CODED_TOO_SMALL_BYTES (16u << 10)
#define BUFFER_MAX_BYTES (256u << 20) // a device that wants more for one picture is not telling the truth

// One plane of struct v4l2_format, whichever API is spoken.
struct answer {
    uint32_t width_px, height_px, fourcc, planes;
    uint32_t stride_bytes[V4L2M2M_PLANES_MAX];
    uint32_t size_bytes[V4L2M2M_PLANES_MAX];
};

// What the structs of both APIs have under the same names.
#define DESCRIBE(pix, wanted)                                                                                \
    do {                                                                                                     \
        (pix)->width = (wanted)->width_px;                                                                   \
        (pix)->height = (wanted)->height_px;                                                                 \
        (pix)->pixelformat = (wanted)->fourcc;                                                               \
        (pix)->field = V4L2_FIELD_NONE;                                                                      \
        (pix)->colorspace = V4L2_COLORSPACE_REC709;                                                          \
        (pix)->ycbcr_enc = V4L2_YCBCR_ENC_709;                                                               \
        (pix)->xfer_func = V4L2_XFER_FUNC_709;                                                               \
        (pix)->quantization = V4L2_QUANTIZATION_LIM_RANGE;                                                   \
    } while (0)

static void ask(struct v4l2_format *format, bool mplane, const struct answer *wanted)
{
    struct v4l2_pix_format *pix = &format->fmt.pix;
    struct v4l2_pix_format_mplane *mp = &format->fmt.pix_mp;

    if (mplane) {
        DESCRIBE(mp, wanted);
        mp->num_planes = (uint8_t)wanted->planes;
        for (uint32_t i = 0; i < wanted->planes; i++)
            mp->plane_fmt[i].sizeimage = wanted->size_bytes[i];
    } else {
        DESCRIBE(pix, wanted);
        pix->priv = V4L2_PIX_FMT_PRIV_MAGIC;
        pix->sizeimage = wanted->size_bytes[0];
    }
}

// VIDIOC_S_FMT with what is wanted; *got is what the device made of it. 0 or a negative errno.
static int set_format(const struct v4l2m2m_device *device, bool coded, const struct answer *wanted,
                      struct answer *got)
{
    struct v4l2_format format = {.type = v4l2m2m_device_buffer_type(device, coded)};

    ask(&format, device->mplane, wanted);
    int error = v4l2m2m_ioctl(device->fd, VIDIOC_S_FMT, &format);
    if (error != 0)
        return error;
    if (!device->mplane) {
        const struct v4l2_pix_format *pix = &format.fmt.pix;
        *got = (struct answer){pix->width, pix->height, pix->pixelformat, 1, {0}, {0}};
        got->stride_bytes[0] = pix->bytesperline;
        got->size_bytes[0] = pix->sizeimage;
        return 0;
    }
    const struct v4l2_pix_format_mplane *mp = &format.fmt.pix_mp;
    *got = (struct answer){mp->width, mp->height, mp->pixelformat, mp->num_planes, {0}, {0}};
    for (uint32_t i = 0; i < mp->num_planes && i < V4L2M2M_PLANES_MAX; i++) {
        got->stride_bytes[i] = mp->plane_fmt[i].bytesperline;
        got->size_bytes[i] = mp->plane_fmt[i].sizeimage;
    }
    return 0;
}

static int explain(const char *what, int negative_errno, struct encoder_text *why)
{
    return encoder_text_set(why, v4l2m2m_error(negative_errno), "v4l2m2m: %s: %s", what,
                            strerror(-negative_errno));
}

static int set_coded(const struct v4l2m2m_device *device, enum encoder_codec codec,
                     const struct castor_format *format, size_t *coded_bytes, struct encoder_text *why)
{
    uint32_t bytes = format->width_px * format->height_px * 3 / 2;
    uint32_t fourcc = v4l2m2m_coded_fourcc(codec);
    struct answer got = {0};

    if (bytes < CODED_MIN_BYTES)
        bytes = CODED_MIN_BYTES;
    if (bytes > ENCODER_ACCESS_UNIT_MAX_BYTES)
        bytes = ENCODER_ACCESS_UNIT_MAX_BYTES;
    struct answer wanted = {format->width_px, format->height_px, fourcc, 1, {0}, {bytes, 0, 0}};
    int error = set_format(device, true, &wanted, &got);
    if (error != 0)
        return explain("the device refuses the coded format", error, why);
    if (got.fourcc != fourcc || got.planes != 1)
        return encoder_text_set(why, CASTOR_ERR_IO,
                                "v4l2m2m: the device lists %.4s but does not take it as its coded format",
                                (const char *)&fourcc);
    if (got.size_bytes[0] < CODED_TOO_SMALL_BYTES || got.size_bytes[0] > BUFFER_MAX_BYTES)
        return encoder_text_set(
            why, CASTOR_ERR_IO,
            "v4l2m2m: the device wants coded buffers of %u bytes (sizeimage), which cannot be right",
            got.size_bytes[0]);
    *coded_bytes = got.size_bytes[0];
    return CASTOR_OK;
}

// The best of the raw formats that the device takes for this codec; V4L2M2M_RAW_COUNT: none.
static enum v4l2m2m_raw choose_raw(uint32_t raw_mask, uint32_t pixel)
{
    static const enum v4l2m2m_raw orders[CASTOR_PIXEL_END][V4L2M2M_RAW_COUNT] = {
        [CASTOR_PIXEL_I420] = {V4L2M2M_RAW_I420, V4L2M2M_RAW_I420M, V4L2M2M_RAW_NV12, V4L2M2M_RAW_NV12M,
                               V4L2M2M_RAW_COUNT},
        [CASTOR_PIXEL_NV12] = {V4L2M2M_RAW_NV12, V4L2M2M_RAW_NV12M, V4L2M2M_RAW_I420, V4L2M2M_RAW_I420M,
                               V4L2M2M_RAW_COUNT},
        [CASTOR_PIXEL_P010] = {V4L2M2M_RAW_P010, V4L2M2M_RAW_COUNT},
    };
    const enum v4l2m2m_raw *raw = orders[pixel];

    while (*raw != V4L2M2M_RAW_COUNT && !(raw_mask & 1u << *raw))
        raw++;
    return *raw;
}

// Where the planes lie, from what the device said; the height is the device's, which may be more than ours.
static void lay_out(enum v4l2m2m_raw raw, const struct answer *got, struct v4l2m2m_layout *out)
{
    bool ten = raw == V4L2M2M_RAW_P010;
    struct v4l2m2m_layout layout = {.raw = raw, .sample_bytes = ten ? 2 : 1, .buffer_planes = got->planes};
    uint32_t planes = 3;
    size_t at = 0;

    layout.semi_planar = raw == V4L2M2M_RAW_NV12 || raw == V4L2M2M_RAW_NV12M || ten;
    if (layout.semi_planar)
        planes = 2;
    for (uint32_t i = 0; i < planes; i++) {
        uint32_t in = got->planes > 1 ? i : 0;
        uint32_t rows = i == 0 ? got->height_px : (got->height_px + 1) / 2;
        layout.stride_bytes[i] = got->stride_bytes[in];
        if (got->planes == 1 && i > 0 && !layout.semi_planar)
            layout.stride_bytes[i] /= 2;
        layout.in_buffer[i] = in;
        layout.offset_bytes[i] = in == 0 ? at : 0;
        at += (size_t)layout.stride_bytes[i] * rows;
        layout.payload_bytes[in] = got->planes > 1 ? (size_t)layout.stride_bytes[i] * rows : at;
    }
    for (uint32_t i = 0; i < got->planes; i++)
        layout.buffer_bytes[i] = got->size_bytes[i];
    *out = layout;
}

static int check_layout(const struct v4l2m2m_layout *layout, const struct castor_format *format,
                        struct encoder_text *why)
{
    uint32_t planes = layout->semi_planar ? 2 : 3;

    for (uint32_t i = 0; i < planes; i++) {
        uint32_t samples = i == 0 || layout->semi_planar ? format->width_px : format->width_px / 2;
        uint32_t row_bytes = samples * layout->sample_bytes;
        if (layout->stride_bytes[i] < row_bytes)
            return encoder_text_set(why, CASTOR_ERR_IO,
                                    "v4l2m2m: the device says a row of plane %u has %u bytes (bytesperline), "
                                    "less than the %u that are needed",
                                    i, layout->stride_bytes[i], row_bytes);
    }
    for (uint32_t i = 0; i < layout->buffer_planes; i++) {
        if (layout->buffer_bytes[i] < layout->payload_bytes[i] || layout->buffer_bytes[i] > BUFFER_MAX_BYTES)
            return encoder_text_set(
                why, CASTOR_ERR_IO,
                "v4l2m2m: the device says plane %u has %zu bytes (sizeimage); by its own stride it needs %zu",
                i, layout->buffer_bytes[i], layout->payload_bytes[i]);
    }
    return CASTOR_OK;
}

static int set_raw(const struct v4l2m2m_device *device, uint32_t raw_mask, const struct castor_format *format,
                   struct v4l2m2m_layout *layout, struct answer *got, struct encoder_text *why)
{
    enum v4l2m2m_raw raw = choose_raw(raw_mask, format->pixel);
    if (raw == V4L2M2M_RAW_COUNT)
        return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED, "v4l2m2m: the device takes no %s pictures now",
                                castor_pixel_name(format->pixel));
    struct answer wanted = {
        format->width_px, format->height_px, v4l2m2m_raw_fourcc(raw), v4l2m2m_raw_planes(raw), {0}, {0}};
    int error = set_format(device, false, &wanted, got);

    if (error != 0)
        return explain("the device refuses the raw format", error, why);
    if (got->fourcc != wanted.fourcc || got->planes != wanted.planes)
        return encoder_text_set(why, CASTOR_ERR_IO,
                                "v4l2m2m: the device lists a raw format (%.4s) that it does not take",
                                (const char *)&wanted.fourcc);
    if (got->width_px < format->width_px || got->height_px < format->height_px)
        return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED,
                                "v4l2m2m: picture %ux%u: the device takes at most %ux%u", format->width_px,
                                format->height_px, got->width_px, got->height_px);
    lay_out(raw, got, layout);
    return check_layout(layout, format, why);
}

// The rate matters to the device's rate control only; devices without the call assume one.
static int set_rate(const struct v4l2m2m_device *device, const struct castor_format *format)
{
    struct v4l2_streamparm parameter = {.type = v4l2m2m_device_buffer_type(device, false)};

    parameter.parm.output.timeperframe = (struct v4l2_fract){format->rate.den, format->rate.num};
    int error = v4l2m2m_ioctl(device->fd, VIDIOC_S_PARM, &parameter);
    return error == -EIO || error == -ENODEV ? error : 0;
}

static int set_visible(const struct v4l2m2m_device *device, const struct castor_format *format,
                       const struct answer *raw, struct encoder_text *why)
{
    struct v4l2_selection selection = {
        .type = V4L2_BUF_TYPE_VIDEO_OUTPUT, // also with the multi-planar API
        .target = V4L2_SEL_TGT_CROP,
        .r = {0, 0, format->width_px, format->height_px},
    };
    int error = v4l2m2m_ioctl(device->fd, VIDIOC_S_SELECTION, &selection);
    bool is_whole = raw->width_px == format->width_px && raw->height_px == format->height_px;

    if (error == -EIO || error == -ENODEV)
        return explain("the visible size cannot be set", error, why);
    if (error != 0 && is_whole)
        return CASTOR_OK;
    if (error != 0)
        return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED,
                                "v4l2m2m: picture %ux%u: the device would code %ux%u and cannot crop",
                                format->width_px, format->height_px, raw->width_px, raw->height_px);
    if (selection.r.left != 0 || selection.r.top != 0 || selection.r.width != format->width_px ||
        selection.r.height != format->height_px)
        return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED,
                                "v4l2m2m: picture %ux%u: the device crops to %ux%u", format->width_px,
                                format->height_px, selection.r.width, selection.r.height);
    return CASTOR_OK;
}

int v4l2m2m_format_negotiate(const struct v4l2m2m_device *device, enum encoder_codec codec,
                             const struct castor_format *format, struct v4l2m2m_layout *layout,
                             size_t *coded_bytes, struct encoder_text *why)
{
    struct answer raw = {0};
    int error = set_coded(device, codec, format, coded_bytes, why);

    if (error == CASTOR_OK)
        error = set_raw(device, device->raw_mask[codec], format, layout, &raw, why);
    if (error != CASTOR_OK)
        return error;
    int rate_errno = set_rate(device, format);
    if (rate_errno != 0)
        return explain("the frame rate cannot be set", rate_errno, why);
    return set_visible(device, format, &raw, why);
}

// ---- pictures ----

static uint8_t *row_of(const struct v4l2m2m_layout *layout, const struct v4l2m2m_buffer *buffer,
                       uint32_t plane, uint32_t row)
{
    return buffer->planes[layout->in_buffer[plane]].memory + layout->offset_bytes[plane] +
           (size_t)row * layout->stride_bytes[plane];
}

static void interleave(uint8_t *out, const uint8_t *u, const uint8_t *v, uint32_t pairs)
{
    for (uint32_t i = 0; i < pairs; i++) {
        out[2 * i] = u[i];
        out[2 * i + 1] = v[i];
    }
}

static void separate(const uint8_t *in, uint8_t *u, uint8_t *v, uint32_t pairs)
{
    for (uint32_t i = 0; i < pairs; i++) {
        u[i] = in[2 * i];
        v[i] = in[2 * i + 1];
    }
}

static void copy_chroma_row(const struct v4l2m2m_layout *layout, const struct castor_format *format,
                            const struct castor_frame *frame, const struct v4l2m2m_buffer *buffer,
                            uint32_t row)
{
    bool from_pairs = format->pixel != CASTOR_PIXEL_I420;
    uint32_t pairs = format->width_px / 2;
    const uint8_t *first = frame->plane[1] + (size_t)row * frame->stride_bytes[1];
    const uint8_t *second = from_pairs ? NULL : frame->plane[2] + (size_t)row * frame->stride_bytes[2];
    uint8_t *out = row_of(layout, buffer, 1, row);

    if (from_pairs && layout->semi_planar) {
        memcpy(out, first, 2 * (size_t)pairs * layout->sample_bytes);
    } else if (from_pairs) {
        separate(first, out, row_of(layout, buffer, 2, row), pairs);
    } else if (layout->semi_planar) {
        interleave(out, first, second, pairs);
    } else {
        memcpy(out, first, pairs);
        memcpy(row_of(layout, buffer, 2, row), second, pairs);
    }
}

void v4l2m2m_format_copy(const struct v4l2m2m_layout *layout, const struct castor_format *format,
                         const struct castor_frame *frame, const struct v4l2m2m_buffer *buffer)
{
    for (uint32_t row = 0; row < format->height_px; row++)
        memcpy(row_of(layout, buffer, 0, row), frame->plane[0] + (size_t)row * frame->stride_bytes[0],
               (size_t)format->width_px * layout->sample_bytes);
    for (uint32_t row = 0; row < format->height_px / 2; row++)
        copy_chroma_row(layout, format, frame, buffer, row);
}
