// SPDX-License-Identifier: Apache-2.0
// H.264 and HEVC by NVIDIA's encoder. A thread of its own makes every call into the vendor's libraries, so
// that none of the HAL's calls ever waits for one of them: what hangs there shows as a result that does not
// come. A thread that hangs for good is given up with all that belongs to its session; it cleans up should it
// ever return.
#include "drivers.h"

#include <string.h>

#include "hal/time.h"
#include "nvenc_probe.h"
#include "nvenc_worker.h"

static struct nvenc_encoder *from_base(struct encoder *base)
{
    return (struct nvenc_encoder *)base; // base is its first member
}

static void nvenc_close(struct encoder *base)
{
    if (base)
        (void)vendor_thread_leave(&from_base(base)->thread, castor_now_ns() + VENDOR_CLOSE_NS);
}

static int wait_started(struct nvenc_encoder *encoder, struct encoder_text *why)
{
    int64_t deadline_ns = castor_now_ns() + VENDOR_ANSWER_NS;

    pthread_mutex_lock(&encoder->thread.lock);
    while (!encoder->started && vendor_thread_wait(&encoder->thread, deadline_ns))
        continue;
    int error = encoder->failure;
    encoder->base.note = encoder->note;
    if (error != CASTOR_OK)
        *why = encoder->failure_text;
    else if (!encoder->started)
        error = vendor_thread_hangs(&encoder->thread, CASTOR_ERR_IO, VENDOR_ANSWER_NS, why);
    pthread_mutex_unlock(&encoder->thread.lock);
    return error;
}

static int nvenc_open(const struct encoder_config *config, struct encoder **out, struct encoder_text *why)
{
    const char *device = config->device ? config->device : "";
    GUID preset;

    if (config->script && config->script[0])
        return encoder_text_set(why, CASTOR_ERR_INVALID, "nvenc: takes no script; only the fake driver does");
    int error = nvenc_config_preset(config, &preset, why);
    if (error != CASTOR_OK)
        return error;
    if (strlen(device) >= NVENC_DEVICE_NAME_BYTES)
        return encoder_text_set(why, CASTOR_ERR_NOT_FOUND, "nvenc: there is no device \"%.60s...\"", device);
    struct nvenc_encoder *encoder = nvenc_worker_create(config);
    if (!encoder)
        return encoder_text_set(why, CASTOR_ERR_NO_MEMORY, "nvenc: out of memory or descriptors");
    memcpy(encoder->device, device, strlen(device) + 1);
    encoder->preset = preset;
    error = vendor_thread_start(&encoder->thread);
    if (error != CASTOR_OK)
        (void)encoder_text_set(why, error, "nvenc: cannot start a thread");
    else
        error = wait_started(encoder, why);
    if (error != CASTOR_OK) {
        (void)vendor_thread_leave(&encoder->thread, castor_now_ns() + VENDOR_FAILED_NS);
        return error;
    }
    *out = &encoder->base;
    return CASTOR_OK;
}

static int nvenc_descriptor(const struct encoder *base)
{
    return ((const struct nvenc_encoder *)base)->ready;
}

// Counts the GOP. A session, and what follows a flush, begins with an IDR.
static bool is_idr_due(struct nvenc_encoder *encoder, uint32_t flags)
{
    uint32_t gop_frames = encoder->config.gop_frames;
    bool idr = (flags & ENCODER_SUBMIT_IDR) || encoder->wants_idr ||
               (gop_frames > 0 && encoder->since_idr + 1 >= gop_frames);

    encoder->since_idr = idr ? 0 : encoder->since_idr + 1;
    encoder->wants_idr = encoder->flushed = false;
    return idr;
}

static int nvenc_submit(struct encoder *base, const struct castor_frame *frame, uint32_t flags)
{
    struct nvenc_encoder *encoder = from_base(base);

    pthread_mutex_lock(&encoder->thread.lock);
    int error = encoder->failure;
    if (error != CASTOR_OK) {
        base->fault = encoder->failure_text;
    } else if (encoder->submitted == encoder->received + NVENC_IN_FLIGHT) {
        error = CASTOR_ERR_FULL;
    } else {
        struct nvenc_entry *entry = nvenc_entry_of(encoder, encoder->submitted);
        entry->frame = *frame;
        entry->idr = is_idr_due(encoder, flags);
        entry->bitrate_bps = encoder->bitrate_bps;
        entry->deadline_ns = castor_now_ns() + NVENC_PICTURE_LIMIT_NS;
        entry->brought = false;
        entry->cpu_copies = 0;
        encoder->submitted++;
        pthread_cond_broadcast(&encoder->thread.changed);
    }
    pthread_mutex_unlock(&encoder->thread.lock);
    return error;
}

