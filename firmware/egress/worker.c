// SPDX-License-Identifier: Apache-2.0
#include "egress/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/log.h"
#include "egress/outbox.h"
#include "egress/sound_feed.h"
#include "hal/time.h"
#include "ipc/channel.h"
#include "ipc/duty.h"
#include "pool/ring.h"

#define STATS_INTERVAL_NS CASTOR_NS_PER_S
#define TICK_BUSY_NS (20 * CASTOR_NS_PER_MS)
#define TICK_CALM_NS (100 * CASTOR_NS_PER_MS)
// Looking after the connections may cost milliseconds (threads are started and ended). It is done right after
// an access unit, when the next one is an interval away; without media it is done when it is this late.
#define TICK_PATIENCE_NS (20 * CASTOR_NS_PER_MS)
#define FAREWELL_TICK_MS 5
// Payloads beyond those for the bytes themselves: headers, tables, PCR packets.
#define PAYLOADS_EXTRA 8u
#define PAYLOADS_TRACK 4u       // of each sound track, between two pictures
#define PAYLOAD_NET_BYTES 1250u // of 1316, without TS headers and stuffing

struct egress {
    struct mux_sink sink; // first: the mux gives it back to us
    struct duty duty;
    destination_find find;
    struct mux *mux;
    struct ring *rings[MESSAGE_PATHS_MAX];
    uint32_t path_count;
    struct sound_feed sound;
    bool begun; // an access unit of video has been sent
    struct destination destinations[MESSAGE_DESTINATIONS_MAX];
    struct outbox outbox;
    uint64_t seed;
    int64_t tick_ns;  // when the connections are to be looked after
    int64_t stats_ns; // when the next statistics are due
    int64_t unit_ns;  // start of the access unit that is being sent
    uint32_t unit_bytes;
    uint64_t refused;   // access units that the mux did not take
    bool says_farewell; // at the end, since the supervisor said STOP
};

// ---- start ----

static int start_mux(struct egress *egress, const struct message_egress_start *start)
{
    struct mux_config config;

    mux_config_init(&config);
    if (start->stream.service_name[0])
        snprintf(config.service_name, sizeof config.service_name, "%s", start->stream.service_name);
    config.pts_offset_ns = start->stream.pts_offset_ms * CASTOR_NS_PER_MS;
    config.pcr_interval_ns = start->stream.pcr_interval_ms * CASTOR_NS_PER_MS;
    config.rate_bps = start->mux_rate_bps;
    if (start->stream.codec == MESSAGE_CODEC_HEVC) {
        int error = mux_stream_init(MUX_CODEC_HEVC, config.streams[0].pid, NULL, &config.streams[0]);
        if (error != CASTOR_OK)
            return error;
    }
    int error = sound_feed_announce(&start->stream, &config);
    return error ? error : mux_create(&config, &egress->mux);
}

static int attach_rings(struct egress *egress, const struct message_egress_start *start)
{
    const int *fds = egress->duty.fds;

    for (unsigned i = 0; i < start->stream.path_count; i++) {
        int error = ring_attach_reader(fds[i], start->stream.ring_bytes, &egress->rings[i]);

        if (error)
            return error;
        duty_keep(&egress->duty, i, 1);
    }
    egress->path_count = start->stream.path_count;
    int error = sound_feed_start(&egress->sound, start, fds[start->stream.path_count]);
    if (error)
        return error;
    if (start->stream.track_count > 0) {
        duty_keep(&egress->duty, start->stream.path_count, 1);
        mux_set_companion(egress->mux, &egress->sound.companion);
    }
    return CASTOR_OK;
}

static void handle_start(struct egress *egress, const struct message_egress_start *start)
{
    struct message ready;
    int error;

    if (egress->mux || egress->duty.fd_count != start->stream.path_count + (start->stream.track_count > 0)) {
        duty_refuse(&egress->duty, egress->mux ? "a second START" : "a START without its rings");
        return;
    }
    error = start_mux(egress, start);
    if (error) {
        duty_fail(&egress->duty, error,
                  error == CASTOR_ERR_INVALID
                      ? "the multiplexer refuses its settings: service name, PTS offset, PCR interval (10 to "
                        "40 ms) or constant rate (200 kbit/s to 1 Gbit/s) out of range; correct the "
                        "configuration under mux"
                      : "out of memory for the multiplexer");
        return;
    }
    error = attach_rings(egress, start);
    if (error) {
        duty_refuse(&egress->duty, "a ring that cannot be mapped");
        return;
    }
    message_init(&ready, MESSAGE_EGRESS_READY);
    duty_tell(&egress->duty, &ready);
    egress->stats_ns = castor_now_ns() + STATS_INTERVAL_NS;
}

