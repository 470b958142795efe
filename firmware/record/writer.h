// SPDX-License-Identifier: Apache-2.0
// The writer: its own thread does all that a disk can make wait. It takes access units from the queue, cuts
// segments, writes, syncs, closes, removes what is too old, and tries again when the disk fails. What the
// channel's thread gives and sees goes through a mutex that is never held while the disk is at work.
#ifndef RECORD_WRITER_H
#define RECORD_WRITER_H

#include <stdbool.h>

#include "ipc/message.h"
#include "record/queue.h"

struct writer;

// Starts the thread. Owner: the queue stays the caller's and outlives the writer. `wake_fd` (eventfd) is
// written to when there is a new state to be told.
CASTOR_MUST_USE int writer_create(const struct message_record_start *start, struct queue *queue, int wake_fd,
                                  struct writer **out);

void writer_configure(struct writer *writer, const struct message_record_config *config);
// CASTOR_ERR_FULL: too many wait. `unit` (may be NULL) is the newest that was taken: what a mark refers to.
CASTOR_MUST_USE int writer_order(struct writer *writer, const struct message_record_order *order,
                                 const struct record_unit *unit);

// A gap as it stands now, for the journal.
void writer_note_outage(struct writer *writer, const struct message_gap_note *note);

// Whether units are to be queued for it.
bool writer_is_hungry(struct writer *writer);
// What there is to tell.
void writer_state(struct writer *writer, struct message_record_state *out);

// Ends: what is queued is written and the segment closed, if the disk does that by the deadline. False: it
// does not; the thread is still in a call and the process has to be ended with _exit(2).
bool writer_stop(struct writer *writer, int64_t deadline_ns);
// After writer_stop() was true. Accepts NULL.
void writer_destroy(struct writer *writer);

#endif
