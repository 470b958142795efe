// SPDX-License-Identifier: Apache-2.0
// H.264 and HEVC on Intel and AMD graphics through VA-API. All calls of libva are made by threads
// (vaapi_work.c); here frames are passed to one and results back, so that no call waits for the vendor's code
// longer than it says.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hal/encoder.h"
#include "module/module.h"
#include "vaapi_work.h"
#include "vendor_probe.h"

struct vaapi_encoder {
    struct encoder base; // first
    struct vaapi_work *work;
    uint32_t bitrate_bps; // for the next frame
    bool flushed;
};

static struct vaapi_encoder *from_base(struct encoder *base)
{
    return (struct vaapi_encoder *)base; // base is its first member
}

static bool preset_find(const char *name, enum vaapi_preset *out)
{
    static const char *const names[] = {"", "speed", "balanced", "quality"}; // by enum vaapi_preset

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name ? name : "", names[i]) == 0) {
            *out = (enum vaapi_preset)i;
            return true;
        }
    }
    return false;
}

static int wait_open(struct vaapi_work *work, struct encoder_text *why)
{
    int64_t deadline_ns = castor_now_ns() + VENDOR_ANSWER_NS;
    int error;

    pthread_mutex_lock(&work->thread.lock);
    while (!work->is_open && work->error == CASTOR_OK && vendor_thread_wait(&work->thread, deadline_ns))
        continue;
    error = work->error;
    if (error != CASTOR_OK)
        *why = work->why;
    else if (!work->is_open)
        error = vendor_thread_hangs(&work->thread, CASTOR_ERR_IO, VENDOR_ANSWER_NS, why);
    pthread_mutex_unlock(&work->thread.lock);
    return error == CASTOR_ERR_LOST ? CASTOR_ERR_IO : error;
}

static int vaapi_open(const struct encoder_config *config, struct encoder **out, struct encoder_text *why)
{
    enum vaapi_preset preset;

    if (config->script && config->script[0])
        return encoder_text_set(why, CASTOR_ERR_INVALID, "vaapi: takes no script; only the fake driver does");
    if (!preset_find(config->preset, &preset))
        return encoder_text_set(why, CASTOR_ERR_INVALID,
                                "vaapi: unknown preset \"%.40s\"; known are speed, balanced, quality",
                                config->preset);
    struct vaapi_encoder *encoder = calloc(1, sizeof *encoder);
    struct vaapi_work *work = encoder ? vaapi_work_create(config, preset) : NULL;
    int error = CASTOR_ERR_NO_MEMORY;
    if (!work) {
        free(encoder);
        return encoder_text_set(why, error, "vaapi: out of memory or descriptors");
    }
    error = vendor_thread_start(&work->thread);
    if (error != CASTOR_OK)
        encoder_text_set(why, error, "vaapi: cannot start a thread");
    else
        error = wait_open(work, why);
    if (error != CASTOR_OK) {
        (void)vendor_thread_leave(&work->thread, castor_now_ns() + VENDOR_FAILED_NS);
        free(encoder);
        return error;
    }
    encoder->work = work;
    encoder->bitrate_bps = config->bitrate_bps;
    encoder->base.max_in_flight = VAAPI_IN_FLIGHT;
    *out = &encoder->base;
    return CASTOR_OK;
}

static void vaapi_close(struct encoder *base)
{
    if (!base)
        return;
    (void)vendor_thread_leave(&from_base(base)->work->thread, castor_now_ns() + VENDOR_CLOSE_NS);
    free(base);
}

static int vaapi_descriptor(const struct encoder *base)
{
    return ((const struct vaapi_encoder *)base)->work->event;
}

static int vaapi_submit(struct encoder *base, const struct castor_frame *frame, uint32_t flags)
{
    struct vaapi_encoder *encoder = from_base(base);
    struct vaapi_work *work = encoder->work;

    pthread_mutex_lock(&work->thread.lock);
    int error = work->error;
    if (error != CASTOR_OK) {
        base->fault = work->why;
    } else if (work->submitted - work->received >= VAAPI_IN_FLIGHT) {
        error = CASTOR_ERR_FULL;
    } else {
        struct vaapi_job *job = &work->jobs[work->submitted % VAAPI_IN_FLIGHT];
        job->frame = *frame;
        job->idr = (flags & ENCODER_SUBMIT_IDR) || encoder->flushed;
        job->bitrate_bps = encoder->bitrate_bps;
        if (work->finished == work->submitted)
            work->progress_ns = castor_now_ns(); // it had nothing to do
        work->submitted++;
        encoder->flushed = false;
        pthread_cond_broadcast(&work->thread.changed);
    }
    pthread_mutex_unlock(&work->thread.lock);
    return error;
}

// Under the lock: waits until the oldest job is done. LOST when nothing moves any more.
static int wait_finished(struct vaapi_work *work, int64_t deadline_ns)
{
    while (work->finished == work->received && work->error == CASTOR_OK) {
        int64_t now_ns = castor_now_ns(), hang_ns = work->progress_ns + VAAPI_HANG_NS;
        if (now_ns >= hang_ns) {
            work->error = vendor_thread_hangs(&work->thread, CASTOR_ERR_LOST, VAAPI_HANG_NS, &work->why);
            vaapi_work_raise(work);
        } else if (now_ns >= deadline_ns) {
            return CASTOR_ERR_TIMEOUT;
        } else {
            (void)vendor_thread_wait(&work->thread, deadline_ns < hang_ns ? deadline_ns : hang_ns);
        }
    }
    return work->finished == work->received ? work->error : CASTOR_OK;
}

