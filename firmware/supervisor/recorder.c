// SPDX-License-Identifier: Apache-2.0
#include "supervisor/recorder.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "ipc/channel.h"
#include "supervisor/config_sound.h"

// Each waits in the channel beside the access units.
#define GAPS_AT_A_TIME 8

#define STUCK_NS (2 * CASTOR_NS_PER_S)

static const struct restart_config record_restart = {
    .first_delay_ns = 50 * CASTOR_NS_PER_MS,
    .delay_max_ns = 5 * CASTOR_NS_PER_S,
    .stable_ns = CASTOR_NS_PER_S,
    .attempts_max = 0,
    .revive_ns = 0,
};

void recorder_init(struct recorder *recorder, const struct config *config)
{
    memset(recorder, 0, sizeof *recorder);
    worker_init(&recorder->worker, "castor-record", "record", MESSAGE_FROM_RECORD, &record_restart);
    recorder->recording = config->record.mode == CONFIG_RECORD_CONTINUOUS;
}

void recorder_finish(struct recorder *recorder)
{
    worker_close_channel(&recorder->worker);
}

int recorder_start(struct recorder *recorder, const char *folder, int64_t now_ns)
{
    recorder->told = recorder->leaving = false;
    recorder_forget(recorder);
    return worker_start(&recorder->worker, folder, now_ns);
}

static int send_config(struct recorder *recorder, const struct config *config)
{
    const struct config_record *record = &config->record;
    struct message message;
    struct message_record_config *body = &message.body.record_config;

    message_init(&message, MESSAGE_RECORD_CONFIG);
    snprintf(body->folder, sizeof body->folder, "%s", record->folder);
    body->container = record->container == CONFIG_CONTAINER_MP4 ? MESSAGE_RECORD_MP4 : MESSAGE_RECORD_TS;
    body->mode = record->mode == CONFIG_RECORD_PREROLL   ? MESSAGE_RECORD_PREROLL
                 : record->mode == CONFIG_RECORD_COMMAND ? MESSAGE_RECORD_COMMAND
                                                         : MESSAGE_RECORD_CONTINUOUS;
    body->segment_seconds = record->segment_seconds;
    body->segment_mb = record->segment_mb;
    body->keep_mb = record->keep_mb;
    body->free_mb = record->free_mb;
    body->preroll_minutes = record->preroll_minutes;
    body->recording = recorder->recording;
    snprintf(body->name, sizeof body->name, "%s", recorder->name);
    return worker_send(&recorder->worker, &message, NULL, 0);
}

int recorder_tell(struct recorder *recorder, const struct config *config, const struct outlet_stream *stream,
                  uint64_t session)
{
    struct message message;

    message_init(&message, MESSAGE_RECORD_START);
    message.body.record_start.stream = stream->told;
    message.body.record_start.session = session;
    message.body.record_start.bitrate_bps = config->encoder.bitrate_bps;
    recorder->told = true;
    int error = worker_send(&recorder->worker, &message, stream->fds, stream->fd_count);
    return error == CASTOR_OK ? send_config(recorder, config) : error;
}

// ---- access units ----

void recorder_relay(struct recorder *recorder, const struct switch_order *order, int64_t utc_offset_ns,
                    int64_t now_ns)
{
    int64_t until_ns = now_ns + (recorder->worker.ready ? RECORDER_CLAIM_NS : RECORDER_START_CLAIM_NS);
    struct message message;

    if (recorder->worker.pid == 0)
        return;
    // What was sent before it is ready waits in its channel.
    if (!recorder->told || recorder->leaving || recorder->claim_count == RECORDER_CLAIMS_MAX) {
        recorder->not_relayed++;
        return;
    }
    message_init(&message, MESSAGE_RECORD_UNIT);
    message.body.record_unit = (struct message_record_unit){
        .emit = outlet_emit_of(order, utc_offset_ns),
        .claim_until_ns = until_ns,
    };
    if (worker_send(&recorder->worker, &message, NULL, 0) != CASTOR_OK) {
        recorder->not_relayed++; // it is killed
        recorder_forget(recorder);
        return;
    }
    int64_t took_ns = castor_now_ns() - now_ns;
    if (took_ns > recorder->relay_slowest_ns)
        recorder->relay_slowest_ns = took_ns;
    recorder->relayed++;
    uint32_t at = (recorder->claim_head + recorder->claim_count++) % RECORDER_CLAIMS_MAX;
    recorder->claims[at] = (struct recorder_claim){.sequence = order->sequence,
                                                   .told_ns = now_ns,
                                                   .until_ns = until_ns,
                                                   .position = order->position,
                                                   .path = order->path};
}

