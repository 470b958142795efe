// SPDX-License-Identifier: Apache-2.0
// The rules of the encoder paths: which driver takes which key, codec and depth.
#include <stdio.h>
#include <string.h>

#include "supervisor/config_rules.h"

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

int config_encoder_check(struct config *config, struct config_error *error)
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
