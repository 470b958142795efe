// SPDX-License-Identifier: Apache-2.0
#include "vaapi_unit.h"

#include <string.h>

#include "annexb.h"

enum { TYPE_SLICE = 1, TYPE_IDR = 5, TYPE_SPS = 7, TYPE_PPS = 8, TYPE_AUD = 9 };

static const uint8_t start_code[] = {0, 0, 0, 1};

#define START_CODE_BYTES 3 // without zero_byte

struct nal {
    size_t begin; // of the start code's last three bytes
    size_t payload, end;
    unsigned type;
};

// The NAL unit whose start code is at or after nal->end; false: there is none.
static bool next_nal(const uint8_t *bytes, size_t size, struct nal *nal)
{
    nal->payload = annexb_find(bytes, size, nal->end);
    if (nal->payload == size)
        return false;
    nal->begin = nal->payload - START_CODE_BYTES;
    nal->type = bytes[nal->payload] & 0x1F;
    // What follows a slice is of no interest, and slices are long.
    nal->end =
        nal->type == TYPE_SLICE || nal->type == TYPE_IDR ? size : annexb_end(bytes, size, nal->payload);
    return true;
}

static uint8_t *prepend(uint8_t *at, const void *bytes, size_t size)
{
    at -= size;
    memcpy(at, bytes, size);
    return at;
}

static bool starts_with_start_code(const uint8_t *coded, size_t begin)
{
    for (size_t i = 0; i < begin; i++) {
        if (coded[i] != 0)
            return false;
    }
    return true;
}

int vaapi_unit_make(uint8_t *coded, size_t size_bytes, struct vaapi_parameter_sets *sets,
                    struct vaapi_unit *out)
{
    struct vaapi_parameter_sets seen = {.size_bytes = 0};
    struct nal nal = {.end = 0};
    bool has_sps = false, has_pps = false, is_first = true;
    size_t body = size_bytes; // the first NAL unit that stays

    do {
        if (!next_nal(coded, size_bytes, &nal) || (coded[nal.payload] & 0x80)) // forbidden_zero_bit
            return CASTOR_ERR_INVALID;
        if (is_first && !starts_with_start_code(coded, nal.begin))
            return CASTOR_ERR_INVALID;
        if (body == size_bytes && nal.type != TYPE_AUD)
            body = nal.begin;
        has_sps |= nal.type == TYPE_SPS;
        has_pps |= nal.type == TYPE_PPS;
        if ((nal.type == TYPE_SPS || nal.type == TYPE_PPS) &&
            !annexb_append(seen.bytes, sizeof seen.bytes, &seen.size_bytes, coded + nal.payload,
                           nal.end - nal.payload))
            return CASTOR_ERR_INVALID;
        is_first = false;
    } while (nal.type != TYPE_SLICE && nal.type != TYPE_IDR);
    out->idr = nal.type == TYPE_IDR;
    if (has_sps && has_pps)
        *sets = seen;
    uint8_t *start = coded + body;
    if (out->idr && !(has_sps && has_pps)) {
        if (sets->size_bytes == 0)
            return CASTOR_ERR_INVALID;
        start = prepend(start, sets->bytes, sets->size_bytes);
    } else {
        start = prepend(start, "", 1); // zero_byte of B.1.2, wanted in front of parameter sets
    }
    // primary_pic_type 0 (I) or 1 (P), table 7-5, then the stop bit
    start = prepend(start, out->idr ? "\x09\x10" : "\x09\x30", 2);
    start = prepend(start, start_code, sizeof start_code);
    out->data = start;
    out->size_bytes = (size_t)(coded + size_bytes - start);
    return CASTOR_OK;
}
