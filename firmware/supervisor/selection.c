// SPDX-License-Identifier: Apache-2.0
#include "supervisor/selection.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

// Software, which every build has.
#define FALLBACK_H264 "x264"
#define FALLBACK_HEVC "x265"

static bool is_automatic(const struct config_encoder *encoder)
{
    return strcmp(encoder->driver, CONFIG_DRIVER_AUTO) == 0;
}

bool selection_is_wanted(const struct config *config)
{
    for (uint32_t i = 0; i < config->encoder.chain_count; i++)
        if (is_automatic(&config->encoder.chain[i]))
            return true;
    return false;
}

// ---- candidates ----

// What is assumed of a source that tells its picture format only once it runs.
static const struct castor_format assumed_format = {1920, 1080, CASTOR_PIXEL_I420, {30, 1}};

void selection_begin(struct selection *selection, const struct config *config)
{
    struct castor_format format = config->source.format;

    if (format.width_px == 0) {
        format.width_px = assumed_format.width_px;
        format.height_px = assumed_format.height_px;
    }
    if (format.rate.num == 0 || format.rate.den == 0)
        format.rate = assumed_format.rate;
    if (format.pixel == CASTOR_PIXEL_NONE)
        format.pixel = assumed_format.pixel;
    memset(selection, 0, sizeof *selection);
    selection->format = format;
    selection->hevc = config->encoder.codec == CONFIG_CODEC_HEVC;
    selection->prefer_count = config->encoder.prefer_count;
    memcpy(selection->prefer, config->encoder.prefer, sizeof selection->prefer);
}

// Whether an entry of encoder.prefer means this device; an entry without a device means all of its driver.
static bool is_meant(const struct config_encoder *entry, const char *driver, const char *device)
{
    return strcmp(entry->driver, driver) == 0 &&
           (entry->device[0] == '\0' || strcmp(entry->device, device) == 0);
}

static struct select_candidate *add(struct selection *selection, const char *driver,
                                    const struct encoder_device *device, uint32_t settings)
{
    if (selection->count == SELECT_CANDIDATES_MAX) {
        log_warning("more than %d encoders; %s %s is left out", SELECT_CANDIDATES_MAX, driver, device->name);
        return NULL;
    }
    struct select_candidate *candidate = &selection->candidate[selection->count];
    *candidate = (struct select_candidate){
        .device = *device,
        .rank = settings,
        .by_request = strcmp(driver, "fake") == 0,
    };
    snprintf(candidate->driver, sizeof candidate->driver, "%s", driver);
    selection->settings[selection->count++] = settings;
    return candidate;
}

static void add_device(struct selection *selection, const char *driver, const struct encoder_device *device)
{
    bool preferred = false;

    for (uint32_t i = 0; i < selection->prefer_count; i++) {
        if (!is_meant(&selection->prefer[i], driver, device->name))
            continue;
        preferred = true;
        (void)add(selection, driver, device, i);
    }
    if (!preferred)
        (void)add(selection, driver, device, SELECT_UNRANKED);
}

// A driver without a device is a candidate too: one that failed, so that its reason is told.
static void add_failure(struct selection *selection, const char *driver, const char *about, const char *why)
{
    struct encoder_device none = {.name = ""};

    snprintf(none.description, sizeof none.description, "%s", about);
    struct select_candidate *candidate = add(selection, driver, &none, SELECT_UNRANKED);
    if (!candidate)
        return;
    candidate->trial = SELECT_FAILED;
    candidate->by_request = false;
    snprintf(candidate->why.text, sizeof candidate->why.text, "%s", why);
}

static void take_text(json_t *object, const char *key, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(object, key));

    snprintf(out, size, "%s", text ? text : "");
}

void selection_add_devices(struct selection *selection, const char *driver, const char *answer,
                           const char *why)
{
    json_t *document = answer ? json_loads(answer, JSON_REJECT_DUPLICATES, NULL) : NULL;
    json_t *devices = json_object_get(document, "devices"), *entry;
    char text[160] = "", about[64] = "";
    size_t i;

    take_text(document, "why", text, sizeof text);
    take_text(document, "about", about, sizeof about);
    if (why)
        snprintf(text, sizeof text, "looking for its devices it %s", why);
    else if (!json_is_array(devices) && text[0] == '\0')
        snprintf(text, sizeof text, "its list of devices cannot be understood");
    else if (json_is_array(devices) && json_array_size(devices) == 0)
        snprintf(text, sizeof text, "no device found");
    if (text[0] != '\0')
        add_failure(selection, driver, about, text);
    json_array_foreach(devices, i, entry) {
        struct encoder_device device = {.name = ""};
        take_text(entry, "name", device.name, sizeof device.name);
        take_text(entry, "fault_domain", device.fault_domain, sizeof device.fault_domain);
        take_text(entry, "description", device.description, sizeof device.description);
        add_device(selection, driver, &device);
    }
    json_decref(document);
}

static bool is_earlier(const struct select_candidate *a, const struct select_candidate *b)
{
    if (a->rank != b->rank)
        return a->rank < b->rank;
    return !select_is_software(a) && select_is_software(b);
}

void selection_sort(struct selection *selection)
{
    for (uint32_t i = 1; i < selection->count; i++) {
        struct select_candidate candidate = selection->candidate[i];
        uint32_t settings = selection->settings[i];
        uint32_t k = i;
        for (; k > 0 && is_earlier(&candidate, &selection->candidate[k - 1]); k--) {
            selection->candidate[k] = selection->candidate[k - 1];
            selection->settings[k] = selection->settings[k - 1];
        }
        selection->candidate[k] = candidate;
        selection->settings[k] = settings;
    }
}

// ---- the choice ----

