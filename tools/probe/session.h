// SPDX-License-Identifier: Apache-2.0
// One run of the probe, from opening the input to the report.
#ifndef PROBE_SESSION_H
#define PROBE_SESSION_H

#include "probe/options.h"

enum session_exit {
    SESSION_PASSED = 0,
    SESSION_LIMIT_BROKEN = 1,
    SESSION_FAILED = 2, // wrong use, no input, a file that cannot be written
};

// Runs until the input ends, a bound of the options is reached, or session_stop. Blocks that long; looks
// around at least every 100 ms.
enum session_exit session_run(const struct options *options);

// Ends the run with a report. Safe in a signal handler.
void session_stop(void);

#endif
