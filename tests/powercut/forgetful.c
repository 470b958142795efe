// SPDX-License-Identifier: Apache-2.0
// A disk that remembers what was done to it, call by call: a library for LD_PRELOAD. Everything that a
// program writes, names, removes and syncs in the folder CASTOR_FORGETFUL is noted in the file
// CASTOR_FORGETFUL_LOG, a line each in the order of the calls, so that explore.py can tell what would be left
// of it if the power went after any of them:
//
//   write NAME OFFSET BYTES NS      appended
//   create NAME NS, rename NAME NEW NS, remove NAME NS, cut NAME BYTES NS
//   sync NAME NS                    all of NAME is on the disk; "." is the folder, with all names
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NEXT(type, name) ((type)(uintptr_t)dlsym(RTLD_NEXT, name))

int openat(int folder, const char *path, int flags, ...);

static int log_fd = -1;

// The name within the folder of what is behind a descriptor; "." for the folder itself; NULL for anything
// else.
static const char *name_of(int fd, char out[PATH_MAX])
{
    char link[64];
    const char *folder = getenv("CASTOR_FORGETFUL");
    size_t length = folder ? strlen(folder) : 0;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = folder ? readlink(link, out, PATH_MAX - 1) : -1;
    if (n < (ssize_t)length || strncmp(out, folder, length) != 0)
        return NULL;
    out[n] = '\0';
    return out[length] == '\0' ? "." : out[length] == '/' ? out + length + 1 : NULL;
}

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
    char line[512];
    struct timespec now;
    const char *path = getenv("CASTOR_FORGETFUL_LOG");
    va_list args;

    if (log_fd < 0 && path)
        log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    va_start(args, format);
    int length = vsnprintf(line, sizeof line - 32, format, args);
    va_end(args);
    clock_gettime(CLOCK_MONOTONIC, &now);
    length += snprintf(line + length, 32, " %lld\n", (long long)now.tv_sec * 1000000000 + now.tv_nsec);
    (void)!NEXT(ssize_t(*)(int, const void *, size_t), "write")(log_fd, line, (size_t)length);
}

int openat(int folder, const char *path, int flags, ...)
{
    char place[PATH_MAX];
    va_list args;

    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    bool fresh = (flags & O_CREAT) && faccessat(folder, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
    int fd = NEXT(int (*)(int, const char *, int, mode_t), "openat")(folder, path, flags, mode);
    if (fd >= 0 && (flags & O_CREAT) && name_of(fd, place))
        note("%s %s", fresh ? "create" : "open", name_of(fd, place));
    return fd;
}

ssize_t write(int fd, const void *data, size_t size)
{
    char place[PATH_MAX];
    const char *name = name_of(fd, place);
    struct stat info = {0};

    if (name)
        (void)fstat(fd, &info);
    ssize_t n = NEXT(ssize_t(*)(int, const void *, size_t), "write")(fd, data, size);
    if (name && n > 0)
        note("write %s %lld %zd", name, (long long)info.st_size, n);
    return n;
}

static int noted_sync(int fd, const char *call)
{
    char place[PATH_MAX];
    const char *name = name_of(fd, place);
    int result = NEXT(int (*)(int), call)(fd);

    if (name && result == 0)
        note("sync %s", name);
    return result;
}

int fsync(int fd)
{
    return noted_sync(fd, "fsync");
}

int fdatasync(int fd)
{
    return noted_sync(fd, "fdatasync");
}

int renameat(int from, const char *old, int to, const char *name)
{
    int result = NEXT(int (*)(int, const char *, int, const char *), "renameat")(from, old, to, name);

    if (result == 0)
        note("rename %s %s", old, name);
    return result;
}

int unlinkat(int folder, const char *name, int flags)
{
    int result = NEXT(int (*)(int, const char *, int), "unlinkat")(folder, name, flags);

    if (result == 0)
        note("remove %s", name);
    return result;
}
