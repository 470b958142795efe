// SPDX-License-Identifier: Apache-2.0
#include "probe/collect.h"

#include <string.h>

static void set(struct kpi_set *k, enum kpi_id id, double value)
{
    k->values[id] = (struct kpi_value){true, value};
}

static void set_count(struct kpi_set *k, enum kpi_id id, uint64_t value)
{
    set(k, id, (double)value);
}

static void set_quantile(struct kpi_set *k, enum kpi_id id, const struct histogram *h, unsigned per_mille)
{
    if (h->count > 0)
        set(k, id, (double)histogram_quantile(h, per_mille) / 1000.0);
}

static void set_max(struct kpi_set *k, enum kpi_id id, const struct histogram *h)
{
    if (h->count > 0)
        set(k, id, (double)h->max / 1000.0);
}

static void collect_frames(const struct analysis *a, struct kpi_set *k)
{
    const struct analysis_marks *m = &a->marks;
    const struct sequence_track *s = &m->sequence;
    set_count(k, KPI_FRAMES, a->video.frames);
    set_count(k, KPI_WITHOUT_IDENTITY, m->without_identity);
    set_count(k, KPI_WITHOUT_TIME, m->without_time);
    if (a->settings.late_ns > 0 && m->latency_us.count > 0)
        set_count(k, KPI_LATE, m->late);
    if (!s->known)
        return;
    set_count(k, KPI_LOST, s->lost);
    set(k, KPI_LOST_PER_THOUSAND, 1000.0 * (double)s->lost / (double)(s->lost + s->received));
    set_count(k, KPI_LOST_RECONNECT, s->lost_reconnect);
    set_count(k, KPI_REPEATED, s->repeated);
    set_count(k, KPI_OUT_OF_ORDER, s->out_of_order);
    set_count(k, KPI_RESTARTS, s->restarts);
    set_count(k, KPI_CHANGES, m->changes_total);
    set_count(k, KPI_EPOCH, m->epoch);
    set_count(k, KPI_FIRST_SEQUENCE, s->first);
    set_count(k, KPI_LAST_SEQUENCE, s->highest);
}

static void collect_arrival(const struct analysis *a, struct kpi_set *k)
{
    const struct histogram *latency = &a->marks.latency_us;
    if (latency->count > 0)
        set(k, KPI_LATENCY_MIN, (double)latency->min / 1000.0);
    set_quantile(k, KPI_LATENCY_P50, latency, 500);
    set_quantile(k, KPI_LATENCY_P95, latency, 950);
    set_quantile(k, KPI_LATENCY_P99, latency, 990);
    set_max(k, KPI_LATENCY_MAX, latency);
    set_quantile(k, KPI_GAP_P99, &a->gap_us, 990);
    set_max(k, KPI_GAP_MAX, &a->gap_us);
}

static void collect_video(const struct analysis *a, struct kpi_set *k)
{
    const struct analysis_video *v = &a->video;
    if (v->frames == 0)
        return;
    if (v->has_sps) {
        set_count(k, KPI_WIDTH, v->sps.width_px);
        set_count(k, KPI_HEIGHT, v->sps.height_px);
        set_count(k, KPI_BIT_DEPTH, v->sps.bit_depth);
        set_count(k, KPI_PROFILE, v->sps.profile_idc);
        set_count(k, KPI_LEVEL, v->sps.level_idc);
    }
    set_count(k, KPI_SIZE_CHANGES, v->size_changes);
    set_count(k, KPI_IDR_FRAMES, v->idr_frames);
    if (v->idr_frames > 1) {
        set_count(k, KPI_IDR_INTERVAL_FRAMES, v->idr_interval_max_frames);
        set(k, KPI_IDR_INTERVAL, (double)v->idr_interval_max_27m / 27000.0);
    }
    set_count(k, KPI_FIRST_NOT_IDR, !v->first_is_idr);
    set_count(k, KPI_MISSING_AUD, v->missing_aud);
    set_count(k, KPI_MISSING_PARAMETER_SETS, v->idr_unprepared);
    set_count(k, KPI_RANDOM_ACCESS, v->random_access_mismatches);
    set_count(k, KPI_H264_ERRORS, v->syntax_errors);
    set_count(k, KPI_AU_MAX, v->bytes_max);
    set_count(k, KPI_AU_MEAN, v->bytes / v->frames);
}

