// SPDX-License-Identifier: Apache-2.0
#include "archive/journal.h"

#include <stdlib.h>
#include <string.h>

#include "archive/file.h"
#include "archive/sealed.h"

const char *const journal_causes[JOURNAL_CAUSES] = {
    [JOURNAL_NOT_CONNECTED] = "not_connected", [JOURNAL_WAITING_IDR] = "waiting_idr",
    [JOURNAL_BUFFER_FULL] = "buffer_full",     [JOURNAL_UNACKNOWLEDGED] = "unacknowledged",
    [JOURNAL_DOUBTFUL] = "doubtful",           [JOURNAL_EGRESS] = "egress",
};

// ---- lines ----

int journal_line_write(const struct journal_gap *gap, char out[ARCHIVE_LINE_BYTES_MAX], size_t *length)
{
    struct journal_gap again;
    json_t *object = json_pack("{s:s}", "type", "gap");

    sealed_put_session(object, gap->session);
    sealed_put_number(object, "number", (int64_t)gap->number);
    (void)json_object_set_new(object, "destination", json_string(gap->destination));
    sealed_put_number(object, "first_sequence", (int64_t)gap->first_sequence);
    sealed_put_number(object, "last_sequence", (int64_t)gap->last_sequence);
    sealed_put_number(object, "first_capture_ns", gap->first_capture_ns);
    sealed_put_number(object, "last_capture_ns", gap->last_capture_ns);
    sealed_put_number(object, "utc_offset_ns", gap->utc_offset_ns);
    sealed_put_number(object, "pts_offset_ns", gap->pts_offset_ns);
    for (int cause = 0; cause < JOURNAL_CAUSES; cause++)
        sealed_put_number(object, journal_causes[cause], (int64_t)gap->frames[cause]);
    sealed_put_number(object, "possible", (int64_t)gap->possible);
    (void)json_object_set_new(object, "open", json_boolean(gap->open));
    int error = sealed_write(object, out, length);
    if (error == CASTOR_OK && journal_line_read(out, *length - 1, &again) != CASTOR_OK)
        error = CASTOR_ERR_INVALID;
    return error;
}

static bool get_frames(json_t *object, struct journal_gap *gap)
{
    uint64_t sum = 0;

    for (int cause = 0; cause < JOURNAL_CAUSES; cause++) {
        if (!sealed_get_count(object, journal_causes[cause], &gap->frames[cause]) ||
            gap->frames[cause] > UINT32_MAX)
            return false;
        sum += gap->frames[cause];
    }
    return sealed_get_count(object, "possible", &gap->possible) && sum > 0 && gap->possible <= sum &&
           sum - 1 <= gap->last_sequence - gap->first_sequence;
}

static bool get_gap(json_t *object, struct journal_gap *gap)
{
    char type[8];

    return sealed_get_text(object, "type", type, sizeof type) && strcmp(type, "gap") == 0 &&
           sealed_get_session(object, &gap->session) && sealed_get_count(object, "number", &gap->number) &&
           sealed_get_text(object, "destination", gap->destination, sizeof gap->destination) &&
           sealed_get_count(object, "first_sequence", &gap->first_sequence) &&
           sealed_get_count(object, "last_sequence", &gap->last_sequence) &&
           sealed_get_number(object, "first_capture_ns", 0, &gap->first_capture_ns) &&
           sealed_get_number(object, "last_capture_ns", gap->first_capture_ns, &gap->last_capture_ns) &&
           sealed_get_number(object, "utc_offset_ns", INT64_MIN, &gap->utc_offset_ns) &&
           sealed_get_number(object, "pts_offset_ns", 0, &gap->pts_offset_ns) &&
           gap->last_sequence >= gap->first_sequence && get_frames(object, gap) &&
           sealed_get_flag(object, "open", &gap->open);
}

int journal_line_read(const char *text, size_t size_bytes, struct journal_gap *out)
{
    struct journal_gap gap;
    json_t *object = sealed_read(text, size_bytes);

    memset(&gap, 0, sizeof gap);
    bool good = object && get_gap(object, &gap);
    json_decref(object);
    if (!good)
        return CASTOR_ERR_INVALID;
    *out = gap;
    return CASTOR_OK;
}

// ---- the whole ----

// Written again it is one of the newest of its run, so the search is short.
static struct journal_gap *find(const struct journal *journal, const struct journal_gap *wanted)
{
    for (size_t i = journal->count; i > 0; i--) {
        struct journal_gap *gap = &journal->gaps[i - 1];
        if (gap->session != wanted->session)
            continue;
        if (gap->number == wanted->number)
            return gap;
        if (gap->number + 1000 < wanted->number)
            break;
    }
    return NULL;
}

int journal_apply(struct journal *journal, const struct journal_gap *gap)
{
    struct journal_gap *known = find(journal, gap);

    if (!known && journal->count == journal->capacity) {
        size_t capacity = journal->capacity ? 2 * journal->capacity : 64;
        struct journal_gap *gaps = realloc(journal->gaps, capacity * sizeof *gaps);
        if (!gaps)
            return CASTOR_ERR_NO_MEMORY;
        journal->gaps = gaps;
        journal->capacity = capacity;
    }
    if (!known)
        known = &journal->gaps[journal->count++];
    *known = *gap;
    return CASTOR_OK;
}

int journal_read(struct journal *journal, const char *text, size_t size_bytes)
{
    struct journal_gap gap;
    int error = CASTOR_OK;

    while (size_bytes > 0 && error == CASTOR_OK && journal->count < JOURNAL_GAPS_MAX) {
        const char *end = memchr(text, '\n', size_bytes);
        size_t length = end ? (size_t)(end - text) : size_bytes;
        journal->torn = !end;
        if (end && journal_line_read(text, length, &gap) == CASTOR_OK)
            error = journal_apply(journal, &gap);
        else
            journal->bad++;
        length += end ? 1 : 0;
        text += length;
        size_bytes -= length;
    }
    return error;
}

int journal_load(int folder_fd, struct journal *out)
{
    struct journal journal;
    char *text = NULL;
    size_t size_bytes = 0;
    int error = archive_file_load(folder_fd, JOURNAL_FILE, JOURNAL_BYTES_MAX, &text, &size_bytes);

    memset(&journal, 0, sizeof journal);
    if (error == CASTOR_OK)
        error = journal_read(&journal, text, size_bytes);
    free(text);
    if (error == CASTOR_OK)
        *out = journal;
    else
        journal_clear(&journal);
    return error;
}

void journal_clear(struct journal *journal)
{
    free(journal->gaps);
    memset(journal, 0, sizeof *journal);
}
