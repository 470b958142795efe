// SPDX-License-Identifier: Apache-2.0
// An encoder that needs no library or device: it answers on a schedule (fake_script.h) with a minimal but
// valid stream (fake_stream.h), asynchronously as hardware does. Time passes on a timerfd, no thread.
#include "drivers.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "fake_script.h"
#include "fake_stream.h"
#include "hal/time.h"

#define NEVER_NS INT64_MAX
#define GARBAGE_BYTES 700

struct fake_frame {
    uint64_t sequence;
    int64_t capture_ns;
    int64_t due_ns;
    bool idr;
};

struct fake_encoder {
    struct encoder base; // first
    struct fake_script script;
    uint32_t width_px, height_px, gop_frames;
    int timer;
    struct fake_frame queue[FAKE_IN_FLIGHT_MAX]; // oldest first, a circle
    uint32_t first, count;
    bool flushed;
    bool started; // an IDR was made
    bool silent;
    int64_t free_ns; // when the last queued frame will be coded
    uint32_t frame_number, idr_number;
    uint8_t *bytes;
};

static struct fake_encoder *from_base(struct encoder *base)
{
    return (struct fake_encoder *)base; // base is its first member
}

static int fake_devices(struct encoder_device *list, uint32_t capacity, uint32_t *count)
{
    if (capacity > 0)
        list[0] = (struct encoder_device){.name = "", .fault_domain = "fake", .description = "for tests"};
    *count = 1;
    return CASTOR_OK;
}

static int fake_probe(const char *device, struct encoder_caps *out, struct encoder_text *why)
{
    if (device[0] != '\0')
        return encoder_text_set(why, CASTOR_ERR_NOT_FOUND, "fake: there is no device \"%s\"; leave it empty",
                                device);
    *out = (struct encoder_caps){
        .pixels[ENCODER_CODEC_H264] = 1u << CASTOR_PIXEL_I420 | 1u << CASTOR_PIXEL_NV12,
        .min_width_px = 320,
        .min_height_px = 180,
        .max_width_px = 3840,
        .max_height_px = 2160,
        .max_in_flight = FAKE_IN_FLIGHT_MAX,
        .flags = ENCODER_CAP_FORCE_IDR,
    };
    return CASTOR_OK;
}

static void fake_close(struct encoder *base)
{
    if (!base)
        return;
    struct fake_encoder *encoder = from_base(base);
    if (encoder->timer >= 0)
        close(encoder->timer);
    free(encoder->bytes);
    free(encoder);
}

static int fake_open(const struct encoder_config *config, struct encoder **out, struct encoder_text *why)
{
    struct fake_script script;
    int error = fake_script_parse(config->script ? config->script : "", &script, why);

    if (error != CASTOR_OK)
        return error;
    if (config->preset && config->preset[0])
        return encoder_text_set(why, CASTOR_ERR_INVALID, "fake: has no presets, not \"%s\"; leave it empty",
                                config->preset);
    struct fake_encoder *encoder = calloc(1, sizeof *encoder);
    if (!encoder)
        return encoder_text_set(why, CASTOR_ERR_NO_MEMORY, "fake: out of memory");
    assert(fake_stream_bound_bytes(config->format.width_px, config->format.height_px) <=
           ENCODER_ACCESS_UNIT_MAX_BYTES);
    encoder->script = script;
    encoder->width_px = config->format.width_px;
    encoder->height_px = config->format.height_px;
    encoder->gop_frames = config->gop_frames;
    encoder->base.max_in_flight = script.in_flight;
    encoder->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    // The largest access unit is one byte more than allowed; pages that are never written cost nothing.
    encoder->bytes = calloc(1, ENCODER_ACCESS_UNIT_MAX_BYTES + 1);
    if (!encoder->bytes || encoder->timer < 0) {
        fake_close(&encoder->base);
        return encoder_text_set(why, CASTOR_ERR_NO_MEMORY, "fake: out of memory or descriptors");
    }
    *out = &encoder->base;
    return CASTOR_OK;
}

static int fake_descriptor(const struct encoder *base)
{
    return ((const struct fake_encoder *)base)->timer;
}

// The descriptor is readable from the time on at which the oldest frame is done.
static void arm(struct fake_encoder *encoder)
{
    struct itimerspec at = {0};
    int64_t due_ns = encoder->count > 0 ? encoder->queue[encoder->first].due_ns : NEVER_NS;

    if (due_ns != NEVER_NS) {
        if (due_ns < 1)
            due_ns = 1; // 0 would disarm it
        at.it_value.tv_sec = due_ns / CASTOR_NS_PER_S;
        at.it_value.tv_nsec = due_ns % CASTOR_NS_PER_S;
    }
    (void)timerfd_settime(encoder->timer, TFD_TIMER_ABSTIME, &at, NULL); // cannot fail with a valid time
}

