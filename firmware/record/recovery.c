// SPDX-License-Identifier: Apache-2.0
#include "record/recovery.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "record/digest.h"
#include "record/scan.h"

#define CHUNK_BYTES DISK_BUFFER_BYTES

// ---- one file ----

// Reads the first `limit` bytes piece by piece.
static int read_through(struct disk *disk, int fd, uint64_t limit,
                        void (*take)(void *context, const uint8_t *data, size_t size_bytes), void *context)
{
    uint64_t at = 0;

    while (at < limit) {
        size_t wanted = limit - at < CHUNK_BYTES ? (size_t)(limit - at) : CHUNK_BYTES;
        ssize_t n = pread(fd, disk->buffer, wanted, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return disk_failed(disk, "reading a segment", errno);
        if (n == 0)
            break;
        take(context, disk->buffer, (size_t)n);
        at += (uint64_t)n;
    }
    return CASTOR_OK;
}

static void take_for_scan(void *context, const uint8_t *data, size_t size_bytes)
{
    scan_feed(context, data, size_bytes);
}

static void take_for_digest(void *context, const uint8_t *data, size_t size_bytes)
{
    digest_add(context, data, size_bytes);
}

// What the line of the segment says, from what was found in it and what its "open" line had said.
static void describe(struct archive_segment *segment, const struct scan *scan, const char *file,
                     const struct catalogue_entry *known)
{
    const struct scan_frames *frames = &scan->frames;

    memset(segment, 0, sizeof *segment);
    if (known)
        *segment = known->segment;
    snprintf(segment->file, sizeof segment->file, "%s", file);
    segment->recovered = true;
    segment->bytes = scan->whole_bytes;
    segment->frames = frames->count;
    bool fits = known && segment->first_sequence == frames->first_sequence;
    if (!fits) { // times as UTC then, and no session
        segment->session = 0;
        segment->utc_offset_ns = 0;
        segment->first_sequence = frames->first_sequence;
        segment->first_capture_ns = frames->first_utc_us * 1000;
    }
    segment->last_sequence =
        frames->last_sequence > segment->first_sequence ? frames->last_sequence : segment->first_sequence;
    int64_t length_us = frames->last_utc_us - frames->first_utc_us;
    segment->last_capture_ns = segment->first_capture_ns + (length_us > 0 ? length_us * 1000 : 0);
    uint64_t numbers = segment->last_sequence - segment->first_sequence + 1;
    segment->missing = numbers > frames->count ? numbers - frames->count : 0;
}

// Brings what is whole of the file to the disk under its final name.
static int settle(struct disk *disk, int fd, const char *name, const char *file, uint64_t whole_bytes)
{
    struct stat info;

    if (fstat(fd, &info) != 0 ||
        ((uint64_t)info.st_size != whole_bytes && ftruncate(fd, (off_t)whole_bytes) != 0) || fsync(fd) != 0)
        return disk_failed(disk, "closing a segment", errno);
    if (strcmp(name, file) != 0 && renameat(disk->folder_fd, name, disk->folder_fd, file) != 0)
        return disk_failed(disk, "naming a segment", errno);
    if (fsync(disk->folder_fd) != 0 && errno != EINVAL)
        return disk_failed(disk, "writing to the disk", errno);
    return CASTOR_OK;
}

static int remove_useless(struct disk *disk, const char *name, const char *file)
{
    struct archive_line line = {.kind = ARCHIVE_REMOVED};

    if (unlinkat(disk->folder_fd, name, 0) != 0)
        return disk_failed(disk, "removing a segment without a picture", errno);
    snprintf(line.segment.file, sizeof line.segment.file, "%s", file);
    log_warning("%s: no whole picture in it; removed", name);
    return disk_note(disk, &line);
}

static void note_stop(struct recovery *recovery, const struct archive_segment *segment, bool empty)
{
    const uint64_t steps = segment->last_sequence - segment->first_sequence;
    uint64_t next = empty ? segment->first_sequence : segment->last_sequence + 1;

    if (segment->session != recovery->session || (recovery->interrupted && next < recovery->next_sequence))
        return;
    recovery->interrupted = true;
    recovery->next_sequence = next;
    recovery->next_capture_ns = segment->first_capture_ns;
    if (!empty)
        recovery->next_capture_ns =
            segment->last_capture_ns +
            (steps > 0 ? (segment->last_capture_ns - segment->first_capture_ns) / (int64_t)steps : 0);
}

static int recover_open_file(struct disk *disk, int fd, const char *name, const char *file,
                             struct recovery *recovery)
{
    enum archive_container container = ARCHIVE_TS;
    struct archive_line line = {.kind = ARCHIVE_SEGMENT};
    struct scan scan;

    (void)archive_name_is_segment(name, &container, NULL);
    scan_init(&scan, container);
    int error = read_through(disk, fd, UINT64_MAX, take_for_scan, &scan);
    if (error != CASTOR_OK)
        return error;
    scan_finish(&scan);
    bool part = strcmp(name, file) != 0;
    const struct catalogue_entry *known = catalogue_find(&disk->listed, file);
    const bool open = known && known->open;
    if (scan.whole_bytes == 0 && open)
        note_stop(recovery, &known->segment, true);
    if (scan.whole_bytes == 0)
        return part ? remove_useless(disk, name, file) : CASTOR_OK;
    // One that has its final name was complete: it is taken up as it is.
    if (!part)
        scan.whole_bytes = scan.position;
    digest_begin(disk->digest);
    error = read_through(disk, fd, scan.whole_bytes, take_for_digest, disk->digest);
    if (error == CASTOR_OK)
        error = settle(disk, fd, name, file, scan.whole_bytes);
    if (error != CASTOR_OK)
        return error;
    describe(&line.segment, &scan, file, known);
    if (open)
        note_stop(recovery, &line.segment, false);
    digest_end(disk->digest, line.segment.sha256);
    recovery->recovered++;
    log_info("%s: closed with %llu frames", file, (unsigned long long)line.segment.frames);
    return disk_note(disk, &line);
}

static int recover_file(struct disk *disk, const char *name, struct recovery *recovery)
{
    char file[ARCHIVE_FILE_BYTES];
    struct stat info;
    bool part = false;

    if (!archive_name_is_segment(name, NULL, &part))
        return CASTOR_OK;
    snprintf(file, sizeof file, "%.*s", (int)(strlen(name) - (part ? strlen(ARCHIVE_PART_SUFFIX) : 0)), name);
    const struct catalogue_entry *known = catalogue_find(&disk->listed, file);
    if (!part && known && !known->open)
        return CASTOR_OK;
    // A closed segment of that name keeps it: this part is a copy that somebody made.
    if (part && known && !known->open)
        return CASTOR_OK;
    int fd = openat(disk->folder_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ELOOP || errno == EISDIR ? CASTOR_OK : disk_failed(disk, "opening a segment", errno);
    int error = fstat(fd, &info) == 0 && S_ISREG(info.st_mode)
                    ? recover_open_file(disk, fd, name, file, recovery)
                    : CASTOR_OK;
    close(fd);
    return error;
}

// ---- the folder ----

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_names(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free((void *)names);
}

// The names that a segment can have, oldest first.
static int list_names(struct disk *disk, char ***out, size_t *out_count)
{
    char **names = NULL;
    size_t count = 0, capacity = 0;
    int error = CASTOR_OK;
    int fd = openat(disk->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;

    if (!folder)
        return disk_failed(disk, "listing the recording folder", errno);
    for (const struct dirent *entry = readdir(folder); entry && error == CASTOR_OK; entry = readdir(folder)) {
        if (!archive_name_is_segment(entry->d_name, NULL, NULL))
            continue;
        if (count == capacity) {
            capacity = capacity ? capacity * 2 : 64;
            char **more = (char **)realloc((void *)names, capacity * sizeof *names);
            error = more ? CASTOR_OK : CASTOR_ERR_NO_MEMORY;
            names = more ? more : names;
        }
        if (error == CASTOR_OK && !(names[count++] = strdup(entry->d_name)))
            error = CASTOR_ERR_NO_MEMORY;
    }
    closedir(folder);
    if (error != CASTOR_OK) {
        free_names(names, count);
        return error;
    }
    if (count > 0)
        qsort((void *)names, count, sizeof *names, compare_names);
    *out = names;
    *out_count = count;
    return CASTOR_OK;
}

// A ".part" that was closed has its final name now.
static void name_as_closed(char *name)
{
    size_t length = strlen(name), suffix = strlen(ARCHIVE_PART_SUFFIX);

    if (length > suffix && strcmp(name + length - suffix, ARCHIVE_PART_SUFFIX) == 0)
        name[length - suffix] = '\0';
}

static bool is_listed(char **names, size_t count, const char *file)
{
    return count > 0 &&
           bsearch((const void *)&file, (const void *)names, count, sizeof *names, compare_names);
}

// Lines for files that are not there any more.
static int drop_missing(struct disk *disk, char **names, size_t count, struct recovery *recovery)
{
    struct archive_line line = {.kind = ARCHIVE_REMOVED};
    int error = CASTOR_OK;

    for (size_t i = disk->listed.count; i-- > 0 && error == CASTOR_OK;) {
        const struct catalogue_entry *entry = &disk->listed.entries[i];
        if (!entry->open && is_listed(names, count, entry->segment.file))
            continue;
        if (entry->open)
            note_stop(recovery, &entry->segment, true);
        else
            log_warning("%s is gone from the recording folder", entry->segment.file);
        memcpy(line.segment.file, entry->segment.file, sizeof line.segment.file);
        error = disk_note(disk, &line);
    }
    return error;
}

int recovery_run(struct disk *disk, struct recovery *recovery)
{
    char **names = NULL;
    size_t count = 0;
    bool spoiled = disk->listed.bad > 0 || disk->listed.torn;
    // What follows must not be added to half a line.
    int error = spoiled ? disk_rewrite_index(disk) : CASTOR_OK;

    if (spoiled)
        log_warning(ARCHIVE_INDEX_FILE " had lines that were torn or spoiled; it was written anew");
    if (error == CASTOR_OK)
        error = list_names(disk, &names, &count);
    if (error != CASTOR_OK)
        return error;
    for (size_t i = 0; i < count && error == CASTOR_OK; i++) {
        error = recover_file(disk, names[i], recovery);
        name_as_closed(names[i]);
    }
    if (error == CASTOR_OK)
        error = drop_missing(disk, names, count, recovery);
    free_names(names, count);
    if (error == CASTOR_OK && disk->listed.dead > 0)
        error = disk_rewrite_index(disk);
    return error == CASTOR_OK ? disk_sync_index(disk) : error;
}
