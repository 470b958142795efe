// SPDX-License-Identifier: Apache-2.0
#include "vaapi_unit.h"

#include <string.h>

#include "annexb.h"

// H.264 table 7-1, H.265 table 7-1.
enum { H264_SLICE = 1, H264_IDR = 5, H264_SPS = 7, H264_PPS = 8, H264_AUD = 9 };
enum {
    HEVC_SLICE_LAST = 31,
    HEVC_IDR_W_RADL = 19,
    HEVC_IDR_N_LP = 20,
    HEVC_VPS = 32,
    HEVC_SPS,
    HEVC_PPS,
    HEVC_AUD
};

// What a NAL unit is to an access unit. Bits: which of the parameter sets.
enum nal_kind {
    KIND_OTHER = 0,
    KIND_VPS = 1,
    KIND_SPS = 2,
    KIND_PPS = 4,
    KIND_AUD = 8,
    KIND_SLICE = 16,
    KIND_IDR = 32
};

static const uint8_t start_code[] = {0, 0, 0, 1};

#define START_CODE_BYTES 3 // without zero_byte

struct nal {
    size_t begin; // of the start code's last three bytes
    size_t payload, end;
    enum nal_kind kind;
};

static enum nal_kind kind_of(enum encoder_codec codec, uint8_t header)
{
    unsigned type = codec == ENCODER_CODEC_HEVC ? header >> 1 : header & 0x1F;

    if (codec == ENCODER_CODEC_HEVC) {
        if (type <= HEVC_SLICE_LAST)
            return type == HEVC_IDR_W_RADL || type == HEVC_IDR_N_LP ? KIND_IDR : KIND_SLICE;
        return type == HEVC_VPS   ? KIND_VPS
               : type == HEVC_SPS ? KIND_SPS
               : type == HEVC_PPS ? KIND_PPS
               : type == HEVC_AUD ? KIND_AUD
                                  : KIND_OTHER;
    }
    return type == H264_SLICE ? KIND_SLICE
           : type == H264_IDR ? KIND_IDR
           : type == H264_SPS ? KIND_SPS
           : type == H264_PPS ? KIND_PPS
           : type == H264_AUD ? KIND_AUD
                              : KIND_OTHER;
}

// The NAL unit whose start code is at or after nal->end; false: there is none.
static bool next_nal(enum encoder_codec codec, const uint8_t *bytes, size_t size, struct nal *nal)
{
    nal->payload = annexb_find(bytes, size, nal->end);
    if (nal->payload == size)
        return false;
    nal->begin = nal->payload - START_CODE_BYTES;
    nal->kind = kind_of(codec, bytes[nal->payload]);
    // What follows a slice is of no interest, and slices are long.
    nal->end = nal->kind >= KIND_SLICE ? size : annexb_end(bytes, size, nal->payload);
    return true;
}

static uint8_t *prepend(uint8_t *at, const void *bytes, size_t size)
{
    at -= size;
    memcpy(at, bytes, size);
    return at;
}

// With what is in the picture: slices I, or I and P (H.264 table 7-5, H.265 table 7-2; there B is in it,
// which says no more than that the picture may refer to others). Then the stop bit.
static uint8_t *prepend_delimiter(enum encoder_codec codec, uint8_t *at, bool idr)
{
    if (codec == ENCODER_CODEC_HEVC)
        at = prepend(at, idr ? "\x46\x01\x10" : "\x46\x01\x50", 3);
    else
        at = prepend(at, idr ? "\x09\x10" : "\x09\x30", 2);
    return prepend(at, start_code, sizeof start_code);
}

static bool starts_with_start_code(const uint8_t *coded, size_t begin)
{
    for (size_t i = 0; i < begin; i++) {
        if (coded[i] != 0)
            return false;
    }
    return true;
}

int vaapi_unit_make(enum encoder_codec codec, uint8_t *coded, size_t size_bytes,
                    struct vaapi_parameter_sets *sets, struct vaapi_unit *out)
{
    unsigned wanted = codec == ENCODER_CODEC_HEVC ? KIND_VPS | KIND_SPS | KIND_PPS : KIND_SPS | KIND_PPS;
    struct vaapi_parameter_sets seen = {.size_bytes = 0};
    struct nal nal = {.end = 0};
    unsigned found = 0;
    bool is_first = true;
    size_t body = size_bytes; // the first NAL unit that stays

    do {
        if (!next_nal(codec, coded, size_bytes, &nal) || (coded[nal.payload] & 0x80)) // forbidden_zero_bit
            return CASTOR_ERR_INVALID;
        if (is_first && !starts_with_start_code(coded, nal.begin))
            return CASTOR_ERR_INVALID;
        if (body == size_bytes && nal.kind != KIND_AUD)
            body = nal.begin;
        found |= nal.kind & wanted;
        if ((nal.kind & wanted) && !annexb_append(seen.bytes, sizeof seen.bytes, &seen.size_bytes,
                                                  coded + nal.payload, nal.end - nal.payload))
            return CASTOR_ERR_INVALID;
        is_first = false;
    } while (nal.kind < KIND_SLICE);
    out->idr = nal.kind == KIND_IDR;
    if (found == wanted)
        *sets = seen;
    uint8_t *start = coded + body;
    if (out->idr && found != wanted) {
        if (sets->size_bytes == 0)
            return CASTOR_ERR_INVALID;
        start = prepend(start, sets->bytes, sets->size_bytes);
    } else {
        start = prepend(start, "", 1); // zero_byte of B.1.2, wanted in front of parameter sets
    }
    start = prepend_delimiter(codec, start, out->idr);
    out->data = start;
    out->size_bytes = (size_t)(coded + size_bytes - start);
    return CASTOR_OK;
}
