// SPDX-License-Identifier: Apache-2.0
// A program that is run for what it prints, and that may crash or hang: vendor code on trial.
#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/error.h"

// A line that the program prints before a step that may not return: "@open".
#define CHILD_STEP_MARK '@'

struct child_end {
    int status;     // as wait(2) gives it; meaningless after `timed_out`
    bool timed_out; // it was killed
    char step[32];  // the last step it named, or ""
    char text[160]; // how it ended, in words: "crashed with signal 11 (Segmentation fault) in open"
};

// What: starts argv[0] (a path) with stdin on /dev/null and gives back its standard output without the step
// lines, terminated; standard error is the caller's. The process and all it started are killed at the
// deadline, and by the kernel when the caller ends. Owner: `output` is the caller's. Blocks: until the
// program ends or one second after deadline_ns; an unkillable one is left to the kernel then. Errors:
// NOT_FOUND, DENIED, IO not started; TIMEOUT; LOST it was killed by a signal; IO it exited with another
// status than 0; FULL it printed more than fits. *end is filled in for each of them but NOT_FOUND and DENIED.
CASTOR_MUST_USE int child_run(char *const argv[], int64_t deadline_ns, char *output, size_t output_bytes,
                              struct child_end *end);

#endif
