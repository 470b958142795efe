// SPDX-License-Identifier: Apache-2.0
// Any bytes as a segment that was not closed, fed in pieces of any size: what is whole of it does not depend
// on the pieces, and never reaches beyond what was fed.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "record/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static struct scan feed(enum archive_container container, const uint8_t *data, size_t size_bytes,
                        size_t piece)
{
    struct scan scan;

    scan_init(&scan, container);
    while (size_bytes > 0) {
        size_t n = size_bytes < piece ? size_bytes : piece;
        scan_feed(&scan, data, n);
        data += n;
        size_bytes -= n;
    }
    scan_finish(&scan);
    return scan;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    if (size_bytes < 2)
        return 0;
    enum archive_container container = data[0] & 1 ? ARCHIVE_MP4 : ARCHIVE_TS;
    size_t piece = 1 + data[1];
    data += 2;
    size_bytes -= 2;
    struct scan whole = feed(container, data, size_bytes, size_bytes + 1);
    struct scan pieces = feed(container, data, size_bytes, piece);
    if (whole.whole_bytes > size_bytes || whole.whole_bytes != pieces.whole_bytes ||
        whole.frames.count != pieces.frames.count ||
        whole.frames.last_sequence != pieces.frames.last_sequence)
        abort();
    return 0;
}
