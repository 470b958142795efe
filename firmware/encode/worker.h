// SPDX-License-Identifier: Apache-2.0
// The encode worker: orders in from the supervisor, access units out into the coded ring.
#ifndef ENCODE_WORKER_H
#define ENCODE_WORKER_H

#include "base/log.h"
#include "hal/encoder.h"

enum encode_exit {
    ENCODE_EXIT_STOPPED = 0, // told to stop, or the supervisor is gone
    ENCODE_EXIT_DRIVER = 1,  // the driver could not be opened or failed; FAILED was sent
    ENCODE_EXIT_PROTOCOL = 2 // the supervisor said something malformed
};

// How to look up a driver by its name; as encoder_driver_find().
typedef int (*encode_find)(const char *name, const struct encoder_driver **out, struct encoder_text *why);

// Works on the channel `fd` (not closed) until told to stop. Returns an
// enum encode_exit for the process to exit with. Blocks for as long as the box runs; no single wait in it is
// without a deadline, and an end of the channel ends it at once when no vendor call is under way. The log
// names the path ("encode A") as soon as that is known.
int encode_worker_run(int fd, encode_find find, enum log_level level);

#endif
