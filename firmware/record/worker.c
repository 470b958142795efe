// SPDX-License-Identifier: Apache-2.0
#include "record/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "hal/time.h"
#include "ipc/channel.h"
#include "pool/ring.h"
#include "record/intake.h"
#include "record/writer.h"

#define START_BUDGET_NS (30 * CASTOR_NS_PER_S)
#define SOUND_AGE_NS (1500 * CASTOR_NS_PER_MS)
#define TICK_NS (200 * CASTOR_NS_PER_MS)
// What a disk may hang without a frame being left out.
#define QUEUE_SECONDS 10u
#define QUEUE_MIN_BYTES (8u << 20)
#define QUEUE_MAX_BYTES (256u << 20)

struct recorder {
    int fd, wake_fd;
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
    int64_t start_until_ns;
    bool stopping;
    bool done;
    int exit_code;
};

static void finish(struct recorder *r, int exit_code)
{
    r->done = true;
    r->exit_code = exit_code;
}

static void protocol_error(struct recorder *r, const char *why)
{
    log_error("bad message from the supervisor: %s", why);
    finish(r, RECORD_EXIT_PROTOCOL);
}

static void send_failed(struct recorder *r, int error, const char *text)
{
    struct message message;

    log_error("%s", text);
    message_init(&message, MESSAGE_FAILED);
    message.body.failed.error = error;
    snprintf(message.body.failed.text, sizeof message.body.failed.text, "%s", text);
    if (channel_send(r->fd, &message, NULL, 0) != CASTOR_OK)
        log_warning("the supervisor did not take the reason of the failure");
    finish(r, RECORD_EXIT_FAILED);
}

// ---- start ----

static int attach_rings(struct recorder *r, const struct message_record_start *start, const int *fds,
                        unsigned *taken)
{
    for (unsigned i = 0; i < start->path_count; i++) {
        int error = ring_attach_reader(fds[i], start->ring_bytes, &r->rings[i]);

        if (error)
            return error;
        *taken = i + 1;
    }
    r->path_count = start->path_count;
    if (start->track_count > 0) {
        int error = ring_attach_reader(fds[start->path_count], start->sound_ring_bytes, &r->sound_ring);

        if (error)
            return error;
        *taken += 1;
    }
    r->track_count = start->track_count;
    return CASTOR_OK;
}

static void handle_start(struct recorder *r, const struct message_record_start *start, const int *fds,
                         unsigned fd_count, unsigned *taken)
{
    uint64_t queue_bytes = (uint64_t)start->bitrate_bps / 8 * QUEUE_SECONDS;
    struct message ready;

    if (r->writer || fd_count != start->path_count + (start->track_count > 0)) {
        protocol_error(r, r->writer ? "a second START" : "a START without its rings");
        return;
    }
    if (attach_rings(r, start, fds, taken) != CASTOR_OK) {
        protocol_error(r, "a ring that cannot be mapped");
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
        send_failed(r, error, "out of memory for the recorder's queue");
        return;
    }
    message_init(&ready, MESSAGE_RECORD_READY);
    if (channel_send(r->fd, &ready, NULL, 0) != CASTOR_OK)
        finish(r, RECORD_EXIT_OK);
}

// ---- media ----

static void confirm(struct recorder *r)
{
    struct message message;

    if (r->taken == r->confirmed)
        return;
    message_init(&message, MESSAGE_RECORD_TAKEN);
    message.body.record_taken.sequence = r->taken;
    int error = channel_send(r->fd, &message, NULL, 0);
    if (error == CASTOR_OK)
        r->confirmed = r->taken; // a full channel: the next one covers it
    else if (error == CASTOR_ERR_LOST)
        finish(r, RECORD_EXIT_OK);
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
        protocol_error(r, "a UNIT before START or for a path that does not exist");
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
        protocol_error(r, "a unit of sound before START or of a track that does not exist");
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
        protocol_error(r, "an ORDER before START");
    else if (writer_order(r->writer, order, r->has_newest ? &r->newest : NULL) != CASTOR_OK)
        log_warning("an order of the operator is left out: too many of them wait for the disk");
}

static void handle_gap(struct recorder *r, const struct message_gap_note *note)
{
    if (r->writer)
        writer_note_outage(r->writer, note);
    else
        protocol_error(r, "a GAP_NOTE before START");
}

static void dispatch(struct recorder *r, const struct message *message, const int *fds, unsigned fd_count,
                     unsigned *taken)
{
    switch (message->header.type) {
    case MESSAGE_STOP:
        r->stopping = true;
        break;
    case MESSAGE_RECORD_START:
        handle_start(r, &message->body.record_start, fds, fd_count, taken);
        break;
    case MESSAGE_RECORD_CONFIG:
        if (r->writer)
            writer_configure(r->writer, &message->body.record_config);
        else
            protocol_error(r, "a CONFIG before START");
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
        protocol_error(r, message_name(message->header.type));
    }
}

// One message. False when there was none.
static bool handle_message(struct recorder *r)
{
    static struct message message; // too large for the stack of a loop
    int fds[MESSAGE_FDS_MAX];
    unsigned fd_count = 0, taken = 0;
    const char *why = "";
    int error = channel_receive(r->fd, MESSAGE_FROM_SUPERVISOR, &message, fds, &fd_count, &why);

    if (error == CASTOR_ERR_AGAIN)
        return false;
    if (error == CASTOR_ERR_INVALID) {
        protocol_error(r, why);
        return true;
    }
    if (error) { // the supervisor is gone: nobody is left to tell
        r->stopping = true;
        return true;
    }
    dispatch(r, &message, fds, fd_count, &taken);
    for (unsigned i = taken; i < fd_count; i++)
        close(fds[i]);
    return true;
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
    r->untold = channel_send(r->fd, &message, NULL, 0) == CASTOR_ERR_FULL;
}

static void wait_for_news(struct recorder *r)
{
    struct pollfd fds[] = {{.fd = r->fd, .events = POLLIN}, {.fd = r->wake_fd, .events = POLLIN}};
    const struct timespec wait = castor_timespec(TICK_NS);
    uint64_t news;
    int n = ppoll(fds, 2, &wait, NULL);

    if (n < 0 && errno != EINTR)
        send_failed(r, CASTOR_ERR_INTERNAL, "waiting for the supervisor failed");
    if (n > 0 && fds[1].revents && read(r->wake_fd, &news, sizeof news) == sizeof news)
        r->untold = true;
}

static void step(struct recorder *r)
{
    wait_for_news(r);
    while (!r->done && !r->stopping && handle_message(r))
        continue;
    if (r->done || r->stopping)
        return;
    confirm(r);
    if (r->writer && r->untold)
        tell(r);
    if (!r->writer && castor_now_ns() > r->start_until_ns)
        send_failed(r, CASTOR_ERR_TIMEOUT, "the supervisor sent no START in time");
}

int record_worker_run(int fd)
{
    struct recorder *r = calloc(1, sizeof *r);

    if (!r) {
        log_error("out of memory");
        return RECORD_EXIT_FAILED;
    }
    r->fd = fd;
    r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r->start_until_ns = castor_now_ns() + START_BUDGET_NS;
    intake_init(&r->intake);
    if (r->wake_fd < 0)
        send_failed(r, castor_error_from_errno(errno), "no descriptor is left for the recorder");
    while (!r->done && !r->stopping)
        step(r);
    int exit_code = r->exit_code;
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
