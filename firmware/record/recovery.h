// SPDX-License-Identifier: Apache-2.0
// A recording folder as a power cut, a killed recorder or somebody's hands left it, put in order: segments
// that were open are cut to what is whole and closed, files that the index does not know are taken up, lines
// for files that are gone are dropped, and the index is written anew where it needs it. What is not named
// like a segment is left alone.
#ifndef RECORD_RECOVERY_H
#define RECORD_RECOVERY_H

#include "record/disk.h"

// `disk` is open. *recovered counts the segments that were closed or taken up. Errors: disk->text.
CASTOR_MUST_USE int recovery_run(struct disk *disk, uint64_t *recovered);

#endif
