// SPDX-License-Identifier: Apache-2.0
#include "supervisor/config_sound.h"

#include <stdio.h>
#include <string.h>

#include "supervisor/sound_map.h"

const char *config_sound_driver(const struct config *config)
{
    const char *driver = config->sound.driver;

    if (strcmp(driver, CONFIG_DRIVER_AUTO) != 0)
        return strcmp(driver, CONFIG_SOUND_OFF) == 0 ? "" : driver;
    if (strcmp(config->source.driver, "pattern") == 0)
        return "tone";
    return strcmp(config->source.driver, "clip") == 0 ? "clip" : "";
}

const char *config_sound_path(const struct config *config)
{
    if (config->sound.path[0] == '\0' && strcmp(config_sound_driver(config), "clip") == 0)
        return config->source.path;
    return config->sound.path;
}

bool config_sound_is_on(const struct config *config)
{
    return config_sound_driver(config)[0] != '\0';
}

uint32_t config_track_channels(const struct config_track *track)
{
    static const uint32_t channels[] = {
        [CONFIG_LAYOUT_MONO] = 1, [CONFIG_LAYOUT_STEREO] = 2, [CONFIG_LAYOUT_5_1] = 6};

    return channels[track->layout];
}

uint32_t config_track_bitrate_bps(const struct config_track *track)
{
    static const uint32_t standard_bps[][3] = {
        [CONFIG_SOUND_AAC] = {96000, 160000, 384000}, [CONFIG_SOUND_OPUS] = {64000, 128000, 256000}};

    return track->bitrate_bps ? track->bitrate_bps : standard_bps[track->codec][track->layout];
}

uint32_t config_sound_bitrate_bps(const struct config *config)
{
    uint32_t sum_bps = 0;

    for (uint32_t i = 0; i < config->sound.track_count && config_sound_is_on(config); i++)
        sum_bps += config_track_bitrate_bps(&config->sound.tracks[i]);
    return sum_bps;
}

uint32_t config_track_samples(const struct config_track *track)
{
    return track->codec == CONFIG_SOUND_OPUS ? 960 : 1024;
}

void config_track_mix(const struct config *config, const struct config_track *track,
                      struct message_sound_mix *out)
{
    char why[8];

    *out = (struct message_sound_mix){
        .delay_ms = track->delay_ms,
        .level = track->mute ? 0 : sound_map_factor(track->gain_cb),
    };
    out->standard = track->map[0] == '\0' ||
                    sound_map_parse(track->map, config_track_channels(track), config->sound.channels, why,
                                    sizeof why, out->factor) != CASTOR_OK;
}

uint32_t config_sound_pts_offset_ms(const struct config *config)
{
    int32_t earliest_ms = 0;

    if (!config_sound_is_on(config))
        return 0;
    for (uint32_t i = 0; i < config->sound.track_count; i++)
        if (config->sound.tracks[i].delay_ms < earliest_ms)
            earliest_ms = config->sound.tracks[i].delay_ms;
    return CONFIG_SOUND_READY_MS + CONFIG_SOUND_LEAD_MS + (uint32_t)-earliest_ms;
}

uint32_t config_pts_offset_ms(const struct config *config, struct castor_rational rate)
{
    if (config->mux.pts_offset_ms)
        return config->mux.pts_offset_ms;
    // An access unit as large as the VBV must have arrived before it is due, plus the interval it stands for.
    uint32_t video_ms =
        config->encoder.vbv_ms + (uint32_t)(castor_frame_interval_ns(rate) / CASTOR_NS_PER_MS) + 1;
    uint32_t sound_ms = config_sound_pts_offset_ms(config);
    return sound_ms > video_ms ? sound_ms : video_ms;
}

// ---- rules ----

