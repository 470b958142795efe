// SPDX-License-Identifier: Apache-2.0
#include "archive/index.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/crc32.h"

#define CRC_KEY ",\"crc\":\""
#define CRC_DIGITS 8
#define CRC_TAIL_BYTES (sizeof CRC_KEY - 1 + CRC_DIGITS + 2) // with the quote and the brace

static const char *const kinds[ARCHIVE_KINDS] = {
    [ARCHIVE_OPEN] = "open",           [ARCHIVE_SEGMENT] = "segment",
    [ARCHIVE_REMOVED] = "removed",     [ARCHIVE_SAVED] = "saved",
    [ARCHIVE_PROTECTED] = "protected", [ARCHIVE_UNPROTECTED] = "unprotected",
    [ARCHIVE_MARK] = "mark",           [ARCHIVE_GAP] = "gap",
};
static const char *const codecs[ARCHIVE_CODECS] = {[ARCHIVE_H264] = "h264", [ARCHIVE_HEVC] = "hevc"};

// ---- writing ----

static void put_number(json_t *object, const char *key, int64_t value)
{
    (void)json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void put_session(json_t *object, uint64_t session)
{
    (void)json_object_set_new(object, "session", json_sprintf("%016" PRIx64, session));
}

static void put_segment(json_t *object, const struct archive_line *line)
{
    const struct archive_segment *segment = &line->segment;

    put_session(object, segment->session);
    (void)json_object_set_new(object, "recording", json_string(segment->recording));
    (void)json_object_set_new(object, "preroll", json_boolean(segment->preroll));
    (void)json_object_set_new(object, "codec", json_string(codecs[segment->codec % ARCHIVE_CODECS]));
    put_number(object, "first_sequence", (int64_t)segment->first_sequence);
    put_number(object, "first_capture_ns", segment->first_capture_ns);
    put_number(object, "utc_offset_ns", segment->utc_offset_ns);
    if (line->kind == ARCHIVE_OPEN)
        return;
    (void)json_object_set_new(object, "recovered", json_boolean(segment->recovered));
    put_number(object, "last_sequence", (int64_t)segment->last_sequence);
    put_number(object, "last_capture_ns", segment->last_capture_ns);
    put_number(object, "frames", (int64_t)segment->frames);
    put_number(object, "missing", (int64_t)segment->missing);
    put_number(object, "bytes", (int64_t)segment->bytes);
    (void)json_object_set_new(object, "sha256", json_string(segment->sha256));
}

static void put_note(json_t *object, const struct archive_line *line)
{
    const struct archive_note *note = &line->note;

    put_session(object, note->session);
    if (line->kind == ARCHIVE_MARK) {
        put_number(object, "sequence", (int64_t)note->first_sequence);
    } else {
        put_number(object, "first_sequence", (int64_t)note->first_sequence);
        put_number(object, "last_sequence", (int64_t)note->last_sequence);
    }
    put_number(object, "capture_ns", note->capture_ns);
    put_number(object, "utc_offset_ns", note->utc_offset_ns);
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
    char text[ARCHIVE_LINE_BYTES_MAX];
    json_t *object = build(line);
    size_t size_bytes = object ? json_dumpb(object, text, sizeof text, JSON_COMPACT) : 0;

    json_decref(object);
    if (size_bytes == 0)
        return CASTOR_ERR_NO_MEMORY;
    // The closing brace makes room for the checksum.
    if (size_bytes > sizeof text || size_bytes - 1 + CRC_TAIL_BYTES + 2 > ARCHIVE_LINE_BYTES_MAX)
        return CASTOR_ERR_INVALID;
    size_bytes--;
    int written = snprintf(out, ARCHIVE_LINE_BYTES_MAX, "%.*s" CRC_KEY "%08" PRIx32 "\"}\n", (int)size_bytes,
                           text, archive_crc32(text, size_bytes));
    if (archive_line_read(out, (size_t)written - 1, &again) != CASTOR_OK)
        return CASTOR_ERR_INVALID;
    *length = (size_t)written;
    return CASTOR_OK;
}

// ---- reading ----

static bool checksum_fits(const char *text, size_t size_bytes)
{
    char expected[CRC_TAIL_BYTES + 1];

    if (size_bytes <= CRC_TAIL_BYTES || size_bytes >= ARCHIVE_LINE_BYTES_MAX)
        return false;
    size_bytes -= CRC_TAIL_BYTES;
    snprintf(expected, sizeof expected, CRC_KEY "%08" PRIx32 "\"}", archive_crc32(text, size_bytes));
    return memcmp(text + size_bytes, expected, CRC_TAIL_BYTES) == 0;
}

static bool get_number(json_t *object, const char *key, int64_t low, int64_t *out)
{
    json_t *value = json_object_get(object, key);

    if (!json_is_integer(value) || json_integer_value(value) < low)
        return false;
    *out = json_integer_value(value);
    return true;
}

static bool get_count(json_t *object, const char *key, uint64_t *out)
{
    int64_t value;

    if (!get_number(object, key, 0, &value))
        return false;
    *out = (uint64_t)value;
    return true;
}

static bool get_text(json_t *object, const char *key, char *out, size_t size_bytes)
{
    json_t *value = json_object_get(object, key);

    // jansson refuses NUL inside of texts.
    if (!json_is_string(value) || json_string_length(value) >= size_bytes)
        return false;
    memcpy(out, json_string_value(value), json_string_length(value) + 1);
    return true;
}

static bool is_hex(const char *text, size_t digits)
{
    size_t n = strspn(text, "0123456789abcdef");

    return n == digits && text[n] == '\0';
}

static bool get_session(json_t *object, uint64_t *out)
{
    char text[17];

    if (!get_text(object, "session", text, sizeof text) || !is_hex(text, 16))
        return false;
    *out = strtoull(text, NULL, 16);
    return true;
}

static bool get_flag(json_t *object, const char *key, bool *out)
{
    json_t *value = json_object_get(object, key);

    *out = json_is_true(value);
    return json_is_boolean(value);
}

static bool get_recording(json_t *object, struct archive_segment *segment)
{
    return get_text(object, "recording", segment->recording, sizeof segment->recording) &&
           (segment->recording[0] == '\0' || archive_name_is_valid(segment->recording));
}

static bool get_closed(json_t *object, struct archive_segment *segment)
{
    return get_flag(object, "recovered", &segment->recovered) &&
           get_count(object, "last_sequence", &segment->last_sequence) &&
           get_number(object, "last_capture_ns", 0, &segment->last_capture_ns) &&
           get_count(object, "frames", &segment->frames) && get_count(object, "missing", &segment->missing) &&
           get_count(object, "bytes", &segment->bytes) &&
           get_text(object, "sha256", segment->sha256, sizeof segment->sha256) &&
           is_hex(segment->sha256, ARCHIVE_SHA256_BYTES - 1) &&
           segment->last_sequence >= segment->first_sequence &&
           segment->last_capture_ns >= segment->first_capture_ns;
}

static bool get_segment(json_t *object, enum archive_kind kind, struct archive_segment *segment)
{
    char codec[8];

    if (!get_session(object, &segment->session) || !get_recording(object, segment) ||
        !get_flag(object, "preroll", &segment->preroll) || !get_text(object, "codec", codec, sizeof codec) ||
        !get_count(object, "first_sequence", &segment->first_sequence) ||
        !get_number(object, "first_capture_ns", 0, &segment->first_capture_ns) ||
        !get_number(object, "utc_offset_ns", INT64_MIN, &segment->utc_offset_ns))
        return false;
    while (segment->codec < ARCHIVE_CODECS && strcmp(codec, codecs[segment->codec]) != 0)
        segment->codec++;
    return segment->codec < ARCHIVE_CODECS && (kind == ARCHIVE_OPEN || get_closed(object, segment));
}

static bool get_note(json_t *object, enum archive_kind kind, struct archive_note *note)
{
    if (!get_session(object, &note->session) || !get_number(object, "capture_ns", 0, &note->capture_ns) ||
        !get_number(object, "utc_offset_ns", INT64_MIN, &note->utc_offset_ns) ||
        !get_text(object, "text", note->text, sizeof note->text))
        return false;
    if (kind == ARCHIVE_MARK) {
        bool found = get_count(object, "sequence", &note->first_sequence);
        note->last_sequence = note->first_sequence;
        return found;
    }
    return get_count(object, "first_sequence", &note->first_sequence) &&
           get_count(object, "last_sequence", &note->last_sequence) &&
           note->last_sequence >= note->first_sequence;
}

static bool get_line(json_t *object, struct archive_line *line)
{
    char kind[16];
    bool part = false;
    unsigned i = 0;

    if (!get_text(object, "type", kind, sizeof kind))
        return false;
    while (i < ARCHIVE_KINDS && strcmp(kind, kinds[i]) != 0)
        i++;
    if (i == ARCHIVE_KINDS)
        return false;
    line->kind = (enum archive_kind)i;
    if (is_note(line->kind))
        return get_note(object, line->kind, &line->note);
    if (!get_text(object, "file", line->segment.file, sizeof line->segment.file) ||
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
    if (!checksum_fits(text, size_bytes))
        return CASTOR_ERR_INVALID;
    json_t *object = json_loadb(text, size_bytes, JSON_REJECT_DUPLICATES, NULL);
    bool good = object && get_line(object, &line);
    json_decref(object);
    if (!good)
        return CASTOR_ERR_INVALID;
    *out = line;
    return CASTOR_OK;
}
