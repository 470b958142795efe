// SPDX-License-Identifier: Apache-2.0
// The command "record": what operators want of the recorder, and what its folder holds.
#ifndef CASTORCTL_RECORDINGS_H
#define CASTORCTL_RECORDINGS_H

#include <stdio.h>

#include "castorctl/client.h"

// words[0] is start, stop, mark, save, protect, unprotect or list, then what belongs to it; ends with NULL.
// Waits up to three seconds for the recorder's answer, which is then in why->text. list goes to `out`.
CASTOR_MUST_USE int recordings_run(struct client *client, char **words, FILE *out, struct client_why *why);

#endif
