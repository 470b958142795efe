// SPDX-License-Identifier: Apache-2.0
// Exporting one gap: castor-export does it, here its words and the name of the file are seen to.
#ifndef CASTORCTL_GAPS_EXPORT_H
#define CASTORCTL_GAPS_EXPORT_H

#include "castorctl/client.h"
#include "castorctl/gaps_list.h"

// Writes `gap` to the file `to`, which must not exist; it does so only when it is complete. On success *out
// (the caller's) tells where to cut. Blocks: as long as it takes, at most an hour. Errors: with why->text.
CASTOR_MUST_USE int gaps_export(const char *folder, const struct journal_gap *gap, const char *to, bool mp4,
                                json_t **out, struct client_why *why);

#endif
