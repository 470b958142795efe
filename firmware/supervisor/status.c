// SPDX-License-Identifier: Apache-2.0
// The keys are described in status.h.
#include "supervisor/status.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "supervisor/json_text.h"

// ---- small values ----

static json_t *real(double value, double step)
{
    return json_real(round(value / step) * step);
}

static json_t *milliseconds(int64_t ns)
{
    return real((double)ns / 1e6, 0.001);
}

static json_t *seconds(int64_t ns)
{
    return real((double)ns / 1e9, 0.001);
}

static json_t *count(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *text_or_null(const char *text)
{
    return text[0] != '\0' ? json_text(text) : json_null();
}

static json_t *letter(uint32_t path)
{
    return path < SWITCH_PATHS_MAX ? json_sprintf("%c", path_letter(path)) : json_null();
}

// A time on the house clock as time of day.
static json_t *time_of_day(const struct status_snapshot *s, int64_t at_ns)
{
    char text[32];
    struct tm tm;
    int64_t utc_ns = at_ns + s->utc->offset_ns;
    time_t utc_s = (time_t)(utc_ns / CASTOR_NS_PER_S);

    if (!s->utc->known || utc_ns < 0 || !gmtime_r(&utc_s, &tm) ||
        strftime(text, sizeof text, "%FT%T", &tm) == 0)
        return json_null();
    return json_sprintf("%s.%03dZ", text, (int)(utc_ns % CASTOR_NS_PER_S / CASTOR_NS_PER_MS));
}

static json_t *per_frame(uint64_t total, uint64_t frames)
{
    return frames > 0 ? real((double)total / (double)frames, 0.001) : json_null();
}

static const char *name_of(const char *const *names, size_t names_count, uint32_t index)
{
    return index < names_count && names[index] ? names[index] : "unknown";
}
#define NAME(names, index) name_of(names, sizeof(names) / sizeof((names)[0]), index)

// ---- workers ----

static json_t *worker(const struct worker *w)
{
    static const char *const phases[] = {
        [RESTART_IDLE] = "idle",
        [RESTART_RUNNING] = "running",
        [RESTART_WAITING] = "waiting",
        [RESTART_GIVEN_UP] = "given_up",
    };
    uint32_t restarts = w->restart.starts > 0 ? w->restart.starts - 1 : 0;

    return json_pack("{s:i, s:s, s:b, s:i, s:o}", "pid", (int)w->pid, "state",
                     w->pid > 0 ? "running" : NAME(phases, w->restart.phase), "ready", w->pid > 0 && w->ready,
                     "restarts", (int)restarts, "failure", text_or_null(w->failure));
}

static json_t *source_frames(const struct source *source)
{
    const struct message_capture_stats *now = &source->stats, *before = &source->stats_before;

    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "captured",
                     count(now->captured + before->captured), "lost_no_slot",
                     count(now->lost_no_slot + before->lost_no_slot), "lost_device",
                     count(now->lost_device + before->lost_device), "lost_decode_late",
                     count(now->lost_decode_late + before->lost_decode_late), "decode_errors",
                     count(now->decode_errors + before->decode_errors), "times_corrected",
                     count(now->times_corrected + before->times_corrected), "cpu_copies",
                     count(now->cpu_copies + before->cpu_copies));
}

static json_t *source(const struct status_snapshot *s)
{
    static const char *const signals[] = {
        [MESSAGE_SIGNAL_UNKNOWN] = "unknown",
        [MESSAGE_SIGNAL_PRESENT] = "present",
        [MESSAGE_SIGNAL_NONE] = "none",
    };
    const struct config_source *config = &s->config->source;
    const struct castor_format *format = &s->source->format;
    bool known = s->source->pool && format->rate.den > 0;

    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:b, s:o, s:o}", "driver",
        json_text(config->driver), "path", text_or_null(config->path), "options",
        text_or_null(config->options), "width", known ? json_integer(format->width_px) : json_null(),
        "height", known ? json_integer(format->height_px) : json_null(), "depth",
        known ? json_integer(castor_pixel_bits(format->pixel)) : json_null(), "rate",
        known ? json_sprintf("%u/%u", format->rate.num, format->rate.den) : json_null(), "fps",
        known ? real((double)format->rate.num / format->rate.den, 0.001) : json_null(), "signal",
        NAME(signals, s->source->stats.signal), "signal_reason", text_or_null(s->source->stats.reason),
        "measured_fps", real(metrics_rate(s->metrics, s->now_ns, METRICS_CAPTURED, 5), 0.01),
        "cpu_copies_per_frame", per_frame(s->source->stats.cpu_copies, s->source->stats.captured), "ended",
        s->source->ended, "frames", source_frames(s->source), "worker", worker(&s->source->worker));
}

