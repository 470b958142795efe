// SPDX-License-Identifier: Apache-2.0
// Texts of any origin as JSON strings.
#ifndef SUPERVISOR_JSON_TEXT_H
#define SUPERVISOR_JSON_TEXT_H

#include <jansson.h>

// A JSON string of `text`, up to its NUL. Bytes that are no UTF-8 (a worker may say anything, a text may have
// been cut within a character) become "?". NULL when out of memory.
json_t *json_text(const char *text);

#endif
