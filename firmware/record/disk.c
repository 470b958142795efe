// SPDX-License-Identifier: Apache-2.0
#include "record/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "hal/time.h"
#include "record/digest.h"

#define INDEX_NEW ARCHIVE_INDEX_FILE ".new"
#define ATTEMPTS_MAX 1000u
#define FILE_MODE 0640

int disk_init(struct disk *disk)
{
    memset(disk, 0, sizeof *disk);
    disk->folder_fd = disk->index_fd = disk->file_fd = -1;
    disk->buffer = malloc(DISK_BUFFER_BYTES);
    if (!disk->buffer)
        return CASTOR_ERR_NO_MEMORY;
    return digest_create(&disk->digest);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void disk_abandon(struct disk *disk)
{
    close_fd(&disk->file_fd);
    disk->buffered_bytes = 0;
    disk->file[0] = '\0';
}

void disk_close(struct disk *disk)
{
    disk_abandon(disk);
    close_fd(&disk->index_fd);
    close_fd(&disk->folder_fd);
    catalogue_clear(&disk->listed);
}

void disk_finish(struct disk *disk)
{
    disk_close(disk);
    digest_destroy(disk->digest);
    free(disk->buffer);
}

// ---- errors in words ----

static const char *advice(int error_number)
{
    switch (error_number) {
    case ENOSPC:
    case EDQUOT:
        return "the disk is full: remove files, or raise record.free_mb so that old segments go in time";
    case EROFS:
        return "the file system is read-only, perhaps after an error: look at the kernel's log, repair and "
               "mount it again";
    case ENOENT:
    case ESTALE:
        return "it is not there: make the folder, or mount its disk";
    case ENOTDIR:
        return "this is a file and no folder: correct record.folder";
    case EACCES:
    case EPERM:
        return "castord's user may not write there: change the owner or the rights of the folder";
    case EIO:
    case ENXIO:
    case ENODEV:
        return "the disk fails or is gone: look at the kernel's log, replace it";
    default:
        return "look at the kernel's log";
    }
}

int disk_failed(struct disk *disk, const char *what, int error_number)
{
    char why[64];

    disk->saved_errno = error_number;
    snprintf(why, sizeof why, "%s", strerror(error_number));
    snprintf(disk->text, sizeof disk->text, "%.56s: %.40s: %.30s; %s", what, disk->path, why,
             advice(error_number));
    return castor_error_from_errno(error_number);
}

// ---- time that calls take ----

static void took(struct disk *disk, int64_t began_ns)
{
    int64_t ns = castor_now_ns() - began_ns;

    if (ns > disk->slowest_ns)
        disk->slowest_ns = ns;
}

static int write_all(struct disk *disk, int fd, const void *data, size_t size_bytes)
{
    const uint8_t *from = data;
    int64_t began_ns = castor_now_ns();

    while (size_bytes > 0) {
        ssize_t n = write(fd, from, size_bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return disk_failed(disk, "writing", n < 0 ? errno : ENOSPC);
        from += n;
        size_bytes -= (size_t)n;
    }
    took(disk, began_ns);
    return CASTOR_OK;
}

static int sync_data(struct disk *disk, int fd)
{
    int64_t began_ns = castor_now_ns();

    if (fdatasync(fd) != 0)
        return disk_failed(disk, "writing to the disk", errno);
    took(disk, began_ns);
    return CASTOR_OK;
}

// Names: a file system that cannot sync folders does not need it.
static int sync_names(struct disk *disk)
{
    int64_t began_ns = castor_now_ns();

    if (fsync(disk->folder_fd) != 0 && errno != EINVAL)
        return disk_failed(disk, "writing to the disk", errno);
    took(disk, began_ns);
    return CASTOR_OK;
}

// ---- the folder and its index ----

static int open_index(struct disk *disk)
{
    disk->index_fd = openat(disk->folder_fd, ARCHIVE_INDEX_FILE,
                            O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, FILE_MODE);
    if (disk->index_fd < 0)
        return disk_failed(disk, "opening " ARCHIVE_INDEX_FILE, errno);
    return CASTOR_OK;
}

int disk_open(struct disk *disk, const char *path)
{
    disk_close(disk);
    snprintf(disk->path, sizeof disk->path, "%s", path);
    disk->folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (disk->folder_fd < 0)
        return disk_failed(disk, "opening the recording folder", errno);
    int error = catalogue_load(disk->folder_fd, &disk->listed);
    if (error == CASTOR_OK)
        error = open_index(disk);
    else
        snprintf(disk->text, sizeof disk->text,
                 "%.150s/" ARCHIVE_INDEX_FILE " cannot be read: %s; move it away", path,
                 castor_error_text(error));
    if (error != CASTOR_OK)
        disk_close(disk);
    return error;
}

int disk_check(struct disk *disk)
{
    struct stat here, there, file;

    if (fstat(disk->folder_fd, &here) != 0 || stat(disk->path, &there) != 0)
        return disk_failed(disk, "the recording folder has vanished", errno);
    bool same = here.st_dev == there.st_dev && here.st_ino == there.st_ino && here.st_nlink > 0;
    bool file_is_there = disk->file_fd < 0 || (fstat(disk->file_fd, &file) == 0 && file.st_nlink > 0);
    return same && file_is_there ? CASTOR_OK : disk_failed(disk, "the recording folder was replaced", ENOENT);
}

int disk_free_bytes(struct disk *disk, uint64_t *out)
{
    struct statvfs info;

    if (fstatvfs(disk->folder_fd, &info) != 0)
        return disk_failed(disk, "asking for free space", errno);
    *out = (uint64_t)info.f_bavail * info.f_frsize;
    return CASTOR_OK;
}

int disk_note(struct disk *disk, const struct archive_line *line)
{
    char text[ARCHIVE_LINE_BYTES_MAX];
    size_t length = 0;
    int error = archive_line_write(line, text, &length);

    if (error != CASTOR_OK) {
        snprintf(disk->text, sizeof disk->text, "a line for " ARCHIVE_INDEX_FILE " cannot be written: %s",
                 castor_error_text(error));
        return error;
    }
    error = write_all(disk, disk->index_fd, text, length);
    return error == CASTOR_OK ? catalogue_apply(&disk->listed, line) : error;
}

int disk_sync_index(struct disk *disk)
{
    return sync_data(disk, disk->index_fd);
}

static int write_line(struct disk *disk, int fd, const struct archive_line *line)
{
    char text[ARCHIVE_LINE_BYTES_MAX];
    size_t length = 0;
    int error = archive_line_write(line, text, &length);

    return error == CASTOR_OK ? write_all(disk, fd, text, length) : error;
}

static int write_entry(struct disk *disk, int fd, const struct catalogue_entry *entry)
{
    struct archive_line line = {.kind = entry->open ? ARCHIVE_OPEN : ARCHIVE_SEGMENT,
                                .segment = entry->segment};
    int error = write_line(disk, fd, &line);

    line.kind = ARCHIVE_PROTECTED;
    return error == CASTOR_OK && entry->guarded ? write_line(disk, fd, &line) : error;
}

static int write_index(struct disk *disk, int fd)
{
    int error = CASTOR_OK;

    for (size_t i = 0; i < disk->listed.count && error == CASTOR_OK; i++)
        error = write_entry(disk, fd, &disk->listed.entries[i]);
    for (size_t i = 0; i < disk->listed.note_count && error == CASTOR_OK; i++)
        error = write_line(disk, fd, &disk->listed.notes[i]);
    return error == CASTOR_OK ? sync_data(disk, fd) : error;
}

int disk_rewrite_index(struct disk *disk)
{
    int fd =
        openat(disk->folder_fd, INDEX_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);

    if (fd < 0)
        return disk_failed(disk, "opening " INDEX_NEW, errno);
    int error = write_index(disk, fd);
    close(fd);
    if (error == CASTOR_OK && renameat(disk->folder_fd, INDEX_NEW, disk->folder_fd, ARCHIVE_INDEX_FILE) != 0)
        error = disk_failed(disk, "renaming " INDEX_NEW, errno);
    if (error != CASTOR_OK) {
        (void)unlinkat(disk->folder_fd, INDEX_NEW, 0);
        return error;
    }
    close_fd(&disk->index_fd);
    error = open_index(disk);
    disk->listed.dead = disk->listed.bad = 0;
    disk->listed.torn = false;
    disk->listed.lines = disk->listed.count + disk->listed.note_count;
    return error == CASTOR_OK ? sync_names(disk) : error;
}

// ---- the open segment ----

static void part_name(const struct disk *disk, char out[ARCHIVE_FILE_BYTES + sizeof ARCHIVE_PART_SUFFIX])
{
    snprintf(out, ARCHIVE_FILE_BYTES + sizeof ARCHIVE_PART_SUFFIX, "%s" ARCHIVE_PART_SUFFIX, disk->file);
}

// A name that neither a closed segment nor an open one has.
static int create_file(struct disk *disk, const struct archive_segment *segment,
                       enum archive_container container)
{
    char part[ARCHIVE_FILE_BYTES + sizeof ARCHIVE_PART_SUFFIX];
    int64_t utc_ns = segment->first_capture_ns + segment->utc_offset_ns;

    for (unsigned attempt = 1; attempt < ATTEMPTS_MAX; attempt++) {
        if (archive_name_make(segment->recording, utc_ns > 0 ? utc_ns : 0, attempt, container, disk->file) !=
            CASTOR_OK)
            return disk_failed(disk, "the clock shows no time that a file can be named after", EINVAL);
        if (faccessat(disk->folder_fd, disk->file, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
            catalogue_find(&disk->listed, disk->file))
            continue;
        part_name(disk, part);
        disk->file_fd = openat(disk->folder_fd, part,
                               O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
        if (disk->file_fd >= 0)
            return CASTOR_OK;
        if (errno != EEXIST)
            break;
    }
    return disk_failed(disk, "a segment cannot be begun", errno);
}

int disk_begin(struct disk *disk, struct archive_segment *segment, enum archive_container container)
{
    struct archive_line line = {.kind = ARCHIVE_OPEN};

    disk_abandon(disk);
    int error = create_file(disk, segment, container);
    if (error != CASTOR_OK)
        return error;
    disk->file_is_new = true;
    disk->file_bytes = disk->synced_bytes = 0;
    digest_begin(disk->digest);
    memcpy(segment->file, disk->file, sizeof segment->file);
    line.segment = *segment;
    return disk_note(disk, &line);
}

static int flush(struct disk *disk)
{
    int error = write_all(disk, disk->file_fd, disk->buffer, disk->buffered_bytes);

    if (error != CASTOR_OK)
        return error;
    digest_add(disk->digest, disk->buffer, disk->buffered_bytes);
    disk->buffered_bytes = 0;
    return CASTOR_OK;
}

int disk_write(struct disk *disk, const uint8_t *data, size_t size_bytes)
{
    if (disk->file_fd < 0)
        return CASTOR_ERR_LOST;
    while (size_bytes > 0) {
        size_t n = DISK_BUFFER_BYTES - disk->buffered_bytes;
        if (n > size_bytes)
            n = size_bytes;
        memcpy(disk->buffer + disk->buffered_bytes, data, n);
        disk->buffered_bytes += n;
        disk->file_bytes += n;
        data += n;
        size_bytes -= n;
        int error = disk->buffered_bytes == DISK_BUFFER_BYTES ? flush(disk) : CASTOR_OK;
        if (error != CASTOR_OK)
            return error;
    }
    return CASTOR_OK;
}

int disk_sync(struct disk *disk)
{
    if (disk->file_fd < 0)
        return CASTOR_ERR_LOST;
    int error = flush(disk);
    if (error == CASTOR_OK)
        error = sync_data(disk, disk->file_fd);
    // The first time also that there is such a file, and the line that says what it is.
    if (error == CASTOR_OK && disk->file_is_new)
        error = sync_names(disk);
    if (error == CASTOR_OK && disk->file_is_new)
        error = disk_sync_index(disk);
    if (error != CASTOR_OK)
        return error;
    disk->file_is_new = false;
    disk->synced_bytes = disk->file_bytes;
    return disk_check(disk);
}

// Data first, then the name, then the index: what has its final name is whole.
int disk_end(struct disk *disk, struct archive_segment *segment)
{
    char part[ARCHIVE_FILE_BYTES + sizeof ARCHIVE_PART_SUFFIX];
    struct archive_line line = {.kind = ARCHIVE_SEGMENT};
    int error = disk_sync(disk);

    if (error == CASTOR_OK && fsync(disk->file_fd) != 0)
        error = disk_failed(disk, "writing to the disk", errno);
    part_name(disk, part);
    if (error == CASTOR_OK && renameat(disk->folder_fd, part, disk->folder_fd, disk->file) != 0)
        error = disk_failed(disk, "naming a segment", errno);
    if (error == CASTOR_OK)
        error = sync_names(disk);
    if (error != CASTOR_OK)
        return error;
    segment->bytes = disk->file_bytes;
    digest_end(disk->digest, segment->sha256);
    line.segment = *segment;
    disk_abandon(disk);
    error = disk_note(disk, &line);
    return error == CASTOR_OK ? disk_sync_index(disk) : error;
}

int disk_remove(struct disk *disk, const char *file)
{
    struct archive_line line = {.kind = ARCHIVE_REMOVED};

    // The name may stand in the entry that goes away.
    memcpy(line.segment.file, file, strnlen(file, sizeof line.segment.file - 1));
    if (unlinkat(disk->folder_fd, line.segment.file, 0) != 0 && errno != ENOENT)
        return disk_failed(disk, "removing an old segment", errno);
    return disk_note(disk, &line);
}
