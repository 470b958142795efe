// SPDX-License-Identifier: Apache-2.0
// What a recording folder holds, as its index tells: the segments that are there, oldest first, with marks
// and gaps. No I/O but in catalogue_load().
#ifndef ARCHIVE_CATALOGUE_H
#define ARCHIVE_CATALOGUE_H

#include "archive/index.h"

#define CATALOGUE_LINES_MAX 2000000u // a longer index is read up to here
#define CATALOGUE_BYTES_MAX (512u << 20)

struct catalogue_entry {
    struct archive_segment segment;
    bool open;      // begun, not closed
    bool guarded;   // protected
    uint64_t order; // rises with the lines of the index
};

struct catalogue {
    struct catalogue_entry *entries; // in the order in which they were begun
    size_t count, capacity;
    struct archive_line *notes; // marks and gaps
    size_t note_count, note_capacity;
    uint64_t lines; // that were applied
    uint64_t dead;  // of them, those that say nothing any more of what is there
    uint64_t bad;   // lines that were skipped
    bool torn;      // the last line has no end
};

// Applies one line. CASTOR_ERR_NO_MEMORY; what makes no sense (a file that is not known) is ignored.
CASTOR_MUST_USE int catalogue_apply(struct catalogue *catalogue, const struct archive_line *line);

// Applies a whole text. Lines that cannot be read are counted and skipped. CASTOR_ERR_NO_MEMORY.
CASTOR_MUST_USE int catalogue_read(struct catalogue *catalogue, const char *text, size_t size_bytes);

// Reads the index of the folder behind the descriptor. *out is then the caller's; none there = empty. Blocks:
// as the disk does. Errors: as castor_error_from_errno(); CASTOR_ERR_INVALID too large to be one.
CASTOR_MUST_USE int catalogue_load(int folder_fd, struct catalogue *out);

// NULL when there is none of that name.
struct catalogue_entry *catalogue_find(const struct catalogue *catalogue, const char *file);

// Frees what it holds and leaves it empty.
void catalogue_clear(struct catalogue *catalogue);

#endif
