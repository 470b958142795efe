// SPDX-License-Identifier: Apache-2.0
#include "probe/analysis.h"

#include <stdlib.h>
#include <string.h>

static void take_pcr(void *context, const struct ts_pcr *pcr)
{
    struct analysis *a = context;
    uint64_t bytes = ts_get_counters(a->ts)->packets * TS_PACKET_BYTES;
    if (a->pcr.count == 0)
        a->clock_bytes_start = bytes;
    pcr_check_feed(&a->pcr, pcr->value_27m, pcr->discontinuity, &pcr->arrival);
    if (pcr->discontinuity)
        sound_restart(&a->sound);
    sound_take_pcr(&a->sound, pcr->value_27m);
    a->clock_bytes_end = bytes;
}

// Tables have no time of their own; that of the last PCR is near enough to judge a limit of 100 ms or 500 ms.
static void take_table(void *context, unsigned table_id)
{
    struct analysis *a = context;
    unsigned i = table_id == PSI_TABLE_PAT ? 0 : 1;
    if (table_id == PSI_TABLE_PMT)
        sound_take_pmt(&a->sound, ts_get_pmt(a->ts));
    if (a->pcr.count == 0)
        return;
    int64_t interval = a->pcr.clock_27m - a->table_last_27m[i];
    if (a->table_last_27m[i] >= 0 && interval > a->table_interval_max_27m[i])
        a->table_interval_max_27m[i] = interval;
    a->table_last_27m[i] = a->pcr.clock_27m;
}

static void take_other(void *context, uint16_t pid, const uint8_t *payload, size_t bytes, bool unit_start,
                       bool broken)
{
    struct analysis *a = context;
    sound_feed(&a->sound, pid, payload, bytes, unit_start, broken);
}

static void check_idr(struct analysis *a, const struct h264_au *au, const struct ts_pes *pes)
{
    struct analysis_video *v = &a->video;
    v->random_access_mismatches += au->idr != pes->random_access;
    if (!au->idr)
        return;
    v->idr_unprepared += !au->parameters_set;
    if (v->idr_frames > 0) {
        uint64_t frames = v->frames - v->last_idr_frame;
        int64_t time = a->pcr.clock_27m - v->last_idr_27m;
        if (frames > v->idr_interval_max_frames)
            v->idr_interval_max_frames = frames;
        if (time > v->idr_interval_max_27m)
            v->idr_interval_max_27m = time;
    }
    v->idr_frames++;
    v->last_idr_frame = v->frames;
    v->last_idr_27m = a->pcr.clock_27m;
}

static void check_video(struct analysis *a, const struct h264_au *au, const struct ts_pes *pes)
{
    struct analysis_video *v = &a->video;
    if (v->frames == 0)
        v->first_is_idr = au->idr;
    v->frames++;
    v->bytes += pes->bytes;
    if (pes->bytes > v->bytes_max)
        v->bytes_max = pes->bytes;
    if (pes->damaged) {
        // What is missing inside is counted once, by its cause, and not again as an error of the encoder.
        v->damaged++;
        return;
    }
    v->syntax_errors += au->malformed;
    v->missing_aud += !au->aud_first;
    check_idr(a, au, pes);
    if (au->has_sps) {
        v->size_changes +=
            v->has_sps && (v->sps.width_px != au->sps.width_px || v->sps.height_px != au->sps.height_px);
        v->has_sps = true;
        v->sps = au->sps;
    }
}

static void check_change(struct analysis *a, const struct sei_marks *marks,
                         const struct probe_arrival *arrival)
{
    struct analysis_marks *m = &a->marks;
    if (m->known && (m->path != marks->path || m->epoch != marks->epoch)) {
        bool timed = arrival->known && a->last_frame.known;
        if (m->changes_total < ANALYSIS_CHANGES) {
            m->changes[m->changes_total] = (struct analysis_change){
                .sequence = marks->sequence,
                .epoch = marks->epoch,
                .path = marks->path,
                .utc_ns = arrival->known ? arrival->utc_ns : 0,
                .gap_ns = timed ? arrival->mono_ns - a->last_frame.mono_ns : 0,
            };
        }
        m->changes_total++;
    }
    m->known = true;
    m->path = marks->path;
    m->epoch = marks->epoch;
}

