// SPDX-License-Identifier: Apache-2.0
// What operators want: the commands of the control socket, and a new configuration for a running box.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "supervisor/config_overlay.h"
#include "supervisor/config_slate.h"
#include "supervisor/config_sound.h"
#include "supervisor/internal.h"
#include "supervisor/status.h"

__attribute__((format(printf, 3, 4))) static int answer(struct control_text *text, int error,
                                                        const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(text->text, sizeof text->text, format, args);
    va_end(args);
    return error;
}

static struct status_snapshot take_snapshot(struct supervisor *s)
{
    return (struct status_snapshot){
        .now_ns = castor_now_ns(),
        .started_ns = s->started_ns,
        .config = &s->config,
        .switching = s->switching_known ? &s->switching : NULL,
        .paths = s->path,
        .path_count = s->path_count,
        .source = &s->source,
        .feed = s->switching_known ? &s->feed : NULL,
        .slate = &s->slate,
        .outlet = &s->outlet,
        .recorder = &s->recorder,
        .sound = &s->sound,
        .metrics = &s->metrics,
        .utc = &s->utc,
        .selection = s->selection,
        .active_cause = s->active_cause,
        .burn_in = &s->burn_in,
        .gaps = &s->gaps,
        .session = s->session,
    };
}

static char *command_status(struct supervisor *s)
{
    const struct status_snapshot snapshot = take_snapshot(s);

    return status_json(&snapshot);
}

static char *command_gaps(struct supervisor *s)
{
    const struct status_snapshot snapshot = take_snapshot(s);

    return status_gaps_json(&snapshot);
}

static char *command_config(struct supervisor *s)
{
    return config_dump_redacted(&s->config);
}

static int not_yet(struct control_text *text)
{
    return answer(text, CASTOR_ERR_BUSY,
                  "the source has not delivered a picture format yet; try again when it has");
}

static int no_such_path(const struct supervisor *s, uint32_t path, struct control_text *text)
{
    return answer(text, CASTOR_ERR_INVALID, "there is no path %c; this box has A to %c", path_letter(path),
                  path_letter(s->path_count - 1));
}

static int command_switch(struct supervisor *s, uint32_t path, struct control_text *text)
{
    if (!s->switching_known)
        return not_yet(text);
    if (path >= s->path_count)
        return no_such_path(s, path, text);
    int error = switch_request_path(&s->switching, castor_now_ns(), path);
    supervisor_carry_out(s, castor_now_ns());
    if (error != CASTOR_OK)
        return answer(text, error, "path %c is not ready to take over (it is %s); see castorctl status",
                      path_letter(path), switch_path_state_name(s->switching.path[path].state));
    return CASTOR_OK;
}

static int command_idr(struct supervisor *s, struct control_text *text)
{
    if (!s->switching_known)
        return not_yet(text);
    switch_request_idr(&s->switching, castor_now_ns());
    supervisor_carry_out(s, castor_now_ns());
    return CASTOR_OK;
}

static void set_bitrate(struct supervisor *s, uint32_t bitrate_bps)
{
    struct message message;

    s->config.encoder.bitrate_bps = bitrate_bps;
    message_init(&message, MESSAGE_SET_BITRATE);
    message.body.set_bitrate.bitrate_bps = bitrate_bps;
    // A path that cannot hear it is killed by worker_send() and starts again with the new rate.
    for (uint32_t i = 0; i < s->path_count; i++)
        if (s->path[i].worker.ready && worker_send(&s->path[i].worker, &message, NULL, 0) != CASTOR_OK)
            log_warning("%s did not take the new bitrate", s->path[i].worker.name);
}

static int command_bitrate(struct supervisor *s, uint32_t bitrate_bps, struct control_text *text)
{
    struct config wanted = s->config;

    wanted.encoder.bitrate_bps = bitrate_bps;
    const uint32_t sound_bps = config_sound_bitrate_bps(&wanted);
    const uint32_t most_bps =
        wanted.mux.rate_bps / 11 * 10 > sound_bps ? wanted.mux.rate_bps / 11 * 10 - sound_bps : 0;
    if (wanted.mux.rate_bps != 0 && most_bps < bitrate_bps)
        return answer(text, CASTOR_ERR_INVALID,
                      "the constant transport rate of %u kbit/s cannot carry %u kbit/s of video beside the "
                      "sound; at most %u fit",
                      wanted.mux.rate_bps / 1000, bitrate_bps / 1000, most_bps / 1000);
    set_bitrate(s, bitrate_bps);
    return CASTOR_OK;
}

static int command_fault(struct supervisor *s, uint32_t path, uint32_t kind, uint32_t count, uint32_t factor,
                         struct control_text *text)
{
    struct message message;

