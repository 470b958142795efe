// SPDX-License-Identifier: Apache-2.0
// castor-encode as a program for people and for child_run(): lists drivers and devices, puts them on trial.
#ifndef ENCODE_TRIAL_MAIN_H
#define ENCODE_TRIAL_MAIN_H

#include "encode/worker.h"

// Runs the command line (argv[1] is an option) with the drivers that `name` lists (NULL beyond the last) and
// `find` looks up, and returns the exit status: 0 when the answer was written to standard output, also when
// it says that a driver failed; 2 for wrong usage.
int trial_main(int argc, char **argv, const char *(*name)(size_t index), encode_find find);

#endif
