// SPDX-License-Identifier: Apache-2.0
#include "castorctl/gaps_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "castorctl/pick.h"
#include "hal/time.h"

// ---- the list ----

static bool gap_from(json_t *object, uint64_t session, struct journal_gap *out)
{
    char line[ARCHIVE_LINE_BYTES_MAX];
    json_t *causes = json_object_get(object, "causes");
    size_t length;

    memset(out, 0, sizeof *out);
    out->session = session;
    out->number = (uint64_t)pick_integer(object, "number");
    snprintf(out->destination, sizeof out->destination, "%s", pick_text(object, "destination"));
    out->first_sequence = (uint64_t)pick_integer(object, "first_sequence");
    out->last_sequence = (uint64_t)pick_integer(object, "last_sequence");
    out->first_capture_ns = pick_integer(object, "first_capture_ns");
    out->last_capture_ns = pick_integer(object, "last_capture_ns");
    out->utc_offset_ns = pick_integer(object, "utc_offset_ns");
    out->pts_offset_ns = pick_integer(object, "pts_offset_ns");
    for (int cause = 0; cause < JOURNAL_CAUSES; cause++)
        out->frames[cause] = (uint64_t)json_integer_value(json_object_get(causes, journal_causes[cause]));
    out->possible = (uint64_t)pick_integer(object, "possible");
    out->open = pick_bool(object, "open");
    return journal_line_write(out, line, &length) == CASTOR_OK; // what could stand in a journal makes sense
}

static int by_time(const void *a, const void *b)
{
    const struct journal_gap *l = a, *r = b;
    int64_t left = l->first_capture_ns + l->utc_offset_ns, right = r->first_capture_ns + r->utc_offset_ns;

    if (left != right)
        return left < right ? -1 : 1;
    return l->number < r->number ? -1 : l->number > r->number;
}

void gaps_list_sort(struct gaps_list *list)
{
    if (list->gaps.count > 0)
        qsort(list->gaps.gaps, list->gaps.count, sizeof list->gaps.gaps[0], by_time);
}

int gaps_list_add(struct gaps_list *list, json_t *answer)
{
    struct journal_gap gap;
    json_t *object;
    size_t i;
    int error = CASTOR_OK;

    list->session = strtoull(pick_text(answer, "session"), NULL, 16);
    if (!json_is_array(pick(answer, "list")) || list->session == 0)
        return CASTOR_ERR_INVALID;
    json_array_foreach(pick(answer, "list"), i, object) {
        if (!gap_from(object, list->session, &gap))
            return CASTOR_ERR_INVALID;
        if (error == CASTOR_OK)
            error = journal_apply(&list->gaps, &gap);
    }
    gaps_list_sort(list);
    return error;
}

void gaps_name(const struct gaps_list *list, const struct journal_gap *gap, char out[GAPS_NAME_BYTES])
{
    if (gap->session == list->session)
        snprintf(out, GAPS_NAME_BYTES, "%" PRIu64, gap->number);
    else
        snprintf(out, GAPS_NAME_BYTES, "%08" PRIx64 "-%" PRIu64, gap->session >> 32, gap->number);
}

const struct journal_gap *gaps_find(const struct gaps_list *list, const char *name)
{
    char known[GAPS_NAME_BYTES];

    for (size_t i = 0; i < list->gaps.count; i++) {
        gaps_name(list, &list->gaps.gaps[i], known);
        if (strcmp(known, name) == 0)
            return &list->gaps.gaps[i];
    }
    return NULL;
}

// ---- what was recorded ----

uint64_t gaps_frames(const struct journal_gap *gap)
{
    uint64_t frames = 0;

    for (int cause = 0; cause < JOURNAL_CAUSES; cause++)
        frames += gap->frames[cause];
    return frames;
}

static uint64_t overlap(const struct catalogue_entry *entry, const struct journal_gap *gap)
{
    const struct archive_segment *segment = &entry->segment;
    uint64_t last = entry->open ? UINT64_MAX : segment->last_sequence;
    uint64_t from =
        segment->first_sequence > gap->first_sequence ? segment->first_sequence : gap->first_sequence;
    uint64_t to = last < gap->last_sequence ? last : gap->last_sequence;

    return segment->session == gap->session && from <= to ? to - from + 1 : 0;
}

