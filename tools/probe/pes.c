// SPDX-License-Identifier: Apache-2.0
#include "probe/pes.h"

#define FIXED_BYTES 9

// 33 bits in five bytes with three marker bits; the upper four bits say which time stamp it is.
static bool parse_timestamp(const uint8_t *p, unsigned prefix, uint64_t *value)
{
    if (p[0] >> 4 != prefix || !(p[0] & 1) || !(p[2] & 1) || !(p[4] & 1))
        return false;
    *value = (uint64_t)(p[0] >> 1 & 7) << 30 | (uint64_t)p[1] << 22 | (uint64_t)(p[2] >> 1) << 15 |
             (uint64_t)p[3] << 7 | p[4] >> 1;
    return true;
}

int pes_parse_header(const uint8_t *data, size_t bytes, struct pes_header *header)
{
    if (bytes < FIXED_BYTES || data[0] != 0 || data[1] != 0 || data[2] != 1 || (data[6] & 0xC0) != 0x80)
        return CASTOR_ERR_INVALID;
    struct pes_header found = {.header_bytes = FIXED_BYTES + (size_t)data[8]};
    size_t length = (size_t)(data[4] << 8 | data[5]);
    found.total_bytes = length > 0 ? length + 6 : 0;
    if (found.header_bytes > bytes || (length > 0 && found.total_bytes < found.header_bytes))
        return CASTOR_ERR_INVALID;
    unsigned flags = data[7] >> 6;
    if (flags == 1 || (flags == 2 && data[8] < 5) || (flags == 3 && data[8] < 10))
        return CASTOR_ERR_INVALID;
    if (flags >= 2) {
        found.has_pts = true;
        if (!parse_timestamp(data + 9, flags, &found.pts_90k))
            return CASTOR_ERR_INVALID;
        found.dts_90k = found.pts_90k;
    }
    if (flags == 3) {
        found.has_dts = true;
        if (!parse_timestamp(data + 14, 1, &found.dts_90k))
            return CASTOR_ERR_INVALID;
    }
    *header = found;
    return CASTOR_OK;
}
