// SPDX-License-Identifier: Apache-2.0
// Faults that shall happen now, for tests of a box that runs. CASTOR_STANDIN_NOW names a folder; whoever
// wants process PID to fail puts a file named PID into it, whole (renamed into place): the text that the
// stand-in's own variable for faults takes, with numbers of calls and pictures counted from now on. It takes
// the place of what was scheduled before. The stand-in takes the file away, which tells that the fault is on.
// A file with the stand-in's own name is for the process that opens its device next, and for all that this
// process opens.
#ifndef STANDIN_NOW_H
#define STANDIN_NOW_H

#include <stdbool.h>
#include <stddef.h>

#define STANDIN_NOW_BYTES 256

// To be asked at each call, and with the stand-in's name where its device is opened (otherwise NULL). True
// when something was told since; `out` then holds it.
bool standin_now(const char *name, char out[STANDIN_NOW_BYTES]);

#endif
