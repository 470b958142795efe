// SPDX-License-Identifier: Apache-2.0
#include "probe/session.h"

#include "hal/time.h"
#include "probe/analysis.h"
#include "probe/collect.h"
#include "probe/decode.h"
#include "probe/input.h"
#include "probe/report.h"
#include "probe/url.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_ITEMS 8192 // 12 MB; at 20 Mbit/s four seconds in which the analysis may be busy elsewhere
#define TICK_NS (100 * CASTOR_NS_PER_MS)
#define LINE_NS CASTOR_NS_PER_S
#define STATUS_NS (500 * CASTOR_NS_PER_MS)

struct session {
    const struct options *options;
    const struct input_ops *ops;
    struct input *input;
    struct queue *queue;
    struct analysis *analysis;
    struct decode *decode;
    FILE *output;
    char input_name[1024];
    int64_t started_utc_ns;
    int64_t started_ns;
    int64_t first_byte_ns; // 0: none yet
    int64_t last_byte_ns;
    int64_t line_ns;
    int64_t status_ns;
    bool connected_before;
    bool output_failed;
    bool status_failed;
    const char *because; // set once it is over
    char failure[512];
    struct srt_stats srt;
    struct report_recent recent;
    struct queue_item item;
};

static volatile sig_atomic_t stop_requested;

void session_stop(void)
{
    stop_requested = 1;
}

static void take_picture(void *context, const struct analysis_picture *picture)
{
    struct session *s = context;
    decode_picture(s->decode, picture);
}

// The passphrase must not end up in reports that people pass on.
static void name_input(struct session *s)
{
    const char *text = s->options->input;
    const char *secret = url_is_srt(text) ? strstr(text, "passphrase=") : NULL;
    if (secret == NULL) {
        snprintf(s->input_name, sizeof s->input_name, "%s", text);
        return;
    }
    secret += strlen("passphrase=");
    snprintf(s->input_name, sizeof s->input_name, "%.*s***%s", (int)(secret - text), text,
             secret + strcspn(secret, "&"));
}

static int open_parts(struct session *s)
{
    const struct options *o = s->options;
    struct analysis_settings settings = {
        .rate = o->rate,
        .seam_tolerance_us = o->seam_tolerance_us,
        .pcr_limit_ns = o->pcr_limit_ns,
        .late_ns = o->late_ns,
        .on_picture = o->decode ? take_picture : NULL,
        .context = s,
    };
    snprintf(s->failure, sizeof s->failure, "not enough memory");
    int result = queue_create(QUEUE_ITEMS, &s->queue);
    if (result == CASTOR_OK)
        result = analysis_create(&settings, &s->analysis);
    if (result == CASTOR_OK && o->decode) {
        result = decode_create(&s->decode);
        if (result == CASTOR_ERR_UNSUPPORTED)
            snprintf(s->failure, sizeof s->failure, "libavcodec has no H.264 decoder; leave out --decode");
    }
    if (result == CASTOR_OK && o->output != NULL) {
        s->output = fopen(o->output, "we");
        if (s->output == NULL) {
            result = castor_error_from_errno(errno);
            snprintf(s->failure, sizeof s->failure, "cannot write '%s': %s", o->output, strerror(errno));
        }
    }
    if (result != CASTOR_OK)
        return result;
    s->ops = url_is_srt(o->input) ? &input_srt_ops : &input_file_ops;
    result = s->ops->open(o->input, s->queue, &s->input, s->failure, sizeof s->failure);
    if (result == CASTOR_OK)
        s->failure[0] = '\0';
    return result;
}

static void close_parts(struct session *s)
{
    if (s->queue != NULL)
        queue_stop(s->queue);
    if (s->input != NULL)
        s->ops->close(s->input);
    if (s->output != NULL && fclose(s->output) != 0)
        s->output_failed = true;
    decode_destroy(s->decode);
    analysis_destroy(s->analysis);
    queue_destroy(s->queue);
}

