// SPDX-License-Identifier: Apache-2.0
// The supervisor's side of its local socket; what is said on it is described in ipc/control_socket.h.
#ifndef SUPERVISOR_CONTROL_H
#define SUPERVISOR_CONTROL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/error.h"
#include "ipc/control_socket.h"

#define CONTROL_CLIENTS_MAX 16
#define CONTROL_POLL_MAX (CONTROL_CLIENTS_MAX + 1)

struct supervisor;
struct control;

// The sound worker, where a fault may be meant for a path or for it.
#define CONTROL_PATH_SOUND UINT32_MAX

// Room for a sentence to the operator: the error on failure, a remark (may stay empty) on success.
struct control_text {
    char text[512];
};

// What the commands do. Arguments have been checked for type and range; none may block.
struct control_handlers {
    char *(*status)(struct supervisor *s); // JSON, malloc'ed; NULL when out of memory
    char *(*config)(struct supervisor *s);
    char *(*gaps)(struct supervisor *s);
    int (*switch_to)(struct supervisor *s, uint32_t path, struct control_text *text);
    int (*idr)(struct supervisor *s, struct control_text *text);
    int (*bitrate)(struct supervisor *s, uint32_t bitrate_bps, struct control_text *text);
    // path: or CONTROL_PATH_SOUND; kind: enum message_fault_kind
    int (*fault)(struct supervisor *s, uint32_t path, uint32_t kind, uint32_t count, uint32_t factor,
                 struct control_text *text);
    int (*restart)(struct supervisor *s, const char *worker, struct control_text *text);
    // change: JSON, an object of keys of a track
    int (*sound)(struct supervisor *s, const char *track, const char *change, struct control_text *text);
    int (*reload)(struct supervisor *s, const char *json, struct control_text *text);
    // kind: enum message_record_order_kind; `words` as it says
    int (*record)(struct supervisor *s, uint32_t kind, uint32_t minutes, const char *words,
                  struct control_text *text);
    // Changes keys of an item of the overlay; `json` is an object.
    int (*overlay)(struct supervisor *s, uint32_t index, const char *json, struct control_text *text);
    int (*stop)(struct supervisor *s, struct control_text *text);
};

// Listens on `path` ("" = the default). A stale socket file is replaced; CASTOR_ERR_BUSY when a live
// supervisor answers on it. On failure *why (static storage) says what to do.
CASTOR_MUST_USE int control_create(const char *path, const struct control_handlers *handlers,
                                   struct supervisor *supervisor, struct control **out, const char **why);
// Closes, removes the socket file. Accepts NULL.
void control_destroy(struct control *control);

// For the poll loop: fills in at most CONTROL_POLL_MAX entries and returns how many.
unsigned control_poll_fds(const struct control *control, struct pollfd *fds);
// Handles what poll(2) found. Never blocks; a client that does not read its answer loses it and is closed.
void control_handle(struct control *control, const struct pollfd *fds, unsigned count);

// "garbage" for MESSAGE_FAULT_GARBAGE; NULL for a kind that does not exist.
const char *control_fault_name(unsigned kind);

// The parsing and dispatch of one request, for tests and fuzzing. Returns the reply, malloc'ed, never NULL
// unless out of memory. The request need not be terminated.
char *control_answer(const struct control_handlers *handlers, struct supervisor *supervisor,
                     const char *request, size_t size_bytes);

#endif