enum gaps_recorded gaps_recorded(const struct catalogue *catalogue, const struct journal_gap *gap)
{
    uint64_t covered = 0, missing = 0;

    for (size_t i = 0; i < catalogue->count; i++) {
        uint64_t numbers = overlap(&catalogue->entries[i], gap);
        covered += numbers;
        missing += numbers > 0 && !catalogue->entries[i].open ? catalogue->entries[i].segment.missing : 0;
    }
    // Numbers that are missing in a segment may lie beside the gap, or may never have been captured.
    covered = covered > missing ? covered - missing : 0;
    return covered >= gaps_frames(gap) ? GAPS_RECORDED_WHOLLY
           : covered > 0               ? GAPS_RECORDED_PARTLY
                                       : GAPS_RECORDED_NO;
}

const char *gaps_recorded_name(enum gaps_recorded recorded)
{
    static const char *const names[GAPS_RECORDED_COUNT] = {"unknown", "no", "partly", "yes"};

    return names[recorded];
}

// ---- times ----

void gaps_time(int64_t utc_ns, char out[GAPS_TIME_BYTES])
{
    time_t utc_s = (time_t)(utc_ns / CASTOR_NS_PER_S);
    char text[24];
    struct tm tm;

    if (utc_ns < 0 || !gmtime_r(&utc_s, &tm) || strftime(text, sizeof text, "%FT%T", &tm) == 0)
        snprintf(out, GAPS_TIME_BYTES, "?");
    else
        snprintf(out, GAPS_TIME_BYTES, "%s.%03dZ", text, (int)(utc_ns % CASTOR_NS_PER_S / CASTOR_NS_PER_MS));
}

int gaps_since(const char *text, int64_t now_utc_ns, int64_t *utc_ns)
{
    static const char units[] = "smhd";
    static const int64_t seconds[] = {1, 60, 3600, 86400};
    struct tm tm = {0};
    char *end;
    long count = strtol(text, &end, 10);
    const char *unit = *end ? strchr(units, *end) : NULL;

    if (unit && end != text && end[1] == '\0' && count >= 0 && count < 100000) {
        *utc_ns = now_utc_ns - count * seconds[unit - units] * CASTOR_NS_PER_S;
        return CASTOR_OK;
    }
    end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (end && *end == '.')
        end += 1 + strspn(end + 1, "0123456789");
    if (!end || (strcmp(end, "Z") != 0 && *end != '\0'))
        return CASTOR_ERR_INVALID;
    *utc_ns = (int64_t)timegm(&tm) * CASTOR_NS_PER_S;
    return CASTOR_OK;
}

// ---- for machines ----

json_t *gaps_json(const struct gaps_list *list, const struct journal_gap *gap, enum gaps_recorded recorded)
{
    char name[GAPS_NAME_BYTES], from[GAPS_TIME_BYTES], to[GAPS_TIME_BYTES];
    json_t *causes = json_object();

    gaps_name(list, gap, name);
    gaps_time(gap->first_capture_ns + gap->utc_offset_ns, from);
    gaps_time(gap->last_capture_ns + gap->utc_offset_ns, to);
    for (int cause = 0; cause < JOURNAL_CAUSES; cause++)
        if (gap->frames[cause] > 0)
            json_object_set_new(causes, journal_causes[cause], json_integer((json_int_t)gap->frames[cause]));
    return json_pack("{s:s, s:s, s:s, s:s, s:f, s:I, s:I, s:o, s:b, s:s, s:o, s:I, s:I, s:I, s:I, s:I}",
                     "name", name, "destination", gap->destination, "from", from, "to", to, "duration_s",
                     (double)(gap->last_capture_ns - gap->first_capture_ns) / 1e9, "frames",
                     (json_int_t)gaps_frames(gap), "possible", (json_int_t)gap->possible, "causes", causes,
                     "open", gap->open && gap->session == list->session, "recorded",
                     gaps_recorded_name(recorded), "session", json_sprintf("%016" PRIx64, gap->session),
                     "first_sequence", (json_int_t)gap->first_sequence, "last_sequence",
                     (json_int_t)gap->last_sequence, "first_capture_ns", (json_int_t)gap->first_capture_ns,
                     "last_capture_ns", (json_int_t)gap->last_capture_ns, "utc_offset_ns",
                     (json_int_t)gap->utc_offset_ns);
}
