// SPDX-License-Identifier: Apache-2.0
// Any bytes as an access unit, as a sequence parameter set and as an SEI message.
#include "probe/h264.h"
#include "probe/pes.h"
#include "probe/psi.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct h264_au au;
    struct h264_sps sps;
    struct sei_marks marks = {0};
    struct pes_header pes;
    struct psi_pat pat;
    struct psi_pmt pmt;
    h264_inspect(data, bytes, &au);
    if (au.slices > au.nals || (au.has_sps && (au.sps.width_px == 0 || au.sps.height_px == 0)))
        abort();
    if (h264_parse_sps(data, bytes, &sps) == CASTOR_OK && (sps.width_px == 0 || sps.height_px == 0))
        abort();
    sei_parse(data, bytes, &marks);
    if (marks.has_time && marks.capture_us < 0)
        abort();
    if (pes_parse_header(data, bytes, &pes) == CASTOR_OK && pes.header_bytes > bytes)
        abort();
    if (psi_parse_pat(data, bytes, &pat) == CASTOR_OK && pat.pmt_pid >= 8192)
        abort();
    if (psi_parse_pmt(data, bytes, &pmt) == CASTOR_OK && pmt.streams > PSI_STREAMS)
        abort();
    return 0;
}
