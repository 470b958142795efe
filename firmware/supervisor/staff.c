// SPDX-License-Identifier: Apache-2.0
#include "supervisor/staff.h"

#include <stdio.h>

#include "base/log.h"
#include "supervisor/config_sound.h"
#include "supervisor/internal.h"

// ---- capture ----

static struct worker *source_worker(struct supervisor *s)
{
    return &s->source.worker;
}

static bool source_wanted(const struct supervisor *s)
{
    return !(s->source.ended && s->source.worker.keep_stdin);
}

// Tells a worker that begins what is to be drawn. `anew`: it is asked what becomes of it.
static int tell_overlay(struct supervisor *s, struct worker *worker, bool anew)
{
    struct message message;
    int error = CASTOR_OK;

    for (uint32_t i = 0; i < s->config.overlay_count && error == CASTOR_OK; i++) {
        if (s->config.overlay[i].kind == MESSAGE_OVERLAY_OFF)
            continue;
        if (anew)
            burn_in_change(&s->burn_in, i);
        burn_in_order(&s->burn_in, &s->config, i, &message);
        error = worker_send(worker, &message, NULL, 0);
    }
    return error;
}

static int source_begins(struct supervisor *s, int64_t now_ns)
{
    int error;

    if (s->switching_known && (s->feed.started || s->feed.armed)) {
        s->source.anchor_sequence = s->feed.last_sequence;
        s->source.anchor_ns = s->feed.last_ns;
    }
    error = source_start(&s->source, s->folder, &s->config, now_ns);
    return error ? error : tell_overlay(s, &s->source.worker, true);
}

static void source_ended(struct supervisor *s, int64_t now_ns)
{
    if (s->switching_known) {
        feed_source(&s->feed, now_ns, false);
        supervisor_feed(s, now_ns);
    }
    if (s->source.ended && s->source.worker.keep_stdin) {
        log_info("the source on standard input has ended; stopping");
        s->stopping = true;
    }
}

static const char *source_hangs(const struct supervisor *s, int64_t now_ns)
{
    return source_is_silent(&s->source, now_ns) ? "said nothing for too long" : NULL;
}

// ---- the slate ----

static struct worker *slate_worker(struct supervisor *s)
{
    return &s->slate.worker;
}

static bool slate_wanted(const struct supervisor *s)
{
    return s->switching_known && s->source.slate_slots > 0;
}

static int slate_begins(struct supervisor *s, int64_t now_ns)
{
    int error =
        slate_start(&s->slate, s->folder, &s->config, &s->source.format, s->source.pool, &s->feed, now_ns);

    return error ? error : tell_overlay(s, &s->slate.worker, false);
}

static void slate_ended(struct supervisor *s, int64_t now_ns)
{
    feed_slate(&s->feed, now_ns, false);
    supervisor_feed(s, now_ns);
}

static const char *slate_hangs(const struct supervisor *s, int64_t now_ns)
{
    return slate_is_silent(&s->slate, now_ns) ? "said nothing for too long" : NULL;
}

// ---- egress ----

static struct worker *outlet_worker(struct supervisor *s)
{
    return &s->outlet.worker;
}

static bool outlet_wanted(const struct supervisor *s)
{
    (void)s;
    return true;
}

static int outlet_begins(struct supervisor *s, int64_t now_ns)
{
    int error = outlet_start(&s->outlet, s->folder, now_ns);

    if (error == CASTOR_OK && s->switching_known)
        error = supervisor_tell_outlet(s);
    return error;
}

static void outlet_ended(struct supervisor *s, int64_t now_ns)
{
    struct outlet_pending lost;

    outlet_disconnected(&s->outlet);
    while (outlet_take_lost(&s->outlet, &lost))
        supervisor_lose_emitted(s, now_ns);
    gaps_egress_ended(&s->gaps);
    supervisor_name_gaps(s); // it may have ended for other destinations
}

static const char *outlet_hangs(const struct supervisor *s, int64_t now_ns)
{
    return outlet_is_stuck(&s->outlet, now_ns) ? "did not confirm a frame for a second" : NULL;
}

// ---- sound ----

static struct worker *sound_worker(struct supervisor *s)
{
    return &s->sound.worker;
}

static bool sound_wanted(const struct supervisor *s)
{
    return config_sound_is_on(&s->config) && s->sound.ring != NULL;
}

