// SPDX-License-Identifier: Apache-2.0
#include "supervisor/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX_BYTES (1u << 20)

static int file_error(struct config_error *error, const char *what, int errno_value)
{
    error->path[0] = '\0';
    snprintf(error->text, sizeof error->text, "%s: %s", what, strerror(errno_value));
    return CASTOR_ERR_INVALID;
}

// Reads at most `size` bytes. Returns how many, or -1.
static ssize_t read_whole(int fd, char *buffer, size_t size)
{
    size_t have = 0;

    while (have < size) {
        ssize_t n = read(fd, buffer + have, size - have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        have += (size_t)n;
    }
    return (ssize_t)have;
}

int config_load(const char *path, struct config *out, struct config_error *error)
{
    struct stat info;
    int result = CASTOR_ERR_INVALID;
    char *buffer = malloc(FILE_MAX_BYTES + 1);
    // Not blocking: a FIFO without a writer must not hold up a running box.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    memset(error, 0, sizeof *error);
    if (!buffer || fd < 0) {
        result = file_error(error, "the file cannot be opened", buffer ? errno : ENOMEM);
        goto done;
    }
    if (fstat(fd, &info) != 0 || S_ISDIR(info.st_mode)) {
        result = file_error(error, "it is not a file", EISDIR);
        goto done;
    }
    ssize_t size = read_whole(fd, buffer, FILE_MAX_BYTES + 1);
    if (size < 0)
        result = file_error(error, "the file cannot be read", errno);
    else if (size == 0)
        snprintf(error->text, sizeof error->text, "the file is empty; the smallest configuration is {}");
    else if (size > (ssize_t)FILE_MAX_BYTES)
        snprintf(error->text, sizeof error->text,
                 "the file is larger than 1 MiB; this cannot be a configuration");
    else
        result = config_parse(buffer, (size_t)size, out, error);
    explicit_bzero(buffer, FILE_MAX_BYTES + 1);
done:
    if (fd >= 0)
        close(fd);
    free(buffer);
    return result;
}
