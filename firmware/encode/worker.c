// SPDX-License-Identifier: Apache-2.0
#include "encode/worker.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "encode/faults.h"
#include "encode/orders.h"
#include "hal/time.h"
#include "ipc/channel.h"
#include "ipc/duty.h"
#include "pool/pool.h"
#include "pool/ring.h"

#define START_DEADLINE_NS (10 * CASTOR_NS_PER_S)
#define SEND_DEADLINE_NS CASTOR_NS_PER_S
#define IDLE_NS CASTOR_NS_PER_S
// The supervisor gives up on a silent path long before; this only ends what nobody watches.
#define RESULT_DEADLINE_NS (5 * CASTOR_NS_PER_S)

struct in_flight {
    struct message_encode order;
    int64_t started_ns;
};

struct worker {
    struct duty duty;
    encode_find find;
    enum log_level log_level;
    const struct encoder_driver *driver;
    struct message_encode_start start; // what it was opened with
    struct encoder *encoder;
    struct pool *pool;
    struct ring *ring;
    struct orders orders;
    struct in_flight in_flight[ENCODER_IN_FLIGHT_MAX]; // oldest first
    uint32_t in_flight_count;
    uint32_t bitrate_bps; // to be set before the next frame; 0 = as it is
    struct faults faults;
    struct encoder_text note; // the encoder's, that was logged last
    struct message message;   // to be sent; in use by one function at a time
};

// Sends worker->message; waits for room.
static void say(struct worker *worker)
{
    int64_t deadline_ns = castor_now_ns() + SEND_DEADLINE_NS;
    struct pollfd polled = {.fd = worker->duty.fd, .events = POLLOUT};
    int error = channel_send(worker->duty.fd, &worker->message, NULL, 0);

    while (error == CASTOR_ERR_FULL && castor_now_ns() < deadline_ns &&
           duty_wait(&worker->duty, &polled, 1, deadline_ns))
        error = channel_send(worker->duty.fd, &worker->message, NULL, 0);
    if (error != CASTOR_OK) {
        log_error("the supervisor does not take %s: %s", message_name(worker->message.header.type),
                  castor_error_text(error));
        duty_finish(&worker->duty, WORKER_EXIT_OK);
    }
}

static void say_failed(struct worker *worker, int error, const char *text)
{
    message_init(&worker->message, MESSAGE_FAILED);
    worker->message.body.failed.error = error;
    (void)snprintf(worker->message.body.failed.text, sizeof worker->message.body.failed.text, "%s", text);
    say(worker);
}

static void fail(struct worker *worker, int error, const char *text)
{
    log_error("%s", text);
    say_failed(worker, error, text);
    duty_finish(&worker->duty, WORKER_EXIT_FAILED);
}

static void fail_driver(struct worker *worker, int error, const char *what)
{
    char text[252];
    const char *detail = encoder_fault(worker->encoder);

    (void)snprintf(text, sizeof text, "%s: %s: %s%s%s", worker->encoder->driver->name, what,
                   castor_error_text(error), detail[0] ? ": " : "", detail);
    fail(worker, error, text);
}

static void say_dropped(struct worker *worker, const struct message_encode *order,
                        enum message_drop_cause cause)
{
    message_init(&worker->message, MESSAGE_DROPPED);
    worker->message.body.dropped = (struct message_dropped){
        .sequence = order->sequence,
        .epoch = order->epoch,
        .cause = cause,
    };
    if (!worker->faults.silent)
        say(worker);
}

// ---- start ----

