// SPDX-License-Identifier: Apache-2.0
#include "probe/report.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define GAPS_SHOWN 10

static void write_value(enum kpi_id id, const struct kpi_value *v, FILE *out)
{
    char number[40];
    snprintf(number, sizeof number, "%.*f", kpi_table[id].decimals, v->value);
    fprintf(out, "  %-30s %14s %s", kpi_table[id].label, number, kpi_table[id].unit);
}

static const struct limit *broken_limit(const struct report *r, enum kpi_id id)
{
    for (unsigned i = 0; i < r->broken_count; i++) {
        if (r->broken[i]->kpi == id)
            return r->broken[i];
    }
    return NULL;
}

static void write_figures(const struct report *r, FILE *out)
{
    const char *group = "";
    for (enum kpi_id id = 0; id < KPI_COUNT; id++) {
        const struct kpi_value *v = &r->kpis.values[id];
        if (!v->known)
            continue;
        if (strcmp(group, kpi_table[id].group) != 0) {
            group = kpi_table[id].group;
            fprintf(out, "\n%s\n", kpi_group_title(group));
        }
        write_value(id, v, out);
        const struct limit *l = broken_limit(r, id);
        if (l != NULL)
            fprintf(out, "   <-- limit: at %s %.*f", l->is_max ? "most" : "least", kpi_table[id].decimals,
                    l->bound);
        else if (kpi_table[id].fault && v->value > 0)
            fputs("   <-- fault", out);
        fputc('\n', out);
    }
}

static void write_time(int64_t utc_ns, FILE *out)
{
    if (utc_ns <= 0)
        return;
    time_t seconds = (time_t)(utc_ns / 1000000000);
    struct tm tm;
    char text[20];
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%H:%M:%S", &tm);
    fprintf(out, ", %s.%03d UTC", text, (int)(utc_ns % 1000000000 / 1000000));
}

static void write_path(uint8_t path, FILE *out)
{
    if (path < 26)
        fprintf(out, "path %c", 'A' + path);
    else
        fprintf(out, "path %u", (unsigned)path);
}

static void write_lists(const struct report *r, FILE *out)
{
    const struct sequence_track *s = &r->analysis->marks.sequence;
    if (s->gaps_total > 0)
        fprintf(out, "\nLost frames, %" PRIu64 " gaps\n", s->gaps_total);
    for (uint64_t i = 0; i < s->gaps_total && i < GAPS_SHOWN; i++) {
        fprintf(out, "  %" PRIu64 " from number %" PRIu64 "%s", s->gaps[i].count, s->gaps[i].first,
                s->gaps[i].reconnect ? ", in a reconnection" : "");
        write_time(s->gaps[i].utc_ns, out);
        fputc('\n', out);
    }
    const struct analysis_marks *m = &r->analysis->marks;
    if (m->changes_total > 0)
        fprintf(out, "\nChanges of path or epoch, %" PRIu64 "\n", m->changes_total);
    for (uint64_t i = 0; i < m->changes_total && i < GAPS_SHOWN; i++) {
        const struct analysis_change *c = &m->changes[i];
        fputs("  ", out);
        write_path(c->path, out);
        fprintf(out, ", epoch %" PRIu32 ", from frame %" PRIu64, c->epoch, c->sequence);
        if (c->utc_ns > 0)
            fprintf(out, ", %.1f ms after the frame before", (double)c->gap_ns / 1e6);
        write_time(c->utc_ns, out);
        fputc('\n', out);
    }
}

static void write_verdict(const struct report *r, FILE *out)
{
    if (r->limit_count == 0)
        return;
    fputc('\n', out);
    if (r->broken_count == 0)
        fprintf(out, "PASSED: all %u limits held.\n", r->limit_count);
    else
        fprintf(out, "FAILED: %u of %u limits broken.\n", r->broken_count, r->limit_count);
    for (unsigned i = 0; i < r->broken_count; i++) {
        const struct limit *l = r->broken[i];
        const struct kpi *kpi = &kpi_table[l->kpi];
        const struct kpi_value *v = &r->kpis.values[l->kpi];
        fprintf(out, "  --%s-%s %.*f: ", l->is_max ? "max" : "min", kpi->limit, kpi->decimals, l->bound);
        if (v->known)
            fprintf(out, "it was %.*f\n", kpi->decimals, v->value);
        else
            fputs("it was not measured\n", out);
    }
}

void report_write_text(const struct report *r, FILE *out)
{
    fprintf(out, "castor-probe: %s\n%s after %.1f s", r->input, r->state, (double)r->elapsed_ns / 1e9);
    if (r->because != NULL)
        fprintf(out, " (%s)", r->because);
    fputc('\n', out);
    write_figures(r, out);
    write_lists(r, out);
    write_verdict(r, out);
    fflush(out);
}

static double count_of(const struct report *r, enum kpi_id id)
{
    return r->kpis.values[id].known ? r->kpis.values[id].value : 0;
}

void report_write_line(const struct report *r, FILE *out)
{
    fprintf(out, "%6.0f s  %6.2f fps  %7.3f Mbit/s", (double)r->elapsed_ns / 1e9, r->recent.frame_rate,
            r->recent.bitrate_bps / 1e6);
    if (r->recent.has_latency)
        fprintf(out, "  latency %.1f ms, most %.1f", r->recent.latency_p50_ms, r->recent.latency_max_ms);
    fprintf(out, "  lost %.0f  repeated %.0f  cc %.0f  seams %.0f", count_of(r, KPI_LOST),
            count_of(r, KPI_REPEATED), count_of(r, KPI_CC_ERRORS), count_of(r, KPI_PTS_SEAMS));
    if (r->analysis->marks.known) {
        fputs("  ", out);
        write_path(r->analysis->marks.path, out);
        fprintf(out, " epoch %" PRIu32, r->analysis->marks.epoch);
    }
    if (r->srt->used)
        fprintf(out, "  srt %s, rtt %.1f ms, lost %" PRIu64 ", dropped %" PRIu64,
                r->srt->connected ? "up" : "waiting", r->srt->rtt_ms, r->srt->lost, r->srt->dropped);
    fputc('\n', out);
    fflush(out);
}