static void handle_destination(struct egress *egress, const struct message_destination *message)
{
    int64_t now_ns = castor_now_ns();

    egress->seed += UINT64_C(0x9e3779b97f4a7c15);
    destination_start(&egress->destinations[message->index], message, egress->find, egress->seed, now_ns);
    egress->tick_ns = now_ns;
}

// ---- media ----

static int write_payload(struct mux_sink *sink, const struct mux_payload *payload)
{
    struct egress *egress = (struct egress *)sink;

    egress->unit_bytes += (uint32_t)payload->size_bytes;
    for (unsigned i = 0; i < MESSAGE_DESTINATIONS_MAX; i++)
        destination_send(&egress->destinations[i], payload, egress->unit_ns);
    return CASTOR_OK; // who did not take it is the destinations' business
}

// Multiplexes and sends; returns the mask of destinations that took all of it.
static uint32_t send_unit(struct egress *egress, const struct message_emit *emit)
{
    const uint8_t *data = ring_view(egress->rings[emit->path], emit->position, emit->size_bytes);
    const struct mux_access_unit unit = {
        .data = data,
        .size_bytes = emit->size_bytes,
        .capture_ns = emit->capture_ns,
        .utc_offset_ns = emit->utc_offset_ns,
        .sequence = emit->sequence,
        .epoch = emit->epoch,
        .path = (uint8_t)emit->path,
        .flags = emit->flags & MESSAGE_EMIT_AFTER_SWITCH ? MUX_ACCESS_UNIT_AFTER_SWITCH : 0,
    };
    const uint32_t payloads =
        emit->size_bytes / PAYLOAD_NET_BYTES + PAYLOADS_EXTRA + egress->sound.track_count * PAYLOADS_TRACK;
    uint32_t accepted = 0;

    if (!egress->begun)
        sound_feed_begin(&egress->sound, emit->capture_ns);
    egress->begun = true;
    for (unsigned i = 0; i < MESSAGE_DESTINATIONS_MAX; i++)
        destination_begin_unit(&egress->destinations[i], payloads, egress->unit_ns);
    if (!data || mux_write_access_unit(egress->mux, &unit, &egress->sink) != CASTOR_OK) {
        if (egress->refused++ == 0)
            log_warning(
                "access unit %llu cannot be multiplexed: it is outside its ring, holds no picture, or "
                "its time does not rise",
                (unsigned long long)emit->sequence);
        for (unsigned i = 0; i < MESSAGE_DESTINATIONS_MAX; i++)
            destination_lose_unit(&egress->destinations[i], emit->sequence, emit->capture_ns);
        return 0;
    }
    for (unsigned i = 0; i < MESSAGE_DESTINATIONS_MAX; i++) {
        if (destination_end_unit(&egress->destinations[i], emit->sequence, emit->capture_ns, egress->unit_ns))
            accepted |= 1u << i;
    }
    return accepted;
}

static void handle_emit(struct egress *egress, const struct message_emit *emit)
{
    struct message_sent sent = {.sequence = emit->sequence, .started_ns = castor_now_ns()};
    int error;

    if (emit->path >= egress->path_count) {
        duty_refuse(&egress->duty, "an EMIT before START or for a path that does not exist");
        return;
    }
    egress->unit_ns = sent.started_ns;
    egress->unit_bytes = 0;
    sent.accepted = send_unit(egress, emit);
    sent.bytes = egress->unit_bytes;
    sent.sent_ns = castor_now_ns();
    error = outbox_send(&egress->outbox, egress->duty.fd, &sent);
    if (error == CASTOR_ERR_LOST)
        duty_finish(&egress->duty, WORKER_EXIT_OK);
    else if (error)
        duty_fail(&egress->duty, error, "the supervisor does not read the answers of egress");
}

// ---- the channel ----

static void handle_message(void *worker)
{
    struct egress *egress = worker;
    struct message *message = &egress->duty.message;

    switch (message->header.type) {
    case MESSAGE_STOP:
        egress->says_farewell = true;
        duty_finish(&egress->duty, WORKER_EXIT_OK);
        break;
    case MESSAGE_EGRESS_START:
        handle_start(egress, &message->body.egress_start);
        break;
    case MESSAGE_DESTINATION:
        handle_destination(egress, &message->body.destination);
        explicit_bzero(message, sizeof *message);
        break;
    case MESSAGE_SOUND_READY:
        sound_feed_ready(&egress->sound, &message->body.sound_ready);
        break;
    case MESSAGE_SOUND_UNIT:
        sound_feed_unit(&egress->sound, &message->body.sound_unit);
        break;
    case MESSAGE_EMIT:
        handle_emit(egress, &message->body.emit);
        break;
    default:
        duty_refuse(&egress->duty, message_name(message->header.type));
    }
}

