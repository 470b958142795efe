// SPDX-License-Identifier: Apache-2.0
#include "castorctl/report.h"

#include <string.h>

#include "castorctl/pick.h"
#include "castorctl/view.h"
#include "castorctl/words.h"

// Whatever a text holds, it cannot command the terminal.
static const char *safe(const char *text)
{
    static char buffers[4][320];
    static unsigned next;
    char *out = buffers[next++ % 4];
    size_t i = 0;

    for (; text[i] && i < sizeof buffers[0] - 1; i++)
        out[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i];
    out[i] = '\0';
    return out;
}

// How a worker's last process ended, for those that were started again since; `worker` is its place in `s`.
static void report_restarts(json_t *s, const char *worker, FILE *out)
{
    json_t *w = pick(s, worker);

    if (pick_integer(w, "restarts") > 0 && pick_known(w, "ended"))
        fprintf(out, "         %lld restarts, the last process ended at %s: %s\n",
                pick_integer(w, "restarts"), safe(pick_text(w, "ended")), safe(pick_text(w, "failure")));
}

static void report_head(json_t *s, FILE *out)
{
    char duration[32], why[128];

    words_duration(pick_number(s, "uptime_s"), duration, sizeof duration);
    fprintf(out, "box      %s, castor %s, up %s\n", safe(pick_text(s, "name")), safe(pick_text(s, "version")),
            duration);
    fprintf(out, "source   %s", safe(pick_text(s, "source.driver")));
    if (pick_known(s, "source.width"))
        fprintf(out, ", %lldx%lld in %lld bit at %.3f fps, measured %.2f, signal %s",
                pick_integer(s, "source.width"), pick_integer(s, "source.height"),
                pick_integer(s, "source.depth"), pick_number(s, "source.fps"),
                pick_number(s, "source.measured_fps"), safe(pick_text(s, "source.signal")));
    if (pick_known(s, "source.signal_reason"))
        fprintf(out, " (%s)", safe(pick_text(s, "source.signal_reason")));
    if (!pick_bool(s, "source.worker.ready"))
        fprintf(out, ", NOT RUNNING: %s", safe(pick_text(s, "source.worker.failure")));
    fputc('\n', out);
    report_restarts(s, "source.worker", out);
    fprintf(out, "stream   %s, %.2f Mbit/s (video set to %lld kbit/s), %.2f fps, standby %s\n",
            safe(pick_text(s, "stream.codec")), pick_number(s, "stream.measured_kbps_10s") / 1000,
            pick_integer(s, "stream.bitrate_kbps"), pick_number(s, "stream.measured_fps"),
            safe(pick_text(s, "stream.standby")));
    view_why(s, why, sizeof why);
    words_duration(pick_number(s, "on_air.since_s"), duration, sizeof duration);
    if (pick_known(s, "on_air.path"))
        fprintf(out, "on air   path %s for %s, because: %s\n", safe(pick_text(s, "on_air.path")), duration,
                safe(why));
    else
        fprintf(out, "on air   nothing\n");
}

static void report_slate(json_t *s, FILE *out)
{
    char duration[32];

    if (!pick_known(s, "slate.picture"))
        return;
    fprintf(out, "slate    %s, ", safe(pick_text(s, "slate.picture")));
    words_duration(pick_number(s, "slate.last.duration_ms") / 1000, duration, sizeof duration);
    if (pick_bool(s, "slate.up"))
        fprintf(out, "ON AIR since %s (%s)", safe(pick_text(s, "slate.since")),
                safe(pick_text(s, "slate.last.cause")));
    else if (pick_known(s, "slate.last.time"))
        fprintf(out, "last on air at %s for %s (%s)", safe(pick_text(s, "slate.last.time")), duration,
                safe(pick_text(s, "slate.last.cause")));
    else
        fprintf(out, "never on air");
    fprintf(out, "; %lld times, %lld frames\n", pick_integer(s, "slate.times"),
            pick_integer(s, "slate.frames"));
    if (pick_known(s, "slate.note"))
        fprintf(out, "         %s\n", safe(pick_text(s, "slate.note")));
    if (!pick_bool(s, "slate.worker.ready") && strcmp(pick_text(s, "slate.picture"), "off") != 0)
        fprintf(out, "         NOT RUNNING: %s\n", safe(pick_text(s, "slate.worker.failure")));
    report_restarts(s, "slate.worker", out);
}

