// SPDX-License-Identifier: Apache-2.0
// Any bytes as the index of a recording folder: read, and what was understood can be written and read again.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "archive/catalogue.h"
#include "sealing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    char line[ARCHIVE_LINE_BYTES_MAX], text[ARCHIVE_LINE_BYTES_MAX];
    struct catalogue catalogue = {0};
    struct archive_line first, again;
    size_t length;

    if (catalogue_read(&catalogue, (const char *)data, size_bytes) != CASTOR_OK)
        abort();
    while (size_bytes > 0) {
        const uint8_t *end = memchr(data, '\n', size_bytes);
        length = end ? (size_t)(end - data) : size_bytes;
        size_t signed_bytes = length < sizeof line - 20 ? sign((const char *)data, length, line) : 0;
        if (signed_bytes > 0 && archive_line_read(line, signed_bytes, &first) == CASTOR_OK) {
            if (catalogue_apply(&catalogue, &first) != CASTOR_OK)
                abort();
            if (archive_line_write(&first, text, &length) == CASTOR_OK &&
                (archive_line_read(text, length - 1, &again) != CASTOR_OK ||
                 memcmp(&first, &again, sizeof first) != 0))
                abort();
            length = end ? (size_t)(end - data) : size_bytes;
        }
        length += end ? 1 : 0;
        data += length;
        size_bytes -= length;
    }
    catalogue_clear(&catalogue);
    return 0;
}