// ---- connections ----

static void send_sound_stats(struct egress *egress)
{
    struct message message;

    for (uint32_t i = 0; i < egress->sound.track_count; i++) {
        message_init(&message, MESSAGE_EGRESS_SOUND);
        sound_line_totals(egress->sound.line, i, &message.body.egress_sound);
        if (channel_send(egress->duty.fd, &message, NULL, 0) != CASTOR_OK)
            return; // the next ones hold the same totals
    }
}

static void look_after(struct egress *egress, int64_t now_ns)
{
    bool busy = false;

    for (unsigned i = 0; i < MESSAGE_DESTINATIONS_MAX; i++) {
        struct destination *destination = &egress->destinations[i];

        if (!destination->present)
            continue;
        destination_advance(destination, now_ns);
        destination_report(destination, egress->duty.fd, now_ns);
        busy = busy || destination_is_busy(destination, now_ns);
    }
    egress->tick_ns = now_ns + (busy ? TICK_BUSY_NS : TICK_CALM_NS);
    if (egress->stats_ns != 0 && now_ns >= egress->stats_ns) {
        egress->stats_ns = now_ns + STATS_INTERVAL_NS;
        for (unsigned i = 0; i < MESSAGE_DESTINATIONS_MAX; i++)
            destination_report_stats(&egress->destinations[i], egress->duty.fd);
        send_sound_stats(egress);
    }
}

// True when there are messages.
static bool wait_for_message(struct egress *egress)
{
    struct pollfd polled = {.fd = egress->duty.fd, .events = POLLIN};

    if (egress->outbox.count > 0)
        polled.events |= POLLOUT;
    if (!duty_wait(&egress->duty, &polled, 1, egress->tick_ns + TICK_PATIENCE_NS))
        return false;
    if ((polled.revents & POLLOUT) && outbox_flush(&egress->outbox, egress->duty.fd) != CASTOR_OK)
        duty_finish(&egress->duty, WORKER_EXIT_OK);
    return polled.revents & ~POLLOUT;
}

static void step(struct egress *egress)
{
    // Media goes first: everything that waits in the channel, then the connections.
    if (wait_for_message(egress)) {
        while (!egress->duty.done && duty_read(&egress->duty, handle_message, egress))
            continue;
    }
    int64_t now_ns = castor_now_ns();
    if (!egress->duty.done && !egress->mux)
        duty_await_start(&egress->duty, now_ns);
    if (!egress->duty.done && now_ns >= egress->tick_ns)
        look_after(egress, now_ns);
}

// Lets the receivers have what was already accepted, as long as that takes little.
static void say_farewell(struct egress *egress)
{
    const int64_t until_ns = castor_now_ns() + EGRESS_FAREWELL_NS;
    struct pollfd poll_fd = {.fd = egress->duty.fd,
                             .events = 0}; // only its end counts: then nobody waits for us
    bool drained = false;

    while (!drained && castor_now_ns() < until_ns && poll(&poll_fd, 1, FAREWELL_TICK_MS) == 0) {
        drained = true;
        for (unsigned i = 0; i < MESSAGE_DESTINATIONS_MAX; i++)
            drained = drained && destination_is_drained(&egress->destinations[i], castor_now_ns());
    }
}

static void run(struct egress *egress)
{
    while (!egress->duty.done)
        step(egress);
    if (egress->says_farewell)
        say_farewell(egress);
    for (unsigned i = 0; i < MESSAGE_DESTINATIONS_MAX; i++)
        destination_stop(&egress->destinations[i]);
    mux_destroy(egress->mux);
    sound_feed_stop(&egress->sound);
    for (unsigned i = 0; i < MESSAGE_PATHS_MAX; i++)
        ring_destroy(egress->rings[i]);
}

int egress_worker_run(int fd, destination_find find)
{
    // Books for 64 receivers, of which a box has few: what calloc() gives costs memory only where it is used.
    struct egress *egress = calloc(1, sizeof *egress);
    int64_t now_ns = castor_now_ns();

    if (!egress) {
        log_error("out of memory");
        return WORKER_EXIT_FAILED;
    }
    egress->sink.write = write_payload;
    duty_begin(&egress->duty, fd);
    egress->find = find;
    egress->tick_ns = now_ns + TICK_CALM_NS;
    if (getrandom(&egress->seed, sizeof egress->seed, GRND_NONBLOCK) != sizeof egress->seed)
        egress->seed = (uint64_t)now_ns ^ (uint64_t)getpid();
    run(egress);
    int exit_code = (int)egress->duty.exit;
    free(egress);
    return exit_code;
}
