// SPDX-License-Identifier: Apache-2.0
// The sound of a media file by media time: time 0 is the file's first picture, or the beginning of a file
// without pictures. Where the file has none, and where packets are broken, there is silence.
#ifndef SOUND_CLIP_TRACK_H
#define SOUND_CLIP_TRACK_H

#include <stdatomic.h>

#include "hal/sound.h"

struct clip_track;

// What: opens the file's sound. Members of `wanted` that are 0 are the file's own, which *format tells. *stop
// ends every call soon. Owner: the caller, of *out. Blocks: at most 5 s. Errors: END the file has no sound;
// NOT_FOUND, DENIED, INVALID, UNSUPPORTED, NO_MEMORY; all with *why.
CASTOR_MUST_USE int clip_track_open(const char *path, const struct sound_format *wanted,
                                    const atomic_bool *stop, struct sound_format *format,
                                    struct clip_track **out, struct source_text *why);

// What: `count` samples from sample `media` on, which may be negative. Going on where the call before ended
// is cheap, and so is the beginning of the file; any other place is sought. Blocks: for reading and decoding.
// False where the file cannot be read any more: there is silence, and *why.
bool clip_track_get(struct clip_track *track, int64_t media, float *out, uint32_t count,
                    struct source_text *why);

// The number of samples from media time 0 to the end; -1 while the end was not seen.
int64_t clip_track_end(const struct clip_track *track);

// Packets and pictures of sound that were broken.
uint64_t clip_track_errors(const struct clip_track *track);

// Accepts NULL.
void clip_track_close(struct clip_track *track);

#endif
