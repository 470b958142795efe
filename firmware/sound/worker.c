// SPDX-License-Identifier: Apache-2.0
#include "sound/worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sound_grid.h"
#include "ipc/channel.h"
#include "ipc/duty.h"
#include "pool/ring.h"
#include "sound/track.h"

#define STATS_INTERVAL_NS CASTOR_NS_PER_S
// A track that is further behind than this was not let run; what it would make now nobody waits for.
#define BEHIND_NS (500 * CASTOR_NS_PER_MS)

struct worker {
    struct duty duty;
    intake_find find;
    bool started;
    int64_t grid_origin_ns;
    struct timeline timeline;
    struct intake intake;
    struct track tracks[MESSAGE_SOUND_TRACKS_MAX];
    uint32_t track_count;
    struct ring *ring;
    uint32_t ring_bytes;
    uint64_t ring_refused;
    int64_t stats_ns;                     // when the next STATS is due
    enum message_sound_source told_state; // in the last STATS
    uint32_t garbage;                     // so many units are spoilt on purpose
};

// ---- start ----

static void tell_ready(struct worker *worker)
{
    static struct message message; // large

    message_init(&message, MESSAGE_SOUND_READY);
    message.body.sound_ready.track_count = worker->track_count;
    for (uint32_t i = 0; i < worker->track_count; i++)
        message.body.sound_ready.tracks[i] = *coder_stream(worker->tracks[i].coder);
    duty_tell(&worker->duty, &message);
}

static int make_tracks(struct worker *worker, const struct message_sound_start *start, char *why, size_t size)
{
    int error = CASTOR_OK;

    for (uint32_t i = 0; i < start->track_count && error == CASTOR_OK; i++) {
        error = track_create(&worker->tracks[i], &start->tracks[i], why, size);
        worker->track_count += error == CASTOR_OK;
    }
    return error;
}

// What is made before that would come too late, so the tracks begin now.
static int begin(struct worker *worker, int64_t now_ns)
{
    uint64_t position = sound_grid_sample_at(worker->grid_origin_ns, now_ns);
    int error = CASTOR_OK;

    timeline_begin(&worker->timeline, position);
    for (uint32_t i = 0; i < worker->track_count && error == CASTOR_OK; i++)
        error = track_begin(&worker->tracks[i], position);
    return error;
}

static void handle_start(struct worker *worker, const struct message_sound_start *start)
{
    char why[200] = "out of memory for the sound";

    if (worker->started || worker->duty.fd_count != 1) {
        duty_refuse(&worker->duty, worker->started ? "a second START" : "a START without its ring");
        return;
    }
    worker->started = true;
    worker->grid_origin_ns = start->grid_origin_ns;
    worker->ring_bytes = start->ring_bytes;
    int error = ring_attach_writer(worker->duty.fds[0], start->ring_bytes, start->ring_position,
                                   start->ring_position, &worker->ring);
    if (error != CASTOR_OK) {
        duty_refuse(&worker->duty, "a ring that cannot be mapped");
        return;
    }
    duty_keep(&worker->duty, 0, 1);
    error = timeline_create(&worker->timeline);
    if (error == CASTOR_OK)
        error = intake_init(&worker->intake, start, worker->find, &worker->timeline);
    if (error == CASTOR_OK)
        error = make_tracks(worker, start, why, sizeof why);
    if (error == CASTOR_OK)
        error = begin(worker, castor_now_ns());
    if (error != CASTOR_OK) {
        duty_fail(&worker->duty, error, why);
        return;
    }
    tell_ready(worker);
}

// ---- what the supervisor says ----

// Deliberate faults, for drills; the supervisor asks for them only where they are allowed.
static void handle_fault(struct worker *worker, const struct message_fault *fault)
{
    switch (fault->kind) {
    case MESSAGE_FAULT_GARBAGE:
        worker->garbage = fault->count;
        break;
    case MESSAGE_FAULT_CRASH:
        (void)raise(SIGSEGV);
        break;
    case MESSAGE_FAULT_HANG:
    case MESSAGE_FAULT_SILENCE:
        for (;;)
            (void)pause();
    case MESSAGE_FAULT_BAD_MESSAGE:
        if (send(worker->duty.fd, "nonsense", 8, MSG_NOSIGNAL) != 8)
            log_warning("the bad message was not taken");
        break;
    default:
        log_warning("the sound worker knows no such fault");
    }
}

