// SPDX-License-Identifier: Apache-2.0
// What the stand-in answers to each ioctl, as the kernel's documentation has it.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

static uint32_t buffer_type(const struct device *device)
{
    return device->plan.mplane ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE;
}

static int query_capability(const struct device *device, struct v4l2_capability *body)
{
    uint32_t caps = device->plan.mplane ? V4L2_CAP_VIDEO_CAPTURE_MPLANE : V4L2_CAP_VIDEO_CAPTURE;

    memset(body, 0, sizeof *body);
    (void)snprintf((char *)body->driver, sizeof body->driver, "v4l2cap");
    (void)snprintf((char *)body->card, sizeof body->card, "stand-in camera");
    (void)snprintf((char *)body->bus_info, sizeof body->bus_info, "platform:v4l2cap");
    body->version = 6 << 16;
    body->device_caps = (device->plan.nodata ? V4L2_CAP_META_CAPTURE : caps) | V4L2_CAP_STREAMING;
    body->capabilities = body->device_caps | caps | V4L2_CAP_DEVICE_CAPS;
    return 0;
}

static int enum_formats(const struct device *device, struct v4l2_fmtdesc *body)
{
    if (body->type != buffer_type(device) || body->index >= device->plan.format_count)
        return EINVAL;
    body->pixelformat = device->plan.format[body->index];
    body->flags = body->pixelformat == V4L2_PIX_FMT_MJPEG ? V4L2_FMT_FLAG_COMPRESSED : 0;
    return 0;
}

static void report_format(const struct device *device, struct v4l2_format *body)
{
    const struct wire *wire = &device->wire;
    uint32_t stride = device->plan.lie == LIE_STRIDE ? wire->stride[0] / 2 : wire->stride[0];
    uint32_t size = device->plan.lie == LIE_SIZE ? wire->size[0] / 2 : wire->size[0];
    bool jpeg = wire->fourcc == V4L2_PIX_FMT_MJPEG;
    uint32_t colours = jpeg              ? V4L2_COLORSPACE_JPEG
                       : device->plan.sd ? V4L2_COLORSPACE_SMPTE170M
                                         : V4L2_COLORSPACE_REC709;
    uint32_t range = device->plan.full    ? V4L2_QUANTIZATION_FULL_RANGE
                     : device->plan.video ? V4L2_QUANTIZATION_LIM_RANGE
                                          : V4L2_QUANTIZATION_DEFAULT;

    memset(&body->fmt, 0, sizeof body->fmt);
    if (device->plan.mplane) {
        struct v4l2_pix_format_mplane *mp = &body->fmt.pix_mp;
        mp->width = device->width;
        mp->height = device->height;
        mp->pixelformat = wire->fourcc;
        mp->field = V4L2_FIELD_NONE;
        mp->colorspace = colours;
        mp->quantization = (uint8_t)range;
        mp->num_planes = (uint8_t)wire->memory_planes;
        for (uint32_t i = 0; i < wire->memory_planes; i++) {
            mp->plane_fmt[i].bytesperline = i ? wire->stride[i] : stride;
            mp->plane_fmt[i].sizeimage = i ? wire->size[i] : size;
        }
        return;
    }
    body->fmt.pix = (struct v4l2_pix_format){.width = device->width,
                                             .height = device->height,
                                             .pixelformat = wire->fourcc,
                                             .field = V4L2_FIELD_NONE,
                                             .bytesperline = stride,
                                             .sizeimage = size,
                                             .colorspace = colours,
                                             .quantization = range,
                                             .priv = V4L2_PIX_FMT_PRIV_MAGIC};
}

static uint32_t even_within(uint32_t value, uint32_t high)
{
    value &= ~1u;
    return value < 16 ? 16 : value > high ? high : value;
}

static bool offers(const struct device *device, uint32_t fourcc)
{
    for (uint32_t i = 0; i < device->plan.format_count; i++)
        if (device->plan.format[i] == fourcc)
            return true;
    return false;
}

static int set_format(struct device *device, struct v4l2_format *body)
{
    const struct v4l2_pix_format_mplane *mp = &body->fmt.pix_mp;
    const struct v4l2_pix_format *pix = &body->fmt.pix;
    bool many = device->plan.mplane;
    uint32_t fourcc = many ? mp->pixelformat : pix->pixelformat;

    if (body->type != buffer_type(device))
        return EINVAL;
    if (device->plan.busy || device->buffer_count)
        return EBUSY;
    if (!offers(device, fourcc) || device->plan.lie == LIE_FORMAT)
        fourcc = device->plan.lie == LIE_FORMAT ? V4L2_PIX_FMT_UYVY : device->plan.format[0];
    if (!device->plan.fixed && !device->plan.dv) {
        device->width = even_within(many ? mp->width : pix->width, 3840);
        device->height = even_within(many ? mp->height : pix->height, 2160);
    }
    (void)wire_layout(fourcc, device->width, device->height, device->plan.pad_bytes, &device->wire);
    device->wire.size[0] += device->plan.extra_bytes;
    report_format(device, body);
    return 0;
}

