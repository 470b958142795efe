// SPDX-License-Identifier: Apache-2.0
// The trials at start, and what their answers mean.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/child.h"
#include "base/log.h"
#include "supervisor/selection.h"

#define ANSWER_BYTES 16384
// Frames of the phases in which rates are compared: short, since the box waits for it.
#define PHASE_FRAMES "24"

struct trials {
    struct selection *selection;
    const struct config *config;
    char program[512];
    int64_t deadline_ns;
    char answer[ANSWER_BYTES];
};

static int64_t earlier(int64_t a_ns, int64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

// Runs castor-encode with these words. On failure *end says in words how it ended.
static int ask(struct trials *trials, char *const argv[], int64_t limit_ns, struct child_end *end)
{
    int64_t deadline_ns = earlier(castor_now_ns() + limit_ns, trials->deadline_ns);

    return child_run(argv, deadline_ns, trials->answer, sizeof trials->answer, end);
}

// ---- answers ----

static uint32_t number(json_t *object, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(object, key));

    return value > 0 && value <= UINT32_MAX ? (uint32_t)value : 0;
}

static enum select_answer answer_of(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);

    if (!json_is_boolean(value))
        return SELECT_UNKNOWN;
    return json_is_true(value) ? SELECT_YES : SELECT_NO;
}

// A mask of the pixel formats whose names are in the list.
static uint32_t pixels_of(json_t *list)
{
    uint32_t mask = 0;
    json_t *name;
    size_t i;

    json_array_foreach(list, i, name)
        for (uint32_t pixel = 1; pixel < CASTOR_PIXEL_END; pixel++)
            if (json_is_string(name) && strcmp(json_string_value(name), castor_pixel_name(pixel)) == 0)
                mask |= 1u << pixel;
    return mask;
}

static void take_caps(json_t *caps, struct select_candidate *candidate)
{
    candidate->caps_known = json_is_object(caps);
    candidate->caps = (struct encoder_caps){
        .min_width_px = number(caps, "min_width_px"),
        .min_height_px = number(caps, "min_height_px"),
        .max_width_px = number(caps, "max_width_px"),
        .max_height_px = number(caps, "max_height_px"),
        .max_in_flight = number(caps, "max_in_flight"),
        .flags = number(caps, "flags"),
    };
    for (uint32_t codec = 1; codec < ENCODER_CODEC_END; codec++)
        candidate->caps.pixels[codec] =
            pixels_of(json_object_get(json_object_get(caps, "pixels"), encoder_codec_name(codec)));
    json_int_t pixels = json_integer_value(json_object_get(caps, "max_pixels_per_second"));
    candidate->caps.max_pixels_per_second = pixels > 0 ? (uint64_t)pixels : 0;
}

int selection_take_report(struct select_candidate *candidate, const char *answer)
{
    json_t *report = json_loads(answer, JSON_REJECT_DUPLICATES, NULL);
    json_t *ok = json_object_get(report, "ok");
    const char *why = json_string_value(json_object_get(report, "why"));

    if (!json_is_boolean(ok)) {
        json_decref(report);
        return CASTOR_ERR_INVALID;
    }
    candidate->trial = json_is_true(ok) ? SELECT_PASSED : SELECT_FAILED;
    snprintf(candidate->why.text, sizeof candidate->why.text, "%s", why ? why : "");
    take_caps(json_object_get(report, "caps"), candidate);
    candidate->latency_p50_us = number(report, "latency_p50_us");
    candidate->latency_p99_us = number(report, "latency_p99_us");
    candidate->latency_max_us = number(report, "latency_max_us");
    candidate->open_us = number(report, "open_us");
    candidate->idr_on_request = answer_of(report, "idr_on_request");
    candidate->bitrate_changes = answer_of(report, "bitrate_changes");
    json_decref(report);
    return CASTOR_OK;
}

// ---- one device ----

static void fail(struct select_candidate *candidate, const char *text)
{
    candidate->trial = SELECT_FAILED;
    snprintf(candidate->why.text, sizeof candidate->why.text, "its trial %s", text);
}

