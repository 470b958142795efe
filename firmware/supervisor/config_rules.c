// SPDX-License-Identifier: Apache-2.0
#include "supervisor/config_rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ipc/message.h"
#include "supervisor/config_overlay.h"
#include "supervisor/config_slate.h"
#include "supervisor/config_sound.h"

// Slots that capture fills ahead (source.h, SOURCE_SLOTS_FREE_MIN).
#define CAPTURE_SLOTS 5u
// The rate that is assumed for budgets when the source's own is not known yet.
static const struct castor_rational assumed_rate = {30, 1};

int config_refuse(struct config_error *error, const char *path, const char *format, ...)
{
    va_list args;

    snprintf(error->path, sizeof error->path, "%s", path);
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return CASTOR_ERR_INVALID;
}

void config_warn(struct config *config, const char *format, ...)
{
    va_list args;

    if (config->warning_count == CONFIG_WARNINGS_MAX)
        return;
    va_start(args, format);
    vsnprintf(config->warnings[config->warning_count++], sizeof config->warnings[0], format, args);
    va_end(args);
}

struct castor_rational config_rules_rate(const struct config *config)
{
    return config->source.format.rate.num ? config->source.format.rate : assumed_rate;
}

// ---- source, pool, mux ----

static int check_source(struct config *config, struct config_error *error)
{
    struct config_source *source = &config->source;
    struct castor_format *format = &source->format;

    // Of 8 bits every encoder takes both layouts, so a capture device gives the one that needs no conversion.
    if (source->depth_bits > 8)
        format->pixel = CASTOR_PIXEL_P010;
    else
        format->pixel = strcmp(source->driver, "v4l2") == 0 ? CASTOR_PIXEL_NONE : CASTOR_PIXEL_I420;
    if ((format->width_px == 0) != (format->height_px == 0))
        return config_refuse(
            error, format->width_px ? "/source/height" : "/source/width",
            "width and height belong together; give both, or neither for the source's own size");
    if (source->path[0] == '\0' && strcmp(source->driver, "pattern") != 0)
        return config_refuse(error, "/source/path", "is missing; the driver \"%s\" needs %s", source->driver,
                             strcmp(source->driver, "clip") == 0   ? "a media file"
                             : strcmp(source->driver, "v4l2") == 0 ? "a capture device such as /dev/video0"
                                                                   : "a FIFO, or \"-\" for standard input");
    if (source->path[0] != '/' && strcmp(source->driver, "v4l2") == 0)
        return config_refuse(error, "/source/path", "must be a capture device such as /dev/video0");
    if (source->path[0] != '\0' && strcmp(source->driver, "pattern") == 0)
        return config_refuse(error, "/source/path",
                             "the pattern driver reads no file; take path away, or say driver \"clip\"");
    if (strcmp(source->driver, "pipe") == 0 && (format->width_px == 0 || format->rate.num == 0))
        return config_refuse(
            error, format->width_px ? "/source/rate" : "/source/width",
            "raw frames from a pipe do not tell their size and rate; give width, height and rate");
    // 2160p60 is the most that the house is built for.
    uint64_t pixels = (uint64_t)format->width_px * format->height_px;
    if (pixels * format->rate.num > UINT64_C(3840) * 2160 * 60 * (format->rate.den ? format->rate.den : 1))
        return config_refuse(error, "/source/rate",
                             "%ux%u at this rate is more than 3840x2160 at 60; lower one of them",
                             format->width_px, format->height_px);
    return CASTOR_OK;
}

static int check_dmabuf(const char *dmabuf, struct config_error *error)
{
    size_t heaps = strlen(CONFIG_DMABUF_HEAPS);

    if (strcmp(dmabuf, CONFIG_DMABUF_AUTO) == 0 || strcmp(dmabuf, CONFIG_DMABUF_OFF) == 0 ||
        (strncmp(dmabuf, CONFIG_DMABUF_HEAPS, heaps) == 0 && dmabuf[heaps] != '\0' &&
         !strchr(dmabuf + heaps, '/')))
        return CASTOR_OK;
    return config_refuse(error, "/pool/dmabuf",
                         "must be \"auto\", \"off\", or a heap such as /dev/dma_heap/linux,cma; is \"%s\"",
                         dmabuf);
}

static int check_pool(const struct config *config, struct config_error *error)
{
    struct castor_rational rate = config_rules_rate(config);
    uint32_t most = MESSAGE_SLOTS_MAX - config_slate_slots(config, rate);
    uint32_t slots = config->pool_slots && config->pool_slots < most ? config->pool_slots : most;
    uint64_t stall_frames =
        (uint64_t)config->switching.stall_budget_ms * rate.num / (UINT64_C(1000) * rate.den) + 1;

    if (stall_frames + CAPTURE_SLOTS <= slots)
        return CASTOR_OK;
    if (config->pool_slots && stall_frames + CAPTURE_SLOTS <= most)
        return config_refuse(
            error, "/pool/slots",
            "a stall of %u ms lasts %u frames and capture needs %u more, so at least %u are needed; give "
            "that, or 0 for as many as needed",
            config->switching.stall_budget_ms, (unsigned)stall_frames, CAPTURE_SLOTS,
            (unsigned)stall_frames + CAPTURE_SLOTS);
    return config_refuse(
        error, "/switch/stall_budget_ms",
        "a stall of %u ms lasts %u frames, but the pool holds at most %u and capture needs %u of them; at "
        "most %u ms fit",
        config->switching.stall_budget_ms, (unsigned)stall_frames, most, CAPTURE_SLOTS,
        (unsigned)((most - CAPTURE_SLOTS - 1) * UINT64_C(1000) * rate.den / rate.num));
}

