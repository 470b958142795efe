// SPDX-License-Identifier: Apache-2.0
// Any bytes as an H.265 access unit and as its sequence parameter set.
#include "probe/hevc.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct h264_au au;
    struct h264_sps sps;
    hevc_inspect(data, bytes, &au);
    if (au.slices > au.nals || (au.has_sps && (au.sps.width_px == 0 || au.sps.height_px == 0)))
        abort();
    if (au.slices == 0 && !au.malformed)
        abort();
    if (hevc_parse_sps(data, bytes, &sps) == CASTOR_OK && (sps.width_px == 0 || sps.height_px == 0))
        abort();
    return 0;
}
