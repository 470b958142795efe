// SPDX-License-Identifier: Apache-2.0
// The stand-in's time: when pictures come, into which buffer, and what goes wrong with them.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <errno.h>
#include <poll.h>

#include "internal.h"

int misuse(const char *format, ...)
{
    const char *strict = getenv("CASTOR_STANDIN_STRICT");
    char text[256];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "v4l2cap: misuse: %s\n", text);
    if (strict && strcmp(strict, "1") == 0)
        abort();
    return EINVAL;
}

// A plug that is bad from picture 0 on is so before the program starts the stream.
static void begin_link(struct device *device)
{
    for (uint32_t i = 0; i < device->plan.fault_count; i++) {
        const struct fault *fault = &device->plan.fault[i];
        if (fault->at == 0 && fault->kind >= FAULT_NOSIGNAL && fault->kind <= FAULT_NOCABLE)
            device->link = fault->kind;
    }
}

bool device_create(struct device *device, const struct plan *plan)
{
    struct plan own = *plan;

    memset(device, 0, sizeof *device);
    device->plan = own;
    device->fd = memfd_create("v4l2cap", MFD_CLOEXEC);
    device->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (device->fd < 0 || device->timer < 0) {
        device_destroy(device);
        return false;
    }
    device->width = device->signal_width = own.width;
    device->height = device->signal_height = own.height;
    edid_shape(&device->signal_width, &device->signal_height);
    device->rate_num = own.rate_num;
    device->rate_den = own.rate_den;
    begin_link(device);
    return wire_layout(own.format[0], own.width, own.height, own.pad_bytes, &device->wire);
}

void device_destroy(struct device *device)
{
    if (device->memory)
        (void)munmap(device->memory, device->memory_bytes);
    canvas_destroy(device->canvas);
    import_release(device);
    if (device->timer >= 0)
        (void)syscall(SYS_close, device->timer);
    if (device->fd >= 0)
        (void)syscall(SYS_close, device->fd);
    memset(device, 0, sizeof *device);
    device->fd = -1;
    device->timer = -1;
}

static int64_t due_ns(const struct device *device)
{
    const struct castor_rational rate = {device->rate_num, device->rate_den};

    return device->start_ns + castor_frame_time_ns(rate, device->tick + 1);
}

static struct standin_buffer *first_in(struct device *device, enum buffer_state state)
{
    struct standin_buffer *first = NULL;

    for (uint32_t i = 0; i < device->buffer_count; i++) {
        struct standin_buffer *buffer = &device->buffer[i];
        if (buffer->state == state && (!first || buffer->order < first->order))
            first = buffer;
    }
    return first;
}

// What befalls a buffer is counted in pictures that are delivered, so that it strikes however slow the
// program is; all else in pictures that arrive.
static uint64_t position(const struct device *device, enum fault_kind kind)
{
    return kind >= FAULT_REPEAT && kind <= FAULT_JUNK ? device->filled : device->tick;
}

// Whether the fault covers this picture; *value is what it was given.
static bool strikes(const struct device *device, enum fault_kind kind, bool lasts, uint32_t *value)
{
    uint64_t now = position(device, kind);

    for (uint32_t i = 0; i < device->plan.fault_count; i++) {
        const struct fault *fault = &device->plan.fault[i];
        uint64_t end = fault->at + (lasts ? fault->value : 1);

        if (fault->kind != kind || now < fault->at || now >= end)
            continue;
        *value = fault->value;
        return true;
    }
    return false;
}

static void raise_event(struct device *device)
{
    if (!device->subscribed)
        return;
    device->events++;
    device->event_count++;
}

// Receivers with timings tell of a signal that comes and goes; others do not.
static void set_link(struct device *device, enum fault_kind link, uint64_t until)
{
    device->link = link;
    device->link_until = until;
    if (device->plan.dv)
        raise_event(device);
}

