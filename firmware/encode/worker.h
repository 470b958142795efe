// SPDX-License-Identifier: Apache-2.0
// The encode worker: orders in from the supervisor, access units out into the coded ring.
#ifndef ENCODE_WORKER_H
#define ENCODE_WORKER_H

#include "base/log.h"
#include "base/worker_process.h"
#include "hal/encoder.h"

// How to look up a driver by its name; as encoder_driver_find().
typedef int (*encode_find)(const char *name, const struct encoder_driver **out, struct encoder_text *why);

// Works on the channel `fd` (not closed) until told to stop. Returns an
// enum worker_exit for the process to exit with. Blocks for as long as the box runs; no single wait in it is
// without a deadline, and an end of the channel ends it at once when no vendor call is under way. The log
// names the path ("encode A") as soon as that is known.
int encode_worker_run(int fd, encode_find find, enum log_level level);

#endif
