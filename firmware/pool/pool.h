// SPDX-License-Identifier: Apache-2.0
// The frame pool: equal slots for raw pictures in one sealed memfd, and a control page in another.
//
// Who may what. Capture maps the pixels read-write and writes only slots that are free. Encoders map them
// read-only through a descriptor that was opened read-only, so that a stray write faults in the writer. The
// supervisor does not map pixels at all; it alone writes the control page, in which it names, for each slot,
// the last frame it has released. A slot is free for capture when the frame that capture last put into it is
// the one that the control page names. So every word has one writer, and a dead or hostile reader cannot keep
// or free a slot: its claims are the supervisor's book-keeping (switch.h) and end when the process is reaped.
//
// Where devices are to reach the slots themselves, each slot has a DMA-BUF besides (dmabuf.h). It goes to
// capture, which may write anyway, and to the encoders whose driver imports it: of these, hostile code could
// write into the pool, a stray write still could not, as nobody maps it writable. All other encoders have the
// read-only descriptor alone. Where a heap gives the memory there is no such descriptor, and every worker has
// the DMA-BUFs.
#ifndef POOL_POOL_H
#define POOL_POOL_H

#include <stdbool.h>

#include "hal/error.h"
#include "hal/frame.h"
#include "pool/dmabuf.h"

#define POOL_SLOTS_MAX 64
#define POOL_SLOT_FREE UINT64_MAX // "holds no frame", as a sequence number

struct pool;

// Descriptors of a pool as they travel to workers. Owned by the pool; close-on-exec.
struct pool_descriptors {
    int pixels;            // read-write, for capture; -1 where a heap gives the memory
    int pixels_read_only;  // for encoders; the same
    int control;           // read-only, for capture
    const int *dmabuf;     // one a slot
    uint32_t dmabuf_count; // the slot count, or 0 where there are none
};

// What a worker was given of them.
struct pool_parts {
    int pixels;  // -1: the DMA-BUFs are the memory
    int control; // -1: this is a reader
    const int *dmabuf;
    uint32_t dmabuf_count; // 0 or the slot count
};

// Makes a pool of `slot_count` (4..POOL_SLOTS_MAX) slots for pictures of `format`; memory is reserved, so
// that running out shows here (CASTOR_ERR_NO_MEMORY) and not as a SIGBUS in a worker. Blocks only for the
// allocation.
CASTOR_MUST_USE int pool_create(const struct castor_format *format, uint32_t slot_count, struct pool **out);

// The same with a DMA-BUF for each slot: over the memory by /dev/udmabuf where `heap` is "", otherwise as
// memory of that heap ("/dev/dma_heap/..."). Where they cannot be had the pool is as pool_create() makes it,
// and *why tells the reason; otherwise it is "".
CASTOR_MUST_USE int pool_create_for_devices(const struct castor_format *format, uint32_t slot_count,
                                            const char *heap, struct pool **out, struct dmabuf_text *why);

// Maps a pool in a worker: writable with a control page, otherwise read-only. Takes over the descriptors on
// success. CASTOR_ERR_INVALID when a descriptor's size does not fit the geometry or the memory's seals are
// missing (it could be truncated under us).
CASTOR_MUST_USE int pool_attach(const struct castor_format *format, uint32_t slot_count,
                                const struct pool_parts *parts, struct pool **out);

// Takes from a worker that maps the pool writable what is not its to write: of all but slots `first` to `end`
// it only reads from now on, and a stray write faults. Tried, not demanded.
void pool_write_only(struct pool *pool, uint32_t first, uint32_t end);

// Unmaps and closes. Accepts NULL.
void pool_destroy(struct pool *pool);

struct pool_descriptors pool_descriptors(const struct pool *pool);

// Who is given what.
enum pool_role {
    POOL_ROLE_CAPTURE,
    POOL_ROLE_READER,   // the processor reads
    POOL_ROLE_IMPORTER, // a device reads, too
};
#define POOL_SHARE_MAX (1 + POOL_SLOTS_MAX)

// Lists the descriptors for a worker of that role, the control page apart. Returns how many; *dmabuf_count of
// them are DMA-BUFs. Owner: the pool.
unsigned pool_share(const struct pool *pool, enum pool_role role, int fds[POOL_SHARE_MAX],
                    uint32_t *dmabuf_count);

// The other end of it: what the `count` descriptors are of which dmabuf_count are DMA-BUFs. False: it cannot
// be.
bool pool_share_read(const int *fds, unsigned count, uint32_t dmabuf_count, struct pool_parts *out);

uint32_t pool_slot_count(const struct pool *pool);
size_t pool_size_bytes(const struct pool *pool);

// Supervisor: the frame `sequence` in `slot` is no longer needed by anybody.
void pool_release(struct pool *pool, uint32_t slot, uint64_t sequence);

// Capture: true when `slot`, into which `sequence` was put last (or POOL_SLOT_FREE), may be filled again.
bool pool_is_free(const struct pool *pool, uint32_t slot, uint64_t sequence);

// Capture: the frame in its slot is complete. On boards whose devices do not see the processor's caches,
// whoever reads next sees it from now on.
void pool_written(const struct pool *pool, const struct castor_frame *frame);

// Capture: the processor is going to draw into a finished frame. Where a device has filled it, what it wrote
// becomes visible first, and from then on the frame counts as written by the processor. Never waits.
void pool_draw(const struct pool *pool, struct castor_frame *frame);

// Workers: describes the picture memory of `slot` in *frame (slot, planes, strides; dmabuf_fd, -1 where this
// worker has none). `slot` must be below the slot count (asserted: message_check and the caller's own bound
// come first).
void pool_frame(const struct pool *pool, uint32_t slot, struct castor_frame *frame);

#endif
