// SPDX-License-Identifier: Apache-2.0
// A configuration written back without its secrets, and what differs between two.
#include <jansson.h>
#include <string.h>

#include "supervisor/config_overlay.h"
#include "supervisor/config_schema.h"
#include "supervisor/config_slate.h"
#include "supervisor/config_sound.h"

static uint32_t stored(const struct config_field *field, const void *base)
{
    const void *at = config_field_in(field, base);
    uint32_t value = 0;

    if (field->size == sizeof(bool))
        return *(const bool *)at;
    if (field->size == sizeof value)
        memcpy(&value, at, sizeof value);
    return value;
}

static json_t *dump_rate(const struct castor_rational *rate)
{
    if (rate->den == 1 || rate->num == 0)
        return json_integer(rate->num);
    return json_sprintf("%u/%u", rate->num, rate->den);
}

static json_t *dump_signed(const struct config_field *field, const void *at)
{
    int32_t value;

    memcpy(&value, at, sizeof value);
    if (value % (int32_t)field->scale == 0)
        return json_integer(value / (int32_t)field->scale);
    return json_real((double)value / field->scale);
}

static json_t *dump_array(const struct config_field *field, const void *base)
{
    json_t *list = json_array();
    uint32_t count;

    memcpy(&count, (const char *)base + field->count_offset, sizeof count);
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(
            list,
            config_dump_group(field->group, (const char *)config_field_in(field, base) + i * field->stride));
    return list;
}

static json_t *dump_field(const struct config_field *field, const void *base)
{
    const void *at = config_field_in(field, base);

    switch (field->kind) {
    case CONFIG_KIND_OBJECT:
        return config_dump_group(field->group, at);
    case CONFIG_KIND_ARRAY:
        return dump_array(field, base);
    case CONFIG_KIND_TEXT:
    case CONFIG_KIND_WORD:
        return json_string(field->secret && *(const char *)at ? "***" : (const char *)at);
    case CONFIG_KIND_CHOICE:
        return json_string(field->words[stored(field, base)]);
    case CONFIG_KIND_NUMBER:
        return json_integer(stored(field, base) / field->scale);
    case CONFIG_KIND_SIGNED:
        return dump_signed(field, at);
    case CONFIG_KIND_BOOL:
        return json_boolean(stored(field, base));
    case CONFIG_KIND_RATE:
        return dump_rate(at);
    }
    return NULL;
}

json_t *config_dump_group(const struct config_group *group, const void *base)
{
    json_t *object = json_object();

    // What is stored nowhere has nothing to show, except a choice: its first word is what it is.
    for (const struct config_field *field = group->fields; field->key; field++)
        if (field->size > 0 || field->kind == CONFIG_KIND_OBJECT || field->kind == CONFIG_KIND_CHOICE)
            json_object_set_new(object, field->key, dump_field(field, base));
    return object;
}

char *config_dump_redacted(const struct config *config)
{
    json_t *document = config_dump_group(&config_root, config);
    char *text = json_dumps(document, JSON_INDENT(2) | JSON_REAL_PRECISION(12));

    json_decref(document);
    return text;
}

// ---- differences ----

// For what depends on the frame interval, which is the same before and after.
static const struct castor_rational nominal_rate = {30, 1};

static bool same_format(const struct castor_format *a, const struct castor_format *b)
{
    return a->width_px == b->width_px && a->height_px == b->height_px && a->rate.num == b->rate.num &&
           a->rate.den == b->rate.den;
}

static bool same_encoder(const struct config_encoder *a, const struct config_encoder *b)
{
    return strcmp(a->driver, b->driver) == 0 && strcmp(a->device, b->device) == 0 &&
           strcmp(a->preset, b->preset) == 0 && strcmp(a->script, b->script) == 0 && a->threads == b->threads;
}

static bool same_destination(const struct config_destination *a, const struct config_destination *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->url, b->url) == 0 &&
           strcmp(a->passphrase, b->passphrase) == 0 && strcmp(a->stream_id, b->stream_id) == 0;
}

static unsigned diff_source(const struct config *a, const struct config *b)
{
    bool path = strcmp(a->source.path, b->source.path) != 0;
    bool standard_input = strcmp(a->source.path, "-") == 0 || strcmp(b->source.path, "-") == 0;

    if (!same_format(&a->source.format, &b->source.format) || (path && standard_input))
        return CONFIG_CHANGE_RESTART;
    if (path || strcmp(a->source.driver, b->source.driver) != 0 ||
        strcmp(a->source.options, b->source.options) != 0)
        return CONFIG_CHANGE_SOURCE;
    return 0;
}

static unsigned diff_encoders(const struct config *a, const struct config *b)
{
    unsigned change = 0;

    // Another codec is another stream: paths and multiplexer must change at the same time.
    if (a->encoder.chain_count != b->encoder.chain_count || a->encoder.codec != b->encoder.codec)
        return CONFIG_CHANGE_RESTART;
    if (a->encoder.bitrate_bps != b->encoder.bitrate_bps)
        change |= CONFIG_CHANGE_BITRATE;
    if (a->encoder.gop_frames != b->encoder.gop_frames)
        change |= CONFIG_CHANGE_SWITCH; // the switch asks for the IDRs
    if (a->encoder.vbv_ms != b->encoder.vbv_ms)
        change |= CONFIG_CHANGE_ENCODERS | (b->mux.pts_offset_ms ? 0 : CONFIG_CHANGE_MUX);
    for (uint32_t i = 0; i < a->encoder.chain_count; i++)
        if (!same_encoder(&a->encoder.chain[i], &b->encoder.chain[i]))
            change |= CONFIG_CHANGE_ENCODERS;
    return change;
}

