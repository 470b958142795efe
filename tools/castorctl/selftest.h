// SPDX-License-Identifier: Apache-2.0
// `castorctl selftest`: everything that encodes on this machine, tried and measured, in one report that can
// be sent to the project. Needs no running box. Drivers run in processes of their own, with deadlines.
#ifndef CASTORCTL_SELFTEST_H
#define CASTORCTL_SELFTEST_H

#include <jansson.h>

struct selftest_options {
    const char *out;    // file of the report, "-" = standard output; NULL = castor-selftest.json
    const char *folder; // of castor-encode; NULL = that of this program
};

// Returns the exit status of the program: 0 when an encoder passed and the report was written, else 1.
int selftest_run(const struct selftest_options *options);

// What the machine is: kernel, processor, memory, graphics and video devices with their kernel drivers. No
// names of hosts, users or networks. NULL when out of memory.
json_t *selftest_system(void);

#endif
