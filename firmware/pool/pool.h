// SPDX-License-Identifier: Apache-2.0
// The frame pool: equal slots for raw pictures in one sealed memfd, and a control page in another.
//
// Who may what. Capture maps the pixels read-write and writes only slots that are free. Encoders map them
// read-only through a descriptor that was opened read-only, so that a stray write faults in the writer. The
// supervisor does not map pixels at all; it alone writes the control page, in which it names, for each slot,
// the last frame it has released. A slot is free for capture when the frame that capture last put into it is
// the one that the control page names. So every word has one writer, and a dead or hostile reader cannot keep
// or free a slot: its claims are the supervisor's book-keeping (switch.h) and end when the process is reaped.
#ifndef POOL_POOL_H
#define POOL_POOL_H

#include <stdbool.h>

#include "hal/error.h"
#include "hal/frame.h"

#define POOL_SLOTS_MAX 64
#define POOL_SLOT_FREE UINT64_MAX // "holds no frame", as a sequence number

struct pool;

// Descriptors of a pool as they travel to workers. Owned by the pool; close-on-exec.
struct pool_descriptors {
    int pixels;           // read-write, for capture
    int pixels_read_only; // for encoders
    int control;          // read-only, for capture
};

// Makes a pool of `slot_count` (4..POOL_SLOTS_MAX) slots for pictures of `format`; memory is reserved, so
// that running out shows here (CASTOR_ERR_NO_MEMORY) and not as a SIGBUS in a worker. Blocks only for the
// allocation.
CASTOR_MUST_USE int pool_create(const struct castor_format *format, uint32_t slot_count, struct pool **out);

// Maps a pool in a worker. `pixels` read-write with `control`, or read-only with control -1. Takes over the
// descriptors on success. CASTOR_ERR_INVALID when the descriptor's size does not fit the geometry or its
// seals are missing (it could be truncated under us).
CASTOR_MUST_USE int pool_attach(const struct castor_format *format, uint32_t slot_count, int pixels,
                                int control, struct pool **out);

// Unmaps and closes. Accepts NULL.
void pool_destroy(struct pool *pool);

struct pool_descriptors pool_descriptors(const struct pool *pool);
uint32_t pool_slot_count(const struct pool *pool);
size_t pool_size_bytes(const struct pool *pool);

// Supervisor: the frame `sequence` in `slot` is no longer needed by anybody.
void pool_release(struct pool *pool, uint32_t slot, uint64_t sequence);

// Capture: true when `slot`, into which `sequence` was put last (or POOL_SLOT_FREE), may be filled again.
bool pool_is_free(const struct pool *pool, uint32_t slot, uint64_t sequence);

// Workers: describes the picture memory of `slot` in *frame (slot, planes, strides; dmabuf_fd -1). `slot`
// must be below the slot count (asserted: message_check and the caller's own bound come first).
void pool_frame(const struct pool *pool, uint32_t slot, struct castor_frame *frame);

#endif
