// SPDX-License-Identifier: Apache-2.0
// Names in a recording folder: "PREFIX-20261128T022000.123Z.ts", the UTC of the first frame in it, and
// "…Z-2.ts" where that name is taken (the clock was set back). While a segment is written ".part" stands
// behind it. What is not named like this is not ours and is never touched.
#ifndef ARCHIVE_NAME_H
#define ARCHIVE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/error.h"

#define ARCHIVE_PART_SUFFIX ".part"
#define ARCHIVE_PREFIX "castor" // of a recording without a name
#define ARCHIVE_FILE_BYTES 96   // a name with its NUL
#define ARCHIVE_NAME_BYTES 49   // a recording's name with its NUL

enum archive_container {
    ARCHIVE_TS = 0,
    ARCHIVE_MP4 = 1,
    ARCHIVE_CONTAINERS = 2,
};

// What a recording may be called: 1 to 48 letters, digits, "-" and "_".
bool archive_name_is_valid(const char *name);

// The name of a segment. `attempt` is 1, or higher where a file of that name exists. `recording` is valid or
// "". CASTOR_ERR_INVALID for a time before 1970 or after 9999.
CASTOR_MUST_USE int archive_name_make(const char *recording, int64_t utc_ns, unsigned attempt,
                                      enum archive_container container, char out[ARCHIVE_FILE_BYTES]);

// Whether a file is a segment of ours; *part (may be NULL) tells whether it is one that was being written.
bool archive_name_is_segment(const char *file, enum archive_container *container, bool *part);

#endif
