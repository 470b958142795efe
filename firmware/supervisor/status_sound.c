// SPDX-License-Identifier: Apache-2.0
// The sound in the status document. The keys are described in status.h.
#include "supervisor/config_sound.h"
#include "supervisor/status_values.h"

static json_t *level(int32_t thousandths)
{
    return thousandths == MESSAGE_SOUND_LEVEL_NONE ? json_null() : status_real(thousandths / 1000.0, 0.1);
}

static json_t *sent(const struct message_egress_sound *totals)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "units", status_count(totals->units), "silences",
                     status_count(totals->silences), "skipped", status_count(totals->skipped), "late",
                     status_count(totals->late), "refused", status_count(totals->refused));
}

static json_t *one_track(const struct status_snapshot *s, uint32_t index)
{
    static const char *const codecs[] = {[CONFIG_SOUND_AAC] = "aac", [CONFIG_SOUND_OPUS] = "opus"};
    static const char *const layouts[] = {
        [CONFIG_LAYOUT_MONO] = "mono", [CONFIG_LAYOUT_STEREO] = "stereo", [CONFIG_LAYOUT_5_1] = "5.1"};
    static const struct message_sound_levels nothing = {
        .peak_mdb = MESSAGE_SOUND_LEVEL_NONE,
        .true_peak_mdb = MESSAGE_SOUND_LEVEL_NONE,
        .momentary_mlu = MESSAGE_SOUND_LEVEL_NONE,
        .short_term_mlu = MESSAGE_SOUND_LEVEL_NONE,
        .integrated_mlu = MESSAGE_SOUND_LEVEL_NONE,
    };
    const struct config_track *track = &s->config->sound.tracks[index];
    const struct message_sound_stats *stats = &s->sound->stats;
    const struct message_sound_levels *levels = index < stats->track_count ? &stats->tracks[index] : &nothing;

    return json_pack(
        "{s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:b, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
        json_text(track->name), "language", status_text_or_null(track->language), "codec",
        STATUS_NAME(codecs, track->codec), "layout", STATUS_NAME(layouts, track->layout), "bitrate_kbps",
        status_count(config_track_bitrate_bps(track) / 1000), "map", status_text_or_null(track->map),
        "gain_db", status_real(track->gain_cb / 10.0, 0.1), "mute", track->mute, "delay_ms",
        (int)track->delay_ms, "peak_dbfs", level(levels->peak_mdb), "true_peak_dbtp",
        level(levels->true_peak_mdb), "momentary_lufs", level(levels->momentary_mlu), "short_term_lufs",
        level(levels->short_term_mlu), "integrated_lufs", level(levels->integrated_mlu), "clipped",
        status_count(levels->clipped), "sent", sent(&s->sound->sent[index]));
}

static json_t *tracks(const struct status_snapshot *s)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < s->config->sound.track_count; i++)
        json_array_append_new(list, one_track(s, i));
    return list;
}

static json_t *samples_as_seconds(uint64_t samples)
{
    return status_real((double)samples / MESSAGE_SOUND_RATE_HZ, 0.001);
}

json_t *status_sound(const struct status_snapshot *s)
{
    static const char *const sources[] = {
        [MESSAGE_SOUND_SOURCE_NONE] = "none",
        [MESSAGE_SOUND_SOURCE_OPENING] = "opening",
        [MESSAGE_SOUND_SOURCE_RUNNING] = "running",
        [MESSAGE_SOUND_SOURCE_WAITING] = "waiting",
    };
    static const char *const signals[] = {
        [MESSAGE_SIGNAL_UNKNOWN] = "unknown",
        [MESSAGE_SIGNAL_PRESENT] = "present",
        [MESSAGE_SIGNAL_NONE] = "none",
    };
    const struct sound_part *part = s->sound;

    if (!part || !config_sound_is_on(s->config))
        return json_null();
    const struct message_sound_stats *now = &part->stats;
    return json_pack(
        "{s:s, s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:o}",
        "driver", config_sound_driver(s->config), "path", status_text_or_null(config_sound_path(s->config)),
        "options", status_text_or_null(s->config->sound.options), "source", STATUS_NAME(sources, now->source),
        "signal", STATUS_NAME(signals, now->signal), "reason", status_text_or_null(now->reason), "rate_hz",
        now->rate_hz ? status_count(now->rate_hz) : json_null(), "channels",
        now->channels ? status_count(now->channels) : json_null(), "origin_ns",
        part->origin.capture_ns ? json_integer(part->origin.capture_ns) : json_null(), "drift_ppm",
        status_real((double)now->drift_ppb / 1000, 0.01), "silence_s",
        samples_as_seconds(now->silence_samples + part->silence_before), "late_s",
        samples_as_seconds(now->late_samples + part->late_before), "lost_samples",
        status_count(now->lost_samples + part->lost_before), "openings",
        status_count(now->openings + part->openings_before), "units", status_count(part->units), "repeated",
        status_count(part->repeated), "unsent", status_count(part->unsent), "skipped_units",
        status_count(now->skipped_units + part->skipped_before), "tracks", tracks(s), "worker",
        status_worker(s, &part->worker));
}
