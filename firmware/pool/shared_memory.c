// SPDX-License-Identifier: Apache-2.0
#include "pool/shared_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int shared_memory_create(const char *name, size_t size_bytes, int *out_fd)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return castor_error_from_errno(errno);
    // Owner only: another user's process cannot open it through /proc.
    if (fchmod(fd, S_IRUSR | S_IWUSR) != 0 || ftruncate(fd, (off_t)size_bytes) != 0)
        goto fail;
    // Reserve the pages now: later, a shortage would be a SIGBUS in the middle of a stream.
    int reserved = posix_fallocate(fd, 0, (off_t)size_bytes);
    if (reserved != 0) {
        close(fd);
        return reserved == ENOSPC ? CASTOR_ERR_NO_MEMORY : castor_error_from_errno(reserved);
    }
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        goto fail;
    *out_fd = fd;
    return CASTOR_OK;
fail:;
    int error = castor_error_from_errno(errno);
    close(fd);
    return error;
}

int shared_memory_reopen_read_only(int fd, int *out_fd)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = open(path, O_RDONLY | O_CLOEXEC);
    if (again < 0)
        return castor_error_from_errno(errno);
    *out_fd = again;
    return CASTOR_OK;
}

int shared_memory_map(int fd, size_t size_bytes, bool writable, void **out)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);

    if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &st) != 0 || st.st_size < 0 ||
        (uint64_t)st.st_size < size_bytes)
        return CASTOR_ERR_INVALID;
    void *memory = mmap(NULL, size_bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return castor_error_from_errno(errno);
    *out = memory;
    return CASTOR_OK;
}

void shared_memory_read_only(void *memory, size_t size_bytes)
{
    if (size_bytes > 0)
        (void)mprotect(memory, size_bytes, PROT_READ);
}

void shared_memory_unmap(void *memory, size_t size_bytes)
{
    if (memory)
        munmap(memory, size_bytes);
}

void shared_memory_close(int fd)
{
    if (fd >= 0)
        close(fd);
}
