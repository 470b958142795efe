// SPDX-License-Identifier: Apache-2.0
#include "egress/outbox.h"

#include "ipc/channel.h"

int outbox_flush(struct outbox *outbox, int fd)
{
    struct message message;

    while (outbox->count > 0) {
        int error;

        message_init(&message, MESSAGE_SENT);
        message.body.sent = outbox->queue[outbox->first];
        error = channel_send(fd, &message, NULL, 0);
        if (error == CASTOR_ERR_FULL)
            return CASTOR_OK;
        if (error)
            return error;
        outbox->first = (outbox->first + 1) % OUTBOX_MAX;
        outbox->count--;
    }
    return CASTOR_OK;
}

int outbox_send(struct outbox *outbox, int fd, const struct message_sent *sent)
{
    if (outbox->count == OUTBOX_MAX)
        return CASTOR_ERR_FULL;
    outbox->queue[(outbox->first + outbox->count++) % OUTBOX_MAX] = *sent;
    return outbox_flush(outbox, fd);
}
