// SPDX-License-Identifier: Apache-2.0
#include "encode/trial.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/coded.h"
#include "encode/trial_picture.h"
#include "hal/time.h"

#define FRAME_DEADLINE_NS (2 * CASTOR_NS_PER_S)
#define OPENING_FRAMES 12 // in which IDRs are asked for; the two phases follow, and one frame as an IDR
#define TAKE_OVER_GAP 8   // frames by the first encoder before each take-over
#define TAKE_OVER_TAIL 3  // frames by the second after it
// A change to half the rate shows as less than this share of what was measured before, over so many frames,
// within the time that hal/encoder.h allows.
#define MOVED_PERCENT 75
#define RATE_WINDOW 8
#define RATE_FOLLOWS_S 2
#define RATE_FRAMES_MAX 500

struct trial {
    const struct trial_settings *settings;
    struct trial_report *report;
    struct encoder *encoder;
    struct trial_pictures pictures;
    uint64_t sequence; // next frame
    uint32_t latency_us[TRIAL_FRAMES_MAX];
};

// One frame's result.
struct coded {
    uint32_t latency_us;
    size_t size_bytes; // 0 = dropped
    bool idr;
};

static bool trial_failed(const struct trial *trial)
{
    return trial->report->why.text[0] != '\0';
}

static void fail_call(struct trial *trial, const char *what, int error)
{
    const char *detail = trial->encoder ? encoder_fault(trial->encoder) : "";

    encoder_text_set(&trial->report->why, 0, "%s: %s%s%.100s", what, castor_error_text(error),
                     detail[0] ? ": " : "", detail);
}

// ---- one frame ----

// Is it one picture, as the interface wants it?
static int check_bitstream(const struct trial_settings *settings, const struct castor_packet *packet,
                           bool *idr, struct encoder_text *why)
{
    const struct encoder_config *config = &settings->config;
    struct coded_summary summary;
    enum coded_verdict verdict = coded_check_access_unit(config->codec, packet->data, packet->size_bytes,
                                                         &config->format, CODED_SCAN_ALL, &summary);

    if (verdict != CODED_OK)
        return encoder_text_set(why, CASTOR_ERR_INVALID, "frame %llu: %s",
                                (unsigned long long)packet->sequence, coded_verdict_text(verdict));
    *idr = summary.idr;
    return CASTOR_OK;
}

static int encode(const struct trial_settings *settings, struct encoder *encoder,
                  const struct castor_frame *frame, bool ask_idr, struct coded *out, struct encoder_text *why)
{
    struct encoder_output output;
    int64_t started_ns = castor_now_ns();
    int error = encoder_submit(encoder, frame, ask_idr ? ENCODER_SUBMIT_IDR : 0);

    if (error == CASTOR_OK)
        error = encoder_receive(encoder, &output, started_ns + FRAME_DEADLINE_NS);
    if (error == CASTOR_ERR_TIMEOUT)
        return encoder_text_set(why, error, "frame %llu: nothing came out within %d s",
                                (unsigned long long)frame->sequence,
                                (int)(FRAME_DEADLINE_NS / CASTOR_NS_PER_S));
    if (error != CASTOR_OK)
        return encoder_text_set(why, error, "frame %llu: %s: %.120s", (unsigned long long)frame->sequence,
                                castor_error_text(error), encoder_fault(encoder));
    *out = (struct coded){.latency_us = (uint32_t)((castor_now_ns() - started_ns) / CASTOR_NS_PER_US)};
    if (output.packet.sequence != frame->sequence)
        return encoder_text_set(why, CASTOR_ERR_INTERNAL, "frame %llu came out as frame %llu",
                                (unsigned long long)frame->sequence,
                                (unsigned long long)output.packet.sequence);
    if (output.kind == ENCODER_OUTPUT_DROPPED)
        return CASTOR_OK;
    out->size_bytes = output.packet.size_bytes;
    return check_bitstream(settings, &output.packet, &out->idr, why);
}