static int open_encoder(struct worker *worker, struct encoder_text *why)
{
    const struct message_encode_start *start = &worker->start;
    struct castor_frame first_slot = {0};

    pool_frame(worker->pool, 0, &first_slot);
    struct encoder_config config = {
        .codec = start->codec == MESSAGE_CODEC_HEVC ? ENCODER_CODEC_HEVC : ENCODER_CODEC_H264,
        .format = start->format,
        .bitrate_bps = start->bitrate_bps,
        .vbv_ms = start->vbv_ms,
        .gop_frames = start->gop_frames,
        .threads = start->threads,
        .preset = start->preset,
        .device = start->device,
        .script = start->script,
        .memory = first_slot.plane[0],
        .memory_bytes = pool_size_bytes(worker->pool),
        .slot = first_slot.dmabuf_fd >= 0 ? &first_slot : NULL,
    };
    why->text[0] = '\0';
    int error = encoder_open(worker->driver, &config, &worker->encoder, why);
    if (error != CASTOR_OK && why->text[0] == '\0')
        encoder_text_set(why, error, "%s: open: %s", worker->driver->name, castor_error_text(error));
    return error;
}

// Says what is new of how the encoder works.
static void look_at_note(struct worker *worker)
{
    const char *note = encoder_note(worker->encoder);

    if (strcmp(note, worker->note.text) == 0)
        return;
    if (note[0])
        log_info("%s", note);
    (void)snprintf(worker->note.text, sizeof worker->note.text, "%s", note);
}

static void say_ready(struct worker *worker)
{
    struct message_encode_ready *ready = &worker->message.body.encode_ready;
    const struct encoder_driver *driver = worker->encoder->driver;

    message_init(&worker->message, MESSAGE_ENCODE_READY);
    (void)snprintf(ready->driver, sizeof ready->driver, "%s", driver->name);
    (void)snprintf(ready->description, sizeof ready->description, "%s", driver->description);
    ready->max_in_flight = worker->encoder->max_in_flight;
    look_at_note(worker);
    say(worker);
}

static void start(struct worker *worker, const struct pool_parts *parts)
{
    const struct message_encode_start *start = &worker->duty.message.body.encode_start;
    struct encoder_text why = {"the frame pool cannot be mapped"};
    char name[] = "encode A";

    name[sizeof name - 2] = (char)('A' + start->path);
    log_open(name, worker->log_level);
    int error = pool_attach(&start->format, start->slot_count, parts, &worker->pool);
    if (error == CASTOR_OK) {
        duty_keep(&worker->duty, 1, worker->duty.fd_count - 1);
        encoder_text_set(&why, 0, "the coded ring cannot be mapped");
        error = ring_attach_writer(worker->duty.fds[0], start->ring_bytes, start->ring_position,
                                   start->ring_tail, &worker->ring);
    }
    if (error == CASTOR_OK) {
        duty_keep(&worker->duty, 0, 1);
        worker->start = *start;
        error = worker->find(start->driver, &worker->driver, &why);
    }
    if (error == CASTOR_OK)
        error = open_encoder(worker, &why);
    if (error != CASTOR_OK)
        fail(worker, error, why.text);
    else
        say_ready(worker);
}

static void handle_first(void *context)
{
    struct worker *worker = context;
    const struct message *message = &worker->duty.message;
    const unsigned fd_count = worker->duty.fd_count;
    struct pool_parts parts;

    if (message->header.type == MESSAGE_STOP)
        duty_finish(&worker->duty, WORKER_EXIT_OK);
    else if (message->header.type != MESSAGE_ENCODE_START || fd_count < 2 ||
             !pool_share_read(worker->duty.fds + 1, fd_count - 1, message->body.encode_start.dmabuf_count,
                              &parts))
        duty_refuse(&worker->duty, "expected ENCODE_START with the coded ring and the pool");
    else
        start(worker, &parts);
}

static void wait_for_start(struct worker *worker)
{
    int64_t deadline_ns = castor_now_ns() + START_DEADLINE_NS;
    struct pollfd polled = {.fd = worker->duty.fd, .events = POLLIN};

    while (!worker->duty.done && duty_wait(&worker->duty, &polled, 1, deadline_ns)) {
        if (duty_read(&worker->duty, handle_first, worker))
            return;
        if (!worker->duty.done && castor_now_ns() >= deadline_ns)
            duty_finish(&worker->duty, WORKER_EXIT_OK);
    }
}

// ---- work ----

