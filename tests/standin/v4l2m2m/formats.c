// SPDX-License-Identifier: Apache-2.0
#include "standin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CODED_DEFAULT_BYTES (1u << 20)
#define CODED_MAX_BYTES (8u << 20)
#define SIZE_MIN_PX 32u

static const struct {
    enum standin_raw raw;
    uint32_t fourcc;
    uint32_t planes;
    bool semi_planar;
    uint32_t sample_bytes;
} raws[] = {
    {STANDIN_I420, V4L2_PIX_FMT_YUV420, 1, false, 1}, {STANDIN_I420M, V4L2_PIX_FMT_YUV420M, 3, false, 1},
    {STANDIN_NV12, V4L2_PIX_FMT_NV12, 1, true, 1},    {STANDIN_NV12M, V4L2_PIX_FMT_NV12M, 2, true, 1},
    {STANDIN_P010, V4L2_PIX_FMT_P010, 1, true, 2},
};

#define RAWS (sizeof raws / sizeof raws[0])

// A format as both APIs spell it.
struct plain {
    uint32_t width_px, height_px, fourcc, planes;
    uint32_t stride_bytes[STANDIN_PLANES_MAX];
    uint32_t size_bytes[STANDIN_PLANES_MAX];
};

static void read_plain(const struct standin_device *device, const struct v4l2_format *format,
                       struct plain *out)
{
    const struct v4l2_pix_format_mplane *mp = &format->fmt.pix_mp;
    const struct v4l2_pix_format *pix = &format->fmt.pix;

    memset(out, 0, sizeof *out);
    if (device->options.mplane) {
        *out = (struct plain){mp->width, mp->height, mp->pixelformat, mp->num_planes, {0}, {0}};
        out->size_bytes[0] = mp->plane_fmt[0].sizeimage;
    } else {
        *out = (struct plain){pix->width, pix->height, pix->pixelformat, 1, {0}, {0}};
        out->size_bytes[0] = pix->sizeimage;
    }
}

static void write_plain(const struct standin_device *device, const struct plain *plain,
                        struct v4l2_format *format)
{
    struct v4l2_pix_format_mplane *mp = &format->fmt.pix_mp;
    struct v4l2_pix_format *pix = &format->fmt.pix;

    if (!device->options.mplane) {
        pix->width = plain->width_px;
        pix->height = plain->height_px;
        pix->pixelformat = plain->fourcc;
        pix->field = V4L2_FIELD_NONE;
        pix->bytesperline = plain->stride_bytes[0];
        pix->sizeimage = plain->size_bytes[0];
        return;
    }
    mp->width = plain->width_px;
    mp->height = plain->height_px;
    mp->pixelformat = plain->fourcc;
    mp->field = V4L2_FIELD_NONE;
    mp->num_planes = (uint8_t)plain->planes;
    for (uint32_t i = 0; i < plain->planes; i++) {
        mp->plane_fmt[i].bytesperline = plain->stride_bytes[i];
        mp->plane_fmt[i].sizeimage = plain->size_bytes[i];
    }
}

static uint32_t round_up(uint32_t value, uint32_t to)
{
    return (value + to - 1) / to * to;
}

static uint32_t within(uint32_t value, uint32_t low, uint32_t high)
{
    if (value < low)
        return low;
    return value > high ? high : value;
}

// What it takes depends on the codec that is set: 10 bits are for HEVC.
static bool takes(const struct standin_device *device, size_t raw)
{
    return device->options.raws & raws[raw].raw && (device->options.mplane || raws[raw].planes == 1) &&
           (raws[raw].sample_bytes == 1 || device->capture.fourcc == V4L2_PIX_FMT_HEVC);
}

static size_t find_raw(const struct standin_device *device, uint32_t fourcc)
{
    size_t first = RAWS;

    for (size_t i = 0; i < RAWS; i++) {
        if (!takes(device, i))
            continue;
        if (raws[i].fourcc == fourcc)
            return i;
        if (first == RAWS)
            first = i;
    }
    return first; // as drivers do: another format than asked for
}

