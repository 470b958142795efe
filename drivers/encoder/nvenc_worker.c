// SPDX-License-Identifier: Apache-2.0
#include "nvenc_worker.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "hal/time.h"
#include "nvenc_bytes.h"
#include "nvenc_query.h"

// How often the device is asked whether it is done or takes more: on Linux it tells by itself to no one.
#define POLL_NS (500 * CASTOR_NS_PER_US)
#define IDLE_NS CASTOR_NS_PER_S

void nvenc_worker_show_ready(struct nvenc_encoder *encoder)
{
    bool ready = encoder->done > encoder->received || encoder->failure != CASTOR_OK;
    eventfd_t ignored;

    if (ready == encoder->ready_shown)
        return;
    encoder->ready_shown = ready;
    // Neither can fail: it counts 0 or 1 and does not block.
    if (ready)
        (void)eventfd_write(encoder->ready, 1);
    else
        (void)eventfd_read(encoder->ready, &ignored);
}

// All functions from here on are the thread's. They are called with the lock and give it up while they call
// the library.

static void fail(struct nvenc_encoder *encoder, int error, const struct encoder_text *why)
{
    encoder->failure = error == CASTOR_ERR_LOST ? CASTOR_ERR_LOST : CASTOR_ERR_IO;
    encoder->failure_text = *why;
    nvenc_worker_show_ready(encoder);
    pthread_cond_broadcast(&encoder->thread.changed);
}

// After AGAIN: when to ask again, unless the oldest frame's time is over.
static void try_later(struct nvenc_encoder *encoder, int64_t *retry_ns)
{
    struct encoder_text why;
    int64_t now_ns = castor_now_ns();

    *retry_ns = now_ns + POLL_NS;
    if (encoder->done == encoder->submitted || now_ns < nvenc_entry_of(encoder, encoder->done)->deadline_ns)
        return;
    int error = encoder_text_set(&why, CASTOR_ERR_LOST,
                                 "nvenc: a picture was not coded within %d s; the device hangs, start anew",
                                 (int)(NVENC_PICTURE_LIMIT_NS / CASTOR_NS_PER_S));
    fail(encoder, error, &why);
}

// What to do after a call: true when all is well. After AGAIN it is called again at *retry_ns.
static bool went_well(struct nvenc_encoder *encoder, int error, const struct encoder_text *why,
                      int64_t *retry_ns)
{
    if (error == CASTOR_ERR_AGAIN)
        try_later(encoder, retry_ns);
    else if (error != CASTOR_OK)
        fail(encoder, error, why);
    return error == CASTOR_OK;
}

static int give_to_device(struct nvenc_encoder *encoder, struct nvenc_entry *entry, uint64_t number,
                          bool *finished, struct encoder_text *why)
{
    uint32_t buffer = (uint32_t)(number % NVENC_BUFFERS);
    int error = CASTOR_OK;

    if (entry->bitrate_bps != encoder->session_rate_bps) {
        error = nvenc_session_set_rate(&encoder->session, &encoder->config, entry->bitrate_bps, why);
        if (error != CASTOR_OK)
            return error;
        encoder->session_rate_bps = entry->bitrate_bps;
    }
    if (!entry->brought) {
        error = nvenc_input_bring(&encoder->session, &encoder->thread, buffer, &entry->frame,
                                  &entry->cpu_copies, why);
        if (error != CASTOR_OK)
            return error;
        entry->brought = true;
    }
    entry->idr = entry->idr || encoder->idr_owed;
    error = nvenc_session_encode(&encoder->session, buffer, number, entry->idr, finished, why);
    if (error == CASTOR_OK)
        encoder->idr_owed = false;
    return error;
}

static void give_frame(struct nvenc_encoder *encoder)
{
    uint64_t number = encoder->sent;
    struct nvenc_entry *entry = nvenc_entry_of(encoder, number);
    struct encoder_text why = {""};
    bool finished = false;

    pthread_mutex_unlock(&encoder->thread.lock);
    int error = give_to_device(encoder, entry, number, &finished, &why);
    pthread_mutex_lock(&encoder->thread.lock);
    encoder->note = encoder->session.input.note;
    if (!went_well(encoder, error, &why, &encoder->give_ns))
        return;
    encoder->sent = number + 1;
    if (finished)
        encoder->finished = encoder->sent;
}

static void take_result(struct nvenc_encoder *encoder)
{
    uint64_t number = encoder->done;
    struct nvenc_entry *entry = nvenc_entry_of(encoder, number);
    struct nvenc_picture picture = {0};
    struct encoder_text why = {""};

    pthread_mutex_unlock(&encoder->thread.lock);
    int error = nvenc_session_collect(&encoder->session, (uint32_t)(number % NVENC_BUFFERS), entry->bytes,
                                      ENCODER_ACCESS_UNIT_MAX_BYTES, &picture, &why);
    if (error == CASTOR_OK && picture.id != number)
        error = encoder_text_set(&why, CASTOR_ERR_IO,
                                 "nvenc: the device gave picture %llu where %llu was due; start it anew",
                                 (unsigned long long)picture.id, (unsigned long long)number);
    if (error == CASTOR_OK) {
        size_t size_bytes = picture.size_bytes < ENCODER_ACCESS_UNIT_MAX_BYTES
                                ? picture.size_bytes
                                : ENCODER_ACCESS_UNIT_MAX_BYTES;
        entry->size_bytes = picture.size_bytes;
        entry->is_idr = nvenc_bytes_are_idr(encoder->config.codec, entry->bytes, size_bytes);
        if (entry->idr && !entry->is_idr)
            encoder->idr_owed = true;
    }
    pthread_mutex_lock(&encoder->thread.lock);
    if (!went_well(encoder, error, &why, &encoder->take_ns))
        return;
    encoder->done = number + 1;
    nvenc_worker_show_ready(encoder);
    pthread_cond_broadcast(&encoder->thread.changed);
}

