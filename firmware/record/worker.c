// SPDX-License-Identifier: Apache-2.0
#include "record/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "hal/time.h"
#include "ipc/channel.h"
#include "ipc/duty.h"
#include "pool/ring.h"
#include "record/intake.h"
#include "record/writer.h"

#define SOUND_AGE_NS (1500 * CASTOR_NS_PER_MS)
#define TICK_NS (200 * CASTOR_NS_PER_MS)
// What a disk may hang without a frame being left out.
#define QUEUE_SECONDS 10u
#define QUEUE_MIN_BYTES (8u << 20)
#define QUEUE_MAX_BYTES (256u << 20)

struct recorder {
    struct duty duty;
    int wake_fd;
    struct ring *rings[MESSAGE_PATHS_MAX];
    uint32_t path_count;
    struct ring *sound_ring;
    uint32_t track_count;
    struct queue *queue;
    struct writer *writer;
    struct intake intake;
    struct record_unit newest; // its bytes are gone
    bool has_newest;
    bool untold; // the writer has news
    uint64_t confirmed, taken;
};

// ---- start ----

static int attach_rings(struct recorder *r, const struct message_stream *stream)
{
    const int *fds = r->duty.fds;

    for (unsigned i = 0; i < stream->path_count; i++) {
        int error = ring_attach_reader(fds[i], stream->ring_bytes, &r->rings[i]);

        if (error)
            return error;
        duty_keep(&r->duty, i, 1);
    }
    r->path_count = stream->path_count;
    if (stream->track_count > 0) {
        int error = ring_attach_reader(fds[stream->path_count], stream->sound_ring_bytes, &r->sound_ring);

        if (error)
            return error;
        duty_keep(&r->duty, stream->path_count, 1);
    }
    r->track_count = stream->track_count;
    return CASTOR_OK;
}

static void handle_start(struct recorder *r, const struct message_record_start *start)
{
    uint64_t queue_bytes = (uint64_t)start->bitrate_bps / 8 * QUEUE_SECONDS;
    struct message ready;

    if (r->writer || r->duty.fd_count != start->stream.path_count + (start->stream.track_count > 0)) {
        duty_refuse(&r->duty, r->writer ? "a second START" : "a START without its rings");
        return;
    }
    if (attach_rings(r, &start->stream) != CASTOR_OK) {
        duty_refuse(&r->duty, "a ring that cannot be mapped");
        return;
    }
    if (queue_bytes < QUEUE_MIN_BYTES)
        queue_bytes = QUEUE_MIN_BYTES;
    if (queue_bytes > QUEUE_MAX_BYTES)
        queue_bytes = QUEUE_MAX_BYTES;
    int error = queue_create(queue_bytes, &r->queue);
    if (error == CASTOR_OK)
        error = writer_create(start, r->queue, r->wake_fd, &r->writer);
    if (error != CASTOR_OK) {
        duty_fail(&r->duty, error, "out of memory for the recorder's queue");
        return;
    }
    message_init(&ready, MESSAGE_RECORD_READY);
    duty_tell(&r->duty, &ready);
}

// ---- media ----

static void confirm(struct recorder *r)
{
    struct message message;

    if (r->taken == r->confirmed)
        return;
    message_init(&message, MESSAGE_RECORD_TAKEN);
    message.body.record_taken.sequence = r->taken;
    int error = channel_send(r->duty.fd, &message, NULL, 0);
    if (error == CASTOR_OK)
        r->confirmed = r->taken; // a full channel: the next one covers it
    else if (error == CASTOR_ERR_LOST)
        duty_finish(&r->duty, WORKER_EXIT_OK);
}

static void take(struct recorder *r, struct record_unit *unit, int64_t claim_until_ns)
{
    bool calm = false;
    bool room = unit->data && queue_has_room(r->queue, unit->size_bytes, &calm);

    if (!intake_offer(&r->intake, unit, room, calm))
        return;
    queue_put(r->queue, unit);
    // Copied too late, the bytes may be those of another access unit.
    if (castor_now_ns() < claim_until_ns)
        queue_commit(r->queue);
    else
        intake_refuse(&r->intake, unit);
}

static void handle_unit(struct recorder *r, const struct message_record_unit *message)
{
    const struct message_emit *emit = &message->emit;

    if (!r->writer || emit->path >= r->path_count) {
        duty_refuse(&r->duty, "a UNIT before START or for a path that does not exist");
        return;
    }
    struct record_unit unit = {
        .data = ring_view(r->rings[emit->path], emit->position, emit->size_bytes),
        .size_bytes = emit->size_bytes,
        .epoch = emit->epoch,
        .sequence = emit->sequence,
        .capture_ns = emit->capture_ns,
        .utc_offset_ns = emit->utc_offset_ns,
        .path = (uint8_t)emit->path,
        .idr = emit->flags & MESSAGE_EMIT_IDR,
        .after_switch = emit->flags & MESSAGE_EMIT_AFTER_SWITCH,
    };
    if (writer_is_hungry(r->writer))
        take(r, &unit, message->claim_until_ns);
    r->newest = unit;
    r->newest.data = NULL;
    r->has_newest = true;
    r->taken = emit->sequence;
}

