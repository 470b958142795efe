// SPDX-License-Identifier: Apache-2.0
// What the workers say. Every message has passed message_check(); here it must also make sense.
#include "supervisor/internal.h"

#include <stdio.h>

#include "base/log.h"
#include "ipc/channel.h"
#include "supervisor/inbox.h"

// Opening an encoder is a lot of work. At boot the other paths leave the processor to the first until it has
// coded a frame or failed, or until this much later.
#define OTHERS_WAIT_NS (500 * CASTOR_NS_PER_MS)

void inbox_note_failure(struct worker *worker, const struct message_failed *failed)
{
    snprintf(worker->failure, sizeof worker->failure, "%s", failed->text);
    log_warning("%s: %s (%s)", worker->name, failed->text, castor_error_text(failed->error));
}

void inbox_fail(struct worker *worker, const char *why)
{
    log_error("%s %s", worker->name, why);
    worker_end(worker, why);
}

bool inbox_read(struct worker *worker, struct message *message, enum inbox_state *state)
{
    const char *why = "";

    *state = INBOX_OPEN;
    if (worker->channel_fd < 0)
        return false;
    int error = channel_receive(worker->channel_fd, worker->sender, message, NULL, NULL, &why);
    if (error == CASTOR_OK)
        return true;
    if (error == CASTOR_ERR_AGAIN)
        return false;
    worker->hung_up = error != CASTOR_ERR_INVALID && !worker->killed;
    *state = error == CASTOR_ERR_INVALID ? INBOX_MALFORMED : INBOX_ENDED;
    if (error == CASTOR_ERR_INVALID) {
        snprintf(worker->failure, sizeof worker->failure, "sent a malformed message (%s)", why);
        log_error("%s %s", worker->name, worker->failure);
    }
    worker_close_channel(worker);
    return false;
}

static void path_fails(struct supervisor *s, struct path *path, enum switch_cause cause, const char *why)
{
    if (why)
        snprintf(path->worker.failure, sizeof path->worker.failure, "%s", why);
    if (path->worker.failure[0] != '\0')
        snprintf(path->last_failure, sizeof path->last_failure, "%s", path->worker.failure);
    if (s->switching_known)
        switch_path_failed(&s->switching, castor_now_ns(), path->index, cause);
    worker_kill(&path->worker);
}

static void path_coded(struct supervisor *s, struct path *path, const struct message_coded *coded,
                       int64_t now_ns)
{
    struct switch_access_unit unit;
    const char *why = NULL;

    path->ring_tail = supervisor_ring_tail(s, path, now_ns);
    if (path_judge(path, coded, &s->source.format, &unit, &why) != CASTOR_OK) {
        log_error("%s sent %s", path->worker.name, why);
        path_fails(s, path, SWITCH_CAUSE_PROTOCOL, why);
        return;
    }
    metrics_add(&s->metrics, now_ns, METRICS_ENCODED, 1);
    if (coded->finished_ns >= coded->started_ns)
        metrics_latency(&s->metrics, now_ns, METRICS_STAGE_ENCODER, coded->finished_ns - coded->started_ns);
    switch_access_unit(&s->switching, now_ns, path->index, &unit);
    s->others_ns = 0;
}

static void path_says(struct supervisor *s, struct path *path, const struct message *message)
{
    int64_t now_ns = castor_now_ns();
    const struct message_dropped *dropped = &message->body.dropped;

    if (message->header.type == MESSAGE_FAILED) {
        inbox_note_failure(&path->worker, &message->body.failed);
        path_fails(s, path, SWITCH_CAUSE_REPORTED, NULL);
        return;
    }
    if (!s->switching_known || !path->told) {
        path_fails(s, path, SWITCH_CAUSE_PROTOCOL, "spoke before it was asked");
        return;
    }
    switch (message->header.type) {
    case MESSAGE_ENCODE_READY:
        path->worker.ready = true;
        snprintf(path->description, sizeof path->description, "%s", message->body.encode_ready.description);
        restart_ready(&path->worker.restart, now_ns);
        switch_path_ready(&s->switching, now_ns, path->index);
        log_info("%s is ready: %s", path->worker.name, path->description);
        break;
    case MESSAGE_CODED:
        path_coded(s, path, &message->body.coded, now_ns);
        break;
    case MESSAGE_DROPPED:
        path->dropped += dropped->cause != MESSAGE_DROP_SUPERSEDED;
        switch_dropped(&s->switching, now_ns, path->index, dropped->sequence, dropped->epoch,
                       dropped->cause == MESSAGE_DROP_SUPERSEDED);
        break;
    default: // message_check() lets nothing else through
        break;
    }
}