static void fill_report(struct session *s, struct report *r)
{
    int64_t end_ns = s->because != NULL ? s->last_byte_ns : castor_now_ns();
    s->ops->get_stats(s->input, &s->srt);
    memset(r, 0, sizeof *r);
    r->input = s->input_name;
    r->state = s->because != NULL ? "ended" : "running";
    r->because = s->because;
    r->started_utc_ns = s->started_utc_ns;
    r->elapsed_ns = s->first_byte_ns != 0 ? end_ns - s->first_byte_ns : 0;
    // A file is read faster than it plays.
    if (s->first_byte_ns != 0 && !s->analysis->first_byte.known)
        r->elapsed_ns = s->analysis->pcr.clock_27m / 27 * CASTOR_NS_PER_US;
    r->analysis = s->analysis;
    r->srt = &s->srt;
    collect_kpis(s->analysis, s->decode != NULL ? decode_get_counters(s->decode) : NULL, &s->srt, &r->kpis);
    r->broken_count = limits_find_broken(&s->options->limits, &r->kpis, r->broken);
    r->limit_count = s->options->limits.count;
    r->recent = s->recent;
}

static void take_data(struct session *s)
{
    s->last_byte_ns = s->item.arrival.mono_ns;
    if (s->first_byte_ns == 0)
        s->first_byte_ns = s->last_byte_ns;
    analysis_feed(s->analysis, s->item.data, s->item.bytes, &s->item.arrival);
    if (s->output != NULL && !s->output_failed &&
        fwrite(s->item.data, 1, s->item.bytes, s->output) != s->item.bytes) {
        s->output_failed = true;
        fprintf(stderr, "castor-probe: writing '%s' failed: %s; the rest is not kept\n", s->options->output,
                strerror(errno));
    }
}

static void take_item(struct session *s)
{
    switch (s->item.kind) {
    case QUEUE_DATA:
        take_data(s);
        break;
    case QUEUE_CONNECTED:
        if (s->connected_before) {
            analysis_reconnected(s->analysis);
            if (s->decode != NULL)
                decode_reconnected(s->decode);
        }
        s->connected_before = true;
        break;
    case QUEUE_END:
        s->because = "end of input";
        break;
    case QUEUE_FAILED:
        snprintf(s->failure, sizeof s->failure, "%.*s", (int)sizeof s->failure - 1,
                 (const char *)s->item.data);
        s->because = "failure";
        break;
    }
}

static void check_bounds(struct session *s, int64_t now)
{
    const struct options *o = s->options;
    int64_t quiet_since = s->last_byte_ns != 0 ? s->last_byte_ns : s->started_ns;
    if (s->because != NULL)
        return;
    if (stop_requested)
        s->because = "signal";
    else if (o->frames > 0 && s->analysis->video.frames >= o->frames)
        s->because = "frames";
    else if (o->duration_ns > 0 && s->first_byte_ns != 0 &&
             s->last_byte_ns - s->first_byte_ns >= o->duration_ns)
        s->because = "duration";
    // A stream that fell silent reaches its duration too.
    else if (o->duration_ns > 0 && s->first_byte_ns != 0 &&
             now - s->first_byte_ns >= o->duration_ns + LINE_NS)
        s->because = "duration";
    else if (o->idle_ns > 0 && now - quiet_since >= o->idle_ns)
        s->because = "idle";
}

static void measure_recent(struct session *s, int64_t now)
{
    struct analysis_recent *r = &s->analysis->recent;
    double seconds = (double)(now - s->line_ns + LINE_NS) / 1e9;
    s->recent = (struct report_recent){
        .known = true,
        .frame_rate = (double)r->frames / seconds,
        .bitrate_bps = 8.0 * (double)r->bytes / seconds,
        .has_latency = r->latency_us.count > 0,
        .latency_p50_ms = (double)histogram_quantile(&r->latency_us, 500) / 1000.0,
        .latency_max_ms = (double)r->latency_us.max / 1000.0,
    };
    r->frames = 0;
    r->bytes = 0;
    histogram_clear(&r->latency_us);
}

