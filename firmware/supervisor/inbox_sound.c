// SPDX-License-Identifier: Apache-2.0
// What the sound worker says, and who is told of it.
#include "supervisor/inbox.h"
#include "supervisor/internal.h"

#include <string.h>

#include "base/log.h"

static void take_unit(struct supervisor *s, const struct message *message, int64_t now_ns)
{
    const char *why = "";
    bool relay = false;

    if (sound_part_unit(&s->sound, &s->config, &message->body.sound_unit, now_ns, &relay, &why) != CASTOR_OK)
        inbox_fail(&s->sound.worker, why);
    else if (relay && outlet_relay(&s->outlet, message) != CASTOR_OK)
        s->sound.unsent++; // egress puts silence in its place
    if (relay)
        recorder_relay_sound(&s->recorder, message);
}

static void sound_says(struct supervisor *s, const struct message *message)
{
    int64_t now_ns = castor_now_ns();

    s->sound.heard_ns = now_ns;
    switch (message->header.type) {
    case MESSAGE_FAILED:
        inbox_note_failure(&s->sound.worker, &message->body.failed);
        worker_kill(&s->sound.worker);
        break;
    case MESSAGE_SOUND_READY:
        if (sound_part_ready(&s->sound, &s->config, message, now_ns) != CASTOR_OK)
            inbox_fail(&s->sound.worker, "offers other tracks than were ordered");
        else if (outlet_relay(&s->outlet, &s->sound.ready) != CASTOR_OK)
            log_debug("egress learns of the tracks when it starts");
        break;
    case MESSAGE_SOUND_UNIT:
        take_unit(s, message, now_ns);
        break;
    case MESSAGE_SOUND_STATS:
        s->sound.stats = message->body.sound_stats;
        break;
    default: // message_check() lets nothing else through
        break;
    }
}

void supervisor_read_sound(struct supervisor *s)
{
    struct message message;
    enum inbox_state state = INBOX_OPEN;

    for (int i = 0; i < INBOX_BATCH && inbox_read(&s->sound.worker, &message, &state); i++) {
        if (sound_part_may_speak(&s->sound, castor_now_ns())) {
            sound_says(s, &message);
            continue;
        }
        inbox_fail(&s->sound.worker, "said far more than it had to");
        worker_close_channel(&s->sound.worker); // what else it said is not read
    }
    if (state != INBOX_OPEN)
        worker_kill(&s->sound.worker);
}