static void handle_sound(struct recorder *r, const struct message_sound_unit *message)
{
    struct record_unit unit = {
        .sound = true,
        .track = message->track,
        .samples = message->samples,
        .size_bytes = message->size_bytes,
        .capture_ns = message->capture_ns,
    };
    bool calm;

    if (!r->writer || message->track >= r->track_count) {
        duty_refuse(&r->duty, "a unit of sound before START or of a track that does not exist");
        return;
    }
    unit.data = ring_view(r->sound_ring, message->position, message->size_bytes);
    // Its bytes stay for two seconds. Where the picture is left out, so is its sound.
    if (!unit.data || r->intake.closed || castor_now_ns() - message->capture_ns > SOUND_AGE_NS ||
        !writer_is_hungry(r->writer) || !queue_has_room(r->queue, unit.size_bytes, &calm))
        return;
    queue_put(r->queue, &unit);
    queue_commit(r->queue);
}

// ---- the channel ----

static void handle_order(struct recorder *r, const struct message_record_order *order)
{
    if (!r->writer)
        duty_refuse(&r->duty, "an ORDER before START");
    else if (writer_order(r->writer, order, r->has_newest ? &r->newest : NULL) != CASTOR_OK)
        log_warning("an order of the operator is left out: too many of them wait for the disk");
}

static void handle_gap(struct recorder *r, const struct message_gap_note *note)
{
    if (r->writer)
        writer_note_outage(r->writer, note);
    else
        duty_refuse(&r->duty, "a GAP_NOTE before START");
}

static void handle_message(void *worker)
{
    struct recorder *r = worker;
    const struct message *message = &r->duty.message;

    switch (message->header.type) {
    case MESSAGE_STOP:
        duty_finish(&r->duty, WORKER_EXIT_OK);
        break;
    case MESSAGE_RECORD_START:
        handle_start(r, &message->body.record_start);
        break;
    case MESSAGE_RECORD_CONFIG:
        if (r->writer)
            writer_configure(r->writer, &message->body.record_config);
        else
            duty_refuse(&r->duty, "a CONFIG before START");
        break;
    case MESSAGE_RECORD_ORDER:
        handle_order(r, &message->body.record_order);
        break;
    case MESSAGE_GAP_NOTE:
        handle_gap(r, &message->body.gap_note);
        break;
    case MESSAGE_SOUND_UNIT:
        handle_sound(r, &message->body.sound_unit);
        break;
    case MESSAGE_RECORD_UNIT:
        handle_unit(r, &message->body.record_unit);
        break;
    default:
        duty_refuse(&r->duty, message_name(message->header.type));
    }
}

static void tell(struct recorder *r)
{
    struct message message;
    struct message_record_state *state = &message.body.record_state;

    message_init(&message, MESSAGE_RECORD_STATE);
    writer_state(r->writer, state);
    state->queue_bytes = (uint32_t)queue_used_bytes(r->queue);
    state->left_out += r->intake.left_out;
    state->gaps += r->intake.gaps;
    r->untold = channel_send(r->duty.fd, &message, NULL, 0) == CASTOR_ERR_FULL;
}

static void step(struct recorder *r)
{
    struct pollfd fds[] = {{.fd = r->duty.fd, .events = POLLIN}, {.fd = r->wake_fd, .events = POLLIN}};
    uint64_t news;

    if (!duty_wait(&r->duty, fds, 2, castor_now_ns() + TICK_NS))
        return;
    if (fds[1].revents && read(r->wake_fd, &news, sizeof news) == sizeof news)
        r->untold = true;
    while (!r->duty.done && duty_read(&r->duty, handle_message, r))
        continue;
    if (r->duty.done)
        return;
    confirm(r);
    if (r->writer && r->untold)
        tell(r);
    if (!r->writer)
        duty_await_start(&r->duty, castor_now_ns());
}

int record_worker_run(int fd)
{
    struct recorder *r = calloc(1, sizeof *r);

    if (!r) {
        log_error("out of memory");
        return WORKER_EXIT_FAILED;
    }
    duty_begin(&r->duty, fd);
    r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    intake_init(&r->intake);
    if (r->wake_fd < 0)
        duty_fail(&r->duty, castor_error_from_errno(errno), "no descriptor is left for the recorder");
    while (!r->duty.done)
        step(r);
    int exit_code = (int)r->duty.exit;
    if (r->writer && !writer_stop(r->writer, castor_now_ns() + RECORD_FAREWELL_MS * CASTOR_NS_PER_MS)) {
        log_warning("the disk does not answer; the open segment is closed at the next start");
        return exit_code; // the thread still uses all of it
    }
    writer_destroy(r->writer);
    queue_destroy(r->queue);
    for (unsigned i = 0; i < MESSAGE_PATHS_MAX; i++)
        ring_destroy(r->rings[i]);
    ring_destroy(r->sound_ring);
    close(r->wake_fd);
    free(r);
    return exit_code;
}