static void collect_pts(const struct analysis *a, struct kpi_set *k)
{
    const struct pts_check *p = &a->pts;
    set_count(k, KPI_PTS_MISSING, p->missing);
    if (p->interval_90k_fixed > 0) {
        set(k, KPI_FRAME_RATE, 90000.0 * 1000.0 / (double)p->interval_90k_fixed);
        set_count(k, KPI_PTS_SEAMS, p->seams);
        set(k, KPI_PTS_SEAM_MAX, (double)p->seam_max_90k / 90.0);
        set_count(k, KPI_PTS_BACKWARDS, p->backwards);
        set_count(k, KPI_PTS_JUMPS, p->jumps);
    }
    if (p->distance_known) {
        set(k, KPI_PTS_PCR_MIN, (double)p->distance_min_27m / 27000.0);
        set(k, KPI_PTS_PCR_MAX, (double)p->distance_max_27m / 27000.0);
    }
}

static void collect_pcr(const struct analysis *a, struct kpi_set *k)
{
    const struct pcr_check *c = &a->pcr;
    set_count(k, KPI_PCR_COUNT, c->count);
    if (c->count < 2)
        return;
    set(k, KPI_PCR_INTERVAL, (double)c->interval_max_ns / 1e6);
    set_count(k, KPI_PCR_GAPS, c->gaps);
    set_count(k, KPI_PCR_BACKWARDS, c->backwards);
    set_count(k, KPI_PCR_DISCONTINUITIES, c->discontinuities);
    set_quantile(k, KPI_PCR_JITTER_P99, &c->jitter_us, 990);
    set_max(k, KPI_PCR_JITTER_MAX, &c->jitter_us);
    if (c->jitter_us.count > 0)
        set(k, KPI_PCR_SPREAD, (double)c->spread_max_us / 1000.0);
    if (c->clock_27m > 0) {
        double seconds = (double)c->clock_27m / 27e6;
        set(k, KPI_TS_BITRATE, 8.0 * (double)(a->clock_bytes_end - a->clock_bytes_start) / seconds);
    }
    set(k, KPI_PAT_INTERVAL, (double)a->table_interval_max_27m[0] / 27000.0);
    set(k, KPI_PMT_INTERVAL, (double)a->table_interval_max_27m[1] / 27000.0);
}

static void collect_ts(const struct analysis *a, struct kpi_set *k)
{
    const struct ts_counters *c = ts_get_counters(a->ts);
    set_count(k, KPI_TS_BYTES, c->bytes);
    set_count(k, KPI_TS_PACKETS, c->packets);
    if (c->packets > 0)
        set(k, KPI_TS_NULL_SHARE, 100.0 * (double)c->null_packets / (double)c->packets);
    set_count(k, KPI_SYNC_LOSSES, c->sync_losses);
    set_count(k, KPI_SKIPPED_BYTES, c->skipped_bytes);
    set_count(k, KPI_TRANSPORT_ERRORS, c->transport_errors);
    set_count(k, KPI_HEADER_ERRORS, c->header_errors);
    set_count(k, KPI_CC_ERRORS, c->cc_errors);
    set_count(k, KPI_DUPLICATES, c->duplicates);
    set_count(k, KPI_SCRAMBLED, c->scrambled);
    set_count(k, KPI_TABLES_MISSING, (uint64_t)(c->pats == 0) + (c->pmts == 0));
    set_count(k, KPI_PSI_CRC, c->psi_crc_errors);
    set_count(k, KPI_PSI_SYNTAX, c->psi_syntax_errors);
    set_count(k, KPI_PSI_VERSIONS, c->psi_version_changes);
    set_count(k, KPI_PES_ERRORS, c->pes_errors);
    set_count(k, KPI_PES_PARTIAL, c->pes_partial);
    set_count(k, KPI_DAMAGED, a->video.damaged);
}

