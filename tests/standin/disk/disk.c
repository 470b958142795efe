// SPDX-License-Identifier: Apache-2.0
// A disk that fails: a library for LD_PRELOAD. CASTOR_STANDIN_DISK names the folder that is on the disk,
// CASTOR_STANDIN_DISK_NOW a file with the word that says what is wrong with it now, for all processes that
// use it and for as long as the file is there; no file: nothing is.
//
//   full      no room: what writes or makes anything fails with ENOSPC, and the disk says that nothing is
//   free eio       what writes or syncs fails with EIO readonly  what writes or makes anything fails with
//   EROFS, as after a remount stall     no call returns before the word is taken away gone      the device
//   was pulled: descriptors fail with EIO, names with ENOENT
//
// Only calls that a program makes are seen, not those within the C library: stdio is not served.
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "../open.h"

#define FDS_MAX 1024
#define WORD_BYTES 16
#define NEXT(type, name) ((type)(uintptr_t)dlsym(RTLD_NEXT, name))
#define LOOK_AGAIN_NS 5000000

enum what { WRITES = 1, MAKES = 2, SYNCS = 4, READS = 8, BY_NAME = 16 };

int open(const char *path, int flags, ...);
int open64(const char *path, int flags, ...);
int openat(int folder, const char *path, int flags, ...);
int openat64(int folder, const char *path, int flags, ...);
int renameat2(int from, const char *old, int to, const char *name, unsigned flags);

static atomic_bool on_disk[FDS_MAX];

static bool is_on_disk(int fd)
{
    return fd >= 0 && fd < FDS_MAX && atomic_load(&on_disk[fd]);
}

