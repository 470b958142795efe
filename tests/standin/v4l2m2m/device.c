// SPDX-License-Identifier: Apache-2.0
#include "standin.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

int standin_misuse(int error, const char *format, ...)
{
    const char *strict = getenv("CASTOR_STANDIN_STRICT");
    va_list arguments;

    va_start(arguments, format);
    (void)fprintf(stderr, "castor-standin-v4l2m2m: misuse: ");
    (void)vfprintf(stderr, format, arguments);
    (void)fprintf(stderr, "\n");
    va_end(arguments);
    if (strict && strcmp(strict, "1") == 0)
        abort();
    return -error;
}

struct standin_device *standin_device_create(void)
{
    struct standin_device *device = calloc(1, sizeof *device);
    pthread_condattr_t attributes;

    if (!device)
        return NULL;
    standin_options_read(&device->options);
    standin_options_renew(&device->options, true, 0);
    standin_controls_init(device);
    device->output.is_output = true;
    device->interval = (struct v4l2_fract){1, 30};
    device->fd = memfd_create("castor-standin-v4l2m2m", MFD_CLOEXEC);
    device->change = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    device->level = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (device->fd < 0 || device->change < 0 || device->level < 0 ||
        ftruncate(device->fd, (off_t)8 * STANDIN_BUFFERS_MAX * STANDIN_PLANE_ROOM_BYTES) != 0) {
        standin_device_destroy(device);
        errno = ENOMEM;
        return NULL;
    }
    pthread_mutex_init(&device->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&device->work, &attributes);
    pthread_condattr_destroy(&attributes);
    return device;
}

// Does not close `fd`: that is what the caller of close(2) does.
void standin_device_destroy(struct standin_device *device)
{
    if (device->has_thread) {
        pthread_mutex_lock(&device->lock);
        device->quit = true;
        pthread_cond_broadcast(&device->work);
        pthread_mutex_unlock(&device->lock);
        pthread_join(device->thread, NULL);
    }
    standin_queue_release(device, &device->output);
    standin_queue_release(device, &device->capture);
    if (device->codec)
        device->codec->ops->destroy(device->codec);
    if (device->change >= 0)
        (void)close(device->change);
    if (device->level >= 0)
        (void)close(device->level);
    pthread_mutex_destroy(&device->lock);
    pthread_cond_destroy(&device->work);
    free(device);
}

void standin_device_changed(struct standin_device *device)
{
    uint64_t one = 1;

    (void)!write(device->change, &one, sizeof one);
    standin_device_show(device);
}

static int stream_on(struct standin_device *device, uint32_t type)
{
    struct standin_queue *queue = standin_queue_of(device, type);

    if (!queue)
        return -EINVAL;
    if (queue->count == 0)
        return standin_misuse(EINVAL, "VIDIOC_STREAMON of a queue without buffers");
    if (queue->streaming)
        return 0;
    queue->streaming = true;
    if (!queue->is_output) {
        device->stream_start = true;
        device->draining = device->stopped = device->last_taken = false;
    }
    if (!device->has_thread && pthread_create(&device->thread, NULL, standin_work, device) != 0)
        return -ENOMEM;
    device->has_thread = true;
    pthread_cond_broadcast(&device->work);
    return 0;
}

static int stream_off(struct standin_device *device, uint32_t type)
{
    struct standin_queue *queue = standin_queue_of(device, type);

    if (!queue)
        return -EINVAL;
    queue->streaming = false;
    while (device->working)
        pthread_cond_wait(&device->work, &device->lock);
    for (uint32_t i = 0; i < queue->count; i++)
        queue->buffers[i].state = STATE_IDLE;
    if (!queue->is_output)
        device->draining = device->stopped = device->last_taken = false;
    return 0;
}

static int command(struct standin_device *device, const struct v4l2_encoder_cmd *order, bool tries)
{
    const struct standin_buffer *buffer;

    if (device->options.no_cmd)
        return -ENOTTY;
    if (order->cmd != V4L2_ENC_CMD_STOP && order->cmd != V4L2_ENC_CMD_START)
        return -EINVAL;
    if (tries)
        return 0;
    if (device->draining || (device->stopped && !device->last_taken))
        return standin_misuse(EBUSY, "VIDIOC_ENCODER_CMD while draining");
    if (order->cmd == V4L2_ENC_CMD_START) {
        device->stopped = device->last_taken = false;
    } else if (!device->stopped) {
        if (!device->output.streaming || !device->capture.streaming)
            return 0; // the documentation: no effect
        device->draining = true;
        device->drain_order = 0;
        for (uint32_t i = 0; i < device->output.count; i++) {
            buffer = &device->output.buffers[i];
            if (buffer->state == STATE_QUEUED && buffer->order > device->drain_order)
                device->drain_order = buffer->order;
        }
    }
    pthread_cond_broadcast(&device->work);
    return 0;
}