static void collect_sound(const struct sound_check *s, struct kpi_set *k)
{
    struct sound_track sum = {0};
    set_count(k, KPI_SOUND_TRACKS, s->tracks);
    if (s->tracks == 0)
        return;
    for (unsigned i = 0; i < s->tracks; i++) {
        const struct sound_track *t = &s->track[i];
        sum.units += t->units;
        sum.holes += t->holes;
        sum.overlaps += t->overlaps;
        if (t->gap_max_90k > sum.gap_max_90k)
            sum.gap_max_90k = t->gap_max_90k;
        sum.without_pts += t->without_pts;
        sum.syntax_errors += t->syntax_errors;
        sum.format_changes += t->format_changes;
        sum.damaged += t->damaged;
        sum.late += t->late;
        sum.overflows += t->overflows;
    }
    set_count(k, KPI_SOUND_UNITS, sum.units);
    set_count(k, KPI_SOUND_HOLES, sum.holes);
    set_count(k, KPI_SOUND_OVERLAPS, sum.overlaps);
    set(k, KPI_SOUND_GAP_MAX, (double)sum.gap_max_90k / 90);
    set_count(k, KPI_SOUND_WITHOUT_PTS, sum.without_pts);
    set_count(k, KPI_SOUND_ERRORS, sum.syntax_errors);
    set_count(k, KPI_SOUND_FORMATS, sum.format_changes);
    set_count(k, KPI_SOUND_DAMAGED, sum.damaged);
    set_count(k, KPI_SOUND_LATE, sum.late);
    set_count(k, KPI_SOUND_OVERFLOWS, sum.overflows);
}

static void collect_decode(const struct decode_counters *d, struct kpi_set *k)
{
    set_count(k, KPI_PICTURES, d->pictures);
    set_count(k, KPI_DECODE_ERRORS, d->errors);
    set_count(k, KPI_PICTURES_NUMBERED, d->numbered);
    if (d->numbered == 0)
        return;
    set_count(k, KPI_PICTURES_UNREADABLE, d->unreadable);
    set_count(k, KPI_PICTURE_LOST, d->track.lost);
    set_count(k, KPI_PICTURE_REPEATED, d->track.repeated);
    set_count(k, KPI_PICTURE_OUT_OF_ORDER, d->track.out_of_order);
    set_count(k, KPI_PICTURE_MISMATCHES, d->mismatches);
}

static void collect_srt(const struct srt_stats *s, struct kpi_set *k)
{
    set_count(k, KPI_SRT_CONNECTIONS, s->connections);
    set_count(k, KPI_SRT_DISCONNECTIONS, s->disconnections);
    set(k, KPI_SRT_RTT, s->rtt_ms);
    set(k, KPI_SRT_BITRATE, s->receive_mbps);
    set_count(k, KPI_SRT_PACKETS, s->packets);
    set_count(k, KPI_SRT_LOST, s->lost);
    set_count(k, KPI_SRT_RETRANSMITTED, s->retransmitted);
    set_count(k, KPI_SRT_BELATED, s->belated);
    set_count(k, KPI_SRT_DROPPED, s->dropped);
    set_count(k, KPI_SRT_UNDECRYPTED, s->undecrypted);
    set_count(k, KPI_SRT_OVERRUNS, s->overruns);
}

void collect_kpis(const struct analysis *a, const struct decode_counters *decode, const struct srt_stats *srt,
                  struct kpi_set *kpis)
{
    memset(kpis, 0, sizeof *kpis);
    collect_frames(a, kpis);
    collect_arrival(a, kpis);
    collect_video(a, kpis);
    collect_pts(a, kpis);
    collect_pcr(a, kpis);
    collect_ts(a, kpis);
    collect_sound(&a->sound, kpis);
    if (decode != NULL)
        collect_decode(decode, kpis);
    if (srt->used)
        collect_srt(srt, kpis);
}
