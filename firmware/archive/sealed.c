// SPDX-License-Identifier: Apache-2.0
#include "archive/sealed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/crc32.h"

#define CRC_KEY ",\"crc\":\""
#define CRC_DIGITS 8
#define CRC_TAIL_BYTES (sizeof CRC_KEY - 1 + CRC_DIGITS + 2) // with the quote and the brace

int sealed_write(json_t *object, char out[ARCHIVE_LINE_BYTES_MAX], size_t *length)
{
    char text[ARCHIVE_LINE_BYTES_MAX];
    size_t size_bytes = object ? json_dumpb(object, text, sizeof text, JSON_COMPACT) : 0;

    json_decref(object);
    if (size_bytes == 0)
        return CASTOR_ERR_NO_MEMORY;
    // The closing brace makes room for the checksum.
    if (size_bytes > sizeof text || size_bytes - 1 + CRC_TAIL_BYTES + 2 > ARCHIVE_LINE_BYTES_MAX)
        return CASTOR_ERR_INVALID;
    size_bytes--;
    *length = (size_t)snprintf(out, ARCHIVE_LINE_BYTES_MAX, "%.*s" CRC_KEY "%08" PRIx32 "\"}\n",
                               (int)size_bytes, text, archive_crc32(text, size_bytes));
    return CASTOR_OK;
}

static bool checksum_fits(const char *text, size_t size_bytes)
{
    char expected[CRC_TAIL_BYTES + 1];

    if (size_bytes <= CRC_TAIL_BYTES || size_bytes >= ARCHIVE_LINE_BYTES_MAX)
        return false;
    size_bytes -= CRC_TAIL_BYTES;
    snprintf(expected, sizeof expected, CRC_KEY "%08" PRIx32 "\"}", archive_crc32(text, size_bytes));
    return memcmp(text + size_bytes, expected, CRC_TAIL_BYTES) == 0;
}

json_t *sealed_read(const char *text, size_t size_bytes)
{
    return checksum_fits(text, size_bytes) ? json_loadb(text, size_bytes, JSON_REJECT_DUPLICATES, NULL)
                                           : NULL;
}

// ---- members ----

void sealed_put_number(json_t *object, const char *key, int64_t value)
{
    (void)json_object_set_new(object, key, json_integer((json_int_t)value));
}

void sealed_put_session(json_t *object, uint64_t session)
{
    (void)json_object_set_new(object, "session", json_sprintf("%016" PRIx64, session));
}

bool sealed_get_number(json_t *object, const char *key, int64_t low, int64_t *out)
{
    json_t *value = json_object_get(object, key);

    if (!json_is_integer(value) || json_integer_value(value) < low)
        return false;
    *out = json_integer_value(value);
    return true;
}

bool sealed_get_count(json_t *object, const char *key, uint64_t *out)
{
    int64_t value;

    if (!sealed_get_number(object, key, 0, &value))
        return false;
    *out = (uint64_t)value;
    return true;
}

bool sealed_get_text(json_t *object, const char *key, char *out, size_t size_bytes)
{
    json_t *value = json_object_get(object, key);

    // jansson refuses NUL inside of texts.
    if (!json_is_string(value) || json_string_length(value) >= size_bytes)
        return false;
    memcpy(out, json_string_value(value), json_string_length(value) + 1);
    return true;
}

bool sealed_is_hex(const char *text, size_t digits)
{
    size_t n = strspn(text, "0123456789abcdef");

    return n == digits && text[n] == '\0';
}

bool sealed_get_session(json_t *object, uint64_t *out)
{
    char text[17];

    if (!sealed_get_text(object, "session", text, sizeof text) || !sealed_is_hex(text, 16))
        return false;
    *out = strtoull(text, NULL, 16);
    return true;
}

bool sealed_get_flag(json_t *object, const char *key, bool *out)
{
    json_t *value = json_object_get(object, key);

    *out = json_is_true(value);
    return json_is_boolean(value);
}
