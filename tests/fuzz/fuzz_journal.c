// SPDX-License-Identifier: Apache-2.0
// Any bytes as the journal of gaps: read, and what was understood can be written and read again.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "archive/journal.h"
#include "sealing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check_line(const char *data, size_t length)
{
    char line[ARCHIVE_LINE_BYTES_MAX], text[ARCHIVE_LINE_BYTES_MAX];
    struct journal_gap first, again;

    if (length >= sizeof line - 20 || journal_line_read(line, sign(data, length, line), &first) != CASTOR_OK)
        return;
    if (journal_line_write(&first, text, &length) == CASTOR_OK &&
        (journal_line_read(text, length - 1, &again) != CASTOR_OK ||
         memcmp(&first, &again, sizeof first) != 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct journal journal = {0};

    if (journal_read(&journal, (const char *)data, size_bytes) != CASTOR_OK)
        abort();
    journal_clear(&journal);
    while (size_bytes > 0) {
        const uint8_t *end = memchr(data, '\n', size_bytes);
        size_t length = end ? (size_t)(end - data) : size_bytes;
        check_line((const char *)data, length);
        length += end ? 1 : 0;
        data += length;
        size_bytes -= length;
    }
    return 0;
}
