// SPDX-License-Identifier: Apache-2.0
// The exported file, by libavformat: an MPEG transport stream with the times that were on air, or MP4, whose
// times begin with 0.
#ifndef EXPORT_WRITER_H
#define EXPORT_WRITER_H

#include "export/reader.h"

struct writer;

// Writes to `fd`, which stays the caller's. The streams are those of `reader`. Errors: INVALID, NO_MEMORY,
// FULL the disk is full, IO; *why says so.
CASTOR_MUST_USE int writer_open(int fd, bool mp4, const struct reader *reader, int64_t first_pts,
                                struct writer **out, struct export_text *why);
// Takes the bytes of the unit. Times of a stream must rise.
CASTOR_MUST_USE int writer_put(struct writer *writer, const struct reader_unit *unit,
                               struct export_text *why);
// All is on the disk then.
CASTOR_MUST_USE int writer_finish(struct writer *writer, int64_t *size_bytes, struct export_text *why);
void writer_close(struct writer *writer); // accepts NULL

#endif
