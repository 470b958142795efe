// SPDX-License-Identifier: Apache-2.0
// H.264 and HEVC by a V4L2 stateful memory-to-memory device, as boards have them. Every call on the device is
// one that its documentation says does not block (the node is opened O_NONBLOCK), so no thread is needed; a
// kernel driver that hangs in such a call hangs this process, which the supervisor sees as a stall.
#include "drivers.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/videodev2.h>

#include "hal/time.h"
#include "v4l2m2m_control.h"
#include "v4l2m2m_import.h"
#include "v4l2m2m_session.h"

#define DEFAULT_VBV_MS 250
#define CAPTURE_BUFFERS 3
#define SUBMIT_WAIT_NS (8 * CASTOR_NS_PER_MS) // of the 10 ms that submit() may take

static struct v4l2m2m_session *from_base(struct encoder *base)
{
    return (struct v4l2m2m_session *)base; // base is its first member
}

static int v4l2m2m_devices(struct encoder_device *list, uint32_t capacity, uint32_t *count)
{
    return v4l2m2m_device_list(list, capacity, count);
}

// Pictures that the device wants before it gives the first.
static uint32_t device_depth(const struct v4l2m2m_device *device)
{
    int32_t depth = v4l2m2m_control_get(device->fd, V4L2_CID_MIN_BUFFERS_FOR_OUTPUT, 1);

    return depth < 1 ? 1 : (uint32_t)depth;
}

// One 8-bit pixel format is made of the other in the copy. 10 bits are for HEVC only, and not for a device
// that would take them and make 8 of them.
static uint32_t pixels_of(const struct v4l2m2m_device *device, enum encoder_codec codec)
{
    uint32_t mask = device->raw_mask[codec];
    uint32_t pixels = 0;

    if (mask & ~(1u << V4L2M2M_RAW_P010))
        pixels |= 1u << CASTOR_PIXEL_I420 | 1u << CASTOR_PIXEL_NV12;
    if (codec == ENCODER_CODEC_HEVC && mask & 1u << V4L2M2M_RAW_P010 &&
        v4l2m2m_control_offers(device->fd, V4L2_CID_MPEG_VIDEO_HEVC_PROFILE,
                               V4L2_MPEG_VIDEO_HEVC_PROFILE_MAIN_10))
        pixels |= 1u << CASTOR_PIXEL_P010;
    return pixels;
}

static int v4l2m2m_probe(const char *path, struct encoder_caps *out, struct encoder_text *why)
{
    struct v4l2m2m_device device;
    struct encoder_caps caps = {
        .max_in_flight = V4L2M2M_IN_FLIGHT_MAX,
        .flags = ENCODER_CAP_DMABUF, // where layouts agree, which is known when it is open
    };
    int error = v4l2m2m_device_open(path, &device, why);

    if (error != CASTOR_OK)
        return error;
    for (enum encoder_codec codec = ENCODER_CODEC_H264; codec < ENCODER_CODEC_END; codec++)
        caps.pixels[codec] = pixels_of(&device, codec);
    v4l2m2m_device_sizes(&device, &caps);
    if (device_depth(&device) <= 1)
        caps.flags |= ENCODER_CAP_FORCE_IDR;
    if (v4l2m2m_control_exists(device.fd, V4L2_CID_MPEG_VIDEO_BITRATE)) {
        caps.flags |= ENCODER_CAP_SET_BITRATE;
        if (v4l2m2m_control_exists(device.fd, V4L2_CID_MPEG_VIDEO_VBV_SIZE))
            caps.flags |= ENCODER_CAP_VBV;
    }
    v4l2m2m_device_close(&device);
    *out = caps;
    return CASTOR_OK;
}

static void v4l2m2m_close(struct encoder *base)
{
    if (!base)
        return;
    struct v4l2m2m_session *session = from_base(base);
    (void)v4l2m2m_queue_stop(&session->output);
    (void)v4l2m2m_queue_stop(&session->capture);
    v4l2m2m_queue_finish(&session->output);
    v4l2m2m_queue_finish(&session->capture);
    v4l2m2m_device_close(&session->device);
    if (session->epoll >= 0)
        close(session->epoll);
    free(session->room);
    free(session);
}