static void check_marks(struct analysis *a, const struct sei_marks *marks,
                        const struct probe_arrival *arrival)
{
    struct analysis_marks *m = &a->marks;
    if (marks->has_identity) {
        struct sequence_input input = {
            .number = marks->sequence,
            .capture_us = marks->has_time ? marks->capture_us : 0,
            .utc_ns = arrival->known ? arrival->utc_ns : 0,
        };
        (void)sequence_feed(&m->sequence, input);
        check_change(a, marks, arrival);
    } else {
        m->without_identity++;
    }
    if (!marks->has_time) {
        m->without_time++;
    } else if (arrival->known) {
        int64_t latency_us = arrival->utc_ns / 1000 - marks->capture_us;
        histogram_add(&m->latency_us, latency_us);
        histogram_add(&a->recent.latency_us, latency_us);
        m->late += a->settings.late_ns > 0 && latency_us * 1000 > a->settings.late_ns;
    }
}

static void take_pes(void *context, const struct ts_pes *pes)
{
    struct analysis *a = context;
    struct h264_au au;
    const bool hevc = ts_get_video_type(a->ts) == TS_STREAM_HEVC;
    if (hevc)
        hevc_inspect(pes->data, pes->bytes, &au);
    else
        h264_inspect(pes->data, pes->bytes, &au);
    if (pes->header.has_pts) {
        pts_check_feed(&a->pts, pes->header.dts_90k);
        if (a->pcr.known)
            pts_check_distance(&a->pts, pes->header.pts_90k, a->pcr.last_27m);
    } else {
        a->pts.missing++;
    }
    check_video(a, &au, pes);
    check_marks(a, &au.marks, &pes->last);
    if (pes->last.known && a->last_frame.known)
        histogram_add(&a->gap_us, (pes->last.mono_ns - a->last_frame.mono_ns) / 1000);
    a->last_frame = pes->last;
    a->recent.frames++;
    if (a->settings.on_picture != NULL) {
        struct analysis_picture picture = {pes->data, pes->bytes, au.marks.has_identity, au.marks.sequence,
                                           hevc};
        a->settings.on_picture(a->settings.context, &picture);
    }
}

int analysis_create(const struct analysis_settings *settings, struct analysis **analysis)
{
    struct analysis *a = calloc(1, sizeof *a);
    if (a == NULL)
        return CASTOR_ERR_NO_MEMORY;
    struct ts_handler handler = {a, take_pcr, take_pes, take_table, take_other};
    int result = ts_create(&handler, &a->ts);
    if (result != CASTOR_OK) {
        free(a);
        return result;
    }
    a->settings = *settings;
    a->pcr.limit_ns = settings->pcr_limit_ns;
    pts_check_init(&a->pts, settings->rate, settings->seam_tolerance_us);
    a->table_last_27m[0] = -1;
    a->table_last_27m[1] = -1;
    *analysis = a;
    return CASTOR_OK;
}

void analysis_destroy(struct analysis *a)
{
    if (a == NULL)
        return;
    ts_destroy(a->ts);
    free(a);
}

void analysis_feed(struct analysis *a, const uint8_t *data, size_t bytes, const struct probe_arrival *arrival)
{
    if (!a->first_byte.known)
        a->first_byte = *arrival;
    a->last_byte = *arrival;
    a->recent.bytes += bytes;
    ts_feed(a->ts, data, bytes, arrival);
}

void analysis_reconnected(struct analysis *a)
{
    ts_reconnected(a->ts);
    sound_restart(&a->sound);
    pcr_check_restart(&a->pcr);
    pts_check_restart(&a->pts);
    sequence_reconnected(&a->marks.sequence);
    a->table_last_27m[0] = -1;
    a->table_last_27m[1] = -1;
}

void analysis_finish(struct analysis *a)
{
    ts_finish(a->ts);
    pts_check_finish(&a->pts);
}
