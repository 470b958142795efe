// SPDX-License-Identifier: Apache-2.0
#include "base/worker_process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

int worker_process_begin(const char *name, int channel_fd, enum sandbox sandbox, enum log_level *level)
{
    const char *wanted = getenv("CASTOR_LOG");
    int parsed = wanted ? log_level_parse(wanted) : LOG_LEVEL_INFO;

    *level = parsed >= 0 ? (enum log_level)parsed : LOG_LEVEL_INFO;
    log_open(name, *level);
    if (fcntl(channel_fd, F_GETFD) < 0) {
        fprintf(stderr, "castor-%s is started by castord, which passes its channel as descriptor %d\n", name,
                channel_fd);
        return CASTOR_ERR_INVALID;
    }
    // A worker that hangs in a vendor's library would not see the channel close.
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGINT, SIG_IGN); // Ctrl-C reaches the whole terminal; when to stop is the supervisor's word
    (void)fcntl(channel_fd, F_SETFD, FD_CLOEXEC);
    int error = sandbox_enter(sandbox);
    if (error != CASTOR_OK)
        log_warning("runs without its sandbox: %s", castor_error_text(error));
    return CASTOR_OK;
}