static void handle_mix(struct worker *worker, const struct message_sound_set_mix *set)
{
    if (set->track >= worker->track_count) {
        duty_refuse(&worker->duty, "a MIX for a track that does not exist");
        return;
    }
    mixer_set(&worker->tracks[set->track].mixer, &set->mix);
}

static void handle_origin(struct worker *worker, const struct message_capture_origin *origin)
{
    const struct source_origin known = {origin->sequence, origin->capture_ns, origin->media_ns};

    if (worker->started)
        intake_set_origin(&worker->intake, &known);
}

static void handle_message(void *context)
{
    struct worker *worker = context;
    const struct message *message = &worker->duty.message;

    switch (message->header.type) {
    case MESSAGE_STOP:
        duty_finish(&worker->duty, WORKER_EXIT_OK);
        break;
    case MESSAGE_SOUND_START:
        handle_start(worker, &message->body.sound_start);
        break;
    case MESSAGE_SOUND_SET_MIX:
        handle_mix(worker, &message->body.sound_set_mix);
        break;
    case MESSAGE_CAPTURE_ORIGIN:
        handle_origin(worker, &message->body.capture_origin);
        break;
    case MESSAGE_FAULT:
        handle_fault(worker, &message->body.fault);
        break;
    default:
        duty_refuse(&worker->duty, message_name(message->header.type));
    }
}

// ---- making units ----

static void announce(struct worker *worker, uint32_t index, const struct coder_unit *unit)
{
    struct track *track = &worker->tracks[index];
    const uint32_t samples = coder_stream(track->coder)->samples_per_unit;
    struct message message;
    uint64_t position = 0;

    // Nobody confirms: the oldest makes room.
    if (ring_write_over(worker->ring, unit->data, (uint32_t)unit->size_bytes, &position) != CASTOR_OK) {
        worker->ring_refused++;
        return;
    }
    message_init(&message, MESSAGE_SOUND_UNIT);
    message.body.sound_unit = (struct message_sound_unit){
        .track = index,
        .index = unit->index,
        .capture_ns = sound_grid_unit_ns(worker->grid_origin_ns, samples, unit->index),
        .position = position,
        .size_bytes = (uint32_t)unit->size_bytes,
        .samples = samples,
    };
    track->units++;
    int error = channel_send(worker->duty.fd, &message, NULL, 0);
    if (error != CASTOR_OK && error != CASTOR_ERR_FULL) // one that is not heard of is silence
        duty_finish(&worker->duty, WORKER_EXIT_OK);
}

static void spoil(struct worker *worker, struct coder_unit *unit)
{
    static uint8_t bytes[MESSAGE_SOUND_UNIT_MAX_BYTES];

    worker->garbage--;
    for (size_t i = 0; i < unit->size_bytes; i++)
        bytes[i] = (uint8_t)(unit->data[i] * 7 + i);
    unit->data = bytes;
}

static void make_unit(struct worker *worker, uint32_t index)
{
    struct track *track = &worker->tracks[index];
    struct coder_unit unit;
    int error = track_step(track, &worker->timeline);

    while (error == CASTOR_OK && !worker->duty.done) {
        error = coder_take(track->coder, &unit);
        if (error != CASTOR_OK)
            break;
        if (worker->garbage > 0)
            spoil(worker, &unit);
        announce(worker, index, &unit);
    }
    if (error != CASTOR_OK && error != CASTOR_ERR_AGAIN)
        duty_fail(&worker->duty, error, "a sound encoder failed");
}

// What the source has not given by now it will not give any more; then the tracks make what they can.
static void make_units(struct worker *worker, int64_t now_ns)
{
    const uint64_t known = sound_grid_sample_at(worker->grid_origin_ns, now_ns - SOUND_PATIENCE_NS);
    const uint64_t behind = sound_grid_sample_at(worker->grid_origin_ns, now_ns - BEHIND_NS);

    timeline_silence_until(&worker->timeline, known);
    for (uint32_t i = 0; i < worker->track_count; i++) {
        struct track *track = &worker->tracks[i];
        // A positive delay is no delay in making units; with a negative one, what a unit needs comes later.
        if (track->position < behind && track_needs(track) < behind &&
            track_begin(track, sound_grid_sample_at(worker->grid_origin_ns, now_ns)) != CASTOR_OK)
            duty_fail(&worker->duty, CASTOR_ERR_NO_MEMORY, "out of memory for a sound encoder");
        while (!worker->duty.done && track_needs(track) <= worker->timeline.end &&
               track->position <= sound_grid_sample_at(worker->grid_origin_ns, now_ns))
            make_unit(worker, i);
    }
}

