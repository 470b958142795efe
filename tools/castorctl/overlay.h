// SPDX-License-Identifier: Apache-2.0
// castorctl overlay: what is drawn over the picture, and changing it.
#ifndef CASTORCTL_OVERLAY_H
#define CASTORCTL_OVERLAY_H

#include "castorctl/client.h"

// What: "list", "set N KEY=VALUE...", "off N"; `words` ends with NULL. A list goes to standard output.
// Errors: INVALID for other words, as client_ask() otherwise; *why says it.
CASTOR_MUST_USE int overlay_command(struct client *client, char **words, struct client_why *why);

#endif
