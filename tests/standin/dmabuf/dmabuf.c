// SPDX-License-Identifier: Apache-2.0
// /dev/udmabuf and /dev/dma_heap/castor where the kernel has none: a library for LD_PRELOAD, or linked into a
// test before the C library. It refuses what the kernel's drivers refuse, and says so. What it gives out is
// described in view.h.
//
// CASTOR_STANDIN_DMABUF, words separated by commas: no_udmabuf, no_heap (there is no such device), denied,
// refuse=N (all from request number N on, counted from 0, are refused).
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <dlfcn.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>

#include "../open.h"
#include "view.h"

#define HEAP_PATH "/dev/dma_heap/castor"
#define DEVICE_UDMABUF "castor-device-udmabuf"
#define DEVICE_HEAP "castor-device-heap"
#define PAGE_BYTES 4096u

int open(const char *path, int flags, ...);
int open64(const char *path, int flags, ...);
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int ioctl(int fd, unsigned long request, ...);

#define NEXT(type, name) ((type)(uintptr_t)dlsym(RTLD_NEXT, name))

static unsigned requests;

static const char *word(const char *name)
{
    const char *words = getenv("CASTOR_STANDIN_DMABUF");

    return words ? strstr(words, name) : NULL;
}

static int fail(int number)
{
    errno = number;
    return -1;
}

static int misuse(const char *what)
{
    const char *strict = getenv("CASTOR_STANDIN_STRICT");

    (void)fprintf(stderr, "standin dmabuf: misuse: %s\n", what);
    if (strict && strcmp(strict, "1") == 0)
        abort();
    return fail(EINVAL);
}

static int open_device(const char *name, bool missing)
{
    if (missing)
        return fail(ENOENT);
    return word("denied") ? fail(EACCES) : memfd_create(name, MFD_CLOEXEC);
}

static int open_any(const char *name, const char *path, int flags, mode_t mode)
{
    if (strcmp(path, "/dev/udmabuf") == 0)
        return open_device(DEVICE_UDMABUF, word("no_udmabuf"));
    if (strcmp(path, HEAP_PATH) == 0)
        return open_device(DEVICE_HEAP, word("no_heap"));
    return NEXT(int (*)(const char *, int, ...), name)(path, flags, mode);
}

STANDIN_OPEN(open, open_any)
STANDIN_OPEN(open64, open_any)

int __open_2(const char *path, int flags)
{
    return open_any("open", path, flags, 0);
}

int __open64_2(const char *path, int flags)
{
    return open_any("open64", path, flags, 0);
}

static bool is_refused(void)
{
    const char *refuse = word("refuse=");

    return refuse && requests++ >= strtoul(refuse + strlen("refuse="), NULL, 10);
}

// drivers/dma-buf/udmabuf.c: whole pages of a memfd that cannot shrink and can be written.
static int create_window(const struct udmabuf_create *request)
{
    int seals = fcntl((int)request->memfd, F_GET_SEALS);
    char name[128];
    struct stat st;

    if (seals < 0 || fstat((int)request->memfd, &st) != 0)
        return misuse("UDMABUF_CREATE of what is no memfd");
    if (!(seals & F_SEAL_SHRINK) || seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
        return misuse("UDMABUF_CREATE of a memfd that may shrink, or may not be written");
    if (request->offset % PAGE_BYTES || request->size % PAGE_BYTES || request->size == 0 ||
        request->offset + request->size > (uint64_t)st.st_size)
        return misuse("UDMABUF_CREATE of anything but whole pages of it");
    if (!(request->flags & UDMABUF_FLAGS_CLOEXEC))
        return misuse(
            "UDMABUF_CREATE without UDMABUF_FLAGS_CLOEXEC: a program that is started would have it");
    if (is_refused())
        return fail(ENOMEM);
    (void)snprintf(name, sizeof name, STANDIN_DMABUF_WINDOW ":%llu:%llu", (unsigned long long)st.st_ino,
                   (unsigned long long)request->offset);
    int fd = memfd_create(name, MFD_CLOEXEC);
    return fd >= 0 && ftruncate(fd, (off_t)request->size) == 0 ? fd : fail(ENOMEM);
}

static int allocate(struct dma_heap_allocation_data *request)
{
    if (request->fd || request->heap_flags || !(request->fd_flags & O_CLOEXEC))
        return misuse("DMA_HEAP_IOCTL_ALLOC with a descriptor, with heap flags, or without O_CLOEXEC");
    if (is_refused())
        return fail(ENOMEM);
    int fd = memfd_create(STANDIN_DMABUF_HEAP, MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)request->len) != 0)
        return fail(ENOMEM);
    request->fd = (uint32_t)fd;
    return 0;
}

static bool is_device(int fd, const char *device)
{
    char path[64], name[128] = "";

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return readlink(path, name, sizeof name - 1) > 0 && strstr(name, device);
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;

    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if ((unsigned)request == (unsigned)UDMABUF_CREATE && is_device(fd, DEVICE_UDMABUF))
        return create_window(argument);
    if ((unsigned)request == (unsigned)DMA_HEAP_IOCTL_ALLOC && is_device(fd, DEVICE_HEAP))
        return allocate(argument);
    if ((unsigned)request == (unsigned)DMA_BUF_IOCTL_SYNC) {
        const struct dma_buf_sync *sync = argument;
        if (sync->flags & ~DMA_BUF_SYNC_VALID_FLAGS_MASK || !(sync->flags & DMA_BUF_SYNC_RW))
            return misuse("DMA_BUF_IOCTL_SYNC for neither reading nor writing");
        return 0;
    }
    return NEXT(int (*)(int, unsigned long, ...), "ioctl")(fd, request, argument);
}
