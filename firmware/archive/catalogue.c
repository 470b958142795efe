// SPDX-License-Identifier: Apache-2.0
#include "archive/catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "archive/file.h"

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

int catalogue_load(int folder_fd, struct catalogue *out)
{
    struct catalogue catalogue;
    char *text = NULL;
    size_t size_bytes = 0;
    int error = archive_file_load(folder_fd, ARCHIVE_INDEX_FILE, CATALOGUE_BYTES_MAX, &text, &size_bytes);

    memset(&catalogue, 0, sizeof catalogue);
    if (error == CASTOR_OK)
        error = catalogue_read(&catalogue, text, size_bytes);
    free(text);
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
