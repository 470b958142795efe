// SPDX-License-Identifier: Apache-2.0
#include "vaapi_work.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SETTLE_NS (500 * CASTOR_NS_PER_MS) // for the device to finish what it has at the end
#define IDLE_NS CASTOR_NS_PER_S
// How long the thread waits for the device before it looks for new frames, and when it cannot take more.
#define WAIT_SHORT_NS (2 * CASTOR_NS_PER_MS)
#define WAIT_LONG_NS (100 * CASTOR_NS_PER_MS)
#define DEFAULT_VBV_MS 250u
#define NO_PICTURE UINT64_MAX

void vaapi_work_raise(struct vaapi_work *work)
{
    uint64_t one = 1;
    (void)!write(work->event, &one, sizeof one); // cannot fail before 2^64 - 2 are pending
}

static void fail(struct vaapi_work *work, int error, const struct encoder_text *why)
{
    pthread_mutex_lock(&work->thread.lock);
    if (work->error == CASTOR_OK) {
        work->error = error;
        work->why = *why;
        vaapi_work_raise(work);
        pthread_cond_broadcast(&work->thread.changed);
    }
    pthread_mutex_unlock(&work->thread.lock);
}

static void finish(struct vaapi_work *work, enum encoder_output_kind kind, const struct vaapi_unit *unit)
{
    pthread_mutex_lock(&work->thread.lock);
    struct vaapi_job *job = &work->jobs[work->finished % VAAPI_IN_FLIGHT];
    job->kind = kind;
    job->unit = *unit;
    work->note = work->session.import.refusal;
    work->finished++;
    work->progress_ns = castor_now_ns();
    vaapi_work_raise(work);
    pthread_cond_broadcast(&work->thread.changed);
    pthread_mutex_unlock(&work->thread.lock);
}

static int issue(struct vaapi_work *work, struct encoder_text *why)
{
    struct vaapi_session *session = &work->session;
    struct vaapi_job *job = &work->jobs[work->taken % VAAPI_IN_FLIGHT];
    uint32_t distance = session->gop_frames ? session->gop_frames : VAAPI_IDR_DISTANCE_MAX;
    bool idr = job->idr || work->needs_idr || session->ids.since_idr + 1 >= distance;
    uint64_t number = session->issued;
    int error = vaapi_session_issue(session, &job->frame, idr, job->bitrate_bps, &job->cpu_copies, why);

    if (error != CASTOR_OK && error != CASTOR_ERR_BUSY)
        return error;
    work->needs_idr = error == CASTOR_ERR_BUSY; // this frame is lost
    work->numbers[work->taken % VAAPI_IN_FLIGHT] = error == CASTOR_OK ? number : NO_PICTURE;
    work->asked_idr[work->taken % VAAPI_IN_FLIGHT] = idr;
    pthread_mutex_lock(&work->thread.lock);
    work->taken++;
    work->progress_ns = castor_now_ns();
    pthread_mutex_unlock(&work->thread.lock);
    return CASTOR_OK;
}

// A frame of which nothing usable came out: what refers to it is of no use either.
static void finish_dropped(struct vaapi_work *work)
{
    work->needs_idr = work->is_broken = true;
    finish(work, ENCODER_OUTPUT_DROPPED, &(struct vaapi_unit){0});
}

static int fetch(struct vaapi_work *work, unsigned input, struct encoder_text *why)
{
    struct vaapi_job *job = &work->jobs[work->finished % VAAPI_IN_FLIGHT];
    struct vaapi_unit unit = {0};
    int error = vaapi_session_fetch(&work->session, input, job->bytes, &unit, why);

    if (error != CASTOR_OK && error != CASTOR_ERR_INVALID)
        return error;
    if (error == CASTOR_ERR_INVALID) {
        finish_dropped(work);
        return CASTOR_OK;
    }
    if (unit.idr)
        work->is_broken = false;
    else if (work->asked_idr[work->finished % VAAPI_IN_FLIGHT])
        work->needs_idr = true; // the device did not do as it was told: once more
    if (work->is_broken)
        finish(work, ENCODER_OUTPUT_DROPPED, &(struct vaapi_unit){0});
    else
        finish(work, ENCODER_OUTPUT_CODED, &unit);
    return CASTOR_OK;
}

// Waits for the oldest picture, at most so long.
static int finish_oldest(struct vaapi_work *work, int64_t timeout_ns, struct encoder_text *why)
{
    uint64_t number = work->numbers[work->finished % VAAPI_IN_FLIGHT];
    unsigned input = (unsigned)(number % VAAPI_INPUTS);

    if (number == NO_PICTURE) {
        work->is_broken = true; // what was issued next is an IDR already
        finish(work, ENCODER_OUTPUT_DROPPED, &(struct vaapi_unit){0});
        return CASTOR_OK;
    }
    int error = vaapi_session_wait(&work->session, input, timeout_ns, why);
    if (error == CASTOR_OK)
        return fetch(work, input, why);
    if (error != CASTOR_ERR_TIMEOUT)
        return error;
    pthread_mutex_lock(&work->thread.lock);
    int64_t still_ns = castor_now_ns() - work->progress_ns;
    pthread_mutex_unlock(&work->thread.lock);
    if (still_ns < VAAPI_HANG_NS)
        return CASTOR_OK;
    return encoder_text_set(why, CASTOR_ERR_LOST, "vaapi: the device did not finish a picture within %d ms",
                            (int)(VAAPI_HANG_NS / CASTOR_NS_PER_MS));
}

