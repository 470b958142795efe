// SPDX-License-Identifier: Apache-2.0
// The header of a PES packet, ISO/IEC 13818-1 2.4.3.6.
#ifndef PROBE_PES_H
#define PROBE_PES_H

#include "hal/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pes_header {
    size_t header_bytes; // payload begins here
    size_t total_bytes;  // of the whole packet; 0 if not stated, as video may
    bool has_pts;
    bool has_dts;
    uint64_t pts_90k;
    uint64_t dts_90k; // equals pts_90k without a DTS of its own
};

// Pure. Errors: INVALID for a wrong start code, marker bit, flag combination or length.
int CASTOR_MUST_USE pes_parse_header(const uint8_t *data, size_t bytes, struct pes_header *header);

#endif
