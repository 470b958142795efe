// SPDX-License-Identifier: Apache-2.0
// castorctl gaps: what did not reach the destinations, and the file that fills a gap.
#ifndef CASTORCTL_GAPS_H
#define CASTORCTL_GAPS_H

#include <stdbool.h>

struct gaps_options {
    const char *socket;      // NULL = the default
    const char *folder;      // of the recording; NULL = the one that the box is configured with
    const char *destination; // NULL = all
    const char *since;       // NULL = all
    const char *to;          // file to export to
    const char *format;      // "ts", "mp4"; NULL = ts
    bool json;
};

// `words` are those behind "gaps": none to list, "export" and a gap's number to export it. Returns the exit
// status.
int gaps_run(char **words, int count, const struct gaps_options *options);

#endif