static void encode_next(struct trial *trial, bool ask_idr, struct coded *out)
{
    struct trial_report *report = trial->report;
    struct castor_frame frame;

    *out = (struct coded){0};
    assert(report->frames < TRIAL_FRAMES_MAX);
    trial_pictures_draw(&trial->pictures, trial->sequence++, &frame);
    if (encode(trial->settings, trial->encoder, &frame, ask_idr, out, &report->why) != CASTOR_OK)
        return;
    trial->latency_us[report->frames] = out->latency_us;
    if (report->frames == 0)
        report->latency_first_us = out->latency_us;
    report->frames++;
    report->dropped += out->size_bytes == 0;
    report->idr_asked += ask_idr;
    report->idr_exact += ask_idr && out->idr;
    report->idr_unasked += !ask_idr && out->idr && report->frames > 1;
    if (report->frames == 1 && !out->idr)
        encoder_text_set(&report->why, 0, "the first frame of a session is no IDR");
}

// ---- the phases ----

static uint32_t rate_bps(const struct trial *trial, uint64_t bytes, uint32_t frames)
{
    const struct castor_rational *rate = &trial->settings->config.format.rate;

    return (uint32_t)(bytes * 8 * rate->num / rate->den / frames);
}

// The mean rate of `count` frames after `settle` others; 0 when one of them failed.
static uint32_t encode_phase(struct trial *trial, uint32_t settle, uint32_t count)
{
    uint64_t bytes = 0;
    struct coded coded;

    for (uint32_t i = 0; i < settle + count && !trial_failed(trial); i++) {
        encode_next(trial, false, &coded);
        bytes += i >= settle ? coded.size_bytes : 0;
    }
    return trial_failed(trial) ? 0 : rate_bps(trial, bytes, count);
}

// Encodes until the rate has fallen visibly, at most for as long as the interface allows. Returns the frames
// that it took; 0 = it has not.
static uint32_t await_lower_rate(struct trial *trial)
{
    const struct castor_rational *rate = &trial->settings->config.format.rate;
    uint32_t most = RATE_FOLLOWS_S * rate->num / rate->den + RATE_WINDOW;
    uint64_t wanted_bps = (uint64_t)trial->report->measured_before_bps * MOVED_PERCENT / 100;
    uint64_t sizes[RATE_WINDOW] = {0}, sum = 0;
    struct coded coded;

    if (most > RATE_FRAMES_MAX)
        most = RATE_FRAMES_MAX;
    for (uint32_t i = 0; i < most && !trial_failed(trial); i++) {
        encode_next(trial, false, &coded);
        sum += coded.size_bytes;
        sum -= sizes[i % RATE_WINDOW];
        sizes[i % RATE_WINDOW] = coded.size_bytes;
        if (i + 1 >= RATE_WINDOW && rate_bps(trial, sum, RATE_WINDOW) < wanted_bps)
            return i + 1;
    }
    return 0;
}

// A session opens with an IDR; further ones are asked for, two of them one after the other.
static void try_idr(struct trial *trial)
{
    struct coded coded;

    trial->settings->step("encode");
    for (uint32_t i = 0; i < OPENING_FRAMES && !trial_failed(trial); i++)
        encode_next(trial, i == 4 || i == 7 || i == 8, &coded);
}

static void try_bitrate(struct trial *trial)
{
    struct trial_report *report = trial->report;
    uint32_t count = trial->settings->phase_frames;

    report->asked_before_bps = trial->settings->config.bitrate_bps;
    report->measured_before_bps = encode_phase(trial, count / 3, count - count / 3);
    if (!(report->caps.flags & ENCODER_CAP_SET_BITRATE) || trial_failed(trial))
        return;
    report->asked_after_bps = report->asked_before_bps / 2;
    trial->settings->step("set_bitrate");
    int64_t started_ns = castor_now_ns();
    int error = encoder_set_bitrate(trial->encoder, report->asked_after_bps);
    report->set_bitrate_ns = castor_now_ns() - started_ns;
    if (error != CASTOR_OK) {
        fail_call(trial, "another bitrate was refused, which its capabilities promise", error);
        return;
    }
    trial->settings->step("encode at another bitrate");
    report->bitrate_frames = await_lower_rate(trial);
    report->measured_after_bps = encode_phase(trial, 0, count / 2);
    report->bitrate_measured = !trial_failed(trial);
    report->bitrate_follows = report->bitrate_frames > 0;
}