static void handle(void *context)
{
    struct worker *worker = context;
    const struct message *message = &worker->duty.message;
    const struct message_encode *order = &message->body.encode;

    switch (message->header.type) {
    case MESSAGE_STOP:
        duty_finish(&worker->duty, WORKER_EXIT_OK);
        break;
    case MESSAGE_ENCODE:
        if (order->slot >= pool_slot_count(worker->pool))
            duty_refuse(&worker->duty, "ENCODE names a slot that the pool does not have");
        else
            orders_add(&worker->orders, order);
        break;
    case MESSAGE_SET_BITRATE:
        worker->bitrate_bps = message->body.set_bitrate.bitrate_bps;
        break;
    case MESSAGE_FAULT:
        faults_set(&worker->faults, &message->body.fault, worker->duty.fd);
        break;
    default:
        duty_refuse(&worker->duty, message_name(message->header.type));
        break;
    }
}

// Everything that waits in the socket is read before the next frame, so that a newer epoch is seen at once.
static void read_messages(struct worker *worker)
{
    while (!worker->duty.done && !orders_are_full(&worker->orders) &&
           duty_read(&worker->duty, handle, worker))
        continue;
}

// A driver that cannot change its rate gets a new session, which begins with an IDR.
static void open_again(struct worker *worker)
{
    struct encoder_text why = {""};

    encoder_close(worker->encoder);
    worker->encoder = NULL;
    worker->start.bitrate_bps = worker->bitrate_bps;
    int error = open_encoder(worker, &why);
    if (error != CASTOR_OK)
        fail(worker, error, why.text);
}

// Before the next frame. False while frames are in flight that must come out first.
static bool apply_bitrate(struct worker *worker)
{
    if (worker->bitrate_bps == 0)
        return true;
    int error = encoder_set_bitrate(worker->encoder, worker->bitrate_bps);
    if (error == CASTOR_ERR_UNSUPPORTED && worker->in_flight_count > 0)
        return false;
    if (error == CASTOR_ERR_UNSUPPORTED)
        open_again(worker);
    else if (error == CASTOR_ERR_IO || error == CASTOR_ERR_LOST)
        fail_driver(worker, error, "setting the bitrate");
    else if (error != CASTOR_OK)
        log_warning("bitrate stays as it is: %s: %s", castor_error_text(error),
                    encoder_fault(worker->encoder));
    worker->bitrate_bps = 0;
    return true;
}

static void submit(struct worker *worker, const struct message_encode *order)
{
    struct castor_frame frame = {.sequence = order->sequence, .capture_ns = order->capture_ns};
    int64_t started_ns = castor_now_ns();

    ring_set_tail(worker->ring, order->ring_tail);
    switch (faults_before_frame(&worker->faults)) {
    case FAULT_DROP:
        say_dropped(worker, order, MESSAGE_DROP_ENCODER);
        return;
    case FAULT_SWALLOW:
        return;
    case FAULT_NONE:
        break;
    }
    pool_frame(worker->pool, order->slot, &frame);
    int error =
        encoder_submit(worker->encoder, &frame, order->flags & MESSAGE_ENCODE_IDR ? ENCODER_SUBMIT_IDR : 0);
    if (error != CASTOR_OK) {
        fail_driver(worker, error, "taking a frame");
        return;
    }
    worker->in_flight[worker->in_flight_count++] = (struct in_flight){*order, started_ns};
    look_at_note(worker);
}

static void submit_orders(struct worker *worker)
{
    struct message_encode order;
    bool superseded;

    while (!worker->duty.done && orders_take_superseded(&worker->orders, &order))
        say_dropped(worker, &order, MESSAGE_DROP_SUPERSEDED);
    // A held result lives in the driver's memory until the driver is called again.
    if (worker->duty.done || encoder_has_held(worker->encoder))
        return;
    if (!apply_bitrate(worker))
        return;
    while (!worker->duty.done && worker->in_flight_count < worker->encoder->max_in_flight &&
           orders_take(&worker->orders, &order, &superseded)) {
        if (superseded)
            say_dropped(worker, &order, MESSAGE_DROP_SUPERSEDED);
        else
            submit(worker, &order);
    }
}

