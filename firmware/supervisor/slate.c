// SPDX-License-Identifier: Apache-2.0
#include "supervisor/slate.h"

#include <string.h>

#include "base/log.h"
#include "supervisor/config_slate.h"

// It beats twice a second; loading what it is to show may take longer at first.
#define SILENCE_NS (1500 * CASTOR_NS_PER_MS)
#define LOADING_NS (15 * CASTOR_NS_PER_S)

static const struct restart_config slate_restart = {
    .first_delay_ns = 20 * CASTOR_NS_PER_MS,
    .delay_max_ns = CASTOR_NS_PER_S,
    .stable_ns = CASTOR_NS_PER_S,
    .attempts_max = 0,
    .revive_ns = 0,
};

void slate_init(struct slate *slate)
{
    memset(slate, 0, sizeof *slate);
    worker_init(&slate->worker, "castor-slate", "slate", MESSAGE_FROM_SLATE, &slate_restart);
}

void slate_finish(struct slate *slate)
{
    worker_close_channel(&slate->worker);
}

int slate_start(struct slate *slate, const char *folder, const struct config *config,
                const struct castor_format *format, const struct pool *pool, const struct feed_state *feed,
                int64_t now_ns)
{
    struct message message;
    struct message_slate_start *start = &message.body.slate_start;
    int fds[1 + POOL_SHARE_MAX] = {pool_descriptors(pool).control};

    int error = worker_start(&slate->worker, folder, now_ns);
    if (error != CASTOR_OK)
        return error;
    slate->heard_ns = now_ns;
    slate->drawn = 0;
    message_init(&message, MESSAGE_SLATE_START);
    unsigned fd_count = 1 + pool_share(pool, POOL_ROLE_CAPTURE, fds + 1, &start->dmabuf_count);
    start->format = *format;
    start->slot_count = start->end_slot = pool_slot_count(pool);
    start->first_slot = feed->config.slate_first_slot;
    for (uint32_t i = 0; i < MESSAGE_SLOTS_MAX; i++)
        start->slot_sequence[i] = feed->slot_sequence[i];
    config_slate_look(config, &start->look);
    return worker_send(&slate->worker, &message, fds, fd_count);
}

void slate_show(struct slate *slate, const struct config *config)
{
    struct message message;

    message_init(&message, MESSAGE_SLATE_LOOK);
    config_slate_look(config, &message.body.slate_look);
    if (slate->worker.pid > 0 && worker_send(&slate->worker, &message, NULL, 0) != CASTOR_OK)
        log_warning("the slate did not take its new look; it starts again with it");
}

void slate_draw(struct slate *slate, const struct feed_order *order)
{
    struct message message;

    message_init(&message, MESSAGE_SLATE_DRAW);
    message.body.slate_draw = (struct message_slate_draw){
        .sequence = order->sequence,
        .capture_ns = order->capture_ns,
        .lost_since_ns = order->lost_since_ns,
        .last_slot = order->last_slot == FEED_NO_SLOT ? MESSAGE_NO_SLOT : order->last_slot,
    };
    if (worker_send(&slate->worker, &message, NULL, 0) != CASTOR_OK)
        log_warning("the slate did not take an order"); // its end tells the feed
}

bool slate_is_silent(const struct slate *slate, int64_t now_ns)
{
    if (slate->worker.pid == 0 || slate->worker.killed)
        return false;
    return now_ns - slate->heard_ns > (slate->worker.ready ? SILENCE_NS : LOADING_NS);
}