void recorder_relay_gaps(struct recorder *recorder, struct gaps *gaps, int64_t now_ns)
{
    struct message message;

    message_init(&message, MESSAGE_GAP_NOTE);
    for (int i = 0; i < GAPS_AT_A_TIME && recorder->worker.ready && recorder->told && !recorder->leaving;
         i++) {
        if (!gaps_next_note(gaps, now_ns, &message.body.gap_note) ||
            worker_send(&recorder->worker, &message, NULL, 0) != CASTOR_OK)
            return;
        gaps_noted(gaps, &message.body.gap_note, now_ns);
    }
}

void recorder_relay_sound(struct recorder *recorder, const struct message *message)
{
    if (!recorder->told || recorder->leaving || recorder->worker.channel_fd < 0 || recorder->worker.killed)
        return;
    if (channel_send(recorder->worker.channel_fd, message, NULL, 0) != CASTOR_OK)
        recorder->sound_not_relayed++;
}

void recorder_taken(struct recorder *recorder, const struct message_record_taken *taken)
{
    while (recorder->claim_count > 0 && recorder->claims[recorder->claim_head].sequence <= taken->sequence) {
        recorder->claim_head = (recorder->claim_head + 1) % RECORDER_CLAIMS_MAX;
        recorder->claim_count--;
    }
}

void recorder_forget(struct recorder *recorder)
{
    recorder->claim_count = 0;
    memset(&recorder->state, 0, sizeof recorder->state);
}

uint64_t recorder_ring_tail(const struct recorder *recorder, const struct path *path, int64_t now_ns)
{
    for (uint32_t i = 0; i < recorder->claim_count && !recorder->worker.killed; i++) {
        const struct recorder_claim *claim =
            &recorder->claims[(recorder->claim_head + i) % RECORDER_CLAIMS_MAX];
        if (claim->path == path->index && now_ns < claim->until_ns)
            return claim->position;
    }
    return path->ring_head;
}

const char *recorder_hangs(const struct recorder *recorder, int64_t now_ns)
{
    if (recorder->worker.pid == 0 || recorder->worker.killed)
        return NULL;
    if (recorder->leaving && now_ns - recorder->leaving_ns > STUCK_NS)
        return "did not end when it was told to";
    if (recorder->claim_count > 0 && now_ns - recorder->claims[recorder->claim_head].told_ns > STUCK_NS)
        return "did not confirm a frame for two seconds";
    return NULL;
}

// ---- what operators want ----

static void leave(struct recorder *recorder, int64_t now_ns)
{
    struct message message;

    if (recorder->worker.pid == 0 || recorder->leaving)
        return;
    message_init(&message, MESSAGE_STOP);
    recorder->leaving = true;
    recorder->leaving_ns = now_ns;
    restart_reset(&recorder->worker.restart, now_ns);
    if (worker_send(&recorder->worker, &message, NULL, 0) != CASTOR_OK)
        log_warning("the recorder could not be told to end; it is killed");
}

void recorder_reconfigure(struct recorder *recorder, const struct config *before, const struct config *config,
                          bool restart, int64_t now_ns)
{
    if (before->record.mode != config->record.mode) {
        recorder->recording = config->record.mode == CONFIG_RECORD_CONTINUOUS;
        recorder->name[0] = '\0';
    }
    if (restart || config->record.folder[0] == '\0')
        leave(recorder, now_ns);
    else if (recorder->told && !recorder->leaving && recorder->worker.pid > 0 &&
             send_config(recorder, config) != CASTOR_OK)
        log_warning("the recorder did not take its new configuration; it starts again with it");
}

int recorder_order(struct recorder *recorder, enum message_record_order_kind kind, uint32_t number,
                   const char *text)
{
    struct message message;
    struct message_record_order *order = &message.body.record_order;

    if (kind == MESSAGE_RECORD_ORDER_START || kind == MESSAGE_RECORD_ORDER_STOP) {
        recorder->recording = kind == MESSAGE_RECORD_ORDER_START;
        snprintf(recorder->name, sizeof recorder->name, "%.48s", text);
    }
    if (!recorder->worker.ready || recorder->leaving)
        return CASTOR_ERR_LOST;
    message_init(&message, MESSAGE_RECORD_ORDER);
    order->serial = ++recorder->orders;
    order->kind = kind;
    order->number = number;
    snprintf(order->text, sizeof order->text, "%s", text);
    return worker_send(&recorder->worker, &message, NULL, 0);
}
