// SPDX-License-Identifier: Apache-2.0
// A recording folder as a power cut, a killed recorder or somebody's hands left it, put in order: segments
// that were open are cut to what is whole and closed, files that the index does not know are taken up, lines
// for files that are gone are dropped, and the index is written anew where it needs it. What is not named
// like a segment is left alone.
#ifndef RECORD_RECOVERY_H
#define RECORD_RECOVERY_H

#include "record/disk.h"

struct recovery {
    uint64_t session;   // the caller's: the present run of castord
    uint64_t recovered; // segments that were closed or taken up
    // A segment of that session had not been closed: the first frame that is not in it any more, and about
    // when it was captured.
    bool interrupted;
    uint64_t next_sequence;
    int64_t next_capture_ns;
};

// `disk` is open; all but the session is 0. Errors: disk->text.
CASTOR_MUST_USE int recovery_run(struct disk *disk, struct recovery *recovery);

#endif
