// SPDX-License-Identifier: Apache-2.0
// The other end of the supervisor's control socket (ipc/control_socket.h).
#ifndef CASTORCTL_CLIENT_H
#define CASTORCTL_CLIENT_H

#include <jansson.h>

#include "hal/error.h"

// What went wrong, why, and what to do.
struct client_why {
    char text[640];
};

struct client {
    int fd; // -1 = not connected
    char path[108];
};

// Connects. `path` NULL = the default socket. Errors: NOT_FOUND nobody there, DENIED, INVALID path too long,
// IO.
CASTOR_MUST_USE int client_open(const char *path, struct client *out, struct client_why *why);
void client_close(struct client *client);

// Asks and waits up to 3 s. On CASTOR_OK *reply (the caller's) is the answer to a request that was carried
// out. REJECTED: the supervisor refused, why->text is its reason; TIMEOUT and LOST: no answer, the connection
// is closed. Takes `request`.
CASTOR_MUST_USE int client_ask(struct client *client, json_t *request, json_t **reply,
                               struct client_why *why);

#endif
