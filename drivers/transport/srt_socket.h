// SPDX-License-Identifier: Apache-2.0
// Sockets of libsrt with the options that the house wants.
#ifndef DRIVERS_TRANSPORT_SRT_SOCKET_H
#define DRIVERS_TRANSPORT_SRT_SOCKET_H

#include <srt/srt.h>

#include "hal/transport.h"

// Bytes of the send buffer that one payload takes, whatever its size (libsrt counts blocks of MSS - 28).
#define SRT_SOCKET_BLOCK_BYTES 1472

// Makes an unconnected, non-blocking socket in live mode with the options of a checked config. Returns
// CASTOR_ERR_NO_MEMORY, or CASTOR_ERR_UNSUPPORTED when libsrt refuses an option (*why names it). Never
// blocks.
CASTOR_MUST_USE int srt_socket_create(const struct transport_config *config, SRTSOCKET *out,
                                      struct transport_text *why);

// What an accepted socket does not take over from its listener. Returns as above.
CASTOR_MUST_USE int srt_socket_adopt(SRTSOCKET socket);

// "192.0.2.1:9000", "[2001:db8::1]:9000" for texts.
void srt_socket_address_text(const struct sockaddr_storage *address, char *out, size_t size);

#endif
