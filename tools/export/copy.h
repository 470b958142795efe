// SPDX-License-Identifier: Apache-2.0
// From the last IDR up to the first missing frame to the last missing frame, every access unit as it was
// recorded.
#ifndef EXPORT_COPY_H
#define EXPORT_COPY_H

#include "export/plan.h"

struct copy_result {
    uint64_t start_sequence; // of the IDR; what the edge has before it stays
    int64_t start_pts;       // times on air, 90 kHz, 33 bits
    int64_t first_pts;       // of the first missing frame
    int64_t last_pts;        // of the last
    uint64_t start_offset;   // access units between the IDR and the first missing one
    uint64_t frames;         // access units in the file
    uint64_t missing;        // of them from the first to the last missing one
    int64_t size_bytes;
};

// `fds`: the files of the plan's segments; `after_fd`: of the one behind them, -1 = none. What that one holds
// of the sound is taken too; where it is damaged the sound ends some moments earlier. Blocks: as the disk
// does. Errors: INVALID a segment cannot be read; NOT_FOUND frames of the gap are not in it; FULL, IO the
// file cannot be written; *why says so.
CASTOR_MUST_USE int copy_gap(const struct export_plan *plan, const int *fds, int after_fd,
                             const struct export_request *request, int out_fd, bool mp4,
                             struct copy_result *out, struct export_text *why);

#endif
