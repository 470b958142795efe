// SPDX-License-Identifier: Apache-2.0
// The sound worker: takes sound from one source, makes the tracks of it as the supervisor orders, puts their
// access units into the sound ring and announces each. Without a source it goes on with silence.
#ifndef SOUND_WORKER_H
#define SOUND_WORKER_H

#include "base/worker_process.h"
#include "sound/intake.h"

// The source's sound has this long to come; then silence takes its place.
#define SOUND_PATIENCE_NS (80 * CASTOR_NS_PER_MS)

// Runs until told to stop; returns an enum worker_exit. `fd` is the channel to the supervisor, kept open.
int sound_worker_run(int fd, intake_find find);

#endif