static int vaapi_receive(struct encoder *base, struct encoder_output *out, int64_t deadline_ns)
{
    struct vaapi_encoder *encoder = from_base(base);
    struct vaapi_work *work = encoder->work;
    uint64_t count;

    pthread_mutex_lock(&work->thread.lock);
    int error = work->submitted == work->received ? (encoder->flushed ? CASTOR_ERR_END : CASTOR_ERR_AGAIN)
                                                  : wait_finished(work, deadline_ns);
    if (error == CASTOR_OK) {
        const struct vaapi_job *job = &work->jobs[work->received % VAAPI_IN_FLIGHT];
        *out = (struct encoder_output){
            .kind = job->kind,
            .packet = {.sequence = job->frame.sequence,
                       .capture_ns = job->frame.capture_ns,
                       .data = job->unit.data,
                       .size_bytes = job->unit.size_bytes,
                       .flags = job->unit.idr ? CASTOR_PACKET_IDR : 0},
            .cpu_copies = job->cpu_copies,
        };
        base->note = work->note;
        work->received++;
        if (work->received == work->finished && work->error == CASTOR_OK)
            (void)!read(work->event, &count, sizeof count); // not readable any more
    } else if (error == work->error) {
        base->fault = work->why;
    }
    pthread_mutex_unlock(&work->thread.lock);
    return error;
}

static int vaapi_set_bitrate(struct encoder *base, uint32_t bitrate_bps)
{
    struct vaapi_encoder *encoder = from_base(base);

    if (encoder->work->session.choice.rate_control == VA_RC_CQP) // does not change once it is open
        return encoder_text_set(
            &base->fault, CASTOR_ERR_UNSUPPORTED,
            "vaapi: this device offers constant quality (CQP) only, its bitrate cannot be "
            "set; on Intel, loading the HuC firmware may help");
    encoder->bitrate_bps = bitrate_bps;
    return CASTOR_OK;
}

static int vaapi_flush(struct encoder *base, int64_t deadline_ns)
{
    (void)deadline_ns; // nothing is held back: each picture comes out as soon as it is done
    from_base(base)->flushed = true;
    return CASTOR_OK;
}

// ---- what a device can do ----

// Whether the device says that it takes frames where they lie. Whether it takes the memory of a certain
// capture device shows when it gets it.
static bool can_import(struct vaapi_device *device, const struct vaapi_choice *choice)
{
    VAConfigID config;
    struct encoder_text why;

    if (vaapi_choice_configure(device, choice, &config, &why) != CASTOR_OK)
        return false; // open() will say so
    bool is_offered = vaapi_import_is_offered(device, config);
    (void)VENDOR_CALL(device->thread, vaDestroyConfig, device->display, config);
    return is_offered;
}

// What one codec in one depth adds; where several are offered, only what is true of all is told.
static void merge(const struct vaapi_choice *choice, bool imports, enum encoder_codec codec, uint32_t pixels,
                  struct encoder_caps *caps)
{
    uint32_t flags = ENCODER_CAP_FORCE_IDR;

    if (choice->rate_control != VA_RC_CQP)
        flags |= ENCODER_CAP_SET_BITRATE | ENCODER_CAP_VBV;
    if (imports)
        flags |= ENCODER_CAP_DMABUF;
    bool is_first = caps->max_in_flight == 0;
    caps->pixels[codec] |= pixels;
    caps->max_in_flight = VAAPI_IN_FLIGHT;
    caps->flags = is_first ? flags : caps->flags & flags;
    if (is_first || choice->max_width_px < caps->max_width_px)
        caps->max_width_px = choice->max_width_px;
    if (is_first || choice->max_height_px < caps->max_height_px)
        caps->max_height_px = choice->max_height_px;
}

static int answer(struct vendor_thread *thread, const char *path, struct encoder_caps *out,
                  struct encoder_text *why)
{
    static const struct {
        enum encoder_codec codec;
        uint32_t pixels;
    } all[] = {{ENCODER_CODEC_H264, 1u << CASTOR_PIXEL_I420 | 1u << CASTOR_PIXEL_NV12},
               {ENCODER_CODEC_HEVC, 1u << CASTOR_PIXEL_I420 | 1u << CASTOR_PIXEL_NV12},
               {ENCODER_CODEC_HEVC, 1u << CASTOR_PIXEL_P010}};
    struct encoder_text without;
    struct vaapi_device device;
    int error = vaapi_device_open(&device, thread, path, why);

    *out = (struct encoder_caps){.min_width_px = 320, .min_height_px = 180};
    for (unsigned i = 0; error == CASTOR_OK && i < sizeof all / sizeof all[0]; i++) {
        uint32_t pixel = all[i].pixels == 1u << CASTOR_PIXEL_P010 ? CASTOR_PIXEL_P010 : CASTOR_PIXEL_NV12;
        struct vaapi_choice choice;
        if (vaapi_choice_make(&device, all[i].codec, pixel, &choice, i == 0 ? why : &without) == CASTOR_OK)
            merge(&choice, can_import(&device, &choice), all[i].codec, all[i].pixels, out);
    }
    vaapi_device_close(&device);
    return error == CASTOR_OK && out->max_in_flight == 0 ? CASTOR_ERR_UNSUPPORTED : error;
}

static int vaapi_probe(const char *device, struct encoder_caps *out, struct encoder_text *why)
{
    return vendor_probe("vaapi", answer, device, out, why);
}

static const struct encoder_driver driver = {
    .name = "vaapi",
    .description = "H.264 and HEVC on Intel and AMD graphics (VA-API)",
    .devices = vaapi_device_list,
    .probe = vaapi_probe,
    .open = vaapi_open,
    .descriptor = vaapi_descriptor,
    .submit = vaapi_submit,
    .receive = vaapi_receive,
    .set_bitrate = vaapi_set_bitrate,
    .flush = vaapi_flush,
    .close = vaapi_close,
};

DRIVER_MODULE(driver)