static void init_queue(struct v4l2m2m_queue *queue, const struct v4l2m2m_device *device, bool coded,
                       uint32_t planes)
{
    queue->fd = device->fd;
    queue->type = v4l2m2m_device_buffer_type(device, coded);
    queue->mplane = device->mplane;
    queue->planes = planes;
}

static int make_buffers(struct v4l2m2m_session *session, const struct encoder_config *config,
                        size_t coded_bytes, struct encoder_text *why)
{
    size_t coded[V4L2M2M_PLANES_MAX] = {coded_bytes, 0, 0};
    uint32_t depth = device_depth(&session->device);
    int32_t coded_min = v4l2m2m_control_get(session->device.fd, V4L2_CID_MIN_BUFFERS_FOR_CAPTURE, 1);
    uint32_t in_flight = depth > 1 ? depth + 1 : 2;

    session->pipelined = depth > 1;
    if (in_flight > V4L2M2M_IN_FLIGHT_MAX)
        in_flight = V4L2M2M_IN_FLIGHT_MAX;
    init_queue(&session->output, &session->device, false, session->layout.buffer_planes);
    init_queue(&session->capture, &session->device, true, 1);
    int error = v4l2m2m_import_begin(session, config->slot, V4L2M2M_BUFFERS_MAX, why);
    // One more, since a result may come before the device lets go of the picture.
    if (error == CASTOR_OK && !session->output.imports)
        error = v4l2m2m_queue_init(&session->output, in_flight + 1, session->layout.buffer_bytes, why);
    if (error == CASTOR_OK)
        error = v4l2m2m_queue_init(&session->capture,
                                   coded_min > CAPTURE_BUFFERS ? (uint32_t)coded_min : CAPTURE_BUFFERS, coded,
                                   why);
    if (error != CASTOR_OK)
        return error;
    if (in_flight > session->output.count)
        in_flight = session->output.count;
    session->base.max_in_flight = in_flight;
    return CASTOR_OK;
}

static int start_streaming(struct v4l2m2m_session *session, struct encoder_text *why)
{
    int error = v4l2m2m_queue_put_all(&session->capture);

    if (error == 0)
        error = v4l2m2m_queue_start(&session->output);
    if (error == 0)
        error = v4l2m2m_queue_start(&session->capture);
    if (error != 0)
        return encoder_text_set(why, v4l2m2m_error(error), "v4l2m2m: %s does not start: %s",
                                session->device.path, strerror(-error));
    session->fresh = true;
    return CASTOR_OK;
}

static int set_up(struct v4l2m2m_session *session, const struct encoder_config *config,
                  struct encoder_text *why)
{
    struct v4l2_event_subscription event = {.type = V4L2_EVENT_SOURCE_CHANGE};
    struct v4l2_encoder_cmd stop = {.cmd = V4L2_ENC_CMD_STOP};
    size_t coded_bytes = 0;
    int error = v4l2m2m_format_negotiate(&session->device, config->codec, &config->format, &session->layout,
                                         &coded_bytes, why);

    if (error == CASTOR_OK)
        error = v4l2m2m_control_setup(&session->device, config, session->vbv_ms, why);
    if (error == CASTOR_OK)
        error = make_buffers(session, config, coded_bytes, why);
    if (error != CASTOR_OK)
        return error;
    session->has_force_key = v4l2m2m_control_exists(session->device.fd, V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME);
    session->has_stop = v4l2m2m_ioctl(session->device.fd, VIDIOC_TRY_ENCODER_CMD, &stop) == 0;
    // Not every device has it; one that does not never changes its format.
    (void)v4l2m2m_ioctl(session->device.fd, VIDIOC_SUBSCRIBE_EVENT, &event);
    return start_streaming(session, why);
}

