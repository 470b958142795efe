// SPDX-License-Identifier: Apache-2.0
// Whether a segment is still what the recorder closed: its size and SHA-256 stand in the index.
#ifndef EXPORT_CHECK_H
#define EXPORT_CHECK_H

#include "export/plan.h"

// Reads the whole file behind `fd`. Errors: INVALID, IO, NO_MEMORY, with *why.
CASTOR_MUST_USE int check_segment(const struct archive_segment *segment, int fd, struct export_text *why);

#endif
