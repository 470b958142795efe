// SPDX-License-Identifier: Apache-2.0
// DMA-BUFs for the slots of the pool (Linux, "Buffer Sharing and Synchronization"): descriptors of memory
// that device drivers import to read or write it themselves.
//
// From sealed shared memory by /dev/udmabuf: pages lie scattered, as devices behind an IOMMU or with
// scatter-gather take them; or from a heap of /dev/dma_heap, where a board has one with memory that its
// devices need, such as contiguous memory.
//
// What such a descriptor permits: whoever holds it may have a device write the memory, and may map it
// writable, for the kernel opens every DMA-BUF of udmabuf for reading and writing, and one descriptor of a
// heap serves writer and readers alike. So it is given only to those who need it.
#ifndef POOL_DMABUF_H
#define POOL_DMABUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/error.h"

// Why there are none, for operators.
struct dmabuf_text {
    char text[200];
};

// What: makes `count` DMA-BUFs of slot_bytes (whole pages) each, one after the other over `memory`, a sealed
// memfd; or, by the heap `path`, of fresh memory. Owner: the caller, dmabuf_close(). Blocks: for the
// allocation. Errors: NOT_FOUND the kernel or the board has no such device, DENIED, NO_MEMORY, INVALID, IO;
// nothing is left open then, and *why says it.
CASTOR_MUST_USE int dmabuf_wrap(int memory, size_t slot_bytes, uint32_t count, int *out,
                                struct dmabuf_text *why);
CASTOR_MUST_USE int dmabuf_allocate(const char *path, size_t slot_bytes, uint32_t count, int *out,
                                    struct dmabuf_text *why);

// Maps all of them one after the other. CASTOR_ERR_INVALID when one is smaller than slot_bytes.
CASTOR_MUST_USE int dmabuf_map(const int *fds, size_t slot_bytes, uint32_t count, bool writable, void **out);

void dmabuf_close(int *fds, uint32_t count);

// Once for each, before it is used: the exporter learns that the processor will look at it.
void dmabuf_begin(int fd);

// Makes what was written visible to whoever reads next: what a device wrote to all processors, what a
// processor wrote to all devices. Needed on boards whose devices do not look into the processor's caches;
// does nothing on others. Never waits for devices that read; it would for one that still writes, of which
// there is no picture yet.
void dmabuf_written(int fd, bool by_device);

#endif
