// SPDX-License-Identifier: Apache-2.0
// castor-probe: receives a stream as an edge would, checks it and reports the KPIs.
#include "probe/options.h"
#include "probe/session.h"

#include <signal.h>
#include <stdio.h>

static void on_signal(int number)
{
    (void)number;
    session_stop();
}

int main(int argc, char **argv)
{
    struct options options;
    if (options_parse(argc, argv, &options, stderr) != CASTOR_OK)
        return SESSION_FAILED;
    if (options.help) {
        options_print_help(stdout);
        return SESSION_PASSED;
    }
    if (options.version) {
        puts("castor-probe " CASTOR_PROBE_VERSION);
        return SESSION_PASSED;
    }
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    return (int)session_run(&options);
}
