// SPDX-License-Identifier: Apache-2.0
// The calls of the C library that a program reaches a device node with. What is not about the stand-in's
// nodes goes on to the C library.
#include "standin.h"

#include "../open.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define OPEN_MAX_FDS 64
#define POLL_MAX_FDS 32

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct standin_device *table[OPEN_MAX_FDS];

// A folder that is being read, to which the nodes are added at its end.
static pthread_mutex_t folder_lock = PTHREAD_MUTEX_INITIALIZER;
static DIR *dev_folder;
static unsigned dev_next;

EXPORT int open(const char *path, int flags, ...);
EXPORT int open64(const char *path, int flags, ...);
EXPORT int __open_2(const char *path, int flags);
EXPORT int __open64_2(const char *path, int flags);
EXPORT int ioctl(int fd, unsigned long request, ...);
EXPORT int close(int fd);
EXPORT int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);
EXPORT int poll(struct pollfd *fds, nfds_t count, int timeout_ms);
EXPORT int __poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t size);
EXPORT int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask);
EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
                       size_t size);
EXPORT DIR *opendir(const char *path);
EXPORT int closedir(DIR *folder);
EXPORT struct dirent *readdir(DIR *folder);
EXPORT struct dirent64 *readdir64(DIR *folder);

static void *next_symbol(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

#define NEXT(type, name) ((type)(uintptr_t)next_symbol(name))

static struct standin_device *find(int fd)
{
    struct standin_device *found = NULL;

    pthread_mutex_lock(&table_lock);
    for (int i = 0; i < OPEN_MAX_FDS && fd >= 0; i++) {
        if (table[i] && table[i]->fd == fd)
            found = table[i];
    }
    pthread_mutex_unlock(&table_lock);
    return found;
}

static bool is_node(const char *path)
{
    struct standin_options options;
    unsigned number;
    char rest;

    if (sscanf(path, "/dev/video%u%c", &number, &rest) != 1 || number < STANDIN_FIRST_NODE)
        return false;
    standin_options_read(&options);
    return number < STANDIN_FIRST_NODE + options.nodes;
}

static int open_node(int flags)
{
    struct standin_device *device = standin_device_create();

    if (!device)
        return -1;
    if (standin_is_bad(&device->options, "denied")) {
        int fd = device->fd;
        standin_device_destroy(device);
        (void)close(fd);
        errno = EACCES;
        return -1;
    }
    if (!(flags & O_NONBLOCK))
        (void)standin_misuse(EINVAL, "opened without O_NONBLOCK: VIDIOC_DQBUF would block without end");
    pthread_mutex_lock(&table_lock);
    int i = 0;
    while (i < OPEN_MAX_FDS && table[i])
        i++;
    if (i < OPEN_MAX_FDS)
        table[i] = device;
    pthread_mutex_unlock(&table_lock);
    if (i < OPEN_MAX_FDS)
        return device->fd;
    errno = EMFILE;
    return -1;
}

static int open_any(const char *name, const char *path, int flags, mode_t mode)
{
    if (is_node(path))
        return open_node(flags);
    return NEXT(int (*)(const char *, int, ...), name)(path, flags, mode);
}

EXPORT STANDIN_OPEN(open, open_any)
EXPORT STANDIN_OPEN(open64, open_any)

EXPORT int __open_2(const char *path, int flags)
{
    return open_any("open", path, flags, 0);
}

EXPORT int __open64_2(const char *path, int flags)
{
    return open_any("open64", path, flags, 0);
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    struct standin_device *device = find(fd);

    if (!device)
        return NEXT(int (*)(int, unsigned long, ...), "ioctl")(fd, request, argument);
    int result = standin_device_ioctl(device, request & 0xFFFFFFFFu, argument);
    if (result >= 0)
        return result;
    errno = -result;
    return -1;
}

EXPORT int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    struct standin_device *device = find(fd);
    struct epoll_event readable = {.events = EPOLLIN};

    if (!device)
        return NEXT(int (*)(int, int, int, struct epoll_event *), "epoll_ctl")(epoll, operation, fd, event);
    if (event) {
        readable.data = event->data;
        pthread_mutex_lock(&device->lock);
        device->level_wanted = (short)event->events; // the same numbers as poll(2) has
        standin_device_show(device);
        pthread_mutex_unlock(&device->lock);
    }
    return NEXT(int (*)(int, int, int, struct epoll_event *), "epoll_ctl")(epoll, operation, device->level,
                                                                           event ? &readable : NULL);
}

EXPORT int close(int fd)
{
    struct standin_device *device = NULL;

    pthread_mutex_lock(&table_lock);
    for (int i = 0; i < OPEN_MAX_FDS && fd >= 0; i++) {
        if (table[i] && table[i]->fd == fd) {
            device = table[i];
            table[i] = NULL;
        }
    }
    pthread_mutex_unlock(&table_lock);
    if (device)
        standin_device_destroy(device);
    return NEXT(int (*)(int), "close")(fd);
}

