// SPDX-License-Identifier: Apache-2.0
// The journal of a recording folder: "gaps.jsonl", what did not reach which destination, in lines as those of
// the index (archive/sealed.h). A gap has one line for each time it was written down, of which the last
// counts: a gap that was never written as closed was open when the box ended. "type" is "gap"; the rest is
//
//   session, number        name the gap: the run of castord, and its number in it
//   destination            its name
//   first_sequence, last_sequence, first_capture_ns, last_capture_ns, utc_offset_ns   as in the index
//   pts_offset_ns          PTS on air = capture time + this
//   not_connected, waiting_idr, buffer_full, unacknowledged, doubtful, egress   frames by cause
//   possible               of them, how many may have arrived after all
//   open                   it could still grow
//
// Pure functions but for memory, and journal_load(); any bytes may be given to the readers.
#ifndef ARCHIVE_JOURNAL_H
#define ARCHIVE_JOURNAL_H

#include "archive/index.h"

#define JOURNAL_FILE "gaps.jsonl"
#define JOURNAL_GAPS_MAX 100000u // a longer journal is read up to here
#define JOURNAL_BYTES_MAX (64u << 20)

enum journal_cause {
    JOURNAL_NOT_CONNECTED = 0,
    JOURNAL_WAITING_IDR,
    JOURNAL_BUFFER_FULL,
    JOURNAL_UNACKNOWLEDGED,
    JOURNAL_DOUBTFUL,
    JOURNAL_EGRESS,
    JOURNAL_CAUSES,
};

struct journal_gap {
    uint64_t session, number;
    char destination[32];
    uint64_t first_sequence, last_sequence;
    int64_t first_capture_ns, last_capture_ns;
    int64_t utc_offset_ns, pts_offset_ns;
    uint64_t frames[JOURNAL_CAUSES];
    uint64_t possible;
    bool open;
};

// The keys of the causes.
extern const char *const journal_causes[JOURNAL_CAUSES];

// As archive_line_write() and archive_line_read().
CASTOR_MUST_USE int journal_line_write(const struct journal_gap *gap, char out[ARCHIVE_LINE_BYTES_MAX],
                                       size_t *length);
CASTOR_MUST_USE int journal_line_read(const char *text, size_t size_bytes, struct journal_gap *out);

struct journal {
    struct journal_gap *gaps; // in the order in which they began
    size_t count, capacity;
    uint64_t bad; // lines that were skipped
    bool torn;    // the last line has no end
};

// Applies one line. CASTOR_ERR_NO_MEMORY.
CASTOR_MUST_USE int journal_apply(struct journal *journal, const struct journal_gap *gap);
// Applies a whole text. CASTOR_ERR_NO_MEMORY.
CASTOR_MUST_USE int journal_read(struct journal *journal, const char *text, size_t size_bytes);
// Reads the journal of the folder behind the descriptor; none there = empty. Blocks and fails as
// catalogue_load().
CASTOR_MUST_USE int journal_load(int folder_fd, struct journal *out);
void journal_clear(struct journal *journal);

#endif
