// SPDX-License-Identifier: Apache-2.0
// How the channels of workers are read; for the files of the inbox, one for each kind of worker that has more
// to say.
#ifndef SUPERVISOR_INBOX_H
#define SUPERVISOR_INBOX_H

#include "supervisor/worker.h"

// So many messages of one worker are read before the others get their turn.
#define INBOX_BATCH 64

enum inbox_state { INBOX_OPEN, INBOX_ENDED, INBOX_MALFORMED };

// Reads one message; false when none is waiting. A channel that ended or that sent what cannot be read is
// closed; *state says which.
bool inbox_read(struct worker *worker, struct message *message, enum inbox_state *state);

// Keeps and logs why a worker gives up.
void inbox_note_failure(struct worker *worker, const struct message_failed *failed);

// Ends a worker that `why` (static storage) is the matter with.
void inbox_fail(struct worker *worker, const char *why);

#endif
