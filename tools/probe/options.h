// SPDX-License-Identifier: Apache-2.0
// The command line of castor-probe.
#ifndef PROBE_OPTIONS_H
#define PROBE_OPTIONS_H

#include "hal/error.h"
#include "hal/time.h"
#include "probe/limits.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct options {
    const char *input; // path, "-" or srt://...
    const char *output;
    const char *json_file;
    const char *status_file;
    bool json;
    bool quiet;
    bool decode;
    bool help;
    bool version;
    int64_t duration_ns; // from the first byte; 0: no limit
    int64_t idle_ns;     // 0: wait for ever
    int64_t late_ns;     // 0: no frame counts as late
    uint64_t frames;     // 0: no limit
    struct castor_rational rate;
    int64_t seam_tolerance_us;
    int64_t pcr_limit_ns;
    struct limit_list limits;
};

// Strings point into argv. On error a message went to `errors`. Errors: INVALID.
int CASTOR_MUST_USE options_parse(int argc, char **argv, struct options *options, FILE *errors);

void options_print_help(FILE *out);

#endif