static bool path_is_on_disk(int folder, const char *path)
{
    const char *disk = getenv("CASTOR_STANDIN_DISK");
    size_t length = disk ? strlen(disk) : 0;

    if (!disk || !path)
        return false;
    if (path[0] != '/')
        return is_on_disk(folder);
    return strncmp(path, disk, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static bool read_word(char word[WORD_BYTES])
{
    const char *file = getenv("CASTOR_STANDIN_DISK_NOW");
    int fd = file ? NEXT(int (*)(const char *, int, ...), "open")(file, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t size;

    if (fd < 0)
        return false;
    size = NEXT(ssize_t(*)(int, void *, size_t), "read")(fd, word, WORD_BYTES - 1);
    (void)NEXT(int (*)(int), "close")(fd);
    word[size > 0 ? size : 0] = '\0';
    word[strcspn(word, "\n")] = '\0';
    return word[0] != '\0';
}

// What a call of this kind comes to: 0, or an errno.
static int outcome(unsigned what)
{
    static const struct timespec pause = {.tv_nsec = LOOK_AGAIN_NS};
    char word[WORD_BYTES];

    while (read_word(word)) {
        if (strcmp(word, "stall") == 0) {
            (void)nanosleep(&pause, NULL);
            continue;
        }
        if (strcmp(word, "gone") == 0)
            return what & BY_NAME ? ENOENT : EIO;
        if (strcmp(word, "full") == 0)
            return what & (WRITES | MAKES) ? ENOSPC : 0;
        if (strcmp(word, "readonly") == 0)
            return what & (WRITES | MAKES) ? EROFS : 0;
        if (strcmp(word, "eio") == 0)
            return what & (WRITES | SYNCS) ? EIO : 0;
        (void)fprintf(stderr, "standin disk: misuse: there is no fault \"%s\"\n", word);
        return EINVAL;
    }
    return 0;
}

static bool fails(bool concerned, unsigned what)
{
    int error = concerned ? outcome(what) : 0;

    if (error)
        errno = error;
    return error != 0;
}

// ---- by name ----

static int open_at(const char *name, int folder, const char *path, int flags, mode_t mode)
{
    bool concerned = path_is_on_disk(folder, path);
    unsigned what =
        BY_NAME | (flags & (O_CREAT | O_TRUNC) || (flags & O_ACCMODE) != O_RDONLY ? MAKES : READS);
    int fd;

    // A folder, or a file that is there, is opened for writing on a full disk as well.
    if (what & MAKES && !(flags & O_CREAT) && concerned && outcome(MAKES) == ENOSPC)
        what = BY_NAME | READS;
    if (fails(concerned, what))
        return -1;
    fd = strncmp(name, "openat", 6) == 0
             ? NEXT(int (*)(int, const char *, int, ...), name)(folder, path, flags, mode)
             : NEXT(int (*)(const char *, int, ...), name)(path, flags, mode);
    if (fd >= 0 && fd < FDS_MAX)
        atomic_store(&on_disk[fd], concerned);
    return fd;
}

static int open_any(const char *name, const char *path, int flags, mode_t mode)
{
    return open_at(name, AT_FDCWD, path, flags, mode);
}

STANDIN_OPEN(open, open_any)
STANDIN_OPEN(open64, open_any)

#define OPENAT(name)                                                                                         \
    int name(int folder, const char *path, int flags, ...)                                                   \
    {                                                                                                        \
        va_list arguments;                                                                                   \
        mode_t mode = 0;                                                                                     \
                                                                                                             \
        va_start(arguments, flags);                                                                          \
        if (flags & (O_CREAT | __O_TMPFILE))                                                                 \
            mode = va_arg(arguments, mode_t);                                                                \
        va_end(arguments);                                                                                   \
        return open_at(#name, folder, path, flags, mode);                                                    \
    }

OPENAT(openat)
OPENAT(openat64)

int mkdir(const char *path, mode_t mode)
{
    if (fails(path_is_on_disk(AT_FDCWD, path), BY_NAME | MAKES))
        return -1;
    return NEXT(int (*)(const char *, mode_t), "mkdir")(path, mode);
}

int mkdirat(int folder, const char *path, mode_t mode)
{
    if (fails(path_is_on_disk(folder, path), BY_NAME | MAKES))
        return -1;
    return NEXT(int (*)(int, const char *, mode_t), "mkdirat")(folder, path, mode);
}

// A full disk has room for another name in a folder that is there.
int rename(const char *old, const char *name)
{
    if (fails(path_is_on_disk(AT_FDCWD, name), BY_NAME | SYNCS))
        return -1;
    return NEXT(int (*)(const char *, const char *), "rename")(old, name);
}

int renameat(int from, const char *old, int to, const char *name)
{
    if (fails(path_is_on_disk(to, name), BY_NAME | SYNCS))
        return -1;
    return NEXT(int (*)(int, const char *, int, const char *), "renameat")(from, old, to, name);
}

int renameat2(int from, const char *old, int to, const char *name, unsigned flags)
{
    if (fails(path_is_on_disk(to, name), BY_NAME | SYNCS))
        return -1;
    return NEXT(int (*)(int, const char *, int, const char *, unsigned), "renameat2")(from, old, to, name,
                                                                                      flags);
}

int unlink(const char *path)
{
    if (fails(path_is_on_disk(AT_FDCWD, path), BY_NAME | SYNCS))
        return -1;
    return NEXT(int (*)(const char *), "unlink")(path);
}

int unlinkat(int folder, const char *path, int flags)
{
    if (fails(path_is_on_disk(folder, path), BY_NAME | SYNCS))
        return -1;
    return NEXT(int (*)(int, const char *, int), "unlinkat")(folder, path, flags);
}

DIR *opendir(const char *path)
{
    if (fails(path_is_on_disk(AT_FDCWD, path), BY_NAME | READS))
        return NULL;
    return NEXT(DIR * (*)(const char *), "opendir")(path);
}

// ---- by descriptor ----

int close(int fd)
{
    if (fd >= 0 && fd < FDS_MAX)
        atomic_store(&on_disk[fd], false);
    return NEXT(int (*)(int), "close")(fd);
}

ssize_t read(int fd, void *data, size_t size)
{
    if (fails(is_on_disk(fd), READS))
        return -1;
    return NEXT(ssize_t(*)(int, void *, size_t), "read")(fd, data, size);
}

ssize_t pread(int fd, void *data, size_t size, off_t at)
{
    if (fails(is_on_disk(fd), READS))
        return -1;
    return NEXT(ssize_t(*)(int, void *, size_t, off_t), "pread")(fd, data, size, at);
}

ssize_t write(int fd, const void *data, size_t size)
{
    if (fails(is_on_disk(fd), WRITES))
        return -1;
    return NEXT(ssize_t(*)(int, const void *, size_t), "write")(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    if (fails(is_on_disk(fd), WRITES))
        return -1;
    return NEXT(ssize_t(*)(int, const void *, size_t, off_t), "pwrite")(fd, data, size, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    if (fails(is_on_disk(fd), WRITES))
        return -1;
    return NEXT(ssize_t(*)(int, const struct iovec *, int), "writev")(fd, parts, count);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
    if (fails(is_on_disk(fd), WRITES))
        return -1;
    return NEXT(ssize_t(*)(int, const struct iovec *, int, off_t), "pwritev")(fd, parts, count, at);
}

int ftruncate(int fd, off_t size)
{
    if (fails(is_on_disk(fd), SYNCS))
        return -1;
    return NEXT(int (*)(int, off_t), "ftruncate")(fd, size);
}

int fallocate(int fd, int mode, off_t at, off_t size)
{
    if (fails(is_on_disk(fd), WRITES))
        return -1;
    return NEXT(int (*)(int, int, off_t, off_t), "fallocate")(fd, mode, at, size);
}

int fsync(int fd)
{
    if (fails(is_on_disk(fd), SYNCS))
        return -1;
    return NEXT(int (*)(int), "fsync")(fd);
}

int fdatasync(int fd)
{
    if (fails(is_on_disk(fd), SYNCS))
        return -1;
    return NEXT(int (*)(int), "fdatasync")(fd);
}

int syncfs(int fd)
{
    if (fails(is_on_disk(fd), SYNCS))
        return -1;
    return NEXT(int (*)(int), "syncfs")(fd);
}

// ---- how much is free ----

static int no_room(int result, struct statvfs *out, bool concerned)
{
    if (result == 0 && concerned && outcome(WRITES) == ENOSPC)
        out->f_bfree = out->f_bavail = 0;
    return result;
}

int statvfs(const char *restrict path, struct statvfs *restrict out)
{
    bool concerned = path_is_on_disk(AT_FDCWD, path);

    if (fails(concerned, BY_NAME | READS))
        return -1;
    return no_room(NEXT(int (*)(const char *, struct statvfs *), "statvfs")(path, out), out, concerned);
}

int fstatvfs(int fd, struct statvfs *out)
{
    if (fails(is_on_disk(fd), READS))
        return -1;
    return no_room(NEXT(int (*)(int, struct statvfs *), "fstatvfs")(fd, out), out, is_on_disk(fd));
}

// ---- the same for programs with large files, which on 64 bit are those above ----

#define SAME(type, name, of, ...) type name(__VA_ARGS__) __attribute__((alias(of)));

SAME(ssize_t, pread64, "pread", int fd, void *data, size_t size, off64_t at)
SAME(ssize_t, pwrite64, "pwrite", int fd, const void *data, size_t size, off64_t at)
SAME(ssize_t, pwritev64, "pwritev", int fd, const struct iovec *parts, int count, off64_t at)
SAME(int, ftruncate64, "ftruncate", int fd, off64_t size)
SAME(int, fallocate64, "fallocate", int fd, int mode, off64_t at, off64_t size)
SAME(int, statvfs64, "statvfs", const char *restrict path, struct statvfs64 *restrict out)
SAME(int, fstatvfs64, "fstatvfs", int fd, struct statvfs64 *out)