static int check_mux(struct config *config, struct config_error *error)
{
    const uint32_t sound_bps = config_sound_bitrate_bps(config);
    uint64_t needed_bps = ((uint64_t)config->encoder.bitrate_bps + sound_bps) * 11 / 10;

    if (config->mux.rate_bps != 0 && config->mux.rate_bps < needed_bps)
        return config_refuse(
            error, "/mux/rate_kbps",
            "%u kbit/s of video and %u of sound need a transport rate of at least %u kbit/s (1.1 times); "
            "raise it, lower encoder.bitrate_kbps, or give 0 for a variable rate",
            config->encoder.bitrate_bps / 1000, sound_bps / 1000, (unsigned)((needed_bps + 999) / 1000));
    if (config->mux.pts_offset_ms != 0 && config->mux.pts_offset_ms < config->encoder.vbv_ms)
        config_warn(
            config,
            "mux.pts_offset_ms (%u) is shorter than encoder.vbv_ms (%u): large pictures may reach decoders "
            "after their time",
            config->mux.pts_offset_ms, config->encoder.vbv_ms);
    return CASTOR_OK;
}

// ---- switch ----

// The promise of the box: a receiver with the smallest SRT latency notices nothing of a stall. The oldest
// frame that is not out is stall_budget_ms old when the fault is noticed; it leaves when the other path has
// coded it; one frame interval on top for the time at which it was looked at.
static int check_latency(struct config *config, struct config_error *error)
{
    struct castor_rational rate = config_rules_rate(config);
    uint64_t needed_us = ((uint64_t)config->switching.stall_budget_ms + CONFIG_TAKE_OVER_MS) * 1000 +
                         UINT64_C(1000000) * rate.den / rate.num;
    unsigned needed_ms = (unsigned)((needed_us + 999) / 1000);
    const struct config_destination *least = NULL;

    for (uint32_t i = 0; i < config->destination_count; i++)
        if (!least || config->destinations[i].latency_ms < least->latency_ms)
            least = &config->destinations[i];
    if (!least || needed_ms <= least->latency_ms)
        return CASTOR_OK;
    unsigned others_ms = needed_ms - config->switching.stall_budget_ms;
    if (config->switching.allow_late) {
        config_warn(
            config,
            "destination \"%s\" has %u ms of SRT latency, but a take-over after a stall may take %u ms: the "
            "receiver "
            "will notice",
            least->name, least->latency_ms, needed_ms);
        return CASTOR_OK;
    }
    char remedy[96] = "";
    if (least->latency_ms >= others_ms + 10)
        snprintf(remedy, sizeof remedy, "lower switch.stall_budget_ms to %u, ",
                 least->latency_ms - others_ms);
    return config_refuse(
        error, "/switch/stall_budget_ms",
        "a take-over after a stall may take %u ms (%u of stall, %u for one frame and the other path's first "
        "picture), but destination \"%s\" has only %u ms of SRT latency, so its receiver would notice; "
        "%sraise that latency to %u, or set switch.allow_late",
        needed_ms, config->switching.stall_budget_ms, others_ms, least->name, least->latency_ms, remedy,
        needed_ms);
}

static int check_switch(struct config *config, struct config_error *error)
{
    const struct config_switch *switching = &config->switching;

    if (switching->hang_budget_ms < switching->stall_budget_ms)
        return config_refuse(
            error, "/switch/hang_budget_ms",
            "must be at least stall_budget_ms (%u), but is %u: without another path there is no reason to "
            "give up earlier",
            switching->stall_budget_ms, switching->hang_budget_ms);
    if (switching->standby == CONFIG_STANDBY_OFF) {
        config_warn(config, "switch.standby is off: a failure of the encoder interrupts the stream");
        return CASTOR_OK;
    }
    if (config->encoder.chain_count < 2)
        return config_refuse(error, "/encoder/chain",
                             "a standby needs at least two paths; add one, or set switch.standby to \"off\"");
    return check_latency(config, error);
}

int config_rules_check(struct config *config, struct config_error *error)
{
    if (config->control_socket[0] != '\0' && config->control_socket[0] != '/')
        return config_refuse(error, "/control/socket", "must be an absolute path, beginning with /");
    if (config->record.folder[0] != '\0' && config->record.folder[0] != '/')
        return config_refuse(error, "/record/folder", "must be an absolute path, beginning with /");
    int result = check_source(config, error);
    if (result == CASTOR_OK)
        result = config_encoder_check(config, error);
    if (result == CASTOR_OK)
        result = config_sound_check(config, error);
    if (result == CASTOR_OK)
        result = check_mux(config, error);
    if (result == CASTOR_OK)
        result = config_destinations_check(config, error);
    if (result == CASTOR_OK)
        result = check_switch(config, error);
    if (result == CASTOR_OK)
        result = config_slate_check(config, error);
    if (result == CASTOR_OK)
        result = check_pool(config, error);
    if (result == CASTOR_OK)
        result = config_overlay_check(config, error);
    if (result == CASTOR_OK)
        result = check_dmabuf(config->pool_dmabuf, error);
    return result;
}