// ---- paths ----

static json_t *failures(const struct path *path)
{
    json_t *object = json_object();

    for (uint32_t i = 0; i < SWITCH_CAUSES; i++)
        if (path->failures[i] > 0)
            json_object_set_new(object, switch_cause_name((enum switch_cause)i), count(path->failures[i]));
    return object;
}

static json_t *one_path(const struct status_snapshot *s, uint32_t index)
{
    const struct path *path = &s->paths[index];
    const struct config_encoder *encoder = &s->config->encoder.chain[index];
    const struct switch_path *state = s->switching ? &s->switching->path[index] : NULL;

    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "path", letter(index),
        "driver", json_text(encoder->driver), "device", text_or_null(encoder->device), "preset",
        text_or_null(encoder->preset), "description", text_or_null(path->description), "state",
        switch_path_state_name(state ? state->state : SWITCH_PATH_DOWN), "orders",
        count(state ? state->orders : 0), "coded", count(path->coded), "dropped", count(path->dropped),
        "cpu_copies_per_frame", per_frame(path->cpu_copies, path->coded_now), "failures", failures(path),
        "last_cause",
        path->last_cause != SWITCH_CAUSE_NONE ? json_text(switch_cause_name(path->last_cause)) : json_null(),
        "last_failure", text_or_null(path->last_failure), "outdated", path->outdated, "worker",
        worker(&path->worker));
}

static json_t *paths(const struct status_snapshot *s)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < s->path_count; i++)
        json_array_append_new(list, one_path(s, i));
    return list;
}

static json_t *on_air(const struct status_snapshot *s)
{
    if (!s->switching || s->switching->active >= s->path_count)
        return json_pack("{s:n, s:s, s:n}", "path", "cause", switch_cause_name(s->active_cause), "since_s");
    return json_pack("{s:o, s:s, s:o}", "path", letter(s->switching->active), "cause",
                     switch_cause_name(s->active_cause), "since_s",
                     seconds(s->now_ns - s->switching->active_since_ns));
}

static json_t *pool(const struct status_snapshot *s)
{
    if (!s->source->pool)
        return json_null();
    struct pool_descriptors has = pool_descriptors(s->source->pool);
    const char *dmabuf = !has.dmabuf_count ? "none" : has.pixels >= 0 ? "udmabuf" : "heap";
    return json_pack("{s:o, s:o, s:o, s:s, s:o}", "slots", count(pool_slot_count(s->source->pool)), "held",
                     count(s->switching ? s->switching->held_count : 0), "bytes",
                     count(pool_size_bytes(s->source->pool)), "dmabuf", dmabuf, "dmabuf_reason",
                     text_or_null(s->source->no_dmabuf.text));
}

static json_t *stream(const struct status_snapshot *s)
{
    static const char *const standby[] = {
        [CONFIG_STANDBY_WARM] = "warm",
        [CONFIG_STANDBY_HOT] = "hot",
        [CONFIG_STANDBY_OFF] = "off",
    };

    return json_pack(
        "{s:s, s:o, s:s, s:o, s:o, s:o, s:o}", "codec",
        s->config->encoder.codec == CONFIG_CODEC_HEVC ? "hevc" : "h264", "gop_frames",
        count(s->config->encoder.gop_frames), "standby", NAME(standby, s->config->switching.standby),
        "bitrate_kbps", count(s->config->encoder.bitrate_bps / 1000), "measured_kbps_1s",
        real(metrics_rate(s->metrics, s->now_ns, METRICS_BYTES, 1) * 8 / 1000, 0.1), "measured_kbps_10s",
        real(metrics_rate(s->metrics, s->now_ns, METRICS_BYTES, 10) * 8 / 1000, 0.1), "measured_fps",
        real(metrics_rate(s->metrics, s->now_ns, METRICS_EMITTED, 5), 0.01));
}

