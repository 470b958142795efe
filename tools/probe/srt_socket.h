// SPDX-License-Identifier: Apache-2.0
// Sockets of libsrt with the options of an address. All are non-blocking.
#ifndef PROBE_SRT_SOCKET_H
#define PROBE_SRT_SOCKET_H

#include "hal/error.h"
#include "probe/url.h"

#include <srt/srt.h>
#include <stddef.h>

// Opens a socket that listens, with a queue for newcomers. Errors, with `why` in words: BUSY (port in use),
// DENIED, NOT_FOUND (host), INVALID (an option), NO_MEMORY, IO.
int CASTOR_MUST_USE srt_socket_listen(const struct srt_url *url, SRTSOCKET *socket, char *why,
                                      size_t why_bytes);

// Begins to connect; epoll reports the socket writable or in error when it is decided, after 3 s at most.
// Errors as above.
int CASTOR_MUST_USE srt_socket_connect(const struct srt_url *url, SRTSOCKET *socket, char *why,
                                       size_t why_bytes);

// Makes an accepted socket read without blocking and tells who is there.
void srt_socket_prepare(SRTSOCKET socket, char *peer, size_t peer_bytes);

#endif