static void adjust_coded(const struct standin_device *device, struct plain *plain)
{
    bool hevc = device->options.hevc && plain->fourcc == V4L2_PIX_FMT_HEVC;
    plain->fourcc = hevc ? V4L2_PIX_FMT_HEVC : V4L2_PIX_FMT_H264;
    plain->planes = 1;
    plain->width_px = within(plain->width_px, SIZE_MIN_PX, 4096);
    plain->height_px = within(plain->height_px, SIZE_MIN_PX, 2304);
    if (plain->size_bytes[0] < CODED_DEFAULT_BYTES / 16)
        plain->size_bytes[0] = CODED_DEFAULT_BYTES;
    if (plain->size_bytes[0] > CODED_MAX_BYTES)
        plain->size_bytes[0] = CODED_MAX_BYTES;
    if (standin_is_bad(&device->options, "coded"))
        plain->size_bytes[0] = 0;
}

// Rows and sizes of raw pictures; the size a client asks for is ignored, as the documentation allows.
static void adjust_raw(const struct standin_device *device, struct plain *plain,
                       uint32_t payload[STANDIN_PLANES_MAX])
{
    const struct standin_options *o = &device->options;
    size_t raw = find_raw(device, plain->fourcc);
    uint32_t limit_px = standin_is_bad(o, "size") ? 320 : 4096;

    plain->fourcc = standin_is_bad(o, "format") ? V4L2_PIX_FMT_YUYV : raws[raw].fourcc;
    plain->planes = raws[raw].planes;
    plain->width_px = within(plain->width_px, SIZE_MIN_PX, limit_px);
    plain->height_px = round_up(within(plain->height_px, SIZE_MIN_PX, limit_px), o->rows_align);
    uint32_t stride = round_up(plain->width_px * raws[raw].sample_bytes, o->stride_align);
    if (standin_is_bad(o, "stride"))
        stride /= 2;
    for (uint32_t i = 0; i < plain->planes; i++) {
        bool half = i > 0 && !raws[raw].semi_planar;
        plain->stride_bytes[i] = half ? stride / 2 : stride;
        payload[i] = plain->stride_bytes[i] * (i == 0 ? plain->height_px : (plain->height_px + 1) / 2);
        if (plain->planes == 1)
            payload[i] = stride * plain->height_px + stride * ((plain->height_px + 1) / 2);
        plain->size_bytes[i] =
            (standin_is_bad(o, "sizeimage") ? payload[i] / 2 : payload[i]) + o->extra_bytes;
    }
}

static int handle_format(struct standin_device *device, struct v4l2_format *format, bool sets)
{
    struct standin_queue *queue = standin_queue_of(device, format->type);
    uint32_t payload[STANDIN_PLANES_MAX] = {0};
    struct plain plain;

    if (!queue)
        return -EINVAL;
    read_plain(device, format, &plain);
    if (queue->is_output)
        adjust_raw(device, &plain, payload);
    else
        adjust_coded(device, &plain);
    write_plain(device, &plain, format);
    if (!sets)
        return 0;
    if (queue->count > 0)
        return standin_misuse(EBUSY, "VIDIOC_S_FMT while the queue has buffers");
    queue->format_set = true;
    queue->planes = plain.planes;
    queue->width_px = plain.width_px;
    queue->height_px = plain.height_px;
    queue->fourcc = plain.fourcc;
    memcpy(queue->stride_bytes, plain.stride_bytes, sizeof queue->stride_bytes);
    memcpy(queue->size_bytes, plain.size_bytes, sizeof queue->size_bytes);
    memcpy(queue->payload_bytes, payload, sizeof payload);
    // Raw pictures that the new codec does not take: the raw format is another now.
    if (!queue->is_output && device->output.fourcc == V4L2_PIX_FMT_P010 && plain.fourcc != V4L2_PIX_FMT_HEVC)
        device->output.format_set = false;
    if (queue->is_output)
        device->crop = (struct v4l2_rect){0, 0, plain.width_px, plain.height_px};
    return 0;
}

static int get_format(struct standin_device *device, struct v4l2_format *format)
{
    const struct standin_queue *queue = standin_queue_of(device, format->type);
    struct plain plain;

    if (!queue)
        return -EINVAL;
    plain = (struct plain){queue->width_px, queue->height_px, queue->fourcc, queue->planes, {0}, {0}};
    memcpy(plain.stride_bytes, queue->stride_bytes, sizeof plain.stride_bytes);
    memcpy(plain.size_bytes, queue->size_bytes, sizeof plain.size_bytes);
    write_plain(device, &plain, format);
    return 0;
}