static void drain(struct nvenc_encoder *encoder)
{
    struct encoder_text why = {""};

    pthread_mutex_unlock(&encoder->thread.lock);
    int error = nvenc_session_drain(&encoder->session, &why);
    pthread_mutex_lock(&encoder->thread.lock);
    if (!went_well(encoder, error, &why, &encoder->give_ns))
        return;
    encoder->drain_wanted = encoder->drain_at != encoder->sent; // flushed again meanwhile
    encoder->finished = encoder->sent;
}

// After end of stream everything must have come out before the next picture goes in.
static bool may_send(const struct nvenc_encoder *encoder)
{
    if (encoder->sent == encoder->submitted)
        return false;
    return encoder->sent != encoder->drain_at || encoder->done == encoder->sent;
}

static void step(struct nvenc_encoder *encoder)
{
    bool is_sound = encoder->failure == CASTOR_OK;
    bool drains = encoder->drain_wanted && encoder->sent == encoder->drain_at;
    bool gives = is_sound && (drains || may_send(encoder));
    bool takes = is_sound && encoder->done < encoder->finished;
    int64_t now_ns = castor_now_ns();
    int64_t until_ns = now_ns + IDLE_NS;

    if (gives && now_ns >= encoder->give_ns) {
        if (drains)
            drain(encoder);
        else
            give_frame(encoder);
    } else if (takes && now_ns >= encoder->take_ns) {
        take_result(encoder);
    } else {
        if (gives && encoder->give_ns < until_ns)
            until_ns = encoder->give_ns;
        if (takes && encoder->take_ns < until_ns)
            until_ns = encoder->take_ns;
        (void)vendor_thread_wait(&encoder->thread, until_ns);
    }
}

static int start_session(struct nvenc_encoder *encoder, struct encoder_text *why)
{
    struct encoder_caps caps;
    int error = nvenc_session_open(&encoder->session, encoder->device, why);

    if (error == CASTOR_OK)
        error = nvenc_query(&encoder->session, &caps, why);
    if (error == CASTOR_OK)
        error = nvenc_session_start(&encoder->session, &encoder->config, &encoder->preset, why);
    return nvenc_session_open_error(error, why);
}

static void run(void *owner)
{
    struct nvenc_encoder *encoder = owner;
    struct encoder_text why = {""};
    int error = start_session(encoder, &why);

    pthread_mutex_lock(&encoder->thread.lock);
    encoder->failure = error; // as it is: open() reports it
    encoder->failure_text = why;
    encoder->change_bitrate = encoder->session.abilities[encoder->config.codec].change_bitrate;
    encoder->note = encoder->session.input.note;
    encoder->started = true;
    pthread_cond_broadcast(&encoder->thread.changed);
    while (!encoder->thread.is_stopped)
        step(encoder);
    pthread_mutex_unlock(&encoder->thread.lock);
    nvenc_session_close(&encoder->session);
}

static void destroy(void *owner)
{
    struct nvenc_encoder *encoder = owner;

    for (size_t i = 0; i < NVENC_IN_FLIGHT; i++)
        free(encoder->entries[i].bytes);
    if (encoder->ready >= 0)
        close(encoder->ready);
    free(encoder);
}

struct nvenc_encoder *nvenc_worker_create(const struct encoder_config *config)
{
    struct nvenc_encoder *encoder = calloc(1, sizeof *encoder);

    if (!encoder)
        return NULL;
    encoder->thread =
        (struct vendor_thread){.name = "nvenc", .run = run, .destroy = destroy, .owner = encoder};
    encoder->config = *config;
    encoder->config.preset = encoder->config.device = encoder->config.script = NULL; // the caller's strings
    encoder->base.max_in_flight = NVENC_IN_FLIGHT;
    encoder->bitrate_bps = encoder->session_rate_bps = config->bitrate_bps;
    encoder->level = nvenc_config_level(config);
    encoder->wants_idr = true;
    encoder->ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bool complete = encoder->ready >= 0;
    for (size_t i = 0; i < NVENC_IN_FLIGHT; i++) {
        // Pages that are never written cost nothing.
        encoder->entries[i].bytes = malloc(ENCODER_ACCESS_UNIT_MAX_BYTES);
        complete = complete && encoder->entries[i].bytes;
    }
    if (complete)
        return encoder;
    destroy(encoder);
    return NULL;
}