// ---- destinations ----

static json_t *srt(const struct message_destination_stats *stats)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "latency_ms",
                     count(stats->latency_ms), "rtt_ms", real(stats->rtt_us / 1e3, 0.001), "send_buffer_ms",
                     count(stats->send_buffer_ms), "bandwidth_kbps", count(stats->bandwidth_kbps),
                     "sent_bytes", count(stats->sent_bytes), "retransmitted_packets",
                     count(stats->retransmitted_packets), "lost_packets", count(stats->lost_packets),
                     "too_late_packets", count(stats->too_late_packets), "lost_not_connected",
                     count(stats->lost_not_connected), "lost_waiting_idr", count(stats->lost_waiting_idr),
                     "lost_buffer_full", count(stats->lost_buffer_full), "lost_unacknowledged",
                     count(stats->lost_unacknowledged));
}

static json_t *destination_per_mille(const struct status_snapshot *s, uint32_t index)
{
    const struct metrics *m = s->metrics;

    return json_pack(
        "{s:o, s:o, s:o}", "minute",
        real(metrics_destination_lost_per_mille(m, s->now_ns, METRICS_MINUTE, index), 0.001), "five_minutes",
        real(metrics_destination_lost_per_mille(m, s->now_ns, METRICS_FIVE_MINUTES, index), 0.001),
        "since_start",
        real(metrics_destination_lost_per_mille(m, s->now_ns, METRICS_SINCE_START, index), 0.001));
}

static json_t *one_destination(const struct status_snapshot *s, uint32_t index)
{
    static const char *const states[] = {
        [MESSAGE_DESTINATION_CONNECTING] = "connecting", [MESSAGE_DESTINATION_LISTENING] = "listening",
        [MESSAGE_DESTINATION_CONNECTED] = "connected",   [MESSAGE_DESTINATION_WAITING] = "waiting",
        [MESSAGE_DESTINATION_STOPPED] = "stopped",
    };
    static const char *const reasons[] = {
        [MESSAGE_REASON_NONE] = "none",       [MESSAGE_REASON_PASSPHRASE] = "passphrase",
        [MESSAGE_REASON_REFUSED] = "refused", [MESSAGE_REASON_UNREACHABLE] = "unreachable",
        [MESSAGE_REASON_NAME] = "name",       [MESSAGE_REASON_VERSION] = "version",
        [MESSAGE_REASON_LOST] = "lost",       [MESSAGE_REASON_LOCAL] = "local",
    };
    const struct config_destination *config = &s->config->destinations[index];
    const struct outlet_destination *destination = &s->outlet->destination[index];
    const struct message_destination_state *state = &destination->state;

    return json_pack("{s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
                     json_text(config->name), "url", json_text(config->url), "latency_ms",
                     count(config->latency_ms), "state",
                     state->status ? json_text(NAME(states, state->status)) : json_null(), "reason",
                     NAME(reasons, state->reason), "text", text_or_null(state->text), "connections",
                     count(state->connections), "receivers", count(destination->stats.receivers), "sent",
                     count(destination->sent - destination->returned), "lost", count(destination->lost),
                     "lost_per_mille", destination_per_mille(s, index), "srt", srt(&destination->stats));
}

static json_t *destinations(const struct status_snapshot *s)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < s->config->destination_count; i++)
        json_array_append_new(list, one_destination(s, i));
    return list;
}

// ---- counters ----

static json_t *frames(const struct metrics *m)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "captured", count(m->count[METRICS_CAPTURED]), "encoded",
                     count(m->count[METRICS_ENCODED]), "emitted", count(m->count[METRICS_EMITTED]), "sent",
                     count(m->count[METRICS_SENT]));
}