static int check_language(const char *language, const char *path, struct config_error *error)
{
    char place[64];

    if (strspn(language, "abcdefghijklmnopqrstuvwxyz") == strlen(language))
        return CASTOR_OK;
    snprintf(place, sizeof place, "%s/language", path);
    return config_refuse(error, place,
                         "must be an ISO 639-2 code of three small letters such as \"eng\", but is \"%s\"",
                         language);
}

// What one access unit can carry: 6144 bits a channel in AAC (14496-3 4.5.3.3); libopus takes 256 kbit/s a
// channel.
static int check_bitrate(const struct config_track *track, const char *path, struct config_error *error)
{
    uint32_t most_kbps = config_track_channels(track) * (track->codec == CONFIG_SOUND_OPUS ? 256 : 264);
    char place[64];

    if (config_track_bitrate_bps(track) <= most_kbps * 1000)
        return CASTOR_OK;
    snprintf(place, sizeof place, "%s/bitrate_kbps", path);
    return config_refuse(error, place,
                         "%u kbit/s are more than this codec can use for %u channel%s; at most %u",
                         track->bitrate_bps / 1000, config_track_channels(track),
                         config_track_channels(track) == 1 ? "" : "s", most_kbps);
}

static int check_map(const struct config *config, const struct config_track *track, const char *path,
                     struct config_error *error)
{
    sound_map_factors factors;
    char place[64], why[256];

    if (track->map[0] == '\0' ||
        sound_map_parse(track->map, config_track_channels(track), config->sound.channels, why, sizeof why,
                        factors) == CASTOR_OK)
        return CASTOR_OK;
    snprintf(place, sizeof place, "%s/map", path);
    return config_refuse(error, place, "%s", why);
}

static int check_track(struct config *config, uint32_t index, struct config_error *error)
{
    struct config_track *track = &config->sound.tracks[index];
    char path[48], place[64];

    snprintf(path, sizeof path, "/sound/tracks/%u", index);
    if (track->name[0] == '\0')
        snprintf(track->name, sizeof track->name, "%u", index + 1);
    for (uint32_t i = 0; i < index; i++) {
        if (strcmp(config->sound.tracks[i].name, track->name) != 0)
            continue;
        snprintf(place, sizeof place, "%s/name", path);
        return config_refuse(error, place, "track %u is called \"%s\" already; give each its own name", i + 1,
                             track->name);
    }
    int result = check_language(track->language, path, error);
    if (result == CASTOR_OK)
        result = check_bitrate(track, path, error);
    if (result == CASTOR_OK)
        result = check_map(config, track, path, error);
    return result;
}

static int check_times(struct config *config, struct config_error *error)
{
    uint32_t needed_ms = config_sound_pts_offset_ms(config);

    if (config->mux.pts_offset_ms == 0 || config->mux.pts_offset_ms >= needed_ms)
        return CASTOR_OK;
    return config_refuse(error, "/mux/pts_offset_ms",
                         "sound is ready %u ms after it was captured%s, so PTS must be at least so much "
                         "behind, but is %u; raise it, give 0 for what is needed, or set sound.driver to "
                         "\"off\"",
                         needed_ms,
                         needed_ms > CONFIG_SOUND_READY_MS + CONFIG_SOUND_LEAD_MS
                             ? " (with the negative delay of a track)"
                             : "",
                         config->mux.pts_offset_ms);
}

int config_sound_check(struct config *config, struct config_error *error)
{
    int result = CASTOR_OK;

    if (strcmp(config_sound_driver(config), "clip") == 0 && config_sound_path(config)[0] == '\0')
        return config_refuse(error, "/sound/path", "is missing; the driver \"clip\" needs a media file");
    if (strcmp(config_sound_driver(config), "tone") == 0 && config->sound.path[0] != '\0')
        return config_refuse(error, "/sound/path", "the tone reads no file; take path away");
    for (uint32_t i = 0; i < config->sound.track_count && result == CASTOR_OK; i++)
        result = check_track(config, i, error);
    return result == CASTOR_OK ? check_times(config, error) : result;
}
