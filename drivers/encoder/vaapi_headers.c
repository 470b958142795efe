// SPDX-License-Identifier: Apache-2.0
#include "vaapi_headers.h"

#include <assert.h>

void vaapi_ids_next(struct vaapi_ids *ids, bool idr)
{
    ids->since_idr = idr ? 0 : ids->since_idr + 1;
    assert(ids->since_idr <= VAAPI_IDR_DISTANCE_MAX);
    if (idr)
        ids->idr_pic_id++;
    ids->idr = idr;
    ids->frame_num = ids->since_idr % (1u << VAAPI_FRAME_NUM_BITS);
    ids->poc = (int32_t)(ids->since_idr * 2);
    ids->poc_lsb = (uint32_t)ids->poc % (1u << VAAPI_POC_LSB_BITS);
}

void vaapi_header_parameter_sets(const struct vaapi_stream *stream, struct vaapi_header *out)
{
    if (stream->codec == ENCODER_CODEC_HEVC)
        vaapi_hevc_parameter_sets(stream, out);
    else
        vaapi_h264_parameter_sets(stream, out);
}

void vaapi_header_slice(const struct vaapi_stream *stream, const struct vaapi_ids *ids,
                        struct vaapi_header *out)
{
    if (stream->codec == ENCODER_CODEC_HEVC)
        vaapi_hevc_slice(stream, ids, out);
    else
        vaapi_h264_slice(stream, ids, out);
}
