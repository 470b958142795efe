// SPDX-License-Identifier: Apache-2.0
// Answers that must not get lost: while the supervisor reads slowly they wait here, in order.
#ifndef EGRESS_OUTBOX_H
#define EGRESS_OUTBOX_H

#include <stdbool.h>

#include "ipc/message.h"

// More access units than the supervisor ever has under way.
#define OUTBOX_MAX 256u

struct outbox {
    struct message_sent queue[OUTBOX_MAX];
    uint32_t first, count;
};

// Sends the answer, or keeps it when others wait or the channel is full. CASTOR_ERR_FULL when OUTBOX_MAX
// wait; CASTOR_ERR_LOST and others as channel_send().
CASTOR_MUST_USE int outbox_send(struct outbox *outbox, int fd, const struct message_sent *sent);

// Sends what waits, as far as the channel takes it. 0 also when some are left; otherwise as channel_send().
CASTOR_MUST_USE int outbox_flush(struct outbox *outbox, int fd);

#endif