// Whether the device still reads the memory of the frame that is next: a frame may come twice. What it is
// asked to read for two pictures at the same time, no documentation of VA-API says is allowed.
static bool is_being_read(const struct vaapi_work *work)
{
    const struct castor_frame *next = &work->jobs[work->taken % VAAPI_IN_FLIGHT].frame;

    for (uint64_t i = work->finished; i < work->taken; i++) {
        const struct castor_frame *frame = &work->jobs[i % VAAPI_IN_FLIGHT].frame;
        if (next->dmabuf_fd >= 0 && frame->dmabuf_fd == next->dmabuf_fd)
            return true;
    }
    return false;
}

// One step of the thread; false when it is to end.
static bool step(struct vaapi_work *work)
{
    struct encoder_text why = {""};

    pthread_mutex_lock(&work->thread.lock);
    while (!work->thread.is_stopped && work->error == CASTOR_OK && work->finished == work->submitted)
        (void)vendor_thread_wait(&work->thread, castor_now_ns() + IDLE_NS);
    bool goes_on = !work->thread.is_stopped && work->error == CASTOR_OK;
    bool is_next = work->taken < work->submitted;
    bool has_room = work->taken - work->finished < VAAPI_INPUTS && !(is_next && is_being_read(work));
    bool can_issue = has_room && is_next;
    pthread_mutex_unlock(&work->thread.lock);
    if (!goes_on)
        return false;
    int error =
        can_issue ? issue(work, &why) : finish_oldest(work, has_room ? WAIT_SHORT_NS : WAIT_LONG_NS, &why);
    if (error == CASTOR_OK)
        return true;
    fail(work, error, &why);
    return false;
}

// Before their buffers go, the pictures that the device still works on have to be done, also where another
// one failed.
static void settle(struct vaapi_work *work)
{
    int64_t until_ns = castor_now_ns() + SETTLE_NS;
    struct encoder_text why;

    pthread_mutex_lock(&work->thread.lock);
    bool is_sound = work->error != CASTOR_ERR_LOST;
    pthread_mutex_unlock(&work->thread.lock);
    while (is_sound && work->finished < work->taken && castor_now_ns() < until_ns)
        is_sound = finish_oldest(work, WAIT_LONG_NS, &why) == CASTOR_OK;
}

static void run(void *owner)
{
    struct vaapi_work *work = owner;
    struct encoder_text why = {""};
    int error = vaapi_session_open(&work->session, &work->thread, work->device, work->bitrate_bps, &why);

    if (error != CASTOR_OK) {
        fail(work, error, &why);
    } else {
        pthread_mutex_lock(&work->thread.lock);
        work->is_open = true;
        pthread_cond_broadcast(&work->thread.changed);
        pthread_mutex_unlock(&work->thread.lock);
        while (step(work))
            continue;
        settle(work);
    }
    vaapi_session_close(&work->session);
}

static void destroy(void *owner)
{
    struct vaapi_work *work = owner;

    for (unsigned i = 0; i < VAAPI_IN_FLIGHT; i++)
        free(work->jobs[i].bytes);
    if (work->event >= 0)
        close(work->event);
    free(work);
}

struct vaapi_work *vaapi_work_create(const struct encoder_config *config, enum vaapi_preset preset)
{
    struct vaapi_work *work = calloc(1, sizeof *work);

    if (!work)
        return NULL;
    work->thread = (struct vendor_thread){.name = "vaapi", .run = run, .destroy = destroy, .owner = work};
    if (config->device)
        (void)strncpy(work->device, config->device, sizeof work->device - 1);
    work->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    work->needs_idr = work->is_broken = true; // a session starts with an IDR
    work->bitrate_bps = config->bitrate_bps;
    work->session.stream.codec = config->codec;
    work->session.stream.format = config->format;
    work->session.preset = preset;
    work->session.vbv_ms = config->vbv_ms ? config->vbv_ms : DEFAULT_VBV_MS;
    work->session.gop_frames = config->gop_frames;
    work->session.upload.image.image_id = VA_INVALID_ID;
    bool is_complete = work->event >= 0;
    for (unsigned i = 0; i < VAAPI_IN_FLIGHT; i++) {
        work->jobs[i].bytes = malloc(VAAPI_UNIT_ROOM_BYTES + VAAPI_CODED_MAX_BYTES);
        is_complete = is_complete && work->jobs[i].bytes;
    }
    if (is_complete)
        return work;
    destroy(work);
    return NULL;
}
