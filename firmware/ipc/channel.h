// SPDX-License-Identifier: Apache-2.0
// Sending and receiving messages over a connected SOCK_SEQPACKET socket. No function here ever blocks;
// whoever wants to wait polls the descriptor with a deadline of its own.
#ifndef IPC_CHANNEL_H
#define IPC_CHANNEL_H

#include "ipc/message.h"

// Makes a connected pair, both close-on-exec, with room for a few hundred small messages each way.
CASTOR_MUST_USE int channel_pair(int fds[2]);

// Sends one message made by message_init(), with `fd_count` descriptors (the caller keeps and closes its
// own). CASTOR_ERR_FULL when the peer does not read fast enough, CASTOR_ERR_LOST when it is gone.
CASTOR_MUST_USE int channel_send(int fd, const struct message *message, const int *fds, unsigned fd_count);

// Receives and checks one message. Descriptors that came along go to fds[0..MESSAGE_FDS_MAX-1], close-on-exec
// and owned by the caller, their number to *fd_count; with fds NULL they are closed at once. CASTOR_ERR_AGAIN
// nothing there; CASTOR_ERR_END the peer closed; CASTOR_ERR_INVALID a malformed message, which was consumed
// (*why, may be NULL, names the reason); CASTOR_ERR_LOST or CASTOR_ERR_IO otherwise.
CASTOR_MUST_USE int channel_receive(int fd, enum message_sender sender, struct message *message, int *fds,
                                    unsigned *fd_count, const char **why);

#endif