static void write_status(struct session *s, struct report *report)
{
    int result = report_replace_json(report, s->options->status_file);
    if (result != CASTOR_OK && !s->status_failed)
        fprintf(stderr, "castor-probe: writing '%s' failed: %s\n", s->options->status_file,
                castor_error_text(result));
    s->status_failed = result != CASTOR_OK;
}

static void tell_progress(struct session *s, struct report *report, int64_t now)
{
    if (now >= s->line_ns) {
        measure_recent(s, now);
        s->line_ns = now + LINE_NS;
        if (!s->options->quiet) {
            fill_report(s, report);
            report_write_line(report, stderr);
        }
    }
    if (s->options->status_file != NULL && now >= s->status_ns) {
        s->status_ns = now + STATUS_NS;
        fill_report(s, report);
        write_status(s, report);
    }
}

static void loop(struct session *s, struct report *report)
{
    int64_t now = castor_now_ns();
    s->started_ns = now;
    s->started_utc_ns = input_now().utc_ns;
    s->line_ns = now + LINE_NS;
    s->status_ns = now;
    while (s->because == NULL) {
        if (queue_pop(s->queue, now + TICK_NS, &s->item) == CASTOR_OK)
            take_item(s);
        now = castor_now_ns();
        check_bounds(s, now);
        tell_progress(s, report, now);
    }
    analysis_finish(s->analysis);
    if (s->decode != NULL)
        decode_finish(s->decode);
}

static void explain_silence(struct session *s)
{
    if (s->srt.used && s->srt.knocks > 0 && s->srt.connections == 0)
        snprintf(s->failure, sizeof s->failure,
                 "callers knocked %llu times but none got in; most often the passphrase differs",
                 (unsigned long long)s->srt.knocks);
    else if (s->srt.used && s->srt.last_error[0] != '\0')
        snprintf(s->failure, sizeof s->failure,
                 "no input arrived (%s); is the other side running and reachable?", s->srt.last_error);
    else
        snprintf(s->failure, sizeof s->failure,
                 "no input arrived; is the sender running, and sending to here?");
}

static enum session_exit conclude(struct session *s, struct report *report)
{
    fill_report(s, report);
    enum session_exit exit = report->broken_count > 0 ? SESSION_LIMIT_BROKEN : SESSION_PASSED;
    if (s->options->status_file != NULL)
        write_status(s, report);
    if (s->options->json_file != NULL) {
        int result = report_replace_json(report, s->options->json_file);
        if (result != CASTOR_OK) {
            fprintf(stderr, "castor-probe: writing '%s' failed: %s\n", s->options->json_file,
                    castor_error_text(result));
            exit = SESSION_FAILED;
        }
    }
    if (!s->options->json)
        report_write_text(report, stdout);
    else if (report_write_json(report, stdout) != CASTOR_OK)
        exit = SESSION_FAILED;
    if (s->failure[0] == '\0' && s->first_byte_ns == 0)
        explain_silence(s);
    if (s->failure[0] != '\0') {
        fprintf(stderr, "castor-probe: %s\n", s->failure);
        exit = SESSION_FAILED;
    }
    return s->output_failed || s->status_failed ? SESSION_FAILED : exit;
}

enum session_exit session_run(const struct options *options)
{
    struct session *s = calloc(1, sizeof *s);
    struct report *report = calloc(1, sizeof *report);
    enum session_exit exit = SESSION_FAILED;
    if (s == NULL || report == NULL) {
        fputs("castor-probe: not enough memory\n", stderr);
        goto done;
    }
    s->options = options;
    name_input(s);
    if (open_parts(s) == CASTOR_OK) {
        loop(s, report);
        exit = conclude(s, report);
    } else {
        fprintf(stderr, "castor-probe: %s\n", s->failure);
    }
    close_parts(s);
    if (s->output_failed)
        exit = SESSION_FAILED;
done:
    free(report);
    free(s);
    return exit;
}