static void hand_out(struct nvenc_encoder *encoder, struct encoder_output *out)
{
    const struct nvenc_entry *entry = nvenc_entry_of(encoder, encoder->received);

    *out = (struct encoder_output){
        .kind = ENCODER_OUTPUT_DROPPED,
        .packet = {.sequence = entry->frame.sequence, .capture_ns = entry->frame.capture_ns},
        .cpu_copies = entry->cpu_copies,
    };
    if (entry->size_bytes > 0) {
        out->kind = ENCODER_OUTPUT_CODED;
        out->packet.data = entry->bytes; // stays until the place is taken by a later submit()
        out->packet.size_bytes = entry->size_bytes;
        out->packet.flags = entry->is_idr ? CASTOR_PACKET_IDR : 0;
    }
    encoder->base.note = encoder->note;
    encoder->received++;
    nvenc_worker_show_ready(encoder);
}

static int nvenc_receive(struct encoder *base, struct encoder_output *out, int64_t deadline_ns)
{
    struct nvenc_encoder *encoder = from_base(base);
    int error = CASTOR_OK;

    pthread_mutex_lock(&encoder->thread.lock);
    while (encoder->done == encoder->received && error == CASTOR_OK) {
        if (encoder->failure != CASTOR_OK) {
            error = encoder->failure;
            base->fault = encoder->failure_text;
        } else if (encoder->submitted == encoder->received) {
            error = encoder->flushed ? CASTOR_ERR_END : CASTOR_ERR_AGAIN;
        } else if (castor_now_ns() >= deadline_ns) {
            error = CASTOR_ERR_TIMEOUT;
        } else {
            (void)vendor_thread_wait(&encoder->thread, deadline_ns);
        }
    }
    if (error == CASTOR_OK)
        hand_out(encoder, out);
    pthread_mutex_unlock(&encoder->thread.lock);
    return error;
}

static int nvenc_set_bitrate(struct encoder *base, uint32_t bitrate_bps)
{
    struct nvenc_encoder *encoder = from_base(base);

    pthread_mutex_lock(&encoder->thread.lock);
    int error = encoder->failure;
    if (error != CASTOR_OK)
        base->fault = encoder->failure_text;
    bool can_change = encoder->change_bitrate;
    pthread_mutex_unlock(&encoder->thread.lock);
    if (error != CASTOR_OK)
        return error;
    if (!can_change)
        return encoder_text_set(&base->fault, CASTOR_ERR_UNSUPPORTED,
                                "nvenc: this device cannot change the bitrate of a session; open another");
    if (bitrate_bps > encoder->level.rate_max_bps ||
        nvenc_config_vbv_bits(&encoder->config, bitrate_bps) > encoder->level.vbv_max_bits)
        return encoder_text_set(&base->fault, CASTOR_ERR_UNSUPPORTED,
                                "nvenc: %u bit/s is more than level %u of this session allows; open another",
                                bitrate_bps, encoder->level.idc);
    encoder->bitrate_bps = bitrate_bps; // travels with the next frame
    return CASTOR_OK;
}

static int nvenc_flush(struct encoder *base, int64_t deadline_ns)
{
    struct nvenc_encoder *encoder = from_base(base);

    (void)deadline_ns; // the thread does it; nothing to wait for
    pthread_mutex_lock(&encoder->thread.lock);
    int error = encoder->failure;
    if (error != CASTOR_OK) {
        base->fault = encoder->failure_text;
    } else {
        encoder->drain_wanted = true;
        encoder->drain_at = encoder->submitted;
        encoder->flushed = encoder->wants_idr = true;
        pthread_cond_broadcast(&encoder->thread.changed);
    }
    pthread_mutex_unlock(&encoder->thread.lock);
    return error;
}

const struct encoder_driver encoder_driver_nvenc = {
    .name = "nvenc",
    .description = "H.264 and HEVC by NVIDIA's encoder (NVENC)",
    .devices = nvenc_probe_devices,
    .probe = nvenc_probe,
    .open = nvenc_open,
    .descriptor = nvenc_descriptor,
    .submit = nvenc_submit,
    .receive = nvenc_receive,
    .set_bitrate = nvenc_set_bitrate,
    .flush = nvenc_flush,
    .close = nvenc_close,
};