// What happens to the device as a whole at this picture's time.
static void strike_device(struct device *device)
{
    static const enum fault_kind links[] = {FAULT_NOSIGNAL, FAULT_NOSYNC, FAULT_NORANGE, FAULT_NOCABLE};
    bool quietly;
    uint32_t value;

    if (strikes(device, FAULT_GONE, false, &value))
        device->gone = true;
    if (strikes(device, FAULT_STALL, false, &value))
        device->silent = true;
    if (strikes(device, FAULT_EIO, false, &value))
        device->eio = value;
    if (strikes(device, FAULT_JUMP, false, &value))
        device->counter += value;
    if (strikes(device, FAULT_RESET, false, &value))
        device->counter = 0;
    quietly = strikes(device, FAULT_QUIETLY, false, &value);
    if (quietly || strikes(device, FAULT_CHANGE, false, &value)) {
        device->signal_width = value;
        device->signal_height = value * 9 / 16 & ~1u;
        device->silent = true;
        if (!quietly)
            raise_event(device);
    }
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        if (strikes(device, links[i], false, &value))
            set_link(device, links[i], value ? device->tick + value : 0);
    if (device->link_until && device->tick >= device->link_until)
        set_link(device, FAULT_GAP, 0);
}

static int64_t stamp_of(struct device *device, int64_t time_ns)
{
    int64_t stamp_ns = time_ns;
    uint32_t value;

    if (strikes(device, FAULT_REPEAT, true, &value))
        stamp_ns = device->stamp_before_ns;
    if (strikes(device, FAULT_BACK, false, &value))
        stamp_ns = device->stamp_before_ns - value * CASTOR_NS_PER_MS;
    if (strikes(device, FAULT_FUTURE, false, &value))
        stamp_ns = time_ns + value * CASTOR_NS_PER_MS;
    device->stamp_before_ns = stamp_ns;
    return stamp_ns;
}

static void fill(struct device *device, struct standin_buffer *buffer)
{
    uint8_t *memory[3] = {0};
    uint32_t value;

    for (uint32_t i = 0; i < device->wire.memory_planes; i++)
        memory[i] = buffer->view.memory ? buffer->view.memory : device->memory + buffer->offset[i];
    canvas_pack(device->canvas, &device->wire, device->counter, memory, buffer->used);
    buffer->flags =
        device->plan.no_stamp ? V4L2_BUF_FLAG_TIMESTAMP_UNKNOWN : V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    if (strikes(device, FAULT_ERROR, true, &value)) {
        buffer->flags |= V4L2_BUF_FLAG_ERROR;
        memset(memory[0], 0x55, buffer->used[0] / 2);
    }
    if (strikes(device, FAULT_SHORT, true, &value))
        buffer->used[0] /= 2;
    if (strikes(device, FAULT_JUNK, true, &value))
        memset(memory[0], 0xA5, buffer->used[0]);
    buffer->sequence = device->plan.no_counter ? 0 : device->counter;
    buffer->stamp_ns = stamp_of(device, due_ns(device));
    buffer->state = BUFFER_DONE;
    buffer->order = device->order++;
    device->filled++;
}

static void one_picture(struct device *device)
{
    struct standin_buffer *buffer;
    uint32_t value;

    strike_device(device);
    if (device->gone)
        return;
    buffer = first_in(device, BUFFER_QUEUED);
    if (buffer && !device->silent && device->link == FAULT_GAP && !strikes(device, FAULT_GAP, true, &value))
        fill(device, buffer);
    device->counter++;
    device->tick++;
}

void device_step(struct device *device)
{
    struct itimerspec spec = {{0, 0}, {0, 0}};
    int64_t wake_ns = 0;

    while (device->streaming && !device->gone && due_ns(device) <= castor_now_ns())
        one_picture(device);
    if (device_poll(device) != 0)
        wake_ns = 1;
    else if (device->streaming)
        wake_ns = due_ns(device);
    spec.it_value.tv_sec = wake_ns / CASTOR_NS_PER_S;
    spec.it_value.tv_nsec = wake_ns % CASTOR_NS_PER_S;
    (void)timerfd_settime(device->timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

short device_poll(const struct device *device)
{
    short result = 0;

    if (device->gone)
        return POLLERR | POLLHUP | POLLPRI;
    if (device->events)
        result |= POLLPRI;
    if (!device->streaming)
        return result | POLLERR;
    if (device->eio)
        result |= POLLERR;
    for (uint32_t i = 0; i < device->buffer_count; i++)
        if (device->buffer[i].state == BUFFER_DONE)
            result |= POLLIN | POLLRDNORM;
    return result;
}
