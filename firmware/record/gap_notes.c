// SPDX-License-Identifier: Apache-2.0
#include "record/gap_notes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE 0644
#define BATCH 32u
#define NEW_FILE JOURNAL_FILE ".new"

void gap_notes_init(struct gap_notes *notes)
{
    memset(notes, 0, sizeof *notes);
    pthread_mutex_init(&notes->mutex, NULL);
}

void gap_notes_finish(struct gap_notes *notes)
{
    pthread_mutex_destroy(&notes->mutex);
}

static void drop_first(struct gap_notes *notes, uint32_t count)
{
    notes->count -= count;
    memmove(&notes->waiting[0], &notes->waiting[count], notes->count * sizeof notes->waiting[0]);
}

static uint32_t find(const struct gap_notes *notes, const struct journal_gap *gap)
{
    uint32_t at = 0;

    while (at < notes->count &&
           (notes->waiting[at].number != gap->number || notes->waiting[at].session != gap->session))
        at++;
    return at;
}

void gap_notes_put(struct gap_notes *notes, const struct journal_gap *gap)
{
    pthread_mutex_lock(&notes->mutex);
    uint32_t at = find(notes, gap);
    if (at == GAP_NOTES_MAX) {
        drop_first(notes, 1);
        at--;
    }
    notes->waiting[at] = *gap;
    if (at == notes->count)
        notes->count++;
    pthread_mutex_unlock(&notes->mutex);
}

// What could not be written waits on, unless a newer word about the same gap has come.
static void put_back(struct gap_notes *notes, const struct journal_gap *gaps, uint32_t count)
{
    pthread_mutex_lock(&notes->mutex);
    for (uint32_t i = 0; i < count && notes->count < GAP_NOTES_MAX; i++)
        if (find(notes, &gaps[i]) == notes->count)
            notes->waiting[notes->count++] = gaps[i];
    pthread_mutex_unlock(&notes->mutex);
}

// ---- the file ----

static int write_all(int fd, const char *text, size_t size_bytes)
{
    for (size_t done = 0; done < size_bytes;) {
        ssize_t n = write(fd, text + done, size_bytes - done);
        if (n < 0 && errno != EINTR)
            return castor_error_from_errno(errno);
        if (n > 0)
            done += (size_t)n;
    }
    return CASTOR_OK;
}

static int write_gap(int fd, const struct journal_gap *gap)
{
    char line[ARCHIVE_LINE_BYTES_MAX];
    size_t length;

    // What no line can hold is no reason to give up the disk.
    return journal_line_write(gap, line, &length) == CASTOR_OK ? write_all(fd, line, length) : CASTOR_OK;
}

// A power cut may have left half a line, to which nothing may be added.
static int end_torn_line(int fd, off_t size_bytes)
{
    char last = '\n';

    if (size_bytes > 0 && pread(fd, &last, 1, size_bytes - 1) != 1)
        return castor_error_from_errno(errno);
    return last == '\n' ? CASTOR_OK : write_all(fd, "\n", 1);
}

static int write_anew(int folder_fd)
{
    struct journal journal;
    int error = journal_load(folder_fd, &journal);

    if (error == CASTOR_ERR_INVALID) { // too large even to be read, or no file
        memset(&journal, 0, sizeof journal);
        error = CASTOR_OK;
    }
    if (error != CASTOR_OK)
        return error;
    int fd = openat(folder_fd, NEW_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0)
        error = castor_error_from_errno(errno);
    size_t first = journal.count > GAP_NOTES_KEPT ? journal.count - GAP_NOTES_KEPT : 0;
    for (size_t i = first; i < journal.count && error == CASTOR_OK; i++)
        error = write_gap(fd, &journal.gaps[i]);
    if (error == CASTOR_OK && (fdatasync(fd) != 0 || renameat(folder_fd, NEW_FILE, folder_fd, JOURNAL_FILE)))
        error = castor_error_from_errno(errno);
    if (fd >= 0)
        close(fd);
    journal_clear(&journal);
    return error;
}

static int open_journal(int folder_fd, int *out)
{
    struct stat info;
    int fd = openat(folder_fd, JOURNAL_FILE,
                    O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, FILE_MODE);

    if (fd < 0)
        return castor_error_from_errno(errno);
    int error = fstat(fd, &info) == 0 ? end_torn_line(fd, info.st_size) : castor_error_from_errno(errno);
    if (error != CASTOR_OK)
        close(fd);
    else
        *out = fd;
    return error;
}

static int append(int folder_fd, const struct journal_gap *gaps, uint32_t count)
{
    struct stat info;
    int fd = -1;
    bool made = fstatat(folder_fd, JOURNAL_FILE, &info, AT_SYMLINK_NOFOLLOW) != 0;
    int error = !made && info.st_size > (off_t)GAP_NOTES_FILE_BYTES ? write_anew(folder_fd) : CASTOR_OK;

    if (error == CASTOR_OK)
        error = open_journal(folder_fd, &fd);
    for (uint32_t i = 0; i < count && error == CASTOR_OK; i++)
        error = write_gap(fd, &gaps[i]);
    if (error == CASTOR_OK && fdatasync(fd) != 0)
        error = castor_error_from_errno(errno);
    if (error == CASTOR_OK && made && fsync(folder_fd) != 0 && errno != EINVAL)
        error = castor_error_from_errno(errno);
    if (fd >= 0)
        close(fd);
    return error;
}

int gap_notes_write(struct gap_notes *notes, int folder_fd)
{
    struct journal_gap some[BATCH];
    uint32_t count;
    int error = CASTOR_OK;

    do {
        pthread_mutex_lock(&notes->mutex);
        count = notes->count < BATCH ? notes->count : BATCH;
        memcpy(some, notes->waiting, count * sizeof some[0]);
        drop_first(notes, count);
        pthread_mutex_unlock(&notes->mutex);
        if (count > 0)
            error = append(folder_fd, some, count);
    } while (error == CASTOR_OK && count == BATCH);
    if (error != CASTOR_OK)
        put_back(notes, some, count);
    return error;
}