static void try_flush(struct trial *trial)
{
    struct encoder_output output;
    int64_t deadline_ns = castor_now_ns() + FRAME_DEADLINE_NS;

    trial->settings->step("flush");
    int error = encoder_flush(trial->encoder, deadline_ns);
    if (error == CASTOR_OK)
        error = encoder_receive(trial->encoder, &output, deadline_ns);
    if (error != CASTOR_ERR_END)
        fail_call(trial, "flush does not end", error);
}

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static void sum_up(struct trial *trial)
{
    struct trial_report *report = trial->report;
    uint32_t n = report->frames;

    if (n > 0) {
        qsort(trial->latency_us, n, sizeof trial->latency_us[0], compare_u32);
        report->latency_p50_us = trial->latency_us[n / 2];
        if (n >= TRIAL_PERCENTILE_FRAMES)
            report->latency_p99_us = trial->latency_us[((uint64_t)n * 99 + 99) / 100 - 1]; // nearest rank
        report->latency_max_us = trial->latency_us[n - 1];
    }
    if (trial_failed(trial))
        return;
    if (report->dropped * 20 > n)
        encoder_text_set(&report->why, 0, "%u of %u frames were dropped", report->dropped, n);
    else if (report->idr_exact < report->idr_asked)
        encoder_text_set(&report->why, 0, "%u of %u frames that were to be an IDR were none",
                         report->idr_asked - report->idr_exact, report->idr_asked);
    else if (report->bitrate_measured && !report->bitrate_follows)
        encoder_text_set(&report->why, 0,
                         "told to go from %u to %u kbit/s it went from %u to %u, which its capabilities "
                         "promise to do better",
                         report->asked_before_bps / 1000, report->asked_after_bps / 1000,
                         report->measured_before_bps / 1000, report->measured_after_bps / 1000);
}

// ---- a device ----

// What the driver lists under this name; "" is its first device.
static void find_device(const struct trial_settings *settings, struct encoder_device *out)
{
    struct encoder_device list[16];
    uint32_t count = 0;
    const char *name = settings->config.device ? settings->config.device : "";

    if (settings->driver->devices(list, 16, &count) != CASTOR_OK)
        return;
    for (uint32_t i = 0; i < count && i < 16; i++) {
        if (strcmp(list[i].name, name) != 0 && (i > 0 || name[0] != '\0'))
            continue;
        *out = list[i];
        return;
    }
}

static int open_device(const struct trial_settings *settings, const struct trial_pictures *pictures,
                       struct encoder **out, struct encoder_text *why)
{
    struct encoder_config config = settings->config;

    config.memory = pictures->memory;
    config.memory_bytes = pictures->memory_bytes;
    int error = encoder_open(settings->driver, &config, out, why);
    if (error != CASTOR_OK && why->text[0] == '\0')
        encoder_text_set(why, error, "cannot be opened: %s", castor_error_text(error));
    return error;
}

static void try_device(struct trial *trial)
{
    const struct trial_settings *settings = trial->settings;
    struct trial_report *report = trial->report;
    const char *device = settings->config.device ? settings->config.device : "";
    struct coded coded;

    settings->step("probe");
    find_device(settings, &report->device);
    int64_t started_ns = castor_now_ns();
    int error = settings->driver->probe(device, &report->caps, &report->why);
    report->probe_ns = castor_now_ns() - started_ns;
    report->caps_known = error == CASTOR_OK;
    if (error != CASTOR_OK) {
        if (!trial_failed(trial))
            fail_call(trial, "probe", error);
        return;
    }
    settings->step("open");
    started_ns = castor_now_ns();
    error = open_device(settings, &trial->pictures, &trial->encoder, &report->why);
    report->open_ns = castor_now_ns() - started_ns;
    if (error != CASTOR_OK)
        return;
    try_idr(trial);
    if (!trial_failed(trial))
        try_bitrate(trial);
    if (!trial_failed(trial))
        encode_next(trial, true, &coded); // an IDR after the rate has changed
    if (!trial_failed(trial))
        try_flush(trial);
    settings->step("close");
    started_ns = castor_now_ns();
    encoder_close(trial->encoder);
    report->close_ns = castor_now_ns() - started_ns;
}

