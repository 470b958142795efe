// SPDX-License-Identifier: Apache-2.0
// Gaps of the destinations on their way into the journal (archive/journal.h): kept here until the disk takes
// them. The channel's thread puts, the writer's thread writes.
#ifndef RECORD_GAP_NOTES_H
#define RECORD_GAP_NOTES_H

#include <pthread.h>
#include <stdbool.h>

#include "archive/journal.h"

// More than the supervisor keeps; beyond, the oldest is left out of the journal.
#define GAP_NOTES_MAX 512u
// A longer journal is written anew, with the last word about each gap, and at most this many of them.
#define GAP_NOTES_FILE_BYTES (4u << 20)
#define GAP_NOTES_KEPT 4000u

struct gap_notes {
    pthread_mutex_t mutex;
    struct journal_gap waiting[GAP_NOTES_MAX];
    uint32_t count;
};

void gap_notes_init(struct gap_notes *notes);
void gap_notes_finish(struct gap_notes *notes);

void gap_notes_put(struct gap_notes *notes, const struct journal_gap *gap);

// Appends what waits to the journal of the folder and brings it to the disk; what was not written waits on.
// Blocks: as the disk does. Errors: as castor_error_from_errno(); FULL, IO.
CASTOR_MUST_USE int gap_notes_write(struct gap_notes *notes, int folder_fd);

#endif
