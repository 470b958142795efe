// SPDX-License-Identifier: Apache-2.0
// One stream of a local media file, opened with its decoder.
#ifndef SOURCE_CLIP_STREAM_H
#define SOURCE_CLIP_STREAM_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "hal/source.h"

struct clip_stream {
    AVFormatContext *format;
    AVCodecContext *codec;
    AVStream *stream; // the best of its kind; all others are discarded
};

// What: opens a regular file and its best stream of `kind` (video or audio) with `threads` decoder threads (0
// = by picture size). Owner: the caller, of *out, to clip_stream_close(); on failure it is empty. Blocks:
// until `interrupt` says no more. Errors: END no stream of that kind; NOT_FOUND, DENIED, INVALID,
// UNSUPPORTED, NO_MEMORY; all with *why.
CASTOR_MUST_USE int clip_stream_open(const char *path, enum AVMediaType kind, uint32_t threads,
                                     AVIOInterruptCB interrupt, struct clip_stream *out,
                                     struct source_text *why);

// Closes and empties it.
void clip_stream_close(struct clip_stream *stream);

#endif
