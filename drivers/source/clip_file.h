// SPDX-License-Identifier: Apache-2.0
// The pictures of a media file one after the other, for ever: at the end it starts again without a seam.
#ifndef SOURCE_CLIP_FILE_H
#define SOURCE_CLIP_FILE_H

#include <stdatomic.h>
#include <stdbool.h>

#include <libavutil/frame.h>

#include "hal/source.h"

struct clip_file;

// What the file says of itself.
struct clip_shape {
    uint32_t width_px, height_px;
    struct castor_rational rate;
    bool constant_rate; // every picture lasts one interval
};

// Opens a local regular file with `threads` decoder threads (0 = by picture size). *stop ends every call on
// the file soon. Blocks: at most 5 s. Errors: NOT_FOUND, DENIED, INVALID, UNSUPPORTED, NO_MEMORY, IO with
// *why.
CASTOR_MUST_USE int clip_file_open(const char *path, uint32_t threads, const atomic_bool *stop,
                                   struct clip_file **out, struct source_text *why);

struct clip_shape clip_file_shape(const struct clip_file *file);

// The next picture, its time since the first (rising over all loops) and its pixel aspect ratio in
// picture->sample_aspect_ratio. Broken packets are skipped and counted. Blocks: for reading and decoding.
// Errors: END after *stop, LOST when the file went away or yields no picture any more, with *why.
CASTOR_MUST_USE int clip_file_next(struct clip_file *file, AVFrame *picture, int64_t *time_ns,
                                   struct source_text *why);

// The time stamp that the file has for its first picture; after the first clip_file_next().
int64_t clip_file_first_ns(const struct clip_file *file);

// When, on that count, the file began anew with the first picture of the pass that the last picture is of.
int64_t clip_file_pass_ns(const struct clip_file *file);

uint64_t clip_file_errors(const struct clip_file *file);

// Accepts NULL.
void clip_file_close(struct clip_file *file);

#endif
