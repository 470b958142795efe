// SPDX-License-Identifier: Apache-2.0
// `castorctl live`: the box as it is now, until the operator has seen enough.
#ifndef CASTORCTL_LIVE_H
#define CASTORCTL_LIVE_H

struct live_options {
    const char *socket;       // NULL = the default
    const char *probe_status; // file of castor-probe --status-file, or NULL
    long seconds;             // 0 = until q or Ctrl-C
};

// Returns the exit status of the program: 0, or 1 when no castord was there for 5 s at the beginning or
// after.
int live_run(const struct live_options *options);

#endif
