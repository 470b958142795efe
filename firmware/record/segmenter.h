// SPDX-License-Identifier: Apache-2.0
// When one segment ends and the next begins. Pure: units come in, verdicts go out. A segment begins with an
// IDR, always; it ends at the first IDR at which its time or size is up, at which something asks for it, or
// at once where frames are missing that had to be left out.
#ifndef RECORD_SEGMENTER_H
#define RECORD_SEGMENTER_H

#include <stdbool.h>
#include <stdint.h>

struct segmenter_config {
    int64_t segment_ns;
    uint64_t segment_bytes; // 0 = any size
};

struct segmenter {
    bool open;
    bool cut_asked;
    int64_t first_capture_ns; // of the open segment
    uint64_t bytes;           // in it
};

enum segmenter_verdict {
    SEGMENTER_SKIP,   // belongs to no segment
    SEGMENTER_APPEND, // to the open one
    SEGMENTER_BEGIN,  // ends the open one, if any, and begins another
    SEGMENTER_END,    // ends the open one and is itself in none
};

struct segmenter_unit {
    bool wanted;        // it is to be recorded
    bool idr;           // one that a decoder can begin with
    bool gap_before;    // units were left out before it
    bool other_headers; // its parameter sets differ, and the container cannot take that in one segment
    int64_t capture_ns;
    uint32_t size_bytes;
};

void segmenter_init(struct segmenter *segmenter);

enum segmenter_verdict segmenter_unit(struct segmenter *segmenter, const struct segmenter_config *config,
                                      const struct segmenter_unit *unit);

// The next IDR begins a segment.
void segmenter_ask_cut(struct segmenter *segmenter);
// The open segment was given up, for example because the disk failed.
void segmenter_close(struct segmenter *segmenter);

#endif