void trial_run(const struct trial_settings *settings, struct trial_report *report)
{
    static struct trial trial; // too large for a stack frame; one trial a process

    assert(settings->phase_frames >= TRIAL_PHASE_MIN && settings->phase_frames <= TRIAL_PHASE_MAX);
    *report = (struct trial_report){0};
    trial = (struct trial){.settings = settings, .report = report};
    if (trial_pictures_create(&settings->config.format, &trial.pictures) != CASTOR_OK) {
        encoder_text_set(&report->why, 0, "no memory for pictures of %ux%u, or not a size for pictures",
                         settings->config.format.width_px, settings->config.format.height_px);
        return;
    }
    try_device(&trial);
    trial_pictures_destroy(&trial.pictures);
    sum_up(&trial);
    report->passed = !trial_failed(&trial);
}

// ---- take-over ----

struct relay {
    const struct trial_settings *settings[2];
    struct encoder *encoder[2];
    struct trial_pictures pictures;
    uint64_t sequence;
    struct trial_take_over *report;
};

static int encode_some(struct relay *relay, uint32_t by, uint32_t count)
{
    struct castor_frame frame;
    struct coded coded;
    int error = CASTOR_OK;

    for (uint32_t i = 0; i < count && error == CASTOR_OK; i++) {
        trial_pictures_draw(&relay->pictures, relay->sequence++, &frame);
        error = encode(relay->settings[by], relay->encoder[by], &frame, false, &coded, &relay->report->why);
    }
    return error;
}

static int take_over(struct relay *relay, uint32_t *latency_us)
{
    struct castor_frame frame;
    struct coded coded;
    int error = encode_some(relay, 0, TAKE_OVER_GAP);

    if (error != CASTOR_OK)
        return error;
    trial_pictures_draw(&relay->pictures, relay->sequence++, &frame);
    error = encode(relay->settings[1], relay->encoder[1], &frame, true, &coded, &relay->report->why);
    if (error != CASTOR_OK)
        return error;
    if (!coded.idr)
        return encoder_text_set(&relay->report->why, CASTOR_ERR_INVALID,
                                "frame %llu, at which it was to take over, is no IDR",
                                (unsigned long long)frame.sequence);
    *latency_us = coded.latency_us;
    return encode_some(relay, 1, TAKE_OVER_TAIL);
}

static int open_both(struct relay *relay)
{
    static const char *const steps[] = {"open the first", "open the second"};
    int error = CASTOR_OK;

    for (uint32_t i = 0; i < 2 && error == CASTOR_OK; i++) {
        relay->settings[i]->step(steps[i]);
        error = open_device(relay->settings[i], &relay->pictures, &relay->encoder[i], &relay->report->why);
    }
    return error;
}

void trial_run_take_over(const struct trial_settings *from, const struct trial_settings *to,
                         struct trial_take_over *report)
{
    struct relay relay = {.settings = {from, to}, .report = report};
    uint32_t latency_us[TRIAL_TAKE_OVERS] = {0};

    *report = (struct trial_take_over){0};
    int error = trial_pictures_create(&from->config.format, &relay.pictures);
    if (error != CASTOR_OK) {
        encoder_text_set(&report->why, 0, "no memory for pictures: %s", castor_error_text(error));
        return;
    }
    error = open_both(&relay);
    from->step("take over");
    while (error == CASTOR_OK && report->count < TRIAL_TAKE_OVERS) {
        error = take_over(&relay, &latency_us[report->count]);
        report->count += error == CASTOR_OK;
    }
    from->step("close");
    encoder_close(relay.encoder[0]);
    encoder_close(relay.encoder[1]);
    trial_pictures_destroy(&relay.pictures);
    if (error != CASTOR_OK)
        return;
    qsort(latency_us, report->count, sizeof latency_us[0], compare_u32);
    report->median_us = latency_us[report->count / 2];
    report->worst_us = latency_us[report->count - 1];
    report->passed = true;
}
