// SPDX-License-Identifier: Apache-2.0
// Sealed anonymous shared memory (memfd_create(2), fcntl(2) F_ADD_SEALS): its size can never change, so a
// mapping can never fault, whatever the other side does. It vanishes with the last process that holds it.
#ifndef POOL_SHARED_MEMORY_H
#define POOL_SHARED_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "hal/error.h"

// Makes memory of `size_bytes`, zeroed and reserved; CASTOR_ERR_NO_MEMORY when it cannot be had.
CASTOR_MUST_USE int shared_memory_create(const char *name, size_t size_bytes, int *out_fd);

// A second descriptor of the same memory through which nobody can map it writable.
CASTOR_MUST_USE int shared_memory_reopen_read_only(int fd, int *out_fd);

// Maps the whole of it. CASTOR_ERR_INVALID when it is smaller than size_bytes or not sealed against
// shrinking.
CASTOR_MUST_USE int shared_memory_map(int fd, size_t size_bytes, bool writable, void **out);

// Takes from a mapping, for whole pages, that it is writable. Tried: where that fails it stays as it was.
void shared_memory_read_only(void *memory, size_t size_bytes);

// Both accept what was never mapped or opened (NULL, -1).
void shared_memory_unmap(void *memory, size_t size_bytes);
void shared_memory_close(int fd);

#endif