static json_t *losses(const struct status_snapshot *s)
{
    static const char *const windows[METRICS_WINDOWS] = {
        [METRICS_MINUTE] = "minute",
        [METRICS_FIVE_MINUTES] = "five_minutes",
        [METRICS_SINCE_START] = "since_start",
    };
    json_t *totals = json_object();
    json_t *per_mille = json_object();
    uint64_t all = 0;

    for (int cause = 0; cause < METRICS_LOSSES; cause++) {
        all += s->metrics->lost[cause];
        json_object_set_new(totals, metrics_loss_name((enum metrics_loss)cause),
                            count(s->metrics->lost[cause]));
    }
    json_object_set_new(totals, metrics_loss_name(METRICS_LOSSES), count(all));
    for (int window = 0; window < METRICS_WINDOWS; window++) {
        json_t *causes = json_object();
        for (int cause = 0; cause <= METRICS_LOSSES; cause++)
            json_object_set_new(
                causes, metrics_loss_name((enum metrics_loss)cause),
                real(metrics_lost_per_mille(s->metrics, s->now_ns, (enum metrics_window)window,
                                            (enum metrics_loss)cause),
                     0.001));
        json_object_set_new(per_mille, windows[window], causes);
    }
    return json_pack("{s:o, s:o}", "frames", totals, "per_mille", per_mille);
}

static json_t *percentiles(const struct metrics *m, enum metrics_stage stage, bool since_start)
{
    return json_pack("{s:o, s:o, s:o}", "p50_ms", milliseconds(metrics_percentile(m, stage, since_start, 50)),
                     "p99_ms", milliseconds(metrics_percentile(m, stage, since_start, 99)), "max_ms",
                     milliseconds(metrics_max(m, stage, since_start)));
}

static json_t *latency(const struct metrics *m)
{
    json_t *object = json_object();

    for (int i = 0; i < METRICS_STAGES; i++) {
        enum metrics_stage stage = (enum metrics_stage)i;
        json_object_set_new(object, metrics_stage_name(stage),
                            json_pack("{s:o, s:o}", "minute", percentiles(m, stage, false), "since_start",
                                      percentiles(m, stage, true)));
    }
    return object;
}

static json_t *one_switch(const struct status_snapshot *s, const struct metrics_switch *change)
{
    return json_pack("{s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "time", time_of_day(s, change->at_ns),
                     "from", letter(change->from), "to", letter(change->to), "cause",
                     switch_cause_name((enum switch_cause)change->cause), "frame", count(change->sequence),
                     "epoch", count(change->epoch), "replayed", count(change->replayed), "duration_ms",
                     change->duration_ns >= 0 ? milliseconds(change->duration_ns) : json_null());
}

static json_t *switches(const struct status_snapshot *s)
{
    uint64_t total = s->metrics->switch_count;
    json_t *list = json_array();

    for (uint64_t i = 1; i <= total && i <= METRICS_SWITCH_LOG; i++)
        json_array_append_new(list, one_switch(s, &s->metrics->switches[(total - i) % METRICS_SWITCH_LOG]));
    return json_pack("{s:o, s:o}", "count", count(total), "last", list);
}

static json_t *egress(const struct outlet *outlet)
{
    return json_pack("{s:o, s:o, s:o}", "pending", count(outlet->pending_count), "bytes",
                     count(outlet->bytes), "worker", worker(&outlet->worker));
}

static json_t *warnings(const struct config *config)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < config->warning_count; i++)
        json_array_append_new(list, json_text(config->warnings[i]));
    return list;
}

char *status_json(const struct status_snapshot *s)
{
    json_t *document = json_pack(
        "{s:i, s:o, s:s, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "schema_version", STATUS_SCHEMA_VERSION, "name", json_text(s->config->name), "version",
        CASTOR_VERSION, "time", time_of_day(s, s->now_ns), "uptime_s", seconds(s->now_ns - s->started_ns),
        "faults_allowed", s->config->allow_faults, "warnings", warnings(s->config), "source", source(s),
        "stream", stream(s), "on_air", on_air(s), "paths", paths(s), "encoders", selection_json(s->selection),
        "pool", pool(s), "egress", egress(s->outlet), "destinations", destinations(s), "frames",
        frames(s->metrics), "losses", losses(s), "latency", latency(s->metrics), "switches", switches(s));
    char *text = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(12));

    json_decref(document);
    return text;
}
