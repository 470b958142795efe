// SPDX-License-Identifier: Apache-2.0
#include "coded_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// On the heap and exactly as long as the bytes, so that a sanitizer sees each read beyond them.
static uint8_t *exact_copy(const uint8_t *bytes, size_t size_bytes)
{
    uint8_t *copy = malloc(size_bytes);
    assert_true(copy != NULL || size_bytes == 0);
    if (size_bytes > 0)
        memcpy(copy, bytes, size_bytes);
    return copy;
}

void coded_rows_check(enum encoder_codec codec, const struct coded_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct coded_row *row = &rows[i];
        uint8_t *bytes = exact_copy(row->bytes, row->size_bytes);
        enum coded_verdict verdict =
            coded_check_access_unit(codec, bytes, row->size_bytes, row->format, row->scan, NULL);
        if (verdict != row->verdict)
            fail_msg("row %zu: %s, not %s", i, coded_verdict_text(verdict), coded_verdict_text(row->verdict));
        free(bytes);
    }
    assert_int_equal(coded_check_access_unit(codec, NULL, 0, NULL, 0, NULL), CODED_EMPTY);
}

void coded_cuts_check(int (*parse_sps)(const uint8_t *nal, size_t size_bytes, struct nal_sps *out),
                      const uint8_t *nal, size_t used_bytes)
{
    for (size_t cut = 0; cut < used_bytes; cut++) {
        struct nal_sps sps = {.width_px = 7};
        uint8_t *bytes = exact_copy(nal, cut);
        assert_int_equal(parse_sps(bytes, cut, &sps), CASTOR_ERR_INVALID);
        assert_int_equal(sps.width_px, 7);
        free(bytes);
    }
}
