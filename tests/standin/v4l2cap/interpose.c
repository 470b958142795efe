// SPDX-License-Identifier: Apache-2.0
// A capture device that does not exist, put between a program and the C library (LD_PRELOAD, or linked before
// it). The descriptor is a memfd, so that mmap(2) works untouched; what waits for it waits for a timerfd.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../open.h"
#include "internal.h"

#define DEVICES_MAX 4
#define POLL_MAX 16

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct device devices[DEVICES_MAX];
static unsigned opened; // bit i: devices[i]

static struct device *device_of(int fd)
{
    for (unsigned i = 0; i < DEVICES_MAX; i++)
        if (opened >> i & 1 && devices[i].fd == fd)
            return &devices[i];
    return NULL;
}

static int fail(int number)
{
    errno = number;
    return -1;
}

static int open_device(const struct plan *plan, int flags)
{
    if (!(flags & O_NONBLOCK))
        return fail(misuse("opened without O_NONBLOCK: a call could wait for ever"));
    for (unsigned i = 0; i < DEVICES_MAX; i++) {
        if (opened >> i & 1)
            continue;
        if (!device_create(&devices[i], plan))
            return fail(EMFILE);
        opened |= 1u << i;
        device_step(&devices[i]);
        return devices[i].fd;
    }
    return fail(EMFILE);
}

static int open_any(const char *name, const char *path, int flags, mode_t mode)
{
    struct plan plan;
    int result;

    (void)name;
    if (strncmp(path, "/dev/video", 10) != 0)
        return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    pthread_mutex_lock(&lock);
    if (!plan_read(&plan))
        result = fail(EINVAL);
    else if (strcmp(path, plan.node) == 0)
        result = open_device(&plan, flags);
    else
        result = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    pthread_mutex_unlock(&lock);
    return result;
}

STANDIN_OPEN(open, open_any)
STANDIN_OPEN(open64, open_any)

// What fortified programs call.
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t size);
int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
                size_t size);

int __open_2(const char *path, int flags)
{
    return open_any("open", path, flags, 0);
}

int __open64_2(const char *path, int flags)
{
    return open_any("open", path, flags, 0);
}

int close(int fd)
{
    struct device *device;

    pthread_mutex_lock(&lock);
    device = device_of(fd);
    if (device) {
        opened &= ~(1u << (device - devices));
        device_destroy(device);
    }
    pthread_mutex_unlock(&lock);
    return device ? 0 : (int)syscall(SYS_close, fd);
}

int ioctl(int fd, unsigned long request, ...)
{
    struct device *device;
    va_list arguments;
    void *argument;
    int number = 0;

    va_start(arguments, request);
    argument = va_arg(arguments, void *);
    va_end(arguments);
    pthread_mutex_lock(&lock);
    device = device_of(fd);
    if (device)
        number = device_ioctl(device, (unsigned int)request, argument);
    pthread_mutex_unlock(&lock);
    if (!device)
        return (int)syscall(SYS_ioctl, fd, request, argument);
    return number ? fail(number) : 0;
}

int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    struct epoll_event readable = {.events = EPOLLIN};
    struct device *device;
    int timer;

    pthread_mutex_lock(&lock);
    device = device_of(fd);
    timer = device ? device->timer : -1;
    pthread_mutex_unlock(&lock);
    if (timer < 0)
        return (int)syscall(SYS_epoll_ctl, epoll, operation, fd, event);
    if (event)
        readable.data = event->data;
    return (int)syscall(SYS_epoll_ctl, epoll, operation, timer, event ? &readable : NULL);
}

// Puts timers in place of devices; false when there is none.
static bool substitute(struct pollfd *fds, nfds_t count)
{
    bool found = false;

    for (nfds_t i = 0; i < count; i++) {
        struct device *device = device_of(fds[i].fd);
        if (!device)
            continue;
        found = true;
        device_step(device);
        fds[i].fd = device->timer;
        fds[i].events = POLLIN;
    }
    return found;
}

// Takes over the answers; returns how many there are.
static int answer(struct pollfd *fds, const struct pollfd *copy, nfds_t count)
{
    int ready = 0;

    for (nfds_t i = 0; i < count; i++) {
        struct device *device = device_of(fds[i].fd);
        fds[i].revents = copy[i].revents;
        if (device) {
            device_step(device);
            fds[i].revents = (short)(device_poll(device) & (fds[i].events | POLLERR | POLLHUP));
        }
        ready += fds[i].revents != 0;
    }
    return ready;
}

static int poll_any(struct pollfd *fds, nfds_t count, int64_t until_ns, const sigset_t *mask)
{
    for (;;) {
        struct pollfd copy[POLL_MAX];
        int64_t left_ns = until_ns == INT64_MAX ? 0 : until_ns - castor_now_ns();
        struct timespec wait;
        bool found = false;
        int result;

        if (left_ns < 0)
            left_ns = 0;
        wait = (struct timespec){(time_t)(left_ns / CASTOR_NS_PER_S), (long)(left_ns % CASTOR_NS_PER_S)};
        if (count <= POLL_MAX && count > 0) {
            memcpy(copy, fds, count * sizeof fds[0]);
            pthread_mutex_lock(&lock);
            found = substitute(copy, count);
            pthread_mutex_unlock(&lock);
        }
        result =
            (int)syscall(SYS_ppoll, found ? copy : fds, count, until_ns == INT64_MAX ? NULL : &wait, mask, 8);
        if (!found || result <= 0)
            return result;
        pthread_mutex_lock(&lock);
        result = answer(fds, copy, count);
        pthread_mutex_unlock(&lock);
        if (result > 0)
            return result;
    }
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
    int64_t until_ns = INT64_MAX;

    if (timeout)
        until_ns = castor_now_ns() + timeout->tv_sec * CASTOR_NS_PER_S + timeout->tv_nsec;
    return poll_any(fds, count, until_ns, mask);
}

int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    return poll_any(fds, count, timeout_ms < 0 ? INT64_MAX : castor_now_ns() + timeout_ms * CASTOR_NS_PER_MS,
                    NULL);
}

int __poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t size)
{
    (void)size;
    return poll(fds, count, timeout_ms);
}

int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
                size_t size)
{
    (void)size;
    return ppoll(fds, count, timeout, mask);
}
