// SPDX-License-Identifier: Apache-2.0
#include "archive/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, char *to, size_t size_bytes, size_t *used)
{
    *used = 0;
    while (*used < size_bytes) {
        ssize_t n = read(fd, to + *used, size_bytes - *used);
        if (n < 0 && errno != EINTR)
            return castor_error_from_errno(errno);
        if (n == 0)
            break;
        if (n > 0)
            *used += (size_t)n;
    }
    return CASTOR_OK;
}

static int load(int fd, size_t max_bytes, char **text, size_t *size_bytes)
{
    struct stat info;
    size_t used;

    if (fstat(fd, &info) != 0)
        return castor_error_from_errno(errno);
    if (!S_ISREG(info.st_mode) || (size_t)info.st_size > max_bytes)
        return CASTOR_ERR_INVALID;
    char *to = malloc((size_t)info.st_size + 1);
    if (!to)
        return CASTOR_ERR_NO_MEMORY;
    int error = read_all(fd, to, (size_t)info.st_size, &used);
    if (error != CASTOR_OK) {
        free(to);
        return error;
    }
    *text = to;
    *size_bytes = used;
    return CASTOR_OK;
}

int archive_file_load(int folder_fd, const char *file, size_t max_bytes, char **text, size_t *size_bytes)
{
    int fd = openat(folder_fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0 && errno != ENOENT)
        return castor_error_from_errno(errno);
    if (fd < 0) {
        *text = NULL;
        *size_bytes = 0;
        return CASTOR_OK;
    }
    int error = load(fd, max_bytes, text, size_bytes);
    close(fd);
    return error;
}
