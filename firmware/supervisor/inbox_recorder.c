// SPDX-License-Identifier: Apache-2.0
// What the recorder says.
#include "supervisor/inbox.h"
#include "supervisor/internal.h"

static void recorder_says(struct supervisor *s, const struct message *message)
{
    struct recorder *recorder = &s->recorder;

    switch (message->header.type) {
    case MESSAGE_FAILED:
        inbox_note_failure(&recorder->worker, &message->body.failed);
        worker_kill(&recorder->worker);
        break;
    case MESSAGE_RECORD_READY:
        recorder->worker.ready = true;
        gaps_note_all(&s->gaps); // what was told to the one before may never have reached the disk
        restart_ready(&recorder->worker.restart, castor_now_ns());
        break;
    case MESSAGE_RECORD_TAKEN:
        recorder_taken(recorder, &message->body.record_taken);
        break;
    case MESSAGE_RECORD_STATE:
        recorder->state = message->body.record_state;
        break;
    default:
        break;
    }
}

void supervisor_read_recorder(struct supervisor *s)
{
    struct message message;
    enum inbox_state state = INBOX_OPEN;

    for (int i = 0; i < INBOX_BATCH && inbox_read(&s->recorder.worker, &message, &state); i++)
        recorder_says(s, &message);
    if (state != INBOX_OPEN)
        worker_kill(&s->recorder.worker);
}