void supervisor_read_path(struct supervisor *s, struct path *path)
{
    struct message message;
    enum inbox_state state = INBOX_OPEN;

    for (int i = 0; i < INBOX_BATCH && inbox_read(&path->worker, &message, &state); i++) {
        path_says(s, path, &message);
        supervisor_carry_out(s, castor_now_ns());
    }
    if (state != INBOX_OPEN)
        path_fails(s, path, state == INBOX_MALFORMED ? SWITCH_CAUSE_PROTOCOL : SWITCH_CAUSE_EXIT, NULL);
    supervisor_carry_out(s, castor_now_ns());
}

static void source_fails(struct supervisor *s, const char *why)
{
    inbox_fail(&s->source.worker, why);
}

// The first time the picture format is known: the switch can be set up, the encoders and egress told.
void supervisor_begin(struct supervisor *s, int64_t now_ns)
{
    struct switch_config config = supervisor_switch_config(&s->config, &s->source);

    if (switch_init(&s->switching, &config) != CASTOR_OK || supervisor_begin_feed(s) != CASTOR_OK) {
        log_error(
            "the pool is too small for these budgets; raise pool.slots or lower switch.stall_budget_ms");
        s->stopping = true;
        return;
    }
    s->switching_known = true;
    s->begun_ns = now_ns;
    supervisor_name_gaps(s); // now the PTS are known
    s->others_ns = now_ns + OTHERS_WAIT_NS;
    // Egress first: it should be ready when the first access unit is.
    if (s->outlet.worker.pid > 0 && !s->outlet.told && supervisor_tell_outlet(s) != CASTOR_OK)
        worker_kill(&s->outlet.worker);
    if (s->sound.worker.pid > 0 && !s->sound.told &&
        sound_part_tell(&s->sound, &s->config, s->source.format.rate) != CASTOR_OK)
        worker_kill(&s->sound.worker);
    if (s->recorder.worker.pid > 0 && !s->recorder.told && supervisor_tell_recorder(s) != CASTOR_OK)
        log_warning("the recorder did not take its orders; it starts again");
    switch_path_startable(&s->switching, now_ns, 0);
    supervisor_carry_out(s, now_ns);
}

static void source_is_ready(struct supervisor *s, const struct message_capture_ready *ready, int64_t now_ns)
{
    const char *why = "";
    int error = source_ready(&s->source, ready, &s->config, s->switching_known ? &s->feed : NULL, &why);

    if (error != CASTOR_OK) {
        source_fails(s, why);
        return;
    }
    s->source.worker.ready = true;
    restart_ready(&s->source.worker.restart, now_ns);
    if (!s->switching_known)
        supervisor_begin(s, now_ns);
    feed_source(&s->feed, now_ns, true);
    supervisor_feed(s, now_ns);
}

static void source_frame(struct supervisor *s, const struct message_frame *frame, int64_t now_ns)
{
    if (!s->source.worker.ready || !s->switching_known || frame->slot >= pool_slot_count(s->source.pool)) {
        source_fails(s, "sent a frame that cannot be");
        return;
    }
    // A capture time in the future or hours ago would carry PTS and SRT's clock away with it.
    if (frame->capture_ns > now_ns + CASTOR_NS_PER_S || frame->capture_ns < now_ns - 10 * CASTOR_NS_PER_S) {
        source_fails(s, "sent a frame with an impossible capture time");
        return;
    }
    if (feed_live_frame(&s->feed, now_ns, frame->sequence, frame->capture_ns, frame->slot) != CASTOR_OK) {
        source_fails(s, "sent a frame number, time or slot that was used already");
        return;
    }
    s->source.frame_ns = now_ns;
    metrics_latency(&s->metrics, now_ns, METRICS_STAGE_CAPTURE, now_ns - frame->capture_ns);
    supervisor_feed(s, now_ns);
}

