// SPDX-License-Identifier: Apache-2.0
// What was counted and measured. The keys are described in status.h.
#include "supervisor/status_values.h"

json_t *status_frames(const struct status_snapshot *s)
{
    const struct metrics *m = s->metrics;

    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "captured", status_count(m->count[METRICS_CAPTURED]),
                     "slate", status_count(s->feed ? s->feed->frames : 0), "encoded",
                     status_count(m->count[METRICS_ENCODED]), "emitted",
                     status_count(m->count[METRICS_EMITTED]), "sent", status_count(m->count[METRICS_SENT]));
}

json_t *status_losses(const struct status_snapshot *s)
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
                            status_count(s->metrics->lost[cause]));
    }
    json_object_set_new(totals, metrics_loss_name(METRICS_LOSSES), status_count(all));
    for (int window = 0; window < METRICS_WINDOWS; window++) {
        json_t *causes = json_object();
        for (int cause = 0; cause <= METRICS_LOSSES; cause++)
            json_object_set_new(
                causes, metrics_loss_name((enum metrics_loss)cause),
                status_real(metrics_lost_per_mille(s->metrics, s->now_ns, (enum metrics_window)window,
                                                   (enum metrics_loss)cause),
                            0.001));
        json_object_set_new(per_mille, windows[window], causes);
    }
    return json_pack("{s:o, s:o}", "frames", totals, "per_mille", per_mille);
}

static json_t *percentiles(const struct metrics *m, enum metrics_stage stage, bool since_start)
{
    return json_pack("{s:o, s:o, s:o}", "p50_ms",
                     status_milliseconds(metrics_percentile(m, stage, since_start, 50)), "p99_ms",
                     status_milliseconds(metrics_percentile(m, stage, since_start, 99)), "max_ms",
                     status_milliseconds(metrics_max(m, stage, since_start)));
}

json_t *status_latency(const struct status_snapshot *s)
{
    json_t *object = json_object();

    for (int i = 0; i < METRICS_STAGES; i++) {
        enum metrics_stage stage = (enum metrics_stage)i;
        json_object_set_new(object, metrics_stage_name(stage),
                            json_pack("{s:o, s:o}", "minute", percentiles(s->metrics, stage, false),
                                      "since_start", percentiles(s->metrics, stage, true)));
    }
    return object;
}

static json_t *one_switch(const struct status_snapshot *s, const struct metrics_switch *change)
{
    return json_pack("{s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "time", status_time_of_day(s, change->at_ns),
                     "from", status_letter(change->from), "to", status_letter(change->to), "cause",
                     switch_cause_name((enum switch_cause)change->cause), "frame",
                     status_count(change->sequence), "epoch", status_count(change->epoch), "replayed",
                     status_count(change->replayed), "duration_ms",
                     change->duration_ns >= 0 ? status_milliseconds(change->duration_ns) : json_null());
}

json_t *status_switches(const struct status_snapshot *s)
{
    uint64_t total = s->metrics->switch_count;
    json_t *list = json_array();

    for (uint64_t i = 1; i <= total && i <= METRICS_SWITCH_LOG; i++)
        json_array_append_new(list, one_switch(s, &s->metrics->switches[(total - i) % METRICS_SWITCH_LOG]));
    return json_pack("{s:o, s:o}", "count", status_count(total), "last", list);
}