static int sound_begins(struct supervisor *s, int64_t now_ns)
{
    int error = sound_part_start(&s->sound, s->folder, now_ns);

    if (error == CASTOR_OK && s->switching_known)
        error = sound_part_tell(&s->sound, &s->config, s->source.format.rate);
    return error;
}

static void sound_ended(struct supervisor *s, int64_t now_ns)
{
    (void)s;
    (void)now_ns; // egress goes on with silence by itself
}

static const char *sound_hangs(const struct supervisor *s, int64_t now_ns)
{
    return sound_part_hangs(&s->sound, now_ns);
}

// ---- recorder ----

static struct worker *recorder_worker(struct supervisor *s)
{
    return &s->recorder.worker;
}

static bool recorder_wanted(const struct supervisor *s)
{
    return s->config.record.folder[0] != '\0';
}

static int recorder_begins(struct supervisor *s, int64_t now_ns)
{
    int error = recorder_start(&s->recorder, s->folder, now_ns);

    if (error == CASTOR_OK && s->switching_known)
        error = supervisor_tell_recorder(s);
    return error;
}

static void recorder_ended(struct supervisor *s, int64_t now_ns)
{
    (void)now_ns;
    recorder_forget(&s->recorder);
}

static const char *recorder_does_hang(const struct supervisor *s, int64_t now_ns)
{
    return recorder_hangs(&s->recorder, now_ns);
}

const struct staff supervisor_staff[STAFF_COUNT] = {
    [STAFF_SOURCE] = {source_worker, source_wanted, source_begins, supervisor_read_source, source_ended,
                      source_hangs},
    [STAFF_SLATE] = {slate_worker, slate_wanted, slate_begins, supervisor_read_slate, slate_ended,
                     slate_hangs},
    [STAFF_OUTLET] = {outlet_worker, outlet_wanted, outlet_begins, supervisor_read_outlet, outlet_ended,
                      outlet_hangs},
    [STAFF_SOUND] = {sound_worker, sound_wanted, sound_begins, supervisor_read_sound, sound_ended,
                     sound_hangs},
    [STAFF_RECORDER] = {recorder_worker, recorder_wanted, recorder_begins, supervisor_read_recorder,
                        recorder_ended, recorder_does_hang},
};

// ---- all of them ----

struct worker *staff_worker(struct supervisor *s, unsigned member)
{
    return supervisor_staff[member].worker(s);
}

bool staff_is_ending(struct supervisor *s, unsigned member)
{
    const struct worker *worker = staff_worker(s, member);

    return worker->pid > 0 && (worker->killed || worker->channel_fd < 0);
}

void staff_reap(struct supervisor *s, unsigned member, int64_t now_ns)
{
    struct worker *worker = staff_worker(s, member);

    if (!staff_is_ending(s, member))
        return;
    supervisor_staff[member].read(s); // its last words
    if (!worker_reap(worker, now_ns))
        return;
    worker_close_channel(worker);
    log_warning("%s ended: %s", worker->name, worker->failure);
    supervisor_staff[member].ended(s, now_ns);
}

void staff_start(struct supervisor *s, unsigned member, int64_t now_ns)
{
    struct worker *worker = staff_worker(s, member);

    if (worker->pid != 0 || !supervisor_staff[member].wanted(s) || !restart_is_due(&worker->restart, now_ns))
        return;
    int error = supervisor_staff[member].start(s, now_ns);
    if (error == CASTOR_OK || worker->pid != 0)
        return;
    log_error("%s cannot be started from %s: %s", worker->program, s->folder, castor_error_text(error));
    restart_ended(&worker->restart, now_ns);
}

int64_t staff_deadline_ns(const struct supervisor *s, unsigned member)
{
    // Only looked at.
    const struct worker *worker = staff_worker((struct supervisor *)(uintptr_t)s, member);

    if (worker->pid != 0 || !supervisor_staff[member].wanted(s))
        return INT64_MAX;
    return restart_deadline_ns(&worker->restart);
}

void staff_end_hanging(struct supervisor *s, unsigned member, int64_t now_ns)
{
    struct worker *worker = staff_worker(s, member);
    const char *why = supervisor_staff[member].hangs(s, now_ns);

    if (why)
        worker_end(worker, why);
}
