// SPDX-License-Identifier: Apache-2.0
// The coded ring: one encoder writes access units into it, everybody else maps it read-only. What a dead
// encoder finished can therefore still be sent. Places are named by positions that only grow; the byte at
// position p is at p % size. An access unit is always contiguous: where it would cross the end it starts at
// the beginning.
#ifndef POOL_RING_H
#define POOL_RING_H

#include <stdint.h>

#include "hal/error.h"

struct ring;

// Makes the memory of a ring (64 KiB .. 256 MiB) and maps it read-only. For the supervisor.
CASTOR_MUST_USE int ring_create(uint32_t size_bytes, struct ring **out);
// Maps a ring in the encoder, to be written from `position` on; bytes from `tail` (<= position) on, which a
// dead predecessor wrote, may still be read by somebody. Takes over fd on success.
CASTOR_MUST_USE int ring_attach_writer(int fd, uint32_t size_bytes, uint64_t position, uint64_t tail,
                                       struct ring **out);
// Maps a ring read-only. Takes over fd on success.
CASTOR_MUST_USE int ring_attach_reader(int fd, uint32_t size_bytes, struct ring **out);
// Unmaps and closes. Accepts NULL.
void ring_destroy(struct ring *ring);

// Descriptors to hand out, owned by the ring of ring_create().
int ring_writer_fd(const struct ring *ring);
int ring_reader_fd(const struct ring *ring);

// Writer: everything before `position` has been read by everybody. Never goes back.
void ring_set_tail(struct ring *ring, uint64_t position);
// Writer: copies one access unit in; *position is where it stands. CASTOR_ERR_FULL when the readers are
// behind, CASTOR_ERR_INVALID when it could never fit (more than half the ring).
CASTOR_MUST_USE int ring_write(struct ring *ring, const uint8_t *data, uint32_t size_bytes,
                               uint64_t *position);

// Writer: the same without readers that tell when they are done: the oldest bytes make room, so readers copy
// what they want at once. Never CASTOR_ERR_FULL.
CASTOR_MUST_USE int ring_write_over(struct ring *ring, const uint8_t *data, uint32_t size_bytes,
                                    uint64_t *position);

// Reader: the bytes at `position`, or NULL when they would not lie contiguous within the ring. Valid until
// the writer is told of a tail beyond them.
const uint8_t *ring_view(const struct ring *ring, uint64_t position, uint32_t size_bytes);

#endif
