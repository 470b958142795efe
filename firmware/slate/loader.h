// SPDX-License-Identifier: Apache-2.0
// Loads looks in a thread of its own: frames go on being drawn meanwhile.
#ifndef SLATE_LOADER_H
#define SLATE_LOADER_H

#include <pthread.h>
#include <stdbool.h>

#include "slate/look.h"

struct loader {
    int done_fd; // polls readable when a look is ready to be taken
    bool running;
    pthread_t thread;
    struct message_slate_look wanted;
    struct castor_format format;
    struct look *look; // the thread's while it runs
    int error;
    bool again; // another was asked for meanwhile: next
    struct message_slate_look next;
};

CASTOR_MUST_USE int loader_init(struct loader *loader, const struct castor_format *format);
// Waits for a thread that runs (for one look's loading).
void loader_finish(struct loader *loader);

// Begins to load; while one is being loaded, only the newest of those asked for is loaded after it.
CASTOR_MUST_USE int loader_ask(struct loader *loader, const struct message_slate_look *wanted);

// What has been loaded, when done_fd is readable. CASTOR_ERR_AGAIN: nothing, or it is replaced by a newer one
// that is being loaded. Otherwise what look_load() returned; owner of *out: the caller.
CASTOR_MUST_USE int loader_take(struct loader *loader, struct look **out);

#endif
