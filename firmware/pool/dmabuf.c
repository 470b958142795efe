// SPDX-License-Identifier: Apache-2.0
#include "pool/dmabuf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>

#define UDMABUF_PATH "/dev/udmabuf"

static int no_device(const char *path, int number, struct dmabuf_text *why)
{
    const char *remedy = "the kernel has no such device; frames are copied";

    if (number == EACCES || number == EPERM)
        remedy = "give castord's user access to it, and its workers none";
    snprintf(why->text, sizeof why->text, "%s: %s; %s", path, strerror(number), remedy);
    return castor_error_from_errno(number);
}

static int open_device(const char *path, int *out, struct dmabuf_text *why)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return no_device(path, errno, why);
    *out = fd;
    return CASTOR_OK;
}

static int refused(const char *path, size_t slot_bytes, uint32_t index, int number, struct dmabuf_text *why)
{
    snprintf(why->text, sizeof why->text, "%s gives no DMA-BUF of %zu bytes for slot %u: %s", path,
             slot_bytes, index, strerror(number));
    return castor_error_from_errno(number);
}

int dmabuf_wrap(int memory, size_t slot_bytes, uint32_t count, int *out, struct dmabuf_text *why)
{
    int device = -1;
    int error = open_device(UDMABUF_PATH, &device, why);

    for (uint32_t i = 0; i < count && error == CASTOR_OK; i++) {
        struct udmabuf_create request = {.memfd = (uint32_t)memory,
                                         .flags = UDMABUF_FLAGS_CLOEXEC,
                                         .offset = (uint64_t)slot_bytes * i,
                                         .size = slot_bytes};
        out[i] = ioctl(device, UDMABUF_CREATE, &request);
        if (out[i] < 0) {
            error = refused(UDMABUF_PATH, slot_bytes, i, errno, why);
            dmabuf_close(out, i);
        }
    }
    if (device >= 0)
        close(device);
    return error;
}

int dmabuf_allocate(const char *path, size_t slot_bytes, uint32_t count, int *out, struct dmabuf_text *why)
{
    int device = -1;
    int error = open_device(path, &device, why);

    for (uint32_t i = 0; i < count && error == CASTOR_OK; i++) {
        struct dma_heap_allocation_data request = {.len = slot_bytes, .fd_flags = O_RDWR | O_CLOEXEC};
        if (ioctl(device, DMA_HEAP_IOCTL_ALLOC, &request) == 0) {
            out[i] = (int)request.fd;
            continue;
        }
        error = refused(path, slot_bytes, i, errno, why);
        dmabuf_close(out, i);
    }
    if (device >= 0)
        close(device);
    return error;
}

int dmabuf_map(const int *fds, size_t slot_bytes, uint32_t count, bool writable, void **out)
{
    size_t size_bytes = slot_bytes * count;
    int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    // The whole range first, so that nothing else comes to lie between the slots.
    uint8_t *memory = mmap(NULL, size_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    int error = CASTOR_OK;

    if (memory == MAP_FAILED)
        return castor_error_from_errno(errno);
    for (uint32_t i = 0; i < count && error == CASTOR_OK; i++) {
        if (lseek(fds[i], 0, SEEK_END) < (off_t)slot_bytes)
            error = CASTOR_ERR_INVALID;
        else if (mmap(memory + slot_bytes * i, slot_bytes, protection, MAP_SHARED | MAP_FIXED, fds[i], 0) ==
                 MAP_FAILED)
            error = castor_error_from_errno(errno);
    }
    if (error != CASTOR_OK) {
        munmap(memory, size_bytes);
        return error;
    }
    *out = memory;
    return CASTOR_OK;
}

void dmabuf_close(int *fds, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
}

static void synchronize(int fd, uint64_t flags)
{
    struct dma_buf_sync sync = {.flags = flags};

    while (ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync) != 0 && (errno == EINTR || errno == EAGAIN))
        ;
}

void dmabuf_begin(int fd)
{
    synchronize(fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
    synchronize(fd, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
}

// A start of writing would wait for every device that still reads, for however long it hangs. The slot is
// free by the supervisor's word, so only the end is said, which is what cleans the caches.
void dmabuf_written(int fd, bool by_device)
{
    if (by_device)
        dmabuf_begin(fd);
    else
        synchronize(fd, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE);
}