    if (!s->config.allow_faults)
        return answer(
            text, CASTOR_ERR_DENIED,
            "this box does not allow deliberate faults; set control.allow_faults in its configuration");
    message_init(&message, MESSAGE_FAULT);
    message.body.fault = (struct message_fault){.kind = kind, .count = count, .factor = factor};
    if (path == CONTROL_PATH_SOUND)
        return worker_send(&s->sound.worker, &message, NULL, 0) == CASTOR_OK
                   ? CASTOR_OK
                   : answer(text, CASTOR_ERR_LOST, "the sound worker is not running");
    if (path >= s->path_count)
        return no_such_path(s, path, text);
    if (worker_send(&s->path[path].worker, &message, NULL, 0) != CASTOR_OK)
        return answer(text, CASTOR_ERR_LOST, "path %c is not running", path_letter(path));
    return CASTOR_OK;
}

static int command_restart(struct supervisor *s, const char *name, struct control_text *text)
{
    struct worker *worker = NULL;

    for (unsigned i = 0; i < STAFF_COUNT; i++)
        if (strcmp(name, staff_worker(s, i)->name) == 0)
            worker = staff_worker(s, i);
    for (uint32_t i = 0; i < s->path_count; i++)
        if (name[0] == path_letter(i) && name[1] == '\0')
            worker = &s->path[i].worker;
    if (!worker)
        return answer(text, CASTOR_ERR_NOT_FOUND,
                      "there is no worker \"%s\"; say A, B, capture, slate, egress, sound or record", name);
    restart_reset(&worker->restart, castor_now_ns());
    worker_end(worker, "ended by the command restart");
    return CASTOR_OK;
}

static int command_record(struct supervisor *s, uint32_t kind, uint32_t minutes, const char *words,
                          struct control_text *text)
{
    if (s->config.record.folder[0] == '\0')
        return answer(text, CASTOR_ERR_INVALID,
                      "this box does not record; set record.folder in its configuration");
    int error = recorder_order(&s->recorder, (enum message_record_order_kind)kind, minutes, words);
    if (error == CASTOR_OK)
        return CASTOR_OK;
    bool remembered = kind == MESSAGE_RECORD_ORDER_START || kind == MESSAGE_RECORD_ORDER_STOP;
    return answer(text, error, "the recorder is not running at the moment (%s)%s",
                  s->recorder.worker.failure[0] ? s->recorder.worker.failure : "it is being started",
                  remembered ? "; it will do so when it is" : "; try again");
}

// Orders the items of these places (bits) as the configuration has them. A worker that is not there is told
// when it begins.
static void order_overlay(struct supervisor *s, uint32_t places)
{
    struct worker *const workers[] = {&s->source.worker, &s->slate.worker};
    struct message message;

    for (uint32_t i = 0; i < MESSAGE_OVERLAY_ITEMS_MAX; i++) {
        if (!(places & 1u << i))
            continue;
        burn_in_change(&s->burn_in, i);
        burn_in_order(&s->burn_in, &s->config, i, &message);
        for (size_t k = 0; k < 2; k++)
            if (workers[k]->channel_fd >= 0 && worker_send(workers[k], &message, NULL, 0) != CASTOR_OK)
                log_warning("%s did not take item %u of the overlay", workers[k]->name, i);
    }
}

static int command_overlay(struct supervisor *s, uint32_t index, const char *json, struct control_text *text)
{
    struct message_overlay_item item;
    struct config_error error;

    if (config_overlay_change(&s->config, index, json, &item, &error) != CASTOR_OK)
        return answer(text, CASTOR_ERR_INVALID, "%s: %s. Nothing was changed", error.path, error.text);
    while (s->config.overlay_count <= index)
        config_overlay_off(&s->config.overlay[s->config.overlay_count++]);
    s->config.overlay[index] = item;
    order_overlay(s, 1u << index);
    return CASTOR_OK;
}

static int command_stop(struct supervisor *s, struct control_text *text)
{
    (void)text;
    s->stopping = true;
    return CASTOR_OK;
}

// Ends the encoders one after the other, so that one is always on air: the standby now; the active one is
// replaced by the switch as soon as the standby is ready again, because its configuration is marked old.
static void restart_encoders(struct supervisor *s)
{
    for (uint32_t i = 0; i < s->path_count; i++) {
        s->path[i].outdated = s->path[i].worker.pid > 0;
        if (s->path[i].outdated && s->switching_known && i != s->switching.active)
            worker_end(&s->path[i].worker, WORKER_RECONFIGURED);
    }
}

// The sound worker begins anew with the configuration in force.
static void restart_sound(struct supervisor *s)
{
    if (sound_part_reconfigure(&s->sound, &s->config) != CASTOR_OK)
        log_error("no memory for the sound ring; the stream goes on without sound");
    restart_reset(&s->sound.worker.restart, castor_now_ns());
    worker_end(&s->sound.worker, WORKER_RECONFIGURED);
}

static int refuse_restart(unsigned change, struct control_text *text)
{
    if (!(change & CONFIG_CHANGE_RESTART))
        return CASTOR_OK;
    return answer(
        text, CASTOR_ERR_BUSY,
        "the picture format, the pool and the number of encoders cannot change while on air; stop the box "
        "and start it with the new configuration. Nothing was changed");
}

