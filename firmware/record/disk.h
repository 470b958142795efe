// SPDX-License-Identifier: Apache-2.0
// The recording folder: what is done to it, and in which order it reaches the disk. Every call may block as
// long as the disk does; only the writer's thread makes them. Errors are castor_errors; what to tell the
// operator stands in disk->text.
#ifndef RECORD_DISK_H
#define RECORD_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive/catalogue.h"

#define DISK_BUFFER_BYTES (256u << 10)

struct disk {
    char path[512];
    int folder_fd; // -1 = not open
    int index_fd;
    int file_fd;             // the open segment; -1 = none
    struct catalogue listed; // what the folder holds
    char file[ARCHIVE_FILE_BYTES];
    bool file_is_new;      // its name may not be on the disk yet
    uint64_t file_bytes;   // written or buffered
    uint64_t synced_bytes; // of the file, on the disk
    uint8_t *buffer;       // DISK_BUFFER_BYTES
    size_t buffered_bytes;
    void *digest;       // of what was written to the file
    int64_t slowest_ns; // of all calls since the caller set it to 0
    int saved_errno;
    char text[240];
};

CASTOR_MUST_USE int disk_init(struct disk *disk); // takes memory only
void disk_finish(struct disk *disk);              // closes; a segment that is open stays a ".part"

// Opens the folder, which has to be there, and its index. A folder that is open is closed first.
CASTOR_MUST_USE int disk_open(struct disk *disk, const char *path);
void disk_close(struct disk *disk);

// Still the folder it was, with its file in it? Its disk may have been taken away, or somebody removed it.
CASTOR_MUST_USE int disk_check(struct disk *disk);
CASTOR_MUST_USE int disk_free_bytes(struct disk *disk, uint64_t *out);

// Adds a line to the index and to disk->listed; it is on the disk after the next disk_sync_index().
CASTOR_MUST_USE int disk_note(struct disk *disk, const struct archive_line *line);
CASTOR_MUST_USE int disk_sync_index(struct disk *disk);
// Puts a new index with what is listed in place of the old one.
CASTOR_MUST_USE int disk_rewrite_index(struct disk *disk);

// Begins a segment: `segment` with all that is known of it, `file` is filled in.
CASTOR_MUST_USE int disk_begin(struct disk *disk, struct archive_segment *segment,
                               enum archive_container container);
CASTOR_MUST_USE int disk_write(struct disk *disk, const uint8_t *data, size_t size_bytes);
// Everything written so far, and that the file exists, is on the disk afterwards.
CASTOR_MUST_USE int disk_sync(struct disk *disk);
// Closes the segment: on the disk under its final name, and then in the index. `segment` is completed.
CASTOR_MUST_USE int disk_end(struct disk *disk, struct archive_segment *segment);
// Gives the open segment up as it is; recovery closes it later.
void disk_abandon(struct disk *disk);

// Removes the file of an entry, and notes it.
CASTOR_MUST_USE int disk_remove(struct disk *disk, const char *file);

// Sets disk->text for an error of a system call on `what` and returns its castor_error.
int disk_failed(struct disk *disk, const char *what, int error_number);

#endif
