// SPDX-License-Identifier: Apache-2.0
#include "archive/index.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/sealed.h"

static const char *const kinds[ARCHIVE_KINDS] = {
    [ARCHIVE_OPEN] = "open",           [ARCHIVE_SEGMENT] = "segment",
    [ARCHIVE_REMOVED] = "removed",     [ARCHIVE_SAVED] = "saved",
    [ARCHIVE_PROTECTED] = "protected", [ARCHIVE_UNPROTECTED] = "unprotected",
    [ARCHIVE_MARK] = "mark",           [ARCHIVE_GAP] = "gap",
};
static const char *const codecs[ARCHIVE_CODECS] = {[ARCHIVE_H264] = "h264", [ARCHIVE_HEVC] = "hevc"};

// ---- writing ----

static void put_segment(json_t *object, const struct archive_line *line)
{
    const struct archive_segment *segment = &line->segment;

    sealed_put_session(object, segment->session);
    (void)json_object_set_new(object, "recording", json_string(segment->recording));
    (void)json_object_set_new(object, "preroll", json_boolean(segment->preroll));
    (void)json_object_set_new(object, "codec", json_string(codecs[segment->codec % ARCHIVE_CODECS]));
    sealed_put_number(object, "first_sequence", (int64_t)segment->first_sequence);
    sealed_put_number(object, "first_capture_ns", segment->first_capture_ns);
    sealed_put_number(object, "utc_offset_ns", segment->utc_offset_ns);
    if (line->kind == ARCHIVE_OPEN)
        return;
    (void)json_object_set_new(object, "recovered", json_boolean(segment->recovered));
    sealed_put_number(object, "last_sequence", (int64_t)segment->last_sequence);
    sealed_put_number(object, "last_capture_ns", segment->last_capture_ns);
    sealed_put_number(object, "frames", (int64_t)segment->frames);
    sealed_put_number(object, "missing", (int64_t)segment->missing);
    sealed_put_number(object, "bytes", (int64_t)segment->bytes);
    (void)json_object_set_new(object, "sha256", json_string(segment->sha256));
}

static void put_note(json_t *object, const struct archive_line *line)
{
    const struct archive_note *note = &line->note;

    sealed_put_session(object, note->session);
    if (line->kind == ARCHIVE_MARK) {
        sealed_put_number(object, "sequence", (int64_t)note->first_sequence);
    } else {
        sealed_put_number(object, "first_sequence", (int64_t)note->first_sequence);
        sealed_put_number(object, "last_sequence", (int64_t)note->last_sequence);
    }
    sealed_put_number(object, "capture_ns", note->capture_ns);
    sealed_put_number(object, "utc_offset_ns", note->utc_offset_ns);
    // json_string() refuses what is no UTF-8; the line then is not complete and is refused when it is read.
    (void)json_object_set_new(object, "text", json_string(note->text));
}

static bool is_note(enum archive_kind kind)
{
    return kind == ARCHIVE_MARK || kind == ARCHIVE_GAP;
}

static json_t *build(const struct archive_line *line)
{
    json_t *object = json_pack("{s:s}", "type", kinds[line->kind]);

    if (is_note(line->kind)) {
        put_note(object, line);
        return object;
    }
    (void)json_object_set_new(object, "file", json_string(line->segment.file));
    if (line->kind <= ARCHIVE_SEGMENT)
        put_segment(object, line);
    else if (line->kind == ARCHIVE_SAVED)
        (void)json_object_set_new(object, "recording", json_string(line->segment.recording));
    return object;
}

int archive_line_write(const struct archive_line *line, char out[ARCHIVE_LINE_BYTES_MAX], size_t *length)
{
    struct archive_line again;
    int error = sealed_write(build(line), out, length);

    if (error == CASTOR_OK && archive_line_read(out, *length - 1, &again) != CASTOR_OK)
        error = CASTOR_ERR_INVALID;
    return error;
}

// ---- reading ----