// The candidate that a path which is written out stands for; SELECT_NONE when it was not among those tried.
static uint32_t find_candidate(const struct selection *selection, const struct config_encoder *encoder)
{
    for (uint32_t i = 0; i < selection->count; i++)
        if (is_meant(encoder, selection->candidate[i].driver, selection->candidate[i].device.name))
            return i;
    return SELECT_NONE;
}

static struct select_wish make_wish(const struct selection *selection, const struct config *config)
{
    struct select_wish wish = {
        .codec = selection->hevc ? ENCODER_CODEC_HEVC : ENCODER_CODEC_H264,
        .format = selection->format,
        .place_count = config->encoder.chain_count,
    };

    for (uint32_t i = 0; i < SELECT_PLACES_MAX; i++) {
        const struct config_encoder *encoder = &config->encoder.chain[i];
        wish.fixed[i] = SELECT_NONE;
        if (i >= config->encoder.chain_count || is_automatic(encoder))
            continue;
        wish.fixed[i] = find_candidate(selection, encoder);
        wish.held[i] = wish.fixed[i] == SELECT_NONE;
        snprintf(wish.held_driver[i], sizeof wish.held_driver[i], "%s", encoder->driver);
    }
    return wish;
}

static void fill_place(const struct selection *selection, uint32_t chosen, struct config_encoder *out)
{
    struct config_encoder encoder = {.driver = ""};

    snprintf(encoder.driver, sizeof encoder.driver, "%s", selection->hevc ? FALLBACK_HEVC : FALLBACK_H264);
    if (chosen != SELECT_NONE) {
        const struct select_candidate *candidate = &selection->candidate[chosen];
        uint32_t settings = selection->settings[chosen];
        if (settings < selection->prefer_count)
            encoder = selection->prefer[settings];
        snprintf(encoder.driver, sizeof encoder.driver, "%s", candidate->driver);
        snprintf(encoder.device, sizeof encoder.device, "%s", candidate->device.name);
    }
    *out = encoder;
}

static bool same_preference(const struct selection *selection, const struct config *config)
{
    return selection->prefer_count == config->encoder.prefer_count &&
           memcmp(selection->prefer, config->encoder.prefer, sizeof selection->prefer) == 0;
}

int selection_apply(struct selection *selection, struct config *config)
{
    if (!selection_is_wanted(config))
        return CASTOR_OK;
    if (!selection->done || !same_preference(selection, config))
        return CASTOR_ERR_BUSY;
    struct select_wish wish = make_wish(selection, config);
    select_chain(selection->candidate, selection->count, &wish, &selection->result);
    for (uint32_t i = 0; i < config->encoder.chain_count; i++)
        if (is_automatic(&config->encoder.chain[i]))
            fill_place(selection, selection->result.place[i], &config->encoder.chain[i]);
    return CASTOR_OK;
}

void selection_log(const struct selection *selection, const struct config *config)
{
    if (!selection->done)
        return;
    for (uint32_t i = 0; i < selection->count; i++) {
        const struct select_candidate *candidate = &selection->candidate[i];
        log_info("encoder %s%s%s: %s", candidate->driver, candidate->device.name[0] ? " " : "",
                 candidate->device.name, selection->result.verdict[i].reason);
    }
    for (uint32_t i = 0; i < config->encoder.chain_count; i++)
        if (selection->result.place[i] == SELECT_NONE)
            log_warning("no encoder passed its trial for path %c; it gets %s", (char)('A' + i),
                        config->encoder.chain[i].driver);
}

// ---- status ----

static json_t *milliseconds(uint32_t us)
{
    return us > 0 ? json_real((double)us / 1000) : json_null();
}

static json_t *answer(enum select_answer value)
{
    return value == SELECT_UNKNOWN ? json_null() : json_boolean(value == SELECT_YES);
}

static json_t *paths(uint32_t places)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < SELECT_PLACES_MAX; i++)
        if (places & 1u << i)
            json_array_append_new(list, json_sprintf("%c", (char)('A' + i)));
    return list;
}

static json_t *one_candidate(const struct selection *selection, uint32_t i)
{
    static const char *const trials[] = {
        [SELECT_NOT_TRIED] = "not_tried", [SELECT_PASSED] = "passed", [SELECT_FAILED] = "failed"};
    const struct select_candidate *c = &selection->candidate[i];
    const struct select_verdict *verdict = &selection->result.verdict[i];

    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "driver", c->driver,
        "device", c->device.name, "description", c->device.description, "fault_domain",
        c->device.fault_domain, "trial", trials[c->trial], "eligible", json_boolean(verdict->eligible),
        "score", verdict->eligible ? json_integer(verdict->score) : json_null(), "paths",
        paths(verdict->places), "reason", verdict->reason, "open_ms", milliseconds(c->open_us),
        "latency_p50_ms", milliseconds(c->latency_p50_us), "latency_p99_ms", milliseconds(c->latency_p99_us),
        "latency_max_ms", milliseconds(c->latency_max_us), "idr_on_request", answer(c->idr_on_request),
        "bitrate_changes", answer(c->bitrate_changes));
}

json_t *selection_json(const struct selection *selection)
{
    json_t *list = json_array();

    if (!selection || !selection->done)
        return json_pack("{s:b, s:n, s:n, s:o}", "tried", 0, "format", "took_ms", "list", list);
    for (uint32_t i = 0; i < selection->count; i++)
        json_array_append_new(list, one_candidate(selection, i));
    const struct castor_format *format = &selection->format;
    return json_pack("{s:b, s:o, s:I, s:o}", "tried", 1, "format",
                     json_sprintf("%ux%u at %u/%u", format->width_px, format->height_px, format->rate.num,
                                  format->rate.den),
                     "took_ms", (json_int_t)(selection->took_ns / CASTOR_NS_PER_MS), "list", list);
}