static int dequeue_event(struct standin_device *device, struct v4l2_event *event)
{
    if (device->events == 0)
        return -ENOENT;
    device->events--;
    memset(event, 0, sizeof *event);
    event->type = V4L2_EVENT_SOURCE_CHANGE;
    event->u.src_change.changes = V4L2_EVENT_SRC_CH_RESOLUTION;
    return 0;
}

static int subscribe(struct standin_device *device, const struct v4l2_event_subscription *event)
{
    if (event->type != V4L2_EVENT_SOURCE_CHANGE && event->type != V4L2_EVENT_EOS)
        return -EINVAL;
    device->subscribed = device->subscribed || event->type == V4L2_EVENT_SOURCE_CHANGE;
    return 0;
}

static int dispatch(struct standin_device *device, unsigned long request, void *argument)
{
    switch (request) {
    case VIDIOC_QUERYCTRL:
    case VIDIOC_QUERYMENU:
    case VIDIOC_G_CTRL:
    case VIDIOC_S_CTRL:
    case VIDIOC_G_EXT_CTRLS:
    case VIDIOC_S_EXT_CTRLS:
        return standin_control_ioctl(device, request, argument);
    case VIDIOC_REQBUFS:
    case VIDIOC_QUERYBUF:
    case VIDIOC_QBUF:
    case VIDIOC_DQBUF:
        return standin_buffer_ioctl(device, request, argument);
    case VIDIOC_STREAMON:
        return stream_on(device, (uint32_t) * (int *)argument);
    case VIDIOC_STREAMOFF:
        return stream_off(device, (uint32_t) * (int *)argument);
    case VIDIOC_ENCODER_CMD:
        return command(device, argument, false);
    case VIDIOC_TRY_ENCODER_CMD:
        return command(device, argument, true);
    case VIDIOC_SUBSCRIBE_EVENT:
        return subscribe(device, argument);
    case VIDIOC_DQEVENT:
        return dequeue_event(device, argument);
    default:
        return standin_format_ioctl(device, request, argument);
    }
}

int standin_device_ioctl(struct standin_device *device, unsigned long request, void *argument)
{
    pthread_mutex_lock(&device->lock);
    standin_options_renew(&device->options, false, device->picture);
    while (device->stuck)
        pthread_cond_wait(&device->work, &device->lock);
    // What a driver whose firmware died answers, to everything but the way out.
    bool is_way_out = request == VIDIOC_STREAMOFF || request == VIDIOC_REQBUFS;
    int result = device->dead && !is_way_out ? -EIO : dispatch(device, request, argument);
    standin_device_show(device);
    pthread_mutex_unlock(&device->lock);
    return result;
}

static short events_now(struct standin_device *device)
{
    short events = 0;

    if (device->dead || (!device->output.streaming && !device->capture.streaming))
        events |= POLLERR;
    if (standin_queue_first(&device->capture, STATE_DONE) || device->last_taken)
        events |= POLLIN | POLLRDNORM;
    if (standin_queue_first(&device->output, STATE_DONE))
        events |= POLLOUT | POLLWRNORM;
    if (device->events > 0)
        events |= POLLPRI;
    return device->deaf ? 0 : events;
}

short standin_device_events(struct standin_device *device, short wanted)
{
    pthread_mutex_lock(&device->lock);
    short events = events_now(device);
    pthread_mutex_unlock(&device->lock);
    return events & (short)(wanted | POLLERR);
}

void standin_device_show(struct standin_device *device)
{
    bool ready = events_now(device) & (short)(device->level_wanted | POLLERR);
    uint64_t count = 1;

    if (ready && !device->level_shown)
        (void)!write(device->level, &count, sizeof count);
    else if (!ready && device->level_shown)
        (void)!read(device->level, &count, sizeof count);
    device->level_shown = ready;
}