static unsigned diff_switch(const struct config_switch *a, const struct config_switch *b)
{
    // With or without a standby: another number of running paths.
    if ((a->standby == CONFIG_STANDBY_OFF) != (b->standby == CONFIG_STANDBY_OFF))
        return CONFIG_CHANGE_RESTART;
    bool same = a->standby == b->standby && a->stall_budget_ms == b->stall_budget_ms &&
                a->hang_budget_ms == b->hang_budget_ms && a->standby_budget_ms == b->standby_budget_ms &&
                a->start_budget_ms == b->start_budget_ms && a->canary_interval_ms == b->canary_interval_ms &&
                a->drops_per_mille == b->drops_per_mille && a->hold_ms == b->hold_ms &&
                a->go_back == b->go_back;
    return same ? 0 : CONFIG_CHANGE_SWITCH;
}

static unsigned diff_outlet(const struct config *a, const struct config *b)
{
    unsigned change = 0;

    if (strcmp(a->mux.service_name, b->mux.service_name) != 0 ||
        a->mux.pts_offset_ms != b->mux.pts_offset_ms || a->mux.pcr_interval_ms != b->mux.pcr_interval_ms ||
        a->mux.rate_bps != b->mux.rate_bps)
        change |= CONFIG_CHANGE_MUX;
    if (a->destination_count != b->destination_count)
        change |= CONFIG_CHANGE_DESTINATIONS;
    for (uint32_t i = 0; i < a->destination_count && i < b->destination_count; i++)
        if (!same_destination(&a->destinations[i], &b->destinations[i]))
            change |= CONFIG_CHANGE_DESTINATIONS;
    return change;
}

// What the stream is made of, for those who announce it.
static bool same_track(const struct config_track *a, const struct config_track *b)
{
    return strcmp(a->language, b->language) == 0 && a->codec == b->codec && a->layout == b->layout &&
           config_track_bitrate_bps(a) == config_track_bitrate_bps(b);
}

static unsigned diff_tracks(const struct config *a, const struct config *b)
{
    unsigned change = 0;

    if (config_sound_is_on(a) != config_sound_is_on(b) || a->sound.track_count != b->sound.track_count)
        return CONFIG_CHANGE_SOUND | CONFIG_CHANGE_MUX;
    for (uint32_t i = 0; i < a->sound.track_count; i++) {
        const struct config_track *before = &a->sound.tracks[i], *after = &b->sound.tracks[i];
        struct message_sound_mix mix_before, mix_after;

        if (!same_track(before, after))
            return CONFIG_CHANGE_SOUND | CONFIG_CHANGE_MUX;
        config_track_mix(a, before, &mix_before);
        config_track_mix(b, after, &mix_after);
        if (memcmp(&mix_before, &mix_after, sizeof mix_before) != 0)
            change |= CONFIG_CHANGE_SOUND_MIX;
        if (strcmp(before->name, after->name) != 0)
            change |= CONFIG_CHANGE_OTHER;
    }
    return change;
}

static unsigned diff_sound(const struct config *a, const struct config *b)
{
    unsigned change = diff_tracks(a, b);

    if (strcmp(config_sound_driver(a), config_sound_driver(b)) != 0 ||
        strcmp(config_sound_path(a), config_sound_path(b)) != 0 ||
        strcmp(a->sound.options, b->sound.options) != 0 || a->sound.rate_hz != b->sound.rate_hz ||
        a->sound.channels != b->sound.channels)
        change |= CONFIG_CHANGE_SOUND;
    // A negative delay moves PTS where nothing else does.
    if (config_pts_offset_ms(a, nominal_rate) != config_pts_offset_ms(b, nominal_rate) &&
        config_sound_pts_offset_ms(a) != config_sound_pts_offset_ms(b))
        change |= CONFIG_CHANGE_MUX;
    return change;
}

static unsigned diff_record(const struct config_record *a, const struct config_record *b)
{
    bool same = strcmp(a->folder, b->folder) == 0 && a->container == b->container && a->mode == b->mode &&
                a->segment_seconds == b->segment_seconds && a->segment_mb == b->segment_mb &&
                a->keep_mb == b->keep_mb && a->free_mb == b->free_mb &&
                a->preroll_minutes == b->preroll_minutes;
    return same ? 0 : CONFIG_CHANGE_RECORD;
}

static unsigned diff_overlay(const struct config *a, const struct config *b)
{
    return config_overlay_changes(a, b) ? CONFIG_CHANGE_OVERLAY : 0;
}

unsigned config_diff(const struct config *before, const struct config *after)
{
    unsigned change = diff_source(before, after) | diff_encoders(before, after) |
                      diff_switch(&before->switching, &after->switching) | diff_outlet(before, after) |
                      diff_sound(before, after) | diff_record(&before->record, &after->record) |
                      config_slate_diff(before, after) | diff_overlay(before, after);

    if (before->pool_slots != after->pool_slots || strcmp(before->pool_dmabuf, after->pool_dmabuf) != 0 ||
        strcmp(before->control_socket, after->control_socket) != 0)
        change |= CONFIG_CHANGE_RESTART;
    if (strcmp(before->name, after->name) != 0 || before->log_level != after->log_level ||
        before->realtime != after->realtime || before->allow_faults != after->allow_faults ||
        before->switching.allow_late != after->switching.allow_late)
        change |= CONFIG_CHANGE_OTHER;
    return change;
}