static void source_says(struct supervisor *s, const struct message *message)
{
    int64_t now_ns = castor_now_ns();

    s->source.heard_ns = now_ns;
    switch (message->header.type) {
    case MESSAGE_FAILED:
        inbox_note_failure(&s->source.worker, &message->body.failed);
        if (message->body.failed.error == CASTOR_ERR_END)
            s->source.ended = true;
        worker_kill(&s->source.worker);
        break;
    case MESSAGE_CAPTURE_READY:
        source_is_ready(s, &message->body.capture_ready, now_ns);
        break;
    case MESSAGE_FRAME:
        source_frame(s, &message->body.frame, now_ns);
        break;
    case MESSAGE_OVERLAY_STATE:
        burn_in_answer(&s->burn_in, &message->body.overlay_state);
        break;
    case MESSAGE_CAPTURE_STATS:
        s->source.stats = message->body.capture_stats;
        if (s->switching_known)
            feed_signal(&s->feed, now_ns, s->source.stats.signal == MESSAGE_SIGNAL_NONE);
        break;
    case MESSAGE_CAPTURE_ORIGIN:
        sound_part_origin(&s->sound, message);
        break;
    default:
        break;
    }
}

void supervisor_read_source(struct supervisor *s)
{
    struct message message;
    enum inbox_state state = INBOX_OPEN;

    for (int i = 0; i < INBOX_BATCH && inbox_read(&s->source.worker, &message, &state); i++) {
        source_says(s, &message);
        supervisor_carry_out(s, castor_now_ns());
    }
    if (state != INBOX_OPEN)
        worker_kill(&s->source.worker);
}

static void outlet_says(struct supervisor *s, const struct message *message)
{
    int64_t now_ns = castor_now_ns();
    struct outlet *outlet = &s->outlet;
    struct outlet_pending done;
    const struct message_sent *sent = &message->body.sent;

    switch (message->header.type) {
    case MESSAGE_FAILED:
        inbox_note_failure(&outlet->worker, &message->body.failed);
        worker_kill(&outlet->worker);
        break;
    case MESSAGE_EGRESS_READY:
        outlet->worker.ready = true;
        restart_ready(&outlet->worker.restart, now_ns);
        break;
    case MESSAGE_SENT:
        if (outlet_sent(outlet, sent, &done) != CASTOR_OK) {
            inbox_fail(&outlet->worker, "confirmed what it was not given");
            break;
        }
        outlet_count(outlet, sent->accepted);
        metrics_add(&s->metrics, now_ns, METRICS_SENT, sent->accepted != 0);
        metrics_add(&s->metrics, now_ns, METRICS_BYTES, sent->bytes);
        metrics_latency(&s->metrics, now_ns, METRICS_STAGE_ENCODE, done.emitted_ns - done.capture_ns);
        metrics_latency(&s->metrics, now_ns, METRICS_STAGE_EGRESS, sent->sent_ns - done.emitted_ns);
        metrics_latency(&s->metrics, now_ns, METRICS_STAGE_ORIGIN, sent->sent_ns - done.capture_ns);
        break;
    case MESSAGE_DESTINATION_STATE:
        outlet->destination[message->body.destination_state.index].state = message->body.destination_state;
        break;
    case MESSAGE_DESTINATION_STATS:
        outlet_take_stats(outlet, &message->body.destination_stats);
        break;
    case MESSAGE_GAP:
        if (gaps_take(&s->gaps, &message->body.gap) != CASTOR_OK)
            inbox_fail(&outlet->worker, "told a gap that cannot be");
        break;
    case MESSAGE_ARRIVED:
        if (gaps_arrived(&s->gaps, &message->body.arrived) != CASTOR_OK)
            inbox_fail(&outlet->worker, "told an arrival that cannot be");
        break;
    case MESSAGE_EGRESS_SOUND:
        s->sound.sent[message->body.egress_sound.track] = message->body.egress_sound;
        break;
    case MESSAGE_NEED_IDR:
        if (s->switching_known)
            switch_request_idr(&s->switching, now_ns);
        break;
    default:
        break;
    }
}

void supervisor_read_outlet(struct supervisor *s)
{
    struct message message;
    enum inbox_state state = INBOX_OPEN;

    for (int i = 0; i < INBOX_BATCH && inbox_read(&s->outlet.worker, &message, &state); i++)
        outlet_says(s, &message);
    if (state != INBOX_OPEN)
        worker_kill(&s->outlet.worker);
    supervisor_carry_out(s, castor_now_ns());
}
