// SPDX-License-Identifier: Apache-2.0
// Starting programs: what is the same for all that Castor starts. Between fork(2) and execv(2) only
// async-signal-safe calls are allowed; process_become() makes no others.
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "hal/error.h"

// What: in the new process, becomes the program `path`. It ends when `parent`, its parent's process, does; it
// leaves no core file, gains no privileges, has a session of its own, the default signal mask, and nothing
// open from first_closed_fd on; its standard input is /dev/null unless it keeps the one it has. Exits with
// 126 when it cannot be prepared and with 127 when the program cannot be run.
_Noreturn void process_become(const char *path, char *const argv[], pid_t parent, bool keep_stdin,
                              int first_closed_fd);

// What: in the parent, a descriptor that polls readable when the process that was just started ends. Owner:
// the caller's. Errors: as castor_error_from_errno(); the process is then ended and gone.
CASTOR_MUST_USE int process_watch(pid_t pid, int *pidfd);

// What: the folder of the program that runs, where those are installed that belong to it. Errors: NOT_FOUND
// the kernel does not tell it; FULL it does not fit.
CASTOR_MUST_USE int process_folder(char *out, size_t size_bytes);

#endif