static int parameters(struct device *device, struct v4l2_streamparm *body, bool set)
{
    const struct v4l2_fract *wanted = &body->parm.capture.timeperframe;

    if (device->plan.no_rate)
        return ENOTTY;
    if (body->type != buffer_type(device))
        return EINVAL;
    if (set && device->streaming)
        return EBUSY;
    if (set && wanted->numerator && wanted->denominator && !device->plan.fixed) {
        device->rate_num = wanted->denominator;
        device->rate_den = wanted->numerator;
    }
    memset(&body->parm, 0, sizeof body->parm);
    body->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
    body->parm.capture.timeperframe = (struct v4l2_fract){device->rate_den, device->rate_num};
    return 0;
}

// ---- input and timings ----

static int enum_input(const struct device *device, struct v4l2_input *body)
{
    static const struct {
        enum fault_kind link;
        uint32_t status;
    } status[] = {{FAULT_NOSIGNAL, V4L2_IN_ST_NO_SIGNAL},
                  {FAULT_NOSYNC, V4L2_IN_ST_NO_SYNC},
                  {FAULT_NORANGE, V4L2_IN_ST_NO_SYNC},
                  {FAULT_NOCABLE, V4L2_IN_ST_NO_POWER}};
    uint32_t index = body->index;

    if (index != 0)
        return EINVAL;
    memset(body, 0, sizeof *body);
    (void)snprintf((char *)body->name, sizeof body->name, "plug");
    body->type = V4L2_INPUT_TYPE_CAMERA;
    body->capabilities = device->plan.dv ? V4L2_IN_CAP_DV_TIMINGS : 0;
    for (size_t i = 0; i < sizeof status / sizeof status[0]; i++)
        if (status[i].link == device->link)
            body->status = status[i].status;
    return 0;
}

static void make_timings(const struct device *device, uint32_t width, uint32_t height,
                         struct v4l2_dv_timings *out)
{
    memset(out, 0, sizeof *out);
    out->type = V4L2_DV_BT_656_1120;
    out->bt.width = width;
    out->bt.height = height;
    out->bt.hsync = 280;
    out->bt.vsync = 45;
    out->bt.pixelclock =
        (uint64_t)(width + 280) * (height + 45) * device->plan.rate_num / device->plan.rate_den;
}

static int query_timings(const struct device *device, struct v4l2_dv_timings *out)
{
    if (!device->plan.dv)
        return ENOTTY;
    if (device->link == FAULT_NOSIGNAL || device->link == FAULT_NOCABLE)
        return ENOLINK;
    if (device->link == FAULT_NOSYNC)
        return ENOLCK;
    if (device->link == FAULT_NORANGE)
        return ERANGE;
    make_timings(device, device->signal_width, device->signal_height, out);
    return 0;
}

static int set_timings(struct device *device, const struct v4l2_dv_timings *body)
{
    if (!device->plan.dv)
        return ENOTTY;
    if (device->plan.busy || device->buffer_count)
        return EBUSY;
    device->width = body->bt.width;
    device->height = body->bt.height;
    (void)wire_layout(device->wire.fourcc, device->width, device->height, device->plan.pad_bytes,
                      &device->wire);
    return 0;
}

static int get_control(const struct device *device, struct v4l2_control *body)
{
    if (body->id != V4L2_CID_DV_RX_POWER_PRESENT || !device->plan.dv)
        return EINVAL;
    body->value = device->link != FAULT_NOCABLE;
    return 0;
}

static int dequeue_event(struct device *device, struct v4l2_event *body)
{
    if (device->events == 0)
        return ENOENT;
    device->events--;
    memset(body, 0, sizeof *body);
    body->type = V4L2_EVENT_SOURCE_CHANGE;
    body->u.src_change.changes = V4L2_EVENT_SRC_CH_RESOLUTION;
    body->pending = device->events;
    body->sequence = device->event_count - device->events - 1;
    return 0;
}

// ---- buffers ----

