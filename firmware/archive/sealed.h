// SPDX-License-Identifier: Apache-2.0
// Lines of JSON that carry their own checksum: an object whose last member is "crc", the CRC-32 (IEEE 802.3)
// of all bytes before `,"crc"`, so that a line that a power cut tore or a disk spoiled is known as such.
// Source: RFC 8259.
#ifndef ARCHIVE_SEALED_H
#define ARCHIVE_SEALED_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "archive/index.h"

// Writes an object as a line with its newline, NUL-terminated; *length is without the NUL. Takes `object`,
// which may be NULL. CASTOR_ERR_INVALID: it does not fit; CASTOR_ERR_NO_MEMORY.
CASTOR_MUST_USE int sealed_write(json_t *object, char out[ARCHIVE_LINE_BYTES_MAX], size_t *length);

// The object of a line without its newline, a new reference; NULL when it is torn, spoiled or none of ours.
json_t *sealed_read(const char *text, size_t size_bytes);

// Members of such an object. They return false for one that is missing, of another type or out of range.
void sealed_put_number(json_t *object, const char *key, int64_t value);
void sealed_put_session(json_t *object, uint64_t session);
bool sealed_get_number(json_t *object, const char *key, int64_t low, int64_t *out);
bool sealed_get_count(json_t *object, const char *key, uint64_t *out);
bool sealed_get_text(json_t *object, const char *key, char *out, size_t size_bytes);
bool sealed_get_flag(json_t *object, const char *key, bool *out);
bool sealed_get_session(json_t *object, uint64_t *out);
bool sealed_is_hex(const char *text, size_t digits); // exactly so many, in lower case

#endif
