// SPDX-License-Identifier: Apache-2.0
#include "probe/report.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define JSON_FORMAT 1

// jansson counts a failed allocation inside as a failed set; the caller looks at the one result at the end.
struct builder {
    bool failed;
};

static void put(struct builder *b, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0)
        b->failed = true;
}

static void append(struct builder *b, json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0)
        b->failed = true;
}

static json_t *json_utc(int64_t utc_ns)
{
    if (utc_ns <= 0)
        return json_null();
    char text[40];
    time_t seconds = (time_t)(utc_ns / 1000000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + n, sizeof text - n, ".%06" PRId64 "Z", utc_ns % 1000000000 / 1000);
    return json_string(text);
}

static json_t *json_figure(enum kpi_id id, double value)
{
    if (kpi_table[id].decimals == 0 && fabs(value) < 9e18)
        return json_integer((json_int_t)llround(value));
    double scale = pow(10, kpi_table[id].decimals);
    return json_real(round(value * scale) / scale);
}

static void put_kpis(struct builder *b, json_t *root, const struct kpi_set *kpis)
{
    for (enum kpi_id id = 0; id < KPI_COUNT; id++) {
        const struct kpi *kpi = &kpi_table[id];
        json_t *group = json_object_get(root, kpi->group);
        if (group == NULL) {
            group = json_object();
            put(b, root, kpi->group, group);
        }
        const struct kpi_value *v = &kpis->values[id];
        put(b, group, kpi->key, v->known ? json_figure(id, v->value) : json_null());
    }
}

static json_t *build_limits(struct builder *b, const struct report *r)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < r->broken_count; i++) {
        const struct limit *l = r->broken[i];
        const struct kpi_value *v = &r->kpis.values[l->kpi];
        char name[80];
        snprintf(name, sizeof name, "%s-%s", l->is_max ? "max" : "min", kpi_table[l->kpi].limit);
        json_t *entry = json_object();
        put(b, entry, "limit", json_string(name));
        put(b, entry, "figure", json_sprintf("%s.%s", kpi_table[l->kpi].group, kpi_table[l->kpi].key));
        put(b, entry, "bound", json_real(l->bound));
        put(b, entry, "value", v->known ? json_figure(l->kpi, v->value) : json_null());
        append(b, list, entry);
    }
    return list;
}

static json_t *build_gaps(struct builder *b, const struct sequence_track *track)
{
    json_t *list = json_array();
    for (uint64_t i = 0; i < track->gaps_total && i < SEQUENCE_GAPS; i++) {
        const struct sequence_gap *gap = &track->gaps[i];
        json_t *entry = json_object();
        put(b, entry, "first", json_integer((json_int_t)gap->first));
        put(b, entry, "count", json_integer((json_int_t)gap->count));
        put(b, entry, "arrival", json_utc(gap->utc_ns));
        put(b, entry, "in_reconnection", json_boolean(gap->reconnect));
        append(b, list, entry);
    }
    return list;
}

static json_t *json_path(uint8_t path)
{
    return path < 26 ? json_sprintf("%c", 'A' + path) : json_sprintf("%u", (unsigned)path);
}

static json_t *build_changes(struct builder *b, const struct analysis_marks *m)
{
    json_t *list = json_array();
    for (uint64_t i = 0; i < m->changes_total && i < ANALYSIS_CHANGES; i++) {
        const struct analysis_change *change = &m->changes[i];
        json_t *entry = json_object();
        put(b, entry, "sequence", json_integer((json_int_t)change->sequence));
        put(b, entry, "path", json_path(change->path));
        put(b, entry, "epoch", json_integer(change->epoch));
        put(b, entry, "arrival", json_utc(change->utc_ns));
        put(b, entry, "gap_ms", change->utc_ns > 0 ? json_real((double)change->gap_ns / 1e6) : json_null());
        append(b, list, entry);
    }
    return list;
}

static json_t *build_pids(struct builder *b, const struct analysis *a)
{
    json_t *list = json_array();
    for (uint16_t i = 0; i < TS_PIDS; i++) {
        const struct ts_pid *pid = ts_get_pid(a->ts, i);
        if (pid->packets == 0)
            continue;
        json_t *entry = json_object();
        put(b, entry, "pid", json_integer(i));
        put(b, entry, "packets", json_integer((json_int_t)pid->packets));
        put(b, entry, "cc_errors", json_integer((json_int_t)pid->cc_errors));
        put(b, entry, "duplicates", json_integer((json_int_t)pid->duplicates));
        append(b, list, entry);
    }
    return list;
}

static json_t *build_sound(struct builder *b, const struct sound_check *s)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < s->tracks; i++) {
        const struct sound_track *t = &s->track[i];
        json_t *entry = json_object();
        put(b, entry, "pid", json_integer(t->pid));
        put(b, entry, "codec", json_string(t->kind == SOUND_AAC ? "aac" : "opus"));
        put(b, entry, "language", t->language[0] != '\0' ? json_string(t->language) : json_null());
        put(b, entry, "rate_hz", t->rate_hz != 0 ? json_integer(t->rate_hz) : json_null());
        put(b, entry, "channels", t->channels != 0 ? json_integer(t->channels) : json_null());
        put(b, entry, "units", json_integer((json_int_t)t->units));
        put(b, entry, "samples", json_integer((json_int_t)t->samples));
        put(b, entry, "bytes", json_integer((json_int_t)t->bytes));
        put(b, entry, "holes", json_integer((json_int_t)t->holes));
        put(b, entry, "overlaps", json_integer((json_int_t)t->overlaps));
        put(b, entry, "syntax_errors", json_integer((json_int_t)t->syntax_errors));
        put(b, entry, "late", json_integer((json_int_t)t->late));
        put(b, entry, "buffer_max_bytes", json_integer((json_int_t)t->bytes_buffered_max));
        put(b, entry, "pts_minus_pcr_min_ms",
            t->distance_known ? json_real((double)t->pts_minus_pcr_min_27m / 27000) : json_null());
        put(b, entry, "pts_minus_pcr_max_ms",
            t->distance_known ? json_real((double)t->pts_minus_pcr_max_27m / 27000) : json_null());
        append(b, list, entry);
    }
    return list;
}

