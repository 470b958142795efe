// SPDX-License-Identifier: Apache-2.0
#include "nvenc_bytes.h"

#include "annexb.h"

// nal_unit_type in the first byte of a NAL unit, which types are slices, and which of those are of an IDR
// picture: Rec. H.264 table 7-1, Rec. H.265 table 7-1 (IDR_W_RADL, IDR_N_LP).
static const struct nal_types {
    unsigned shift, mask;
    unsigned slice_first, slice_last, idr_first, idr_last;
} types_of[ENCODER_CODEC_END] = {
    [ENCODER_CODEC_H264] = {0, 31, 1, 5, 5, 5},
    [ENCODER_CODEC_HEVC] = {1, 63, 0, 31, 19, 20},
};

bool nvenc_bytes_are_idr(enum encoder_codec codec, const uint8_t *data, size_t size_bytes)
{
    const struct nal_types *types = &types_of[codec];

    for (size_t at = annexb_find(data, size_bytes, 0); at < size_bytes;
         at = annexb_find(data, size_bytes, at)) {
        unsigned type = data[at] >> types->shift & types->mask;
        if (type >= types->slice_first && type <= types->slice_last)
            return type >= types->idr_first && type <= types->idr_last;
    }
    return false;
}