static int apply(struct supervisor *s, struct config *config, struct control_text *text)
{
    if (selection_apply(s->selection, config) != CASTOR_OK)
        return answer(
            text, CASTOR_ERR_BUSY,
            "encoders are tried only at start, so neither driver \"auto\" nor encoder.prefer can come "
            "in or change while on air; stop the box and start it with the new configuration. "
            "Nothing was changed");
    unsigned change = config_diff(&s->config, config);
    int error = refuse_restart(change, text);

    if (error != CASTOR_OK)
        return error;
    if ((change & CONFIG_CHANGE_SWITCH) && s->switching_known) {
        struct switch_config switching = supervisor_switch_config(config, &s->source);
        if (switch_reconfigure(&s->switching, &switching) != CASTOR_OK)
            return answer(text, CASTOR_ERR_INVALID,
                          "these budgets do not fit the running pool; stop the box and start it with the new "
                          "configuration. Nothing was changed");
    }
    if (change & (CONFIG_CHANGE_RECORD | CONFIG_CHANGE_MUX))
        recorder_reconfigure(&s->recorder, &s->config, config, change & CONFIG_CHANGE_MUX, castor_now_ns());
    if ((change & CONFIG_CHANGE_SLATE) && s->switching_known) {
        struct feed_config feed = config_slate_feed(config, s->source.format.rate,
                                                    pool_slot_count(s->source.pool), s->source.slate_slots);
        if (feed_reconfigure(&s->feed, &feed) != CASTOR_OK)
            return answer(text, CASTOR_ERR_INVALID,
                          "slate.budget_ms is out of its range. Nothing was changed");
    }
    uint32_t overlay = config_overlay_changes(&s->config, config);
    s->config = *config;
    order_overlay(s, overlay);
    if (change & CONFIG_CHANGE_SLATE) {
        slate_show(&s->slate, config);
        supervisor_hush(s);
    }
    if (change & CONFIG_CHANGE_BITRATE)
        set_bitrate(s, config->encoder.bitrate_bps);
    if (change & CONFIG_CHANGE_ENCODERS)
        restart_encoders(s);
    if (change & CONFIG_CHANGE_SOURCE)
        worker_end(&s->source.worker, WORKER_RECONFIGURED);
    if (change & CONFIG_CHANGE_SOUND)
        restart_sound(s);
    else if (change & CONFIG_CHANGE_SOUND_MIX)
        sound_part_mix(&s->sound, &s->config);
    if (change & (CONFIG_CHANGE_DESTINATIONS | CONFIG_CHANGE_MUX)) {
        outlet_forget(&s->outlet);
        worker_end(&s->outlet.worker, WORKER_RECONFIGURED);
    }
    supervisor_carry_out(s, castor_now_ns());
    log_info("a new configuration is in force");
    return answer(text, CASTOR_OK, "%s", change ? "applied" : "nothing had changed");
}

static int command_sound(struct supervisor *s, const char *track, const char *change,
                         struct control_text *text)
{
    static struct config config; // too large for a stack frame; one thread
    static struct config_error error;
    int result = config_change_track(&s->config, track, change, &config, &error);

    if (result != CASTOR_OK) {
        answer(text, result, "%s%s%s", error.path, error.path[0] ? ": " : "", error.text);
    } else if (s->outlet.told && config_sound_pts_offset_ms(&config) > s->outlet.pts_offset_ms) {
        result = answer(text, CASTOR_ERR_INVALID,
                        "sound this early needs PTS %u ms behind capture, but the running stream has %u; set "
                        "mux.pts_offset_ms to that or more and reload, for which egress starts again",
                        config_sound_pts_offset_ms(&config), s->outlet.pts_offset_ms);
    } else {
        s->config = config;
        sound_part_mix(&s->sound, &s->config);
    }
    explicit_bzero(&config, sizeof config);
    return result;
}

static int command_reload(struct supervisor *s, const char *json, struct control_text *text)
{
    static struct config config; // too large for a stack frame; one thread
    struct config_error error;

    if (config_parse(json, strlen(json), &config, &error) != CASTOR_OK)
        return answer(text, CASTOR_ERR_INVALID, "%s%s%s. The old configuration stays in force", error.path,
                      error.path[0] ? ": " : "", error.text);
    int result = apply(s, &config, text);
    explicit_bzero(&config, sizeof config);
    return result;
}

void supervisor_reload_file(struct supervisor *s)
{
    static struct config config;
    struct config_error error;
    struct control_text text = {{0}};

    if (!s->config_path)
        return;
    if (config_load(s->config_path, &config, &error) != CASTOR_OK)
        log_error("%s: %s: %s. The old configuration stays in force", s->config_path, error.path, error.text);
    else if (apply(s, &config, &text) != CASTOR_OK)
        log_error("%s: %s", s->config_path, text.text);
    explicit_bzero(&config, sizeof config);
}

const struct control_handlers supervisor_handlers = {
    .status = command_status,
    .config = command_config,
    .gaps = command_gaps,
    .switch_to = command_switch,
    .idr = command_idr,
    .bitrate = command_bitrate,
    .fault = command_fault,
    .restart = command_restart,
    .sound = command_sound,
    .reload = command_reload,
    .record = command_record,
    .overlay = command_overlay,
    .stop = command_stop,
};
