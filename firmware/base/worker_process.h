// SPDX-License-Identifier: Apache-2.0
// How every worker program begins and ends.
#ifndef BASE_WORKER_PROCESS_H
#define BASE_WORKER_PROCESS_H

#include "base/log.h"
#include "base/sandbox.h"

enum worker_exit {
    WORKER_EXIT_OK = 0,       // STOP, or the supervisor is gone
    WORKER_EXIT_FAILED = 1,   // could not go on; FAILED says why
    WORKER_EXIT_PROTOCOL = 2, // the supervisor broke the protocol
};

// Opens the log (level from the environment, CASTOR_LOG), makes sure that the supervisor's channel is on
// `channel_fd`, ties this process' life to the supervisor's, leaves Ctrl-C to it, and enters the sandbox.
// Returns CASTOR_ERR_INVALID, having said so on standard error, when the program was not started by castord.
CASTOR_MUST_USE int worker_process_begin(const char *name, int channel_fd, enum sandbox sandbox,
                                         enum log_level *level);

#endif