static void say_coded(struct worker *worker, const struct in_flight *frame,
                      const struct encoder_output *output)
{
    uint32_t size_bytes = (uint32_t)output->packet.size_bytes;
    const uint8_t *data = faults_replace(&worker->faults, output->packet.data, &size_bytes);
    uint64_t position = 0;

    faults_slow_down(&worker->faults, frame->started_ns);
    int error = ring_write(worker->ring, data, size_bytes, &position);
    if (error != CASTOR_OK) {
        say_dropped(worker, &frame->order,
                    error == CASTOR_ERR_FULL ? MESSAGE_DROP_RING_FULL : MESSAGE_DROP_ENCODER);
        return;
    }
    message_init(&worker->message, MESSAGE_CODED);
    worker->message.body.coded = (struct message_coded){
        .sequence = frame->order.sequence,
        .position = position,
        .started_ns = frame->started_ns,
        .finished_ns = castor_now_ns(),
        .size_bytes = size_bytes,
        .epoch = frame->order.epoch,
        .flags = output->packet.flags & CASTOR_PACKET_IDR ? MESSAGE_CODED_IDR : 0,
        .cpu_copies = output->cpu_copies,
    };
    if (!worker->faults.silent)
        say(worker);
}

static void receive(struct worker *worker)
{
    struct in_flight frame = worker->in_flight[0];
    struct encoder_output output;
    bool synchronous = encoder_descriptor(worker->encoder) < 0;
    int64_t deadline_ns = frame.started_ns + RESULT_DEADLINE_NS;
    int error = encoder_receive(worker->encoder, &output, synchronous ? deadline_ns : castor_now_ns());

    if (error == CASTOR_ERR_TIMEOUT && castor_now_ns() < deadline_ns)
        return;
    if (error != CASTOR_OK) {
        fail_driver(worker, error, "waiting for a coded frame");
        return;
    }
    assert(output.packet.sequence == frame.order.sequence); // encoder_receive() gives results in order
    worker->in_flight_count--;
    memmove(worker->in_flight, worker->in_flight + 1, worker->in_flight_count * sizeof worker->in_flight[0]);
    if (output.kind == ENCODER_OUTPUT_CODED)
        say_coded(worker, &frame, &output);
    else
        say_dropped(worker, &frame.order, MESSAGE_DROP_ENCODER);
}

static void work(struct worker *worker)
{
    struct pollfd polled[2] = {
        {.fd = worker->duty.fd, .events = POLLIN},
        {.fd = -1, .events = POLLIN},
    };

    while (!worker->duty.done) {
        read_messages(worker);
        if (!worker->duty.done)
            submit_orders(worker);
        if (worker->duty.done)
            return;
        polled[1].fd = encoder_descriptor(worker->encoder); // another one after open_again()
        if (worker->in_flight_count > 0 && (polled[1].fd < 0 || encoder_has_held(worker->encoder))) {
            receive(worker);
        } else if (worker->in_flight_count > 0) {
            if (duty_wait(&worker->duty, polled, 2, worker->in_flight[0].started_ns + RESULT_DEADLINE_NS))
                receive(worker);
        } else if (worker->orders.count == 0 &&
                   !duty_wait(&worker->duty, polled, 1, castor_now_ns() + IDLE_NS)) {
            return;
        }
    }
}

// The supervisor shows what a path ended with.
static void say_refused(struct worker *worker)
{
    char text[252];

    (void)snprintf(text, sizeof text, "bad message from the supervisor: %s", worker->duty.refused);
    say_failed(worker, CASTOR_ERR_INVALID, text);
    duty_finish(&worker->duty, WORKER_EXIT_PROTOCOL);
}

int encode_worker_run(int fd, encode_find find, enum log_level level)
{
    struct worker worker = {.find = find, .log_level = level};

    duty_begin(&worker.duty, fd);
    wait_for_start(&worker);
    if (!worker.duty.done)
        work(&worker);
    if (worker.duty.refused)
        say_refused(&worker);
    encoder_close(worker.encoder);
    ring_destroy(worker.ring);
    pool_destroy(worker.pool);
    return (int)worker.duty.exit;
}