static void free_buffers(struct device *device)
{
    if (device->memory)
        (void)munmap(device->memory, device->memory_bytes);
    canvas_destroy(device->canvas);
    device->canvas = NULL;
    device->memory = NULL;
    device->memory_bytes = 0;
    device->buffer_count = 0;
    import_release(device);
}

static int request_buffers(struct device *device, struct v4l2_requestbuffers *body)
{
    bool imports = body->memory == V4L2_MEMORY_DMABUF;
    size_t total = 0;

    if (body->type != buffer_type(device) || (body->memory != V4L2_MEMORY_MMAP && !imports))
        return misuse("REQBUFS of type %u, memory %u", body->type, body->memory);
    if (device->streaming)
        return EBUSY;
    if (device->plan.busy)
        return EBUSY;
    free_buffers(device);
    memset(device->buffer, 0, sizeof device->buffer);
    if (body->count == 0)
        return 0;
    if (imports && device->plan.no_import)
        return EINVAL;
    device->memory_type = body->memory;
    if (body->count > device->plan.buffers)
        body->count = device->plan.buffers;
    for (uint32_t i = 0; i < body->count; i++)
        for (uint32_t j = 0; j < device->wire.memory_planes; j++) {
            device->buffer[i].offset[j] = total;
            device->buffer[i].length[j] = device->wire.size[j];
            total += imports ? 0 : device->wire.size[j];
        }
    device->canvas = canvas_create(device->width, device->height, &device->plan);
    if (!device->canvas || ftruncate(device->fd, (off_t)total) != 0)
        return ENOMEM;
    device->memory = imports ? NULL : mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_SHARED, device->fd, 0);
    if (device->memory == MAP_FAILED)
        return ENOMEM;
    device->memory_bytes = total;
    device->buffer_count = body->count;
    return 0;
}

// The checks that all calls with a buffer share.
static int check_buffer(const struct device *device, const struct v4l2_buffer *body, const char *call)
{
    if (body->type != buffer_type(device) || body->memory != device->memory_type)
        return misuse("%s of type %u, memory %u", call, body->type, body->memory);
    if (device->buffer_count == 0)
        return misuse("%s without buffers", call);
    if (device->plan.mplane && (!body->m.planes || body->length < device->wire.memory_planes))
        return misuse("%s with room for %u planes, the format has %u", call, body->length,
                      device->wire.memory_planes);
    return 0;
}

static void describe(const struct device *device, uint32_t index, struct v4l2_buffer *body)
{
    const struct standin_buffer *buffer = &device->buffer[index];
    uint32_t lie = device->plan.lie == LIE_LENGTH ? 2 : 1;
    bool imported = device->memory_type == V4L2_MEMORY_DMABUF;
    uint32_t more = device->plan.lie == LIE_USED && imported ? 2 : 1;

    body->index = index;
    body->flags = buffer->flags;
    body->field = V4L2_FIELD_NONE;
    body->sequence = buffer->sequence;
    body->timestamp.tv_sec = buffer->stamp_ns / CASTOR_NS_PER_S;
    body->timestamp.tv_usec = buffer->stamp_ns % CASTOR_NS_PER_S / CASTOR_NS_PER_US;
    if (!device->plan.mplane) {
        body->bytesused = (uint32_t)buffer->used[0] * more;
        body->length = (uint32_t)buffer->length[0] / lie;
        body->m.offset = (uint32_t)buffer->offset[0];
        return;
    }
    body->length = device->wire.memory_planes;
    for (uint32_t i = 0; i < device->wire.memory_planes; i++) {
        body->m.planes[i].bytesused = (uint32_t)buffer->used[i] * more;
        body->m.planes[i].length = (uint32_t)buffer->length[i] / lie;
        body->m.planes[i].m.mem_offset = (uint32_t)buffer->offset[i];
        body->m.planes[i].data_offset = 0;
    }
}

static int query_buffer(const struct device *device, struct v4l2_buffer *body)
{
    int error = check_buffer(device, body, "QUERYBUF");

    if (error)
        return error;
    if (device->memory_type != V4L2_MEMORY_MMAP)
        return misuse("QUERYBUF of imported buffers, which have no place to map");
    if (body->index >= device->buffer_count)
        return misuse("QUERYBUF of buffer %u of %u", body->index, device->buffer_count);
    describe(device, body->index, body);
    return 0;
}