static int v4l2m2m_open(const struct encoder_config *config, struct encoder **out, struct encoder_text *why)
{
    if (config->script && config->script[0])
        return encoder_text_set(why, CASTOR_ERR_INVALID,
                                "v4l2m2m: takes no script; only the fake driver does");
    if (config->preset && config->preset[0])
        return encoder_text_set(why, CASTOR_ERR_INVALID,
                                "v4l2m2m: has no presets, not \"%s\"; leave it empty", config->preset);
    struct v4l2m2m_session *session = calloc(1, sizeof *session);
    if (!session)
        return encoder_text_set(why, CASTOR_ERR_NO_MEMORY, "v4l2m2m: out of memory");
    session->codec = config->codec;
    session->format = config->format;
    session->vbv_ms = config->vbv_ms ? config->vbv_ms : DEFAULT_VBV_MS;
    session->gop_frames = config->gop_frames;
    session->new_sequence = true;
    session->epoll = -1;
    session->room = malloc(V4L2M2M_HEADROOM_BYTES + ENCODER_ACCESS_UNIT_MAX_BYTES);
    if (!session->room) {
        free(session);
        return encoder_text_set(why, CASTOR_ERR_NO_MEMORY, "v4l2m2m: out of memory");
    }
    int error = v4l2m2m_device_open(config->device ? config->device : "", &session->device, why);
    if (error != CASTOR_OK) {
        free(session->room);
        free(session);
        return error;
    }
    session->output.fd = session->capture.fd = session->device.fd;
    error = set_up(session, config, why);
    if (error != CASTOR_OK) {
        v4l2m2m_close(&session->base);
        return error;
    }
    *out = &session->base;
    return CASTOR_OK;
}

static int v4l2m2m_descriptor(const struct encoder *base)
{
    const struct v4l2m2m_session *session = (const struct v4l2m2m_session *)base;

    return session->epoll >= 0 ? session->epoll : session->device.fd;
}

// A raw buffer that is ours. FULL when the device lets go of none in time.
static int find_room(struct v4l2m2m_session *session, const struct castor_frame *frame, int64_t deadline_ns,
                     uint32_t *out)
{
    for (;;) {
        int error = v4l2m2m_session_reclaim(session);
        if (error != CASTOR_OK)
            return error;
        *out = v4l2m2m_queue_free(&session->output, frame);
        if (*out != UINT32_MAX)
            return CASTOR_OK;
        error = v4l2m2m_session_wait(session, POLLOUT, deadline_ns);
        if (error == CASTOR_ERR_TIMEOUT)
            return encoder_text_set(&session->base.fault, CASTOR_ERR_FULL,
                                    "v4l2m2m: %s: the device holds on to every raw buffer",
                                    session->device.path);
        if (error != CASTOR_OK)
            return error;
    }
}

static bool wants_idr(const struct v4l2m2m_session *session, uint32_t flags)
{
    return flags & ENCODER_SUBMIT_IDR || session->new_sequence ||
           (session->gop_frames && session->since_idr + 1 >= session->gop_frames);
}

static int v4l2m2m_submit(struct encoder *base, const struct castor_frame *frame, uint32_t flags)
{
    struct v4l2m2m_session *session = from_base(base);
    int64_t deadline_ns = castor_now_ns() + SUBMIT_WAIT_NS;
    uint32_t index = 0;

    int error = v4l2m2m_session_check(session);
    if (error == CASTOR_OK && session->stopped && session->frame_count == 0)
        error = v4l2m2m_session_end_drain(session, deadline_ns);
    if (error == CASTOR_OK)
        error = find_room(session, frame, deadline_ns, &index);
    if (error != CASTOR_OK)
        return error;
    bool copied = !session->output.imports;
    if (copied)
        v4l2m2m_format_copy(&session->layout, &session->format, frame, &session->output.buffers[index]);
    else
        v4l2m2m_queue_place(&session->output, index, frame);
    session->output.buffers[index].filled = true;
    bool idr = wants_idr(session, flags);
    session->submitted++;
    // A time that rises as that of real pictures does: some devices reckon with it.
    uint64_t stamp_us =
        (uint64_t)castor_frame_time_ns(session->format.rate, session->submitted) / CASTOR_NS_PER_US;
    assert(session->frame_count < V4L2M2M_IN_FLIGHT_MAX);
    session->frames[session->frame_count++] =
        (struct v4l2m2m_frame){frame->sequence, stamp_us, index, idr, false, copied};
    session->since_idr = idr ? 0 : session->since_idr + 1;
    session->new_sequence = session->flushed = session->stop_due = false;
    error = v4l2m2m_session_move(session);
    if (error != CASTOR_OK)
        session->frame_count--; // not lent; nothing but close() follows
    return error;
}

