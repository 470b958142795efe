// SPDX-License-Identifier: Apache-2.0
// Host names to addresses without waiting: getaddrinfo(3) may take half a minute, so it runs in a thread
// of its own that can be forgotten.
#ifndef DRIVERS_TRANSPORT_RESOLVER_H
#define DRIVERS_TRANSPORT_RESOLVER_H

#include <stdint.h>
#include <sys/socket.h>

#include "hal/error.h"

#define RESOLVER_ADDRESSES_MAX 6

struct resolver_address {
    struct sockaddr_storage address;
    socklen_t size_bytes;
};

struct resolver_answer {
    uint32_t count;
    struct resolver_address list[RESOLVER_ADDRESSES_MAX]; // in the order of RFC 6724, best first
};

struct resolver;

// Reads a numeric address at once. CASTOR_ERR_NOT_FOUND when `host` is a name. `host` "" = any local address.
CASTOR_MUST_USE int resolver_numeric(const char *host, uint16_t port, struct resolver_address *out);

// Begins a look-up of UDP addresses. Owner: *out is the caller's until resolver_drop(). CASTOR_ERR_NO_MEMORY
// when too many look-ups that were dropped still hang. Never blocks.
CASTOR_MUST_USE int resolver_start(const char *host, uint16_t port, struct resolver **out);

// The answer. CASTOR_ERR_AGAIN not yet; CASTOR_ERR_NOT_FOUND no such name; CASTOR_ERR_IO the name service did
// not answer. Never blocks.
CASTOR_MUST_USE int resolver_poll(struct resolver *resolver, struct resolver_answer *out);

// Ends the caller's interest, answered or not. Accepts NULL. Never blocks.
void resolver_drop(struct resolver *resolver);

#endif