// ---- the loop ----

static void send_stats(struct worker *worker, int64_t now_ns)
{
    static struct message message;
    struct message_sound_stats *stats = &message.body.sound_stats;

    if (now_ns < worker->stats_ns && worker->told_state == worker->intake.state)
        return;
    worker->stats_ns = now_ns + STATS_INTERVAL_NS;
    worker->told_state = worker->intake.state;
    message_init(&message, MESSAGE_SOUND_STATS);
    stats->silence_samples = worker->timeline.silence_samples;
    stats->late_samples = worker->timeline.late_samples;
    intake_stats(&worker->intake, stats);
    stats->ring_refused = worker->ring_refused;
    stats->track_count = worker->track_count;
    for (uint32_t i = 0; i < worker->track_count; i++) {
        track_levels(&worker->tracks[i], &stats->tracks[i]);
        stats->skipped_units += worker->tracks[i].skipped;
    }
    if (channel_send(worker->duty.fd, &message, NULL, 0) != CASTOR_OK)
        log_debug("the supervisor did not take the statistics; the next ones hold the same totals");
}

static void look_after_source(struct worker *worker)
{
    struct intake *intake = &worker->intake;

    if (intake_open_ns(intake) > castor_now_ns())
        return;
    // Opening may block: what is due comes first, and the supervisor is told why nothing else comes.
    intake->state = MESSAGE_SOUND_SOURCE_OPENING;
    send_stats(worker, castor_now_ns());
    intake_open(intake, castor_now_ns());
    for (uint32_t i = 0; i < worker->track_count && intake->sound; i++)
        mixer_set_inputs(&worker->tracks[i].mixer, intake_channels(intake));
}

// When there is something to do although nothing arrives.
static int64_t deadline_ns(const struct worker *worker)
{
    int64_t until_ns = worker->stats_ns;

    if (!worker->started)
        return worker->duty.start_until_ns;
    if (intake_open_ns(&worker->intake) < until_ns)
        until_ns = intake_open_ns(&worker->intake);
    for (uint32_t i = 0; i < worker->track_count; i++) {
        const struct track *track = &worker->tracks[i];
        uint64_t needs = track_needs(track);
        // Silence stands in after the patience; a unit whose sound is known already is made at its time.
        int64_t due_ns = needs > worker->timeline.end
                             ? sound_grid_time_ns(worker->grid_origin_ns, needs) + SOUND_PATIENCE_NS
                             : sound_grid_time_ns(worker->grid_origin_ns, track->position);
        if (due_ns < until_ns)
            until_ns = due_ns;
    }
    return until_ns;
}

static void step(struct worker *worker)
{
    struct pollfd fds[2] = {{.fd = worker->duty.fd, .events = POLLIN}, {.fd = -1, .events = POLLIN}};

    if (worker->started)
        fds[1].fd = intake_descriptor(&worker->intake);
    if (!duty_wait(&worker->duty, fds, 2, deadline_ns(worker) + 1)) // what is due at the deadline is due then
        return;
    if (fds[0].revents)
        duty_read(&worker->duty, handle_message, worker);
    if (worker->duty.done)
        return;
    int64_t now_ns = castor_now_ns();
    if (!worker->started) {
        duty_await_start(&worker->duty, now_ns);
        return;
    }
    intake_read(&worker->intake, now_ns - SOUND_PATIENCE_NS, now_ns);
    make_units(worker, now_ns);
    send_stats(worker, now_ns);
    if (!worker->duty.done)
        look_after_source(worker);
}

int sound_worker_run(int fd, intake_find find)
{
    struct worker *worker = calloc(1, sizeof *worker);

    if (!worker) {
        log_error("out of memory");
        return WORKER_EXIT_FAILED;
    }
    duty_begin(&worker->duty, fd);
    worker->find = find;
    while (!worker->duty.done)
        step(worker);
    intake_finish(&worker->intake);
    for (uint32_t i = 0; i < worker->track_count; i++)
        track_destroy(&worker->tracks[i]);
    timeline_destroy(&worker->timeline);
    ring_destroy(worker->ring);
    int exit_code = (int)worker->duty.exit;
    free(worker);
    return exit_code;
}