static void report_sound(json_t *s, FILE *out)
{
    json_t *t;
    size_t i;

    if (!pick_known(s, "sound.driver"))
        return;
    fprintf(out, "sound    %s, source %s", safe(pick_text(s, "sound.driver")),
            safe(pick_text(s, "sound.source")));
    if (pick_known(s, "sound.rate_hz"))
        fprintf(out, ", %lld channels of %lld Hz, drift %+.1f ppm", pick_integer(s, "sound.channels"),
                pick_integer(s, "sound.rate_hz"), pick_number(s, "sound.drift_ppm"));
    if (pick_known(s, "sound.reason"))
        fprintf(out, " (%s)", safe(pick_text(s, "sound.reason")));
    if (!pick_bool(s, "sound.worker.ready"))
        fprintf(out, ", NOT RUNNING: %s", safe(pick_text(s, "sound.worker.failure")));
    fputc('\n', out);
    report_restarts(s, "sound.worker", out);
    json_array_foreach(pick(s, "sound.tracks"), i, t) {
        fprintf(out, "  %-8s %s %s%s%s, %lld kbit/s, gain %+.1f dB, delay %lld ms%s",
                safe(pick_text(t, "name")), safe(pick_text(t, "codec")), safe(pick_text(t, "layout")),
                pick_known(t, "language") ? " " : "", safe(pick_text(t, "language")),
                pick_integer(t, "bitrate_kbps"), pick_number(t, "gain_db"), pick_integer(t, "delay_ms"),
                pick_bool(t, "mute") ? ", MUTE" : "");
        if (pick_known(t, "short_term_lufs"))
            fprintf(out, ", %.1f LUFS, true peak %.1f dB", pick_number(t, "short_term_lufs"),
                    pick_number(t, "true_peak_dbtp"));
        fprintf(out, "; %lld units, %lld of silence in gaps\n", pick_integer(t, "sent.units"),
                pick_integer(t, "sent.silences"));
    }
}

static void report_record(json_t *s, FILE *out)
{
    if (!pick_known(s, "record.folder"))
        return;
    fprintf(out, "record   %s (%s, %s): %s", safe(pick_text(s, "record.folder")),
            safe(pick_text(s, "record.container")), safe(pick_text(s, "record.mode")),
            pick_known(s, "record.state") ? safe(pick_text(s, "record.state")) : "not running");
    if (pick_known(s, "record.text"))
        fprintf(out, ": %s", safe(pick_text(s, "record.text")));
    if (!pick_bool(s, "record.worker.ready") && pick_known(s, "record.worker.failure"))
        fprintf(out, ": %s", safe(pick_text(s, "record.worker.failure")));
    if (pick_known(s, "record.file"))
        fprintf(out, " to %s", safe(pick_text(s, "record.file")));
    fprintf(out, "; %lld segments kept, %.1f GB free, %lld frames left out\n",
            pick_integer(s, "record.kept_segments"), pick_number(s, "record.free_bytes") / 1e9,
            pick_integer(s, "record.left_out"));
    report_restarts(s, "record.worker", out);
}

static void report_paths(json_t *s, FILE *out)
{
    json_t *p;
    size_t i;

    json_array_foreach(pick(s, "paths"), i, p) {
        fprintf(out, "path %s   %-9s %s, process %lld, %lld restarts, %lld frames",
                safe(pick_text(p, "path")), safe(words_path_state(pick_text(p, "state"))),
                safe(pick_known(p, "description") ? pick_text(p, "description") : pick_text(p, "driver")),
                pick_integer(p, "worker.pid"), pick_integer(p, "worker.restarts"), pick_integer(p, "coded"));
        if (pick_known(p, "last_failure"))
            fprintf(out, "; last failure: %s",
                    safe(words_failure(pick_text(p, "last_cause"), pick_text(p, "last_failure"))));
        fputc('\n', out);
    }
}

static void report_counters(json_t *s, FILE *out)
{
    static const char *const stages[] = {"capture", "encoder", "encode", "egress", "origin"};
    char place[64];

    fprintf(out,
            "frames   %lld captured, %lld emitted, %lld sent; lost %lld (%lld not captured, %lld without an "
            "encoder, "
            "%lld in egress)\n",
            pick_integer(s, "frames.captured"), pick_integer(s, "frames.emitted"),
            pick_integer(s, "frames.sent"), pick_integer(s, "losses.frames.all"),
            pick_integer(s, "losses.frames.capture"), pick_integer(s, "losses.frames.no_path"),
            pick_integer(s, "losses.frames.egress"));
    fprintf(out, "lost     per thousand: %.3f in the last minute, %.3f in five, %.3f since start\n",
            pick_number(s, "losses.per_mille.minute.all"),
            pick_number(s, "losses.per_mille.five_minutes.all"),
            pick_number(s, "losses.per_mille.since_start.all"));
    fprintf(out, "latency  p50/p99/max in ms, last minute:");
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        double value[3];
        const char *const names[] = {"p50_ms", "p99_ms", "max_ms"};
        for (int k = 0; k < 3; k++) {
            snprintf(place, sizeof place, "latency.%s.minute.%s", stages[i], names[k]);
            value[k] = pick_number(s, place);
        }
        fprintf(out, "%s %s %.1f/%.1f/%.1f", i ? "," : "", stages[i], value[0], value[1], value[2]);
    }
    fputc('\n', out);
}