static int real_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
    return NEXT(int (*)(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *),
                "ppoll")(fds, count, timeout, mask);
}

// What is ready on our nodes now; the others' revents are left alone.
static int ready_nodes(struct pollfd *fds, nfds_t count)
{
    int ready = 0;

    for (nfds_t i = 0; i < count; i++) {
        struct standin_device *device = find(fds[i].fd);
        if (!device)
            continue;
        uint64_t drained;
        (void)!read(device->change, &drained, sizeof drained);
        fds[i].revents = standin_device_events(device, fds[i].events);
        ready += fds[i].revents != 0;
    }
    return ready;
}

static bool time_left(const struct timespec *until, struct timespec *left)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    left->tv_sec = until->tv_sec - now.tv_sec;
    left->tv_nsec = until->tv_nsec - now.tv_nsec;
    if (left->tv_nsec < 0) {
        left->tv_sec--;
        left->tv_nsec += 1000000000;
    }
    if (left->tv_sec >= 0 && (left->tv_sec > 0 || left->tv_nsec > 0))
        return true;
    *left = (struct timespec){0, 0};
    return false;
}

// poll(2) where some descriptors are nodes: their eventfd stands for them while waiting.
static int poll_with_nodes(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                           const sigset_t *mask)
{
    struct pollfd others[POLL_MAX_FDS];
    struct timespec until = {0, 0}, left = {0, 0};
    bool waits = true;

    clock_gettime(CLOCK_MONOTONIC, &until);
    if (timeout) {
        until.tv_sec += timeout->tv_sec;
        until.tv_nsec += timeout->tv_nsec;
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
    }
    for (;;) {
        int ready = ready_nodes(fds, count);
        for (nfds_t i = 0; i < count; i++) {
            struct standin_device *device = find(fds[i].fd);
            others[i] = device ? (struct pollfd){device->change, POLLIN, 0} : fds[i];
        }
        if (timeout)
            waits = time_left(&until, &left);
        if (ready > 0)
            left = (struct timespec){0, 0};
        int more = real_ppoll(others, count, timeout || ready > 0 ? &left : NULL, mask);
        if (more < 0)
            return more;
        for (nfds_t i = 0; i < count; i++) {
            if (find(fds[i].fd))
                continue;
            fds[i].revents = others[i].revents;
            ready += fds[i].revents != 0;
        }
        if (ready > 0 || !waits)
            return ready;
    }
}

EXPORT int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
    bool has_node = false;

    for (nfds_t i = 0; i < count && count <= POLL_MAX_FDS; i++)
        has_node = has_node || find(fds[i].fd);
    return has_node ? poll_with_nodes(fds, count, timeout, mask) : real_ppoll(fds, count, timeout, mask);
}

EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
                       size_t size)
{
    (void)size;
    return ppoll(fds, count, timeout, mask);
}

EXPORT int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    struct timespec timeout = {timeout_ms / 1000, (long)(timeout_ms % 1000) * 1000000};

    return ppoll(fds, count, timeout_ms < 0 ? NULL : &timeout, NULL);
}

EXPORT int __poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t size)
{
    (void)size;
    return poll(fds, count, timeout_ms);
}

EXPORT DIR *opendir(const char *path)
{
    DIR *folder = NEXT(DIR * (*)(const char *), "opendir")(path);

    if (folder && strcmp(path, "/dev") == 0) {
        pthread_mutex_lock(&folder_lock);
        dev_folder = folder;
        dev_next = 0;
        pthread_mutex_unlock(&folder_lock);
    }
    return folder;
}

EXPORT int closedir(DIR *folder)
{
    pthread_mutex_lock(&folder_lock);
    if (dev_folder == folder)
        dev_folder = NULL;
    pthread_mutex_unlock(&folder_lock);
    return NEXT(int (*)(DIR *), "closedir")(folder);
}

// The number of the next node to add to `folder`, or 0.
static unsigned next_node(DIR *folder)
{
    struct standin_options options;
    unsigned number = 0;

    standin_options_read(&options);
    pthread_mutex_lock(&folder_lock);
    if (folder == dev_folder && dev_next < options.nodes)
        number = STANDIN_FIRST_NODE + dev_next++;
    pthread_mutex_unlock(&folder_lock);
    return number;
}

#define READDIR(name, entry_type)                                                                            \
    struct entry_type *name(DIR *folder)                                                                     \
    {                                                                                                        \
        static __thread struct entry_type added;                                                             \
        struct entry_type *entry = NEXT(struct entry_type * (*)(DIR *), #name)(folder);                      \
        unsigned number = entry ? 0 : next_node(folder);                                                     \
                                                                                                             \
        if (number == 0)                                                                                     \
            return entry;                                                                                    \
        added.d_type = DT_CHR;                                                                               \
        (void)snprintf(added.d_name, sizeof added.d_name, "video%u", number);                                \
        return &added;                                                                                       \
    }
EXPORT READDIR(readdir, dirent)
EXPORT READDIR(readdir64, dirent64)
