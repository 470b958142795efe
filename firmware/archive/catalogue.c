// SPDX-License-Identifier: Apache-2.0
#include "archive/catalogue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct catalogue_entry *catalogue_find(const struct catalogue *catalogue, const char *file)
{
    // What is asked for is nearly always among the newest.
    for (size_t i = catalogue->count; i-- > 0;)
        if (strcmp(catalogue->entries[i].segment.file, file) == 0)
            return &catalogue->entries[i];
    return NULL;
}

// Room for one more element; the doubled memory, or NULL.
static void *grow(void *elements, size_t count, size_t *capacity, size_t element_bytes)
{
    if (count < *capacity)
        return elements;
    size_t wanted = *capacity ? *capacity * 2 : 64;
    void *more = realloc(elements, wanted * element_bytes);
    if (more)
        *capacity = wanted;
    return more;
}

static int begin(struct catalogue *catalogue, const struct archive_line *line)
{
    struct catalogue_entry *entry = catalogue_find(catalogue, line->segment.file);

    if (!entry) {
        void *more = grow(catalogue->entries, catalogue->count, &catalogue->capacity, sizeof *entry);
        if (!more)
            return CASTOR_ERR_NO_MEMORY;
        catalogue->entries = more;
        entry = &catalogue->entries[catalogue->count++];
        memset(entry, 0, sizeof *entry);
        entry->order = catalogue->lines;
    } else {
        catalogue->dead++; // the older of the two lines
    }
    entry->segment = line->segment;
    entry->open = line->kind == ARCHIVE_OPEN;
    return CASTOR_OK;
}

static int note(struct catalogue *catalogue, const struct archive_line *line)
{
    void *more =
        grow(catalogue->notes, catalogue->note_count, &catalogue->note_capacity, sizeof *catalogue->notes);

    if (!more)
        return CASTOR_ERR_NO_MEMORY;
    catalogue->notes = more;
    catalogue->notes[catalogue->note_count++] = *line;
    return CASTOR_OK;
}

static void change(struct catalogue *catalogue, const struct archive_line *line)
{
    struct catalogue_entry *entry = catalogue_find(catalogue, line->segment.file);

    catalogue->dead++;
    if (!entry)
        return;
    if (line->kind == ARCHIVE_REMOVED) {
        size_t at = (size_t)(entry - catalogue->entries);
        memmove(entry, entry + 1, (catalogue->count - at - 1) * sizeof *entry);
        catalogue->count--;
        catalogue->dead++;
    } else if (line->kind == ARCHIVE_SAVED) {
        entry->segment.preroll = false;
        memcpy(entry->segment.recording, line->segment.recording, sizeof entry->segment.recording);
    } else {
        entry->guarded = line->kind == ARCHIVE_PROTECTED;
    }
}

int catalogue_apply(struct catalogue *catalogue, const struct archive_line *line)
{
    int error = CASTOR_OK;

    catalogue->lines++;
    if (line->kind == ARCHIVE_OPEN || line->kind == ARCHIVE_SEGMENT)
        error = begin(catalogue, line);
    else if (line->kind == ARCHIVE_MARK || line->kind == ARCHIVE_GAP)
        error = note(catalogue, line);
    else
        change(catalogue, line);
    return error;
}

int catalogue_read(struct catalogue *catalogue, const char *text, size_t size_bytes)
{
    struct archive_line line;
    int error = CASTOR_OK;

    while (size_bytes > 0 && error == CASTOR_OK && catalogue->lines + catalogue->bad < CATALOGUE_LINES_MAX) {
        const char *end = memchr(text, '\n', size_bytes);
        catalogue->torn = !end;
        size_t length = end ? (size_t)(end - text) : size_bytes;
        if (end && archive_line_read(text, length, &line) == CASTOR_OK)
            error = catalogue_apply(catalogue, &line);
        else
            catalogue->bad++;
        length += end ? 1 : 0;
        text += length;
        size_bytes -= length;
    }
    return error;
}

static int read_file(int fd, struct catalogue *out)
{
    struct stat info;
    size_t used = 0;

    if (fstat(fd, &info) != 0)
        return castor_error_from_errno(errno);
    if (!S_ISREG(info.st_mode) || info.st_size > (off_t)CATALOGUE_BYTES_MAX)
        return CASTOR_ERR_INVALID;
    char *text = malloc((size_t)info.st_size + 1);
    if (!text)
        return CASTOR_ERR_NO_MEMORY;
    int error = CASTOR_OK;
    while (used < (size_t)info.st_size && error == CASTOR_OK) {
        ssize_t n = read(fd, text + used, (size_t)info.st_size - used);
        if (n < 0 && errno != EINTR)
            error = castor_error_from_errno(errno);
        else if (n == 0)
            break;
        else if (n > 0)
            used += (size_t)n;
    }
    if (error == CASTOR_OK)
        error = catalogue_read(out, text, used);
    free(text);
    return error;
}

int catalogue_load(int folder_fd, struct catalogue *out)
{
    struct catalogue catalogue;

    memset(&catalogue, 0, sizeof catalogue);
    int fd = openat(folder_fd, ARCHIVE_INDEX_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno != ENOENT)
        return castor_error_from_errno(errno);
    int error = fd < 0 ? CASTOR_OK : read_file(fd, &catalogue);
    if (fd >= 0)
        close(fd);
    if (error == CASTOR_OK)
        *out = catalogue;
    else
        catalogue_clear(&catalogue);
    return error;
}

void catalogue_clear(struct catalogue *catalogue)
{
    free(catalogue->entries);
    free(catalogue->notes);
    memset(catalogue, 0, sizeof *catalogue);
}
