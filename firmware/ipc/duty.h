// SPDX-License-Identifier: Apache-2.0
// A worker's duty towards its supervisor: what the loops of all workers do alike. They wait, with a deadline,
// for the supervisor's channel and for descriptors of their own, handle the messages, and go on until the
// duty is done: the supervisor said STOP, is gone or broke the protocol, or the worker could not go on.
#ifndef IPC_DUTY_H
#define IPC_DUTY_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/worker_process.h"
#include "ipc/message.h"

struct duty {
    int fd;                 // the channel; the caller's
    int64_t start_until_ns; // so long the supervisor has to say START
    bool done;
    enum worker_exit exit;    // as far as it is done
    const char *refused;      // what was wrong with the supervisor's message; NULL = nothing
    struct message message;   // the one that is handled
    int fds[MESSAGE_FDS_MAX]; // that came with it; -1 = kept by who handles it
    unsigned fd_count;
};

// Begins the duty on the channel `fd`.
void duty_begin(struct duty *duty, int fd);

// The duty is done: the loop is to end, and the process with `exit`.
void duty_finish(struct duty *duty, enum worker_exit exit);

// The worker cannot go on: logs `text`, tells the supervisor if its channel has room, and finishes.
void duty_fail(struct duty *duty, int error, const char *text);

// The supervisor broke the protocol: logs that and finishes. `why` has static storage.
void duty_refuse(struct duty *duty, const char *why);

// Fails when there was no START in time; for a worker that was not started yet.
void duty_await_start(struct duty *duty, int64_t now_ns);

// Sends a message that the supervisor must get. One that does not read will end this process, and one that is
// gone is none to tell: either finishes.
void duty_tell(struct duty *duty, const struct message *message);

// Waits until one of the descriptors shows an event, at most until `until_ns`; a signal ends it too. False,
// and failed, when the waiting itself does not work.
CASTOR_MUST_USE bool duty_wait(struct duty *duty, struct pollfd *polled, nfds_t count, int64_t until_ns);

// Reads one message, if there is one, and has it handled: it stands in duty->message, with its descriptors
// in duty->fds, of which those are closed afterwards that were not kept. Never blocks by itself. False when
// there was none to handle; the duty may be done then.
bool duty_read(struct duty *duty, void (*handle)(void *worker), void *worker);

// Within `handle`: `count` of the message's descriptors, from `first` on, have found another owner.
void duty_keep(struct duty *duty, unsigned first, unsigned count);

#endif
