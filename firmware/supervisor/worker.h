// SPDX-License-Identifier: Apache-2.0
// One child process of the supervisor with its channel: started, watched, ended, reaped. A worker never
// outlives the supervisor: the kernel kills it when the supervisor ends, however that ends (prctl(2)
// PR_SET_PDEATHSIG).
#ifndef SUPERVISOR_WORKER_H
#define SUPERVISOR_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ipc/message.h"
#include "supervisor/restart.h"

struct worker {
    const char *program; // "castor-encode"
    char name[24];       // for messages: "encode A"
    enum message_sender sender;
    struct restart_state restart;
    pid_t pid;       // 0 = no process
    int pidfd;       // -1 = no process
    int channel_fd;  // -1 = closed
    bool keep_stdin; // the source reads from standard input
    int nice;        // scheduling priority of its process, setpriority(2); tried, not demanded
    bool ready;
    bool killed;  // by us
    bool hung_up; // its channel broke before we killed it: it ended by itself, or somebody else ended it
    int64_t started_ns; // of this process
    int exit_status;    // of the last process, as wait(2) gives it
    int64_t ended_ns;   // when it ended; 0 = none has ended
    char failure[252];  // what the process said, or how it ended; empty = nothing yet. The next one's start
                        // empties it
    char last_failure[252]; // how the last process that ended came to it; stays when the next one starts
};

// Names the worker; no process yet.
void worker_init(struct worker *worker, const char *program, const char *name, enum message_sender sender,
                 const struct restart_config *restart);

// Starts `folder`/program with the channel on MESSAGE_WORKER_FD. Blocks for fork and exec only.
CASTOR_MUST_USE int worker_start(struct worker *worker, const char *folder, int64_t now_ns);

// SIGKILL: works on frozen processes too. The process is still to be reaped.
void worker_kill(struct worker *worker);

// The same with a reason, for the status: `why` is kept as the worker's failure.
void worker_end(struct worker *worker, const char *why);
#define WORKER_RECONFIGURED "ended for a new configuration"

// Reaps a process whose pidfd is readable. Returns true when there is now no process; *worker->failure tells
// how it ended unless it had said so itself. The channel stays open so that its last messages can be read.
bool worker_reap(struct worker *worker, int64_t now_ns);

void worker_close_channel(struct worker *worker);

// Sends; a channel that is full or broken means the worker does not do its work: it is killed.
CASTOR_MUST_USE int worker_send(struct worker *worker, const struct message *message, const int *fds,
                                unsigned fd_count);

// Sends STOP, waits until the deadline for all to end, kills the rest and reaps everything. For shutting
// down.
void worker_stop_all(struct worker *const *workers, unsigned count, int64_t deadline_ns);

#endif
