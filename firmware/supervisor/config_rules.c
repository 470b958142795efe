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

// ---- source, pool, encoder, mux ----

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

static int check_path(const struct config_encoder *encoder, const char *path, struct config_error *error)
{
    char place[64];

    if (encoder->script[0] == '\0' || strcmp(encoder->driver, "fake") == 0)
        return CASTOR_OK;
    snprintf(place, sizeof place, "%s/script", path);
    return config_refuse(error, place,
                         "only the fake driver follows a script; take it away, or say driver \"fake\"");
}

// An automatic path has nothing of its own: what goes with which driver is said in encoder.prefer.
static int check_automatic(const struct config_encoder *encoder, const char *path, struct config_error *error)
{
    const char *key = encoder->device[0]   ? "device"
                      : encoder->preset[0] ? "preset"
                      : encoder->threads   ? "threads"
                                           : NULL;
    char place[64];

    if (!key)
        return CASTOR_OK;
    snprintf(place, sizeof place, "%s/%s", path, key);
    return config_refuse(
        error, place,
        "a path with driver \"auto\" takes none, since its driver is not known yet; give it in "
        "encoder.prefer, together with the driver that it is meant for");
}

// Drivers that encode one codec only; the others find out when they open their device.
static const struct {
    const char *driver;
    enum config_codec codec;
} single_codecs[] = {
    {"x264", CONFIG_CODEC_H264},
    {"fake", CONFIG_CODEC_H264},
    {"x265", CONFIG_CODEC_HEVC},
};

static int check_codec(const struct config_encoders *encoders, const char *driver, const char *path,
                       struct config_error *error)
{
    const bool hevc = encoders->codec == CONFIG_CODEC_HEVC;
    char place[64];

    for (size_t i = 0; i < sizeof single_codecs / sizeof single_codecs[0]; i++) {
        if (strcmp(single_codecs[i].driver, driver) != 0 || single_codecs[i].codec == encoders->codec)
            continue;
        snprintf(place, sizeof place, "%s/driver", path);
        return config_refuse(
            error, place,
            "\"%s\" does not encode %s; give \"%s\" or a device that does, or set encoder.codec to "
            "\"%s\" for all paths",
            driver, hevc ? "HEVC" : "H.264", hevc ? "x265" : "x264", hevc ? "h264" : "hevc");
    }
    return CASTOR_OK;
}

// Of the drivers, x264 alone encodes 10 bit as H.264; as HEVC all do but `fake`, as far as their device can.
static int check_depth(const struct config *config, const char *driver, const char *path,
                       struct config_error *error)
{
    const bool fake = strcmp(driver, "fake") == 0, hevc = config->encoder.codec == CONFIG_CODEC_HEVC;
    char place[64];

    if (config->source.depth_bits == 8 || strcmp(driver, CONFIG_DRIVER_AUTO) == 0 ||
        (!fake && (hevc || strcmp(driver, "x264") == 0)))
        return CASTOR_OK;
    snprintf(place, sizeof place, "%s/driver", path);
    if (fake)
        return config_refuse(
            error, place, "\"fake\" does not encode 10 bit; give another driver, or set source.depth to 8");
    return config_refuse(
        error, place,
        "\"%s\" encodes 10 bit as HEVC only; set encoder.codec to \"hevc\", give \"x264\", or set "
        "source.depth to 8",
        driver);
}