static bool get_recording(json_t *object, struct archive_segment *segment)
{
    return sealed_get_text(object, "recording", segment->recording, sizeof segment->recording) &&
           (segment->recording[0] == '\0' || archive_name_is_valid(segment->recording));
}

static bool get_closed(json_t *object, struct archive_segment *segment)
{
    return sealed_get_flag(object, "recovered", &segment->recovered) &&
           sealed_get_count(object, "last_sequence", &segment->last_sequence) &&
           sealed_get_number(object, "last_capture_ns", 0, &segment->last_capture_ns) &&
           sealed_get_count(object, "frames", &segment->frames) &&
           sealed_get_count(object, "missing", &segment->missing) &&
           sealed_get_count(object, "bytes", &segment->bytes) &&
           sealed_get_text(object, "sha256", segment->sha256, sizeof segment->sha256) &&
           sealed_is_hex(segment->sha256, ARCHIVE_SHA256_BYTES - 1) &&
           segment->last_sequence >= segment->first_sequence &&
           segment->last_capture_ns >= segment->first_capture_ns;
}

static bool get_segment(json_t *object, enum archive_kind kind, struct archive_segment *segment)
{
    char codec[8];

    if (!sealed_get_session(object, &segment->session) || !get_recording(object, segment) ||
        !sealed_get_flag(object, "preroll", &segment->preroll) ||
        !sealed_get_text(object, "codec", codec, sizeof codec) ||
        !sealed_get_count(object, "first_sequence", &segment->first_sequence) ||
        !sealed_get_number(object, "first_capture_ns", 0, &segment->first_capture_ns) ||
        !sealed_get_number(object, "utc_offset_ns", INT64_MIN, &segment->utc_offset_ns))
        return false;
    while (segment->codec < ARCHIVE_CODECS && strcmp(codec, codecs[segment->codec]) != 0)
        segment->codec++;
    return segment->codec < ARCHIVE_CODECS && (kind == ARCHIVE_OPEN || get_closed(object, segment));
}

static bool get_note(json_t *object, enum archive_kind kind, struct archive_note *note)
{
    if (!sealed_get_session(object, &note->session) ||
        !sealed_get_number(object, "capture_ns", 0, &note->capture_ns) ||
        !sealed_get_number(object, "utc_offset_ns", INT64_MIN, &note->utc_offset_ns) ||
        !sealed_get_text(object, "text", note->text, sizeof note->text))
        return false;
    if (kind == ARCHIVE_MARK) {
        bool found = sealed_get_count(object, "sequence", &note->first_sequence);
        note->last_sequence = note->first_sequence;
        return found;
    }
    return sealed_get_count(object, "first_sequence", &note->first_sequence) &&
           sealed_get_count(object, "last_sequence", &note->last_sequence) &&
           note->last_sequence >= note->first_sequence;
}

static bool get_line(json_t *object, struct archive_line *line)
{
    char kind[16];
    bool part = false;
    unsigned i = 0;

    if (!sealed_get_text(object, "type", kind, sizeof kind))
        return false;
    while (i < ARCHIVE_KINDS && strcmp(kind, kinds[i]) != 0)
        i++;
    if (i == ARCHIVE_KINDS)
        return false;
    line->kind = (enum archive_kind)i;
    if (is_note(line->kind))
        return get_note(object, line->kind, &line->note);
    if (!sealed_get_text(object, "file", line->segment.file, sizeof line->segment.file) ||
        !archive_name_is_segment(line->segment.file, NULL, &part) || part)
        return false;
    if (line->kind <= ARCHIVE_SEGMENT)
        return get_segment(object, line->kind, &line->segment);
    return line->kind != ARCHIVE_SAVED || get_recording(object, &line->segment);
}

int archive_line_read(const char *text, size_t size_bytes, struct archive_line *out)
{
    struct archive_line line;

    memset(&line, 0, sizeof line);
    json_t *object = sealed_read(text, size_bytes);
    bool good = object && get_line(object, &line);
    json_decref(object);
    if (!good)
        return CASTOR_ERR_INVALID;
    *out = line;
    return CASTOR_OK;
}
