// SPDX-License-Identifier: Apache-2.0
// The names of the status document in words for people.
#ifndef CASTORCTL_WORDS_H
#define CASTORCTL_WORDS_H

#include <stddef.h>

// Why a path is on air, or was replaced: "stall" -> "the path before stalled". The name itself when it is not
// known.
const char *words_cause(const char *cause);
// "startable" -> "waiting" and so on.
const char *words_path_state(const char *state);
// Why a path failed last: what its process said, where that tells more than the cause.
const char *words_failure(const char *cause, const char *failure);
// "03:04:05.678Z" of "2026-01-02T03:04:05.678Z"; "" of anything shorter than a date.
const char *words_clock(const char *time);
// "3:02:11", "12 d 03:02:11"
void words_duration(double seconds, char *out, size_t size);

#endif
