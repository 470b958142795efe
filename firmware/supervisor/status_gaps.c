// SPDX-License-Identifier: Apache-2.0
// What did not reach the destinations. The keys are described in status.h.
#include <inttypes.h>
#include <string.h>

#include "supervisor/status_values.h"

static json_t *causes(const uint32_t *frames)
{
    static const char *const names[MESSAGE_GAP_CAUSES] = {
        [MESSAGE_GAP_NOT_CONNECTED] = "not_connected", [MESSAGE_GAP_WAITING_IDR] = "waiting_idr",
        [MESSAGE_GAP_BUFFER_FULL] = "buffer_full",     [MESSAGE_GAP_UNACKNOWLEDGED] = "unacknowledged",
        [MESSAGE_GAP_DOUBTFUL] = "doubtful",           [MESSAGE_GAP_EGRESS] = "egress",
    };
    json_t *object = json_object();

    for (int cause = 0; cause < MESSAGE_GAP_CAUSES; cause++)
        if (frames[cause] > 0)
            json_object_set_new(object, names[cause], status_count(frames[cause]));
    return object;
}

static json_t *one_gap(const struct status_snapshot *s, const struct gap *gap)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "number",
                     status_count(gap->number), "destination", json_text(gap->destination), "from",
                     status_time_of_day(s, gap->first_ns), "to", status_time_of_day(s, gap->last_ns),
                     "duration_s", status_seconds(gap->last_ns - gap->first_ns), "frames",
                     status_count(message_gap_frames(gap->sum.frames)), "possible",
                     status_count(gap->sum.possible), "causes", causes(gap->sum.frames), "first_sequence",
                     status_count(gap->first), "open", gap->open, "last_sequence", status_count(gap->last),
                     "first_capture_ns", status_count((uint64_t)gap->first_ns), "last_capture_ns",
                     status_count((uint64_t)gap->last_ns), "utc_offset_ns", json_integer(gap->utc_offset_ns),
                     "pts_offset_ns", json_integer(gap->pts_offset_ns));
}

static const struct gaps_destination *find(const struct status_snapshot *s, uint32_t index)
{
    return s->gaps && index < s->gaps->destination_count ? &s->gaps->destination[index] : NULL;
}

json_t *status_destination_gaps(const struct status_snapshot *s, uint32_t index)
{
    const struct gaps_destination *destination = find(s, index);
    const struct gap *newest = destination ? gaps_newest(destination) : NULL;

    return json_pack("{s:o, s:o, s:o}", "count", status_count(destination ? destination->begun : 0), "frames",
                     status_count(destination ? gaps_frames(destination) : 0), "open",
                     newest && newest->open ? one_gap(s, newest) : json_null());
}

char *status_gaps_json(const struct status_snapshot *s)
{
    json_t *list = json_array();
    const struct gaps_destination *destination;
    const struct gap *gap;

    for (uint32_t i = 0; (destination = find(s, i)) != NULL; i++)
        for (uint32_t k = 0; (gap = gaps_at(destination, k)) != NULL; k++)
            json_array_append_new(list, one_gap(s, gap));
    json_t *document =
        json_pack("{s:o, s:o}", "session", json_sprintf("%016" PRIx64, s->session), "list", list);
    char *text = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(12));

    json_decref(document);
    return text;
}
