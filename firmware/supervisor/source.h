// SPDX-License-Identifier: Apache-2.0
// The capture worker and the frame pool that it fills.
#ifndef SUPERVISOR_SOURCE_H
#define SUPERVISOR_SOURCE_H

#include "pool/pool.h"
#include "supervisor/config.h"
#include "supervisor/feed.h"
#include "supervisor/worker.h"

struct source {
    struct worker worker;
    bool told;                    // CAPTURE_START was sent to the present process
    bool ended;                   // the source said that it has no more frames
    struct castor_format format;  // known from the first CAPTURE_READY on
    struct pool *pool;            // NULL until then
    struct dmabuf_text no_dmabuf; // why it is not of DMA-BUFs although these are wanted; ""
    struct message_capture_stats stats;
    struct message_capture_stats stats_before; // totals of the processes that ended
    uint32_t slate_slots;                      // the last ones of the pool are the slate's
    uint64_t anchor_sequence;                  // the frame after which the next process goes on
    int64_t anchor_ns;                         // 0 = there was none
    int64_t heard_ns;                          // last message of any kind
    int64_t frame_ns;                          // last frame
};

void source_init(struct source *source, bool keep_stdin);
void source_finish(struct source *source);

CASTOR_MUST_USE int source_start(struct source *source, const char *folder, const struct config *config,
                                 int64_t now_ns);

// Handles CAPTURE_READY: makes the pool the first time, demands the same format every other time, and hands
// it over, with what its slots hold by the feed (NULL: nothing). CASTOR_ERR_INVALID when the format changed;
// *why says so.
CASTOR_MUST_USE int source_ready(struct source *source, const struct message_capture_ready *ready,
                                 const struct config *config, const struct feed_state *feed,
                                 const char **why);

// Makes the pool, where there is none: capture's slots and then those of the slate. NO_MEMORY.
CASTOR_MUST_USE int source_make_pool(struct source *source, const struct config *config,
                                     const struct castor_format *format);

// So many slots, the slate's apart, serve the budgets at this rate: the frames of the longest wait for
// another path, those that capture fills ahead, and those that encoders hold.
uint32_t source_slot_count(const struct config *config, const struct castor_format *format);

// Slots that capture needs to be free at all times.
#define SOURCE_SLOTS_FREE_MIN 5

// True when the process lives but has said nothing for too long.
bool source_is_silent(const struct source *source, int64_t now_ns);

#endif