static json_t *build_recent(struct builder *b, const struct report_recent *recent)
{
    if (!recent->known)
        return json_null();
    json_t *entry = json_object();
    put(b, entry, "frame_rate", json_real(recent->frame_rate));
    put(b, entry, "bitrate_bps", json_integer((json_int_t)recent->bitrate_bps));
    put(b, entry, "latency_p50_ms", recent->has_latency ? json_real(recent->latency_p50_ms) : json_null());
    put(b, entry, "latency_max_ms", recent->has_latency ? json_real(recent->latency_max_ms) : json_null());
    return entry;
}

static void put_program(struct builder *b, json_t *root, const struct analysis *a)
{
    const struct psi_pat *pat = ts_get_pat(a->ts);
    const struct psi_pmt *pmt = ts_get_pmt(a->ts);
    json_t *psi = json_object_get(root, "psi");
    put(b, psi, "pat_present", json_boolean(pat != NULL));
    put(b, psi, "pmt_present", json_boolean(pmt != NULL));
    put(b, psi, "pat_version", pat != NULL ? json_integer(pat->version) : json_null());
    put(b, psi, "pmt_version", pmt != NULL ? json_integer(pmt->version) : json_null());
    put(b, psi, "program", pat != NULL ? json_integer(pat->program) : json_null());
    put(b, psi, "pmt_pid", pat != NULL ? json_integer(pat->pmt_pid) : json_null());
    put(b, psi, "pcr_pid", pmt != NULL ? json_integer(pmt->pcr_pid) : json_null());
    bool video = ts_get_video_pid(a->ts) != TS_NULL_PID;
    bool hevc = ts_get_video_type(a->ts) == TS_STREAM_HEVC;
    put(b, psi, "video_codec", video ? json_string(hevc ? "hevc" : "h264") : json_null());
    put(b, psi, "video_pid", video ? json_integer(ts_get_video_pid(a->ts)) : json_null());
}

static void put_srt(struct builder *b, json_t *root, const struct srt_stats *srt)
{
    json_t *object = json_object_get(root, "srt");
    put(b, object, "connected", srt->used ? json_boolean(srt->connected) : json_null());
    put(b, object, "peer", srt->peer[0] != '\0' ? json_string(srt->peer) : json_null());
    put(b, object, "last_error", srt->last_error[0] != '\0' ? json_string(srt->last_error) : json_null());
}

static json_t *build(const struct report *r)
{
    struct builder b = {0};
    json_t *root = json_object();
    put(&b, root, "tool", json_string("castor-probe"));
    put(&b, root, "format", json_integer(JSON_FORMAT));
    put(&b, root, "input", json_string(r->input));
    put(&b, root, "state", json_string(r->state));
    put(&b, root, "ended_because", r->because != NULL ? json_string(r->because) : json_null());
    put(&b, root, "started", json_utc(r->started_utc_ns));
    put(&b, root, "elapsed_s", json_real((double)r->elapsed_ns / 1e9));
    put(&b, root, "passed", json_boolean(r->broken_count == 0));
    put(&b, root, "limits", json_integer(r->limit_count));
    put(&b, root, "broken_limits", build_limits(&b, r));
    put_kpis(&b, root, &r->kpis);
    const struct analysis_marks *m = &r->analysis->marks;
    put(&b, json_object_get(root, "frames"), "path", m->known ? json_path(m->path) : json_null());
    put_program(&b, root, r->analysis);
    put_srt(&b, root, r->srt);
    put(&b, root, "recent", build_recent(&b, &r->recent));
    put(&b, root, "gaps_total", json_integer((json_int_t)m->sequence.gaps_total));
    put(&b, root, "gaps", build_gaps(&b, &m->sequence));
    put(&b, root, "changes", build_changes(&b, m));
    put(&b, root, "sound_tracks", build_sound(&b, &r->analysis->sound));
    put(&b, root, "pids", build_pids(&b, r->analysis));
    if (b.failed) {
        json_decref(root);
        return NULL;
    }
    return root;
}

int report_write_json(const struct report *r, FILE *out)
{
    json_t *root = build(r);
    if (root == NULL)
        return CASTOR_ERR_NO_MEMORY;
    int written = json_dumpf(root, out, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    json_decref(root);
    if (written != 0 || fputc('\n', out) == EOF || fflush(out) != 0)
        return CASTOR_ERR_IO;
    return CASTOR_OK;
}

int report_replace_json(const struct report *r, const char *path)
{
    char temporary[4096];
    int n = snprintf(temporary, sizeof temporary, "%s.%ld.new", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof temporary)
        return CASTOR_ERR_INVALID;
    FILE *out = fopen(temporary, "we");
    if (out == NULL)
        return castor_error_from_errno(errno);
    int result = report_write_json(r, out);
    if (fclose(out) != 0 && result == CASTOR_OK)
        result = CASTOR_ERR_IO;
    if (result == CASTOR_OK && rename(temporary, path) != 0)
        result = castor_error_from_errno(errno);
    if (result != CASTOR_OK)
        unlink(temporary);
    return result;
}
