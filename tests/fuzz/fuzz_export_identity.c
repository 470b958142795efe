// SPDX-License-Identifier: Apache-2.0
// Any bytes as an access unit of a recording: nothing is read beyond them, and a frame number that is found
// stands behind its name.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "export/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static const char name[] = "castor-frame-id1";
    uint64_t sequence = 0;

    if (identity_read(data, size_bytes, &sequence) && !memmem(data, size_bytes, name, sizeof name - 1))
        abort();
    (void)identity_is_idr(ENCODER_CODEC_H264, data, size_bytes);
    (void)identity_is_idr(ENCODER_CODEC_HEVC, data, size_bytes);
    return 0;
}
