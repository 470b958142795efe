// SPDX-License-Identifier: Apache-2.0
// The slate's worker, and what is known of losses of the source.
#ifndef SUPERVISOR_SLATE_H
#define SUPERVISOR_SLATE_H

#include "pool/pool.h"
#include "supervisor/config.h"
#include "supervisor/feed.h"
#include "supervisor/worker.h"

struct slate {
    struct worker worker;
    int64_t heard_ns;
    uint64_t drawn; // by the present process
    char note[252]; // what it cannot show, and what it shows instead; ""
    int64_t
        lost_ns; // capture time of the last live frame before the present or last loss; 0 = there was none
    int64_t back_ns; // capture time of the first live frame after it; 0 = it lasts
    uint64_t frames; // of the slate in it, once it is over
    enum feed_cause cause;
};

void slate_init(struct slate *slate);
void slate_finish(struct slate *slate);

// Starts the process and tells it the pool and what to show. Blocks for fork and exec only.
CASTOR_MUST_USE int slate_start(struct slate *slate, const char *folder, const struct config *config,
                                const struct castor_format *format, const struct pool *pool,
                                const struct feed_state *feed, int64_t now_ns);

// What is to be shown from now on. A process that does not hear it is ended by worker_send().
void slate_show(struct slate *slate, const struct config *config);

// Orders a frame.
void slate_draw(struct slate *slate, const struct feed_order *order);

// True when the process lives but has said nothing for too long.
bool slate_is_silent(const struct slate *slate, int64_t now_ns);

#endif
