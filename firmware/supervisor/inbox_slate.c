// SPDX-License-Identifier: Apache-2.0
// What the slate says: the frames that it has drawn.
#include <stdio.h>

#include "supervisor/inbox.h"
#include "supervisor/internal.h"

static void slate_says(struct supervisor *s, const struct message *message)
{
    int64_t now_ns = castor_now_ns();
    struct slate *slate = &s->slate;

    slate->heard_ns = now_ns;
    switch (message->header.type) {
    case MESSAGE_FAILED:
        inbox_note_failure(&slate->worker, &message->body.failed);
        worker_kill(&slate->worker);
        break;
    case MESSAGE_SLATE_READY:
        snprintf(slate->note, sizeof slate->note, "%s", message->body.slate_ready.note);
        if (slate->worker.ready) // another look
            break;
        slate->worker.ready = true;
        restart_ready(&slate->worker.restart, now_ns);
        feed_slate(&s->feed, now_ns, true);
        break;
    case MESSAGE_FRAME:
        if (feed_slate_frame(&s->feed, now_ns, message->body.frame.sequence, message->body.frame.slot) ==
            CASTOR_OK)
            break;
        inbox_fail(&slate->worker, "drew what nobody ordered");
        break;
    case MESSAGE_SLATE_STATS:
        slate->drawn = message->body.slate_stats.drawn;
        break;
    default:
        break;
    }
    supervisor_feed(s, now_ns);
}

void supervisor_read_slate(struct supervisor *s)
{
    struct message message;
    enum inbox_state state = INBOX_OPEN;

    for (int i = 0; i < INBOX_BATCH && inbox_read(&s->slate.worker, &message, &state); i++)
        slate_says(s, &message);
    if (state != INBOX_OPEN)
        worker_kill(&s->slate.worker);
    supervisor_carry_out(s, castor_now_ns());
}