static void report_destinations(json_t *s, FILE *out)
{
    json_t *d, *w;
    size_t i;

    json_array_foreach(pick(s, "destinations"), i, d) {
        fprintf(out, "to       %s (%s): %s", safe(pick_text(d, "name")), safe(pick_text(d, "url")),
                pick_known(d, "state") ? safe(pick_text(d, "state")) : "starting");
        if (strcmp(pick_text(d, "state"), "connected") == 0)
            fprintf(
                out,
                ", %lld receivers, round trip %.1f ms, %lld frames sent, %lld lost, %lld packets sent again",
                pick_integer(d, "receivers"), pick_number(d, "srt.rtt_ms"), pick_integer(d, "sent"),
                pick_integer(d, "lost"), pick_integer(d, "srt.retransmitted_packets"));
        else if (pick_known(d, "text"))
            fprintf(out, ": %s", safe(pick_text(d, "text")));
        fputc('\n', out);
    }
    json_array_foreach(pick(s, "warnings"), i, w)
        fprintf(out, "warning  %s\n", safe(json_string_value(w)));
}

static void report_switches(json_t *s, FILE *out)
{
    json_t *c;
    size_t i;

    fprintf(out, "changes  %lld of path\n", pick_integer(s, "switches.count"));
    json_array_foreach(pick(s, "switches.last"), i, c) {
        if (i == 5)
            break;
        fprintf(out, "         %s  %s to %s", safe(pick_text(c, "time")),
                pick_known(c, "from") ? safe(pick_text(c, "from")) : "none",
                pick_known(c, "to") ? safe(pick_text(c, "to")) : "none");
        if (pick_known(c, "duration_ms"))
            fprintf(out, " in %.1f ms", pick_number(c, "duration_ms"));
        fprintf(out, ", %lld frames replayed: %s\n", pick_integer(c, "replayed"),
                safe(words_cause(pick_text(c, "cause"))));
    }
}

void report_status(json_t *status, FILE *out)
{
    report_head(status, out);
    report_sound(status, out);
    report_slate(status, out);
    report_record(status, out);
    report_paths(status, out);
    report_counters(status, out);
    report_destinations(status, out);
    report_restarts(status, "egress.worker", out);
    report_switches(status, out);
}

void report_line(json_t *s, json_t *probe, FILE *out)
{
    json_t *p, *d;
    size_t i;

    fprintf(out, "%.8s  on air %s ", words_clock(pick_text(s, "time")),
            pick_known(s, "on_air.path") ? safe(pick_text(s, "on_air.path")) : "nothing");
    json_array_foreach(pick(s, "paths"), i, p)
        fprintf(out, "%s%s %s", i ? ", " : "(", safe(pick_text(p, "path")),
                safe(words_path_state(pick_text(p, "state"))));
    fprintf(
        out, ")  %lldx%lld %.2f fps  %.2f Mbit/s  lost/1000 %.2f %.2f %.2f  latency p99 %.1f ms",
        pick_integer(s, "source.width"), pick_integer(s, "source.height"),
        pick_number(s, "stream.measured_fps"), pick_number(s, "stream.measured_kbps_1s") / 1000,
        pick_number(s, "losses.per_mille.minute.all"), pick_number(s, "losses.per_mille.five_minutes.all"),
        pick_number(s, "losses.per_mille.since_start.all"), pick_number(s, "latency.origin.minute.p99_ms"));
    json_array_foreach(pick(s, "destinations"), i, d)
        fprintf(out, "  %s %s", safe(pick_text(d, "name")),
                pick_known(d, "state") ? safe(pick_text(d, "state")) : "starting");
    fprintf(out, "  changes %lld", pick_integer(s, "switches.count"));
    if (probe)
        fprintf(out, "  receiver: %lld frames, lost %lld, repeated %lld, late %lld, continuity errors %lld",
                pick_integer(probe, "frames.received"), pick_integer(probe, "frames.lost"),
                pick_integer(probe, "frames.repeated"), pick_integer(probe, "frames.late"),
                pick_integer(probe, "ts.cc_errors"));
    fputc('\n', out);
    fflush(out);
}