static int fake_submit(struct encoder *base, const struct castor_frame *frame, uint32_t flags)
{
    struct fake_encoder *encoder = from_base(base);
    const struct fake_rule *slow = fake_script_find(&encoder->script, frame->sequence, true);
    const struct fake_rule *rule = fake_script_find(&encoder->script, frame->sequence, false);
    int64_t now_ns = castor_now_ns();
    int64_t delay_ns = encoder->script.delay_ns;

    if (encoder->count >= encoder->script.in_flight)
        return CASTOR_ERR_FULL;
    if (slow && delay_ns < CASTOR_NS_PER_MS)
        delay_ns = CASTOR_NS_PER_MS;
    if (slow)
        delay_ns *= slow->factor;
    if (encoder->free_ns < now_ns)
        encoder->free_ns = now_ns;
    encoder->free_ns += delay_ns;
    if (rule && rule->action == FAKE_SILENT)
        encoder->silent = true;
    uint32_t last = (encoder->first + encoder->count) % FAKE_IN_FLIGHT_MAX;
    encoder->queue[last] = (struct fake_frame){
        .sequence = frame->sequence,
        .capture_ns = frame->capture_ns,
        .due_ns = encoder->silent ? NEVER_NS : encoder->free_ns,
        .idr = (flags & ENCODER_SUBMIT_IDR) || encoder->flushed,
    };
    encoder->count++;
    encoder->flushed = false;
    arm(encoder);
    return CASTOR_OK;
}

// Waits until the oldest frame is done.
static int wait_due(struct fake_encoder *encoder, int64_t deadline_ns)
{
    struct pollfd poller = {.fd = encoder->timer, .events = POLLIN};

    while (castor_now_ns() < encoder->queue[encoder->first].due_ns) {
        int64_t left_ns = deadline_ns - castor_now_ns();
        if (left_ns <= 0)
            return CASTOR_ERR_TIMEOUT;
        const struct timespec left = castor_timespec(left_ns);
        if (ppoll(&poller, 1, &left, NULL) < 0 && errno != EINTR)
            return CASTOR_ERR_IO;
    }
    return CASTOR_OK;
}

static void code(struct fake_encoder *encoder, const struct fake_frame *frame, enum fake_action action,
                 struct encoder_output *out)
{
    bool wants_idr = action == FAKE_WRONG_SIZE || action == FAKE_NO_PARAMETER_SETS;
    struct fake_picture picture = {
        .width_px = encoder->width_px,
        .height_px = action == FAKE_WRONG_SIZE ? encoder->height_px / 2 & ~1u : encoder->height_px,
        .idr = frame->idr || !encoder->started || wants_idr ||
               (encoder->gop_frames && encoder->frame_number + 1 >= encoder->gop_frames),
    };

    picture.parameter_sets = picture.idr && action != FAKE_NO_PARAMETER_SETS;
    if (picture.idr)
        encoder->idr_number++;
    encoder->frame_number = picture.idr ? 0 : encoder->frame_number + 1;
    encoder->started = true;
    picture.frame_number = encoder->frame_number;
    picture.idr_number = encoder->idr_number;
    out->kind = ENCODER_OUTPUT_CODED;
    out->packet.data = encoder->bytes;
    out->packet.size_bytes = fake_stream_write(&picture, encoder->bytes);
    out->packet.flags = picture.idr ? CASTOR_PACKET_IDR : 0;
    if (action == FAKE_GARBAGE) {
        memset(encoder->bytes, 0xA5, GARBAGE_BYTES);
        out->packet.size_bytes = GARBAGE_BYTES;
    } else if (action == FAKE_EMPTY) {
        out->packet.size_bytes = 0;
    } else if (action == FAKE_HUGE) {
        out->packet.size_bytes = ENCODER_ACCESS_UNIT_MAX_BYTES + 1;
    }
}

static void end_process_if_told(enum fake_action action)
{
    if (action == FAKE_CRASH)
        (void)raise(SIGSEGV);
    if (action == FAKE_EXIT)
        _exit(3);
    while (action == FAKE_HANG)
        (void)pause();
}

static int fake_receive(struct encoder *base, struct encoder_output *out, int64_t deadline_ns)
{
    struct fake_encoder *encoder = from_base(base);

    while (encoder->count > 0) {
        int error = wait_due(encoder, deadline_ns);
        if (error != CASTOR_OK)
            return error;
        struct fake_frame frame = encoder->queue[encoder->first];
        const struct fake_rule *rule = fake_script_find(&encoder->script, frame.sequence, false);
        enum fake_action action = rule ? rule->action : FAKE_NONE;
        end_process_if_told(action);
        encoder->first = (encoder->first + 1) % FAKE_IN_FLIGHT_MAX;
        encoder->count--;
        arm(encoder);
        if (action == FAKE_SWALLOW)
            continue;
        *out = (struct encoder_output){
            .kind = ENCODER_OUTPUT_DROPPED,
            .packet = {.sequence = frame.sequence, .capture_ns = frame.capture_ns},
        };
        if (action != FAKE_DROP)
            code(encoder, &frame, action, out);
        return CASTOR_OK;
    }
    return encoder->flushed ? CASTOR_ERR_END : CASTOR_ERR_AGAIN;
}

static int fake_set_bitrate(struct encoder *base, uint32_t bitrate_bps)
{
    (void)base;
    (void)bitrate_bps; // its pictures are as small as they can be at any rate
    return CASTOR_OK;
}

static int fake_flush(struct encoder *base, int64_t deadline_ns)
{
    (void)deadline_ns;
    from_base(base)->flushed = true;
    return CASTOR_OK;
}

const struct encoder_driver encoder_driver_fake = {
    .name = "fake",
    .description = "scripted, for tests; grey pictures",
    .devices = fake_devices,
    .probe = fake_probe,
    .open = fake_open,
    .descriptor = fake_descriptor,
    .submit = fake_submit,
    .receive = fake_receive,
    .set_bitrate = fake_set_bitrate,
    .flush = fake_flush,
    .close = fake_close,
};
