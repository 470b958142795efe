// SPDX-License-Identifier: Apache-2.0
// The slate. The keys are described in status.h.
#include "supervisor/status_values.h"

static json_t *last_loss(const struct status_snapshot *s)
{
    const struct slate *slate = s->slate;
    bool over = slate->back_ns != 0;

    if (slate->lost_ns == 0)
        return json_null();
    return json_pack("{s:o, s:s, s:o, s:o}", "time", status_time_of_day(s, slate->lost_ns), "cause",
                     feed_cause_name(over ? slate->cause : s->feed->cause), "duration_ms",
                     over ? status_milliseconds(slate->back_ns - slate->lost_ns) : json_null(), "frames",
                     over ? status_count(slate->frames) : json_null());
}

json_t *status_slate(const struct status_snapshot *s)
{
    static const char *const pictures[] = {
        [CONFIG_SLATE_OFF] = "off",   [CONFIG_SLATE_LAST] = "last",   [CONFIG_SLATE_STILL] = "still",
        [CONFIG_SLATE_BARS] = "bars", [CONFIG_SLATE_BLACK] = "black",
    };
    const struct feed_state *feed = s->feed;

    if (!feed)
        return json_null();
    return json_pack("{s:s, s:o, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "picture",
                     STATUS_NAME(pictures, s->config->slate.picture), "budget_ms",
                     status_milliseconds(feed->budget_ns), "up", feed->lost, "shown", feed->shown, "since",
                     feed->lost ? status_time_of_day(s, feed->live_ns) : json_null(), "frames",
                     status_count(feed->frames), "times", status_count(feed->times), "repeated",
                     status_count(feed->repeated), "refused", status_count(feed->refused), "undrawn",
                     status_count(feed->undrawn), "last", last_loss(s), "note",
                     status_text_or_null(s->slate->note), "worker", status_worker(s, &s->slate->worker));
}
