// SPDX-License-Identifier: Apache-2.0
// What a stand-in device sees through a DMA-BUF of the stand-in allocator. The kernel finds a DMA-BUF's
// memory by its file; here the name of a memfd plays that part:
//   castor-heap                      the memory itself, as a heap of /dev/dma_heap gives it
//   castor-udmabuf:INODE:OFFSET      a window on another memfd, as /dev/udmabuf makes it. The process that
//                                    imports it finds that one among its own descriptors.
#ifndef STANDIN_DMABUF_VIEW_H
#define STANDIN_DMABUF_VIEW_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define STANDIN_DMABUF_HEAP "castor-heap"
#define STANDIN_DMABUF_WINDOW "castor-udmabuf"
#define STANDIN_DMABUF_FDS_MAX 1024

struct standin_dmabuf {
    uint8_t *memory; // NULL = no DMA-BUF
    size_t size_bytes;
    uint64_t inode; // the same for every descriptor of one DMA-BUF
};

// The descriptor of the memfd with this inode through which it can be mapped so, or -1.
static inline int standin_dmabuf_find(uint64_t inode, bool writable)
{
    for (int fd = 0; fd < STANDIN_DMABUF_FDS_MAX; fd++) {
        struct stat st;
        int flags = fcntl(fd, F_GETFL);

        if (flags >= 0 && fstat(fd, &st) == 0 && st.st_ino == inode && S_ISREG(st.st_mode) &&
            (!writable || (flags & O_ACCMODE) == O_RDWR))
            return fd;
    }
    return -1;
}

// Imports `fd`. Undone by standin_dmabuf_release().
static inline struct standin_dmabuf standin_dmabuf_import(int fd, bool writable)
{
    struct standin_dmabuf none = {NULL, 0, 0}, view = none;
    int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    unsigned long long inode = 0, offset = 0;
    char path[64], name[128] = "";
    struct stat st;
    int memory = fd;

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (readlink(path, name, sizeof name - 1) <= 0 || fstat(fd, &st) != 0)
        return none;
    if (sscanf(name, "/memfd:" STANDIN_DMABUF_WINDOW ":%llu:%llu", &inode, &offset) == 2)
        memory = standin_dmabuf_find(inode, writable);
    else if (strncmp(name, "/memfd:" STANDIN_DMABUF_HEAP, strlen("/memfd:" STANDIN_DMABUF_HEAP)) != 0)
        return none;
    view.size_bytes = (size_t)st.st_size;
    view.inode = st.st_ino;
    view.memory = mmap(NULL, view.size_bytes, protection, MAP_SHARED, memory, (off_t)offset);
    return view.memory == MAP_FAILED ? none : view;
}

static inline void standin_dmabuf_release(struct standin_dmabuf *view)
{
    if (view->memory)
        (void)munmap(view->memory, view->size_bytes);
    *view = (struct standin_dmabuf){NULL, 0, 0};
}

#endif