static int receive(struct v4l2m2m_session *session, struct encoder_output *out, int64_t deadline_ns)
{
    for (;;) {
        bool progress;
        int error = v4l2m2m_session_check(session);
        if (error != CASTOR_OK)
            return error;
        if (session->frame_count == 0)
            return session->flushed ? CASTOR_ERR_END : CASTOR_ERR_AGAIN;
        if (session->drained && session->frames[0].queued)
            v4l2m2m_session_drop_oldest(session, out); // the device finished without it
        else
            error = v4l2m2m_session_take(session, out, &progress);
        if (error == CASTOR_OK) {
            // What waited for this result goes in now. A failure shows at the next call.
            if (v4l2m2m_session_reclaim(session) == CASTOR_OK)
                (void)!v4l2m2m_session_move(session);
            return CASTOR_OK;
        }
        if (error != CASTOR_ERR_AGAIN)
            return error;
        if (progress || session->drained) {
            error = v4l2m2m_session_move(session);
            if (error != CASTOR_OK)
                return error;
            continue;
        }
        error = v4l2m2m_session_wait(session, POLLIN, deadline_ns);
        if (error != CASTOR_OK)
            return error;
    }
}

// Until the device has let go of every picture whose result is known.
static int settle(struct v4l2m2m_session *session, int64_t deadline_ns)
{
    int error = v4l2m2m_session_check(session);

    while (error == CASTOR_OK && v4l2m2m_import_owes(session)) {
        error = v4l2m2m_session_reclaim(session);
        if (error == CASTOR_OK && v4l2m2m_import_owes(session))
            error = v4l2m2m_session_wait(session, POLLOUT, deadline_ns);
    }
    return error;
}

static int v4l2m2m_receive(struct encoder *base, struct encoder_output *out, int64_t deadline_ns)
{
    struct v4l2m2m_session *session = from_base(base);
    int error = session->holds ? CASTOR_OK : receive(session, &session->held, deadline_ns);

    if (error != CASTOR_OK)
        return error;
    error = settle(session, deadline_ns);
    session->holds = error == CASTOR_ERR_TIMEOUT;
    v4l2m2m_import_watch(session, session->holds);
    if (error == CASTOR_OK)
        *out = session->held;
    return error;
}

static int v4l2m2m_set_bitrate(struct encoder *base, uint32_t bitrate_bps)
{
    struct v4l2m2m_session *session = from_base(base);
    int error = v4l2m2m_session_check(session);

    if (error == CASTOR_OK)
        error = v4l2m2m_control_bitrate(session->device.fd, bitrate_bps, session->vbv_ms, &base->fault);
    return error;
}

static int v4l2m2m_flush(struct encoder *base, int64_t deadline_ns)
{
    struct v4l2m2m_session *session = from_base(base);
    int error = v4l2m2m_session_check(session);

    (void)deadline_ns; // nothing here waits
    if (error != CASTOR_OK)
        return error;
    session->flushed = session->new_sequence = true;
    session->stop_due = session->frame_count > 0 && session->has_stop && !session->stopped;
    return v4l2m2m_session_move(session);
}

const struct encoder_driver encoder_driver_v4l2m2m = {
    .name = "v4l2m2m",
    .description = "H.264 and HEVC by a V4L2 memory-to-memory device",
    .devices = v4l2m2m_devices,
    .probe = v4l2m2m_probe,
    .open = v4l2m2m_open,
    .descriptor = v4l2m2m_descriptor,
    .submit = v4l2m2m_submit,
    .receive = v4l2m2m_receive,
    .set_bitrate = v4l2m2m_set_bitrate,
    .flush = v4l2m2m_flush,
    .close = v4l2m2m_close,
};
