// SPDX-License-Identifier: Apache-2.0
#include "software.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_PRESET "superfast"
#define DEFAULT_THREADS_MAX 2
#define THREADS_MAX 64
// Below this the VBV leaves sliced threads so little room that the rate falls far short of what was asked
// for.
#define DEFAULT_VBV_FRAMES 3
#define GREY 128
#define ROW_ALIGN_BYTES 64

int software_devices(const char *library, struct encoder_device *list, uint32_t capacity, uint32_t *count)
{
    if (capacity > 0) {
        list[0] = (struct encoder_device){.name = "", .fault_domain = "cpu"};
        (void)snprintf(list[0].description, sizeof list[0].description, "software, %s", library);
    }
    *count = 1;
    return CASTOR_OK;
}

int software_probe(const char *name, const char *device, struct encoder_caps *out, struct encoder_text *why)
{
    if (device[0] != '\0')
        return encoder_text_set(why, CASTOR_ERR_NOT_FOUND,
                                "%s: there is no device \"%s\"; it runs on the processor, leave it empty",
                                name, device);
    *out = (struct encoder_caps){
        .min_width_px = 320,
        .min_height_px = 180,
        .max_width_px = 3840,
        .max_height_px = 2160,
        .max_in_flight = 1,
        .flags = ENCODER_CAP_FORCE_IDR | ENCODER_CAP_VBV | ENCODER_CAP_SYNCHRONOUS,
    };
    return CASTOR_OK;
}

int software_descriptor(const struct encoder *base)
{
    (void)base;
    return -1;
}

int software_flush(struct encoder *base, int64_t deadline_ns)
{
    (void)deadline_ns; // nothing is held back
    software_from_base(base)->flushed = true;
    return CASTOR_OK;
}

int software_check(const char *name, const struct encoder_config *config, const char *const presets[],
                   const char **preset, struct encoder_text *why)
{
    const char *wanted = config->preset && config->preset[0] ? config->preset : DEFAULT_PRESET;
    size_t known = 0;

    if (config->script && config->script[0])
        return encoder_text_set(why, CASTOR_ERR_INVALID, "%s: takes no script; only the fake driver does",
                                name);
    while (presets[known] && strcmp(presets[known], wanted) != 0)
        known++;
    if (!presets[known])
        return encoder_text_set(
            why, CASTOR_ERR_INVALID,
            "%s: unknown preset \"%s\"; known are ultrafast, superfast, veryfast, faster, "
            "fast, medium, slow, slower, veryslow, placebo",
            name, wanted);
    if (config->threads > THREADS_MAX)
        return encoder_text_set(why, CASTOR_ERR_INVALID, "%s: %u threads: must be at most %d", name,
                                config->threads, THREADS_MAX);
    *preset = presets[known];
    return CASTOR_OK;
}

uint32_t software_threads(const struct encoder_config *config)
{
    if (config->threads > 0)
        return config->threads;
    return sysconf(_SC_NPROCESSORS_ONLN) >= DEFAULT_THREADS_MAX ? DEFAULT_THREADS_MAX : 1;
}

uint32_t software_vbv_ms(const struct encoder_config *config)
{
    if (config->vbv_ms > 0)
        return config->vbv_ms;
    uint64_t ms = (uint64_t)DEFAULT_VBV_FRAMES * 1000 * config->format.rate.den / config->format.rate.num + 1;
    return ms < ENCODER_VBV_MAX_MS ? (uint32_t)ms : ENCODER_VBV_MAX_MS;
}

int software_vbv_kbit(uint32_t bitrate_bps, uint32_t vbv_ms)
{
    uint64_t kbit = (uint64_t)bitrate_bps * vbv_ms / 1000000;

    return kbit > 0 ? (int)kbit : 1;
}

int software_warm_up(struct encoder *base, const struct encoder_driver *driver,
                     const struct castor_format *format, struct encoder_text *why)
{
    struct castor_frame frame = {.dmabuf_fd = -1};
    struct castor_frame_layout layout;
    struct encoder_output output;
    int error = castor_frame_layout_compute(format, ROW_ALIGN_BYTES, &layout);

    if (error != CASTOR_OK)
        return encoder_text_set(why, error, "%s: no such picture", driver->name);
    uint8_t *grey = malloc(layout.size_bytes);
    if (!grey)
        return encoder_text_set(why, CASTOR_ERR_NO_MEMORY, "%s: out of memory", driver->name);
    memset(grey, GREY, layout.size_bytes);
    castor_frame_map(&layout, grey, &frame);
    error = driver->submit(base, &frame, 0);
    if (error == CASTOR_OK)
        error = driver->receive(base, &output, 0);
    free(grey);
    if (error != CASTOR_OK)
        return encoder_text_set(why, error, "%s: the first picture could not be coded: %.120s", driver->name,
                                base->fault.text);
    if (output.kind != ENCODER_OUTPUT_CODED)
        return encoder_text_set(why, CASTOR_ERR_INTERNAL, "%s: would delay frames with these settings",
                                driver->name);
    software_from_base(base)->wants_idr = true;
    return CASTOR_OK;
}

int software_take(struct encoder *base, const struct castor_frame *frame, uint32_t flags, bool *idr)
{
    struct software_encoder *encoder = software_from_base(base);

    if (encoder->pending)
        return CASTOR_ERR_FULL;
    *idr = (flags & ENCODER_SUBMIT_IDR) || encoder->flushed || encoder->wants_idr;
    encoder->sequence = frame->sequence;
    encoder->capture_ns = frame->capture_ns;
    encoder->pts++;
    encoder->pending = true;
    encoder->flushed = encoder->wants_idr = false;
    return CASTOR_OK;
}

int software_begin(struct encoder *base)
{
    struct software_encoder *encoder = software_from_base(base);

    if (!encoder->pending)
        return encoder->flushed ? CASTOR_ERR_END : CASTOR_ERR_AGAIN;
    encoder->pending = false;
    return CASTOR_OK;
}

struct encoder_output software_output(struct encoder *base, const uint8_t *data, size_t size_bytes, bool idr)
{
    const struct software_encoder *encoder = software_from_base(base);
    struct encoder_output output = {
        .kind = ENCODER_OUTPUT_DROPPED,
        .packet = {.sequence = encoder->sequence, .capture_ns = encoder->capture_ns},
        .cpu_copies = 1,
    };

    if (size_bytes > 0) {
        output.kind = ENCODER_OUTPUT_CODED;
        output.packet.data = data;
        output.packet.size_bytes = size_bytes;
        output.packet.flags = idr ? CASTOR_PACKET_IDR : 0;
    }
    return output;
}