static void try_candidate(struct trials *trials, uint32_t index)
{
    static const struct config_encoder none = {.preset = ""};
    struct select_candidate *candidate = &trials->selection->candidate[index];
    const struct config *config = trials->config;
    uint32_t wanted = trials->selection->settings[index];
    const struct config_encoder *settings =
        wanted < trials->selection->prefer_count ? &trials->selection->prefer[wanted] : &none;
    const struct castor_format *format = &trials->selection->format;
    char width[16], height[16], rate[32], bitrate[16], vbv[16], threads[16];
    struct child_end end;

    snprintf(width, sizeof width, "%u", format->width_px);
    snprintf(height, sizeof height, "%u", format->height_px);
    snprintf(rate, sizeof rate, "%u/%u", format->rate.num, format->rate.den);
    snprintf(bitrate, sizeof bitrate, "%u", config->encoder.bitrate_bps);
    snprintf(vbv, sizeof vbv, "%u", config->encoder.vbv_ms);
    snprintf(threads, sizeof threads, "%u", settings->threads);
    const char *const words[] = {trials->program,
                                 "--width",
                                 width,
                                 "--height",
                                 height,
                                 "--rate",
                                 rate,
                                 "--bitrate",
                                 bitrate,
                                 "--vbv-ms",
                                 vbv,
                                 "--depth",
                                 config->source.depth_bits > 8 ? "10" : "8",
                                 "--codec",
                                 trials->selection->hevc ? "hevc" : "h264",
                                 "--threads",
                                 threads,
                                 "--preset",
                                 settings->preset,
                                 "--script",
                                 settings->script,
                                 "--phase-frames",
                                 PHASE_FRAMES,
                                 "--probe",
                                 "--",
                                 candidate->driver,
                                 candidate->device.name,
                                 NULL};
    int error = ask(trials, (char *const *)(uintptr_t)words, SELECTION_TRIAL_NS, &end);
    if (error != CASTOR_OK)
        fail(candidate, end.text);
    else if (selection_take_report(candidate, trials->answer) != CASTOR_OK)
        fail(candidate, "gave an answer that cannot be understood");
}

// ---- all ----

static void list_devices(struct trials *trials, const char *driver)
{
    const char *const words[] = {trials->program, "--devices", "--", driver, NULL};
    struct child_end end;
    int error = ask(trials, (char *const *)(uintptr_t)words, SELECTION_LIST_NS, &end);

    selection_add_devices(trials->selection, driver, error == CASTOR_OK ? trials->answer : NULL,
                          error == CASTOR_OK ? NULL : end.text);
}

static void list_drivers(struct trials *trials)
{
    const char *const words[] = {trials->program, "--drivers", NULL};
    struct child_end end;
    json_t *name;
    size_t i;

    if (ask(trials, (char *const *)(uintptr_t)words, SELECTION_LIST_NS, &end) != CASTOR_OK) {
        log_error("the encoder drivers cannot be listed: castor-encode %s", end.text);
        return;
    }
    json_t *names = json_loads(trials->answer, JSON_REJECT_DUPLICATES, NULL);
    json_array_foreach(names, i, name)
        if (json_is_string(name))
            list_devices(trials, json_string_value(name));
    json_decref(names);
}

void selection_try(struct selection *selection, const struct config *config, const char *folder)
{
    static struct trials trials; // too large for a stack frame; one thread
    int64_t started_ns = castor_now_ns();

    selection_begin(selection, config);
    trials = (struct trials){
        .selection = selection,
        .config = config,
        .deadline_ns = started_ns + SELECTION_TOTAL_NS,
    };
    snprintf(trials.program, sizeof trials.program, "%s/castor-encode", folder);
    list_drivers(&trials);
    selection_sort(selection);
    for (uint32_t i = 0; i < selection->count; i++) {
        const struct select_candidate *candidate = &selection->candidate[i];
        bool wanted = candidate->trial == SELECT_NOT_TRIED &&
                      !(candidate->by_request && candidate->rank == SELECT_UNRANKED);
        // A trial that could not be given its time would only find that there was none.
        if (wanted && castor_now_ns() + CASTOR_NS_PER_S < trials.deadline_ns)
            try_candidate(&trials, i);
    }
    selection->done = true;
    selection->took_ns = castor_now_ns() - started_ns;
}