static int queue_buffer(struct device *device, struct v4l2_buffer *body)
{
    int error = check_buffer(device, body, "QBUF");

    if (error)
        return error;
    if (body->index >= device->buffer_count)
        return misuse("QBUF of buffer %u of %u", body->index, device->buffer_count);
    if (device->buffer[body->index].state != BUFFER_IDLE)
        return misuse("QBUF of buffer %u, which the device has already", body->index);
    if (device->memory_type == V4L2_MEMORY_DMABUF && (error = import_slot(device, body)) != 0)
        return error;
    device->buffer[body->index].state = BUFFER_QUEUED;
    device->buffer[body->index].order = device->order++;
    return 0;
}

static int dequeue_buffer(struct device *device, struct v4l2_buffer *body)
{
    uint32_t first = STANDIN_BUFFERS_MAX;
    int error = check_buffer(device, body, "DQBUF");

    if (error)
        return error;
    if (!device->streaming)
        return misuse("DQBUF before STREAMON");
    if (device->eio) {
        device->eio--;
        return EIO;
    }
    for (uint32_t i = 0; i < device->buffer_count; i++)
        if (device->buffer[i].state == BUFFER_DONE &&
            (first == STANDIN_BUFFERS_MAX || device->buffer[i].order < device->buffer[first].order))
            first = i;
    if (first == STANDIN_BUFFERS_MAX)
        return EAGAIN;
    device->buffer[first].state = BUFFER_IDLE;
    describe(device, first, body);
    return 0;
}

static int stream(struct device *device, const int *type, bool on)
{
    if ((uint32_t)*type != buffer_type(device))
        return misuse("STREAMON or STREAMOFF of type %d", *type);
    if (on && device->buffer_count == 0)
        return misuse("STREAMON without buffers");
    if (on && !device->streaming) {
        device->start_ns = castor_now_ns();
        device->tick = 0;
        device->filled = 0;
        device->counter = 0;
    }
    if (!on)
        for (uint32_t i = 0; i < device->buffer_count; i++)
            device->buffer[i].state = BUFFER_IDLE;
    device->streaming = on;
    return 0;
}

// ---- the table ----

static int shape_call(struct device *device, unsigned long request, void *argument)
{
    struct v4l2_format *format = argument;

    switch (request) {
    case VIDIOC_QUERYCAP:
        return query_capability(device, argument);
    case VIDIOC_ENUM_FMT:
        return enum_formats(device, argument);
    case VIDIOC_G_FMT:
        if (format->type != buffer_type(device))
            return EINVAL;
        report_format(device, format);
        return 0;
    case VIDIOC_S_FMT:
        return set_format(device, format);
    case VIDIOC_G_PARM:
        return parameters(device, argument, false);
    case VIDIOC_S_PARM:
        return parameters(device, argument, true);
    case VIDIOC_G_INPUT:
        *(int *)argument = 0;
        return 0;
    case VIDIOC_S_INPUT:
        return *(const int *)argument == 0 ? 0 : EINVAL;
    case VIDIOC_ENUMINPUT:
        return enum_input(device, argument);
    case VIDIOC_G_CTRL:
        return get_control(device, argument);
    case VIDIOC_G_EDID:
        return edid_get(device, argument);
    case VIDIOC_S_EDID:
        return edid_set(device, argument);
    case VIDIOC_QUERY_DV_TIMINGS:
        return query_timings(device, argument);
    case VIDIOC_S_DV_TIMINGS:
        return set_timings(device, argument);
    case VIDIOC_G_DV_TIMINGS:
        if (!device->plan.dv)
            return ENOTTY;
        make_timings(device, device->width, device->height, argument);
        return 0;
    default:
        return ENOTTY;
    }
}

int device_ioctl(struct device *device, unsigned long request, void *argument)
{
    int result;

    device_step(device);
    if (device->gone)
        return ENODEV;
    switch (request) {
    case VIDIOC_REQBUFS:
        result = request_buffers(device, argument);
        break;
    case VIDIOC_QUERYBUF:
        result = query_buffer(device, argument);
        break;
    case VIDIOC_QBUF:
        result = queue_buffer(device, argument);
        break;
    case VIDIOC_DQBUF:
        result = dequeue_buffer(device, argument);
        break;
    case VIDIOC_STREAMON:
    case VIDIOC_STREAMOFF:
        result = stream(device, argument, request == VIDIOC_STREAMON);
        break;
    case VIDIOC_SUBSCRIBE_EVENT:
        device->subscribed = true;
        result = 0;
        break;
    case VIDIOC_DQEVENT:
        result = dequeue_event(device, argument);
        break;
    default:
        result = shape_call(device, request, argument);
    }
    device_step(device);
    return result;
}