static int check_encoder(struct config *config, struct config_error *error)
{
    struct config_encoders *encoders = &config->encoder;
    bool automatic = false;
    int result = CASTOR_OK;
    char path[48];

    for (uint32_t i = 0; i < encoders->chain_count && result == CASTOR_OK; i++) {
        bool is_auto = strcmp(encoders->chain[i].driver, CONFIG_DRIVER_AUTO) == 0;
        snprintf(path, sizeof path, "/encoder/chain/%u", i);
        result = check_path(&encoders->chain[i], path, error);
        if (result == CASTOR_OK)
            result = check_codec(encoders, encoders->chain[i].driver, path, error);
        if (result == CASTOR_OK)
            result = check_depth(config, encoders->chain[i].driver, path, error);
        if (result == CASTOR_OK && is_auto)
            result = check_automatic(&encoders->chain[i], path, error);
        automatic = automatic || is_auto;
    }
    for (uint32_t i = 0; i < encoders->prefer_count && result == CASTOR_OK; i++) {
        snprintf(path, sizeof path, "/encoder/prefer/%u", i);
        result = check_path(&encoders->prefer[i], path, error);
        if (result == CASTOR_OK && strcmp(encoders->prefer[i].driver, CONFIG_DRIVER_AUTO) == 0) {
            snprintf(path, sizeof path, "/encoder/prefer/%u/driver", i);
            result = config_refuse(error, path, "must name a driver; \"auto\" belongs into encoder.chain");
        }
    }
    if (result == CASTOR_OK && encoders->prefer_count > 0 && !automatic)
        config_warn(config, "encoder.prefer has no effect: no path of encoder.chain has driver \"auto\"");
    return result;
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

// ---- destinations ----

static int resolve_latency(struct config_destination *destination, struct config_url *url, const char *path,
                           struct config_error *error)
{
    if (url->latency_ms && destination->latency_ms && url->latency_ms != destination->latency_ms)
        return config_refuse(error, path, "latency_ms says %u and the URL says latency=%u; give one of them",
                             destination->latency_ms, url->latency_ms);
    if (!destination->latency_ms)
        destination->latency_ms = url->latency_ms ? url->latency_ms : CONFIG_LATENCY_DEFAULT_MS;
    url->latency_ms = destination->latency_ms;
    return CASTOR_OK;
}

// Secrets live in one place only: out of the URL, into their own members.
static int resolve_secret(char *member, size_t size, const char *from_url, const char *path, const char *what,
                          struct config_error *error)
{
    if (from_url[0] && member[0] && strcmp(from_url, member) != 0)
        return config_refuse(error, path,
                             "this and the URL give two different values for the %s; give one of them", what);
    if (from_url[0])
        snprintf(member, size, "%s", from_url);
    return CASTOR_OK;
}

static int check_destination(struct config *config, uint32_t index, struct config_url *url,
                             struct config_error *error)
{
    struct config_destination *destination = &config->destinations[index];
    char path[64], why[256];

    snprintf(path, sizeof path, "/destinations/%u/url", index);
    if (config_url_parse(destination->url, url, why, sizeof why) != CASTOR_OK)
        return config_refuse(error, path, "%s", why);
    snprintf(path, sizeof path, "/destinations/%u/latency_ms", index);
    int result = resolve_latency(destination, url, path, error);
    snprintf(path, sizeof path, "/destinations/%u/passphrase", index);
    if (result == CASTOR_OK)
        result = resolve_secret(destination->passphrase, sizeof destination->passphrase, url->passphrase,
                                path, "passphrase", error);
    snprintf(path, sizeof path, "/destinations/%u/stream_id", index);
    if (result == CASTOR_OK)
        result = resolve_secret(destination->stream_id, sizeof destination->stream_id, url->stream_id, path,
                                "stream id", error);
    snprintf(path, sizeof path, "/destinations/%u/url", index);
    if (result == CASTOR_OK && url->key_bits && destination->passphrase[0] == '\0')
        result = config_refuse(error, path, "pbkeylen needs a passphrase; give one, or take pbkeylen away");
    if (result == CASTOR_OK && config_url_format(url, destination->url, sizeof destination->url) != CASTOR_OK)
        result = config_refuse(error, path, "is too long");
    return result;
}

static bool same_listener(const struct config_url *a, const struct config_url *b)
{
    if (!a->listener || !b->listener || a->port != b->port)
        return false;
    return a->host[0] == '\0' || b->host[0] == '\0' || strcmp(a->host, b->host) == 0;
}

static int check_pair(const struct config *config, const struct config_url *urls, uint32_t first,
                      uint32_t second, struct config_error *error)
{
    const struct config_destination *a = &config->destinations[first], *b = &config->destinations[second];
    char path[64];

    if (strcmp(a->name, b->name) == 0) {
        snprintf(path, sizeof path, "/destinations/%u/name", second);
        return config_refuse(error, path, "destination %u is called \"%s\" already; give each its own name",
                             first, a->name);
    }
    if (same_listener(&urls[first], &urls[second])) {
        snprintf(path, sizeof path, "/destinations/%u/url", second);
        return config_refuse(error, path,
                             "destination \"%s\" listens on port %u already; choose another port", a->name,
                             (unsigned)urls[first].port);
    }
    return CASTOR_OK;
}

static int check_destinations(struct config *config, struct config_error *error)
{
    struct config_url urls[CONFIG_DESTINATIONS_MAX] = {0};
    int result = CASTOR_OK;

    for (uint32_t i = 0; i < config->destination_count && result == CASTOR_OK; i++)
        result = check_destination(config, i, &urls[i], error);
    for (uint32_t i = 1; i < config->destination_count; i++)
        for (uint32_t j = 0; j < i && result == CASTOR_OK; j++)
            result = check_pair(config, urls, j, i, error);
    explicit_bzero(urls, sizeof urls);
    if (result == CASTOR_OK && config->destination_count == 0)
        config_warn(config, "there is no destination: the stream goes nowhere");
    return result;
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
        result = check_encoder(config, error);
    if (result == CASTOR_OK)
        result = config_sound_check(config, error);
    if (result == CASTOR_OK)
        result = check_mux(config, error);
    if (result == CASTOR_OK)
        result = check_destinations(config, error);
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