static int list_format(struct standin_device *device, struct v4l2_fmtdesc *entry)
{
    const struct standin_queue *queue = standin_queue_of(device, entry->type);
    uint32_t left = entry->index;

    if (!queue)
        return -EINVAL;
    if (!queue->is_output) {
        if (left > (device->options.hevc ? 1 : 0))
            return -EINVAL;
        entry->pixelformat = left == 0 ? V4L2_PIX_FMT_H264 : V4L2_PIX_FMT_HEVC;
        entry->flags = V4L2_FMT_FLAG_COMPRESSED;
        return 0;
    }
    for (size_t i = 0; i < RAWS; i++) {
        if (!takes(device, i))
            continue;
        if (left-- > 0)
            continue;
        entry->pixelformat = raws[i].fourcc;
        entry->flags = 0;
        return 0;
    }
    return -EINVAL;
}

static int list_size(struct v4l2_frmsizeenum *size)
{
    if (size->index > 0)
        return -EINVAL;
    size->type = V4L2_FRMSIZE_TYPE_STEPWISE;
    size->stepwise = (struct v4l2_frmsize_stepwise){SIZE_MIN_PX, 4096, 2, SIZE_MIN_PX, 2304, 2};
    return 0;
}

static int query_capability(struct standin_device *device, struct v4l2_capability *capability)
{
    memset(capability, 0, sizeof *capability);
    (void)snprintf((char *)capability->driver, sizeof capability->driver, "castor-standin");
    (void)snprintf((char *)capability->card, sizeof capability->card, "Castor stand-in encoder");
    (void)snprintf((char *)capability->bus_info, sizeof capability->bus_info, "platform:castor-standin");
    capability->device_caps = device->options.mplane ? V4L2_CAP_VIDEO_M2M_MPLANE : V4L2_CAP_VIDEO_M2M;
    if (standin_is_bad(&device->options, "not_m2m"))
        capability->device_caps = V4L2_CAP_VIDEO_CAPTURE;
    capability->device_caps |= V4L2_CAP_STREAMING;
    capability->capabilities = capability->device_caps | V4L2_CAP_DEVICE_CAPS;
    return 0;
}

static int set_interval(struct standin_device *device, struct v4l2_streamparm *parameter)
{
    struct v4l2_fract *interval = &parameter->parm.output.timeperframe;
    const struct standin_queue *queue = standin_queue_of(device, parameter->type);

    if (device->options.no_parm)
        return -ENOTTY;
    if (!queue || !queue->is_output)
        return -EINVAL;
    if (interval->numerator == 0 || interval->denominator == 0)
        return standin_misuse(EINVAL, "VIDIOC_S_PARM with a frame interval of %u/%u", interval->numerator,
                              interval->denominator);
    device->interval = *interval;
    parameter->parm.output.capability = V4L2_CAP_TIMEPERFRAME;
    return 0;
}

static int set_crop(struct standin_device *device, struct v4l2_selection *selection)
{
    struct v4l2_rect *r = &selection->r;

    if (device->options.no_crop)
        return -ENOTTY;
    bool is_output =
        selection->type == V4L2_BUF_TYPE_VIDEO_OUTPUT || selection->type == V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE;
    if (!is_output || selection->target != V4L2_SEL_TGT_CROP)
        return -EINVAL;
    if (!device->output.format_set)
        return standin_misuse(EINVAL, "VIDIOC_S_SELECTION before VIDIOC_S_FMT of the raw format");
    if (device->codec)
        return -EBUSY;
    r->left = r->top = 0;
    r->width = within(r->width & ~1u, SIZE_MIN_PX, device->output.width_px);
    r->height = within(r->height & ~1u, SIZE_MIN_PX, device->output.height_px);
    if (standin_is_bad(&device->options, "crop"))
        r->width -= 16;
    device->crop = *r;
    return 0;
}

int standin_format_ioctl(struct standin_device *device, unsigned long request, void *argument)
{
    switch (request) {
    case VIDIOC_QUERYCAP:
        return query_capability(device, argument);
    case VIDIOC_ENUM_FMT:
        return list_format(device, argument);
    case VIDIOC_ENUM_FRAMESIZES:
        return list_size(argument);
    case VIDIOC_G_FMT:
        return get_format(device, argument);
    case VIDIOC_S_FMT:
        return handle_format(device, argument, true);
    case VIDIOC_TRY_FMT:
        return handle_format(device, argument, false);
    case VIDIOC_S_PARM:
        return set_interval(device, argument);
    case VIDIOC_S_SELECTION:
        return set_crop(device, argument);
    default:
        return -ENOTTY;
    }
}
