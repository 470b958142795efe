// SPDX-License-Identifier: Apache-2.0
// The access units of one segment, by libavformat, whatever it is wrapped in.
#ifndef EXPORT_READER_H
#define EXPORT_READER_H

#include <libavformat/avformat.h>

#include "export/plan.h"
#include "hal/encoder.h"

struct reader;

struct reader_unit {
    AVPacket *packet; // the reader's, until the next call; of video in Annex B
    int stream;       // of the segment
    bool video;
    int64_t pts;      // on air, 90 kHz, 33 bits
    int64_t duration; // 90 kHz; 0 = the container does not say
    // Of video
    uint64_t sequence;
    bool idr;
};

// Opens a segment whose file is behind `fd`, which stays the caller's and open. Blocks: as the disk does.
// Errors: INVALID, with *why; NO_MEMORY.
CASTOR_MUST_USE int reader_open(const struct archive_segment *segment, int fd, int64_t pts_offset_ns,
                                struct reader **out, struct export_text *why);
void reader_close(struct reader *reader); // accepts NULL

unsigned reader_stream_count(const struct reader *reader);
// What stream i is, with the parameters of what the reader yields.
const AVCodecParameters *reader_parameters(const struct reader *reader, unsigned i);
int reader_stream_id(const struct reader *reader, unsigned i);
// Of three letters (ISO 639-2), the reader's; NULL = not said.
const char *reader_language(const struct reader *reader, unsigned i);
unsigned reader_video(const struct reader *reader);

// Errors: END; INVALID, with *why: it holds what cannot be.
CASTOR_MUST_USE int reader_next(struct reader *reader, struct reader_unit *out, struct export_text *why);

#endif
