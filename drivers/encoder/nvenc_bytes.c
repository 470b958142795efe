// SPDX-License-Identifier: Apache-2.0
#include "nvenc_bytes.h"

#include "annexb.h"

// nal_unit_type, table 7-1: 1 to 5 are slices, 5 of an IDR picture.
#define NAL_TYPE(byte) ((byte)&31)
#define NAL_SLICE_FIRST 1
#define NAL_SLICE_IDR 5

bool nvenc_bytes_are_idr(const uint8_t *data, size_t size_bytes)
{
    for (size_t at = annexb_find(data, size_bytes, 0); at < size_bytes;
         at = annexb_find(data, size_bytes, at)) {
        uint8_t type = NAL_TYPE(data[at]);
        if (type >= NAL_SLICE_FIRST && type <= NAL_SLICE_IDR)
            return type == NAL_SLICE_IDR;
    }
    return false;
}
