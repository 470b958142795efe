// SPDX-License-Identifier: Apache-2.0
#include "v4l2m2m_unit.h"

#include <string.h>

#include "annexb.h"

// What a NAL unit is here.
enum kind {
    KIND_UNKNOWN,
    KIND_OTHER, // SEI and the like
    KIND_AUD,
    KIND_VPS,
    KIND_SPS,
    KIND_PPS,
    KIND_SLICE,
    KIND_SLICE_JOIN, // of a picture where a decoder may join, and that is no IDR
    KIND_SLICE_IDR,
};

// Table 7-1 of H.264.
static enum kind h264_kind(const uint8_t *nal, size_t size_bytes)
{
    uint8_t type = nal[0] & 0x1F;

    (void)size_bytes;
    switch (type) {
    case 1:
    case 2: // data partition A
        return KIND_SLICE;
    case 5:
        return KIND_SLICE_IDR;
    case 7:
        return KIND_SPS;
    case 8:
        return KIND_PPS;
    case 9:
        return KIND_AUD;
    default:
        return type >= 6 && type <= 20 ? KIND_OTHER : KIND_UNKNOWN;
    }
}

// Table 7-1 of H.265.
static enum kind hevc_kind(const uint8_t *nal, size_t size_bytes)
{
    uint8_t type = nal[0] >> 1 & 0x3F;

    if (size_bytes < 2 || (nal[1] & 7) == 0) // nuh_temporal_id_plus1
        return KIND_UNKNOWN;
    if (type == 19 || type == 20)
        return KIND_SLICE_IDR;
    if (type >= 16 && type <= 21) // BLA, CRA
        return KIND_SLICE_JOIN;
    if (type <= 9)
        return KIND_SLICE;
    switch (type) {
    case 32:
        return KIND_VPS;
    case 33:
        return KIND_SPS;
    case 34:
        return KIND_PPS;
    case 35:
        return KIND_AUD;
    default:
        return type > 35 && type <= 40 ? KIND_OTHER : KIND_UNKNOWN;
    }
}

static const struct syntax {
    enum kind (*kind_of)(const uint8_t *nal, size_t size_bytes);
    uint32_t sets; // that it has
    // An access unit delimiter for any slices: 7.3.2.4 of H.264, 7.3.2.5 of H.265.
    size_t delimiter_bytes;
    uint8_t delimiter[8];
} syntaxes[ENCODER_CODEC_END] = {
    [ENCODER_CODEC_H264] = {h264_kind,
                            1u << V4L2M2M_SET_SPS | 1u << V4L2M2M_SET_PPS,
                            6,
                            {0, 0, 0, 1, 0x09, 0xF0}},
    [ENCODER_CODEC_HEVC] = {hevc_kind,
                            1u << V4L2M2M_SET_VPS | 1u << V4L2M2M_SET_SPS | 1u << V4L2M2M_SET_PPS,
                            7,
                            {0, 0, 0, 1, 0x46, 0x01, 0x50}},
};

static void keep(struct v4l2m2m_sets *sets, enum v4l2m2m_set set, struct v4l2m2m_unit *unit,
                 const uint8_t *nal, size_t nal_bytes)
{
    if (!(unit->sets & 1u << set))
        sets->used_bytes[set] = 0;
    if (!annexb_append(sets->bytes[set], V4L2M2M_SETS_MAX_BYTES, &sets->used_bytes[set], nal, nal_bytes))
        sets->used_bytes[set] = 0; // half a list of parameter sets would be worse than none
    unit->sets |= 1u << set;
}

// True when the NAL unit at `begin` is a slice: what comes before the first has then been seen.
static bool note(enum kind kind, const uint8_t *data, size_t begin, size_t end, struct v4l2m2m_sets *sets,
                 struct v4l2m2m_unit *unit)
{
    if (kind >= KIND_SLICE) {
        unit->content = V4L2M2M_CONTENT_PICTURE;
        unit->idr = kind == KIND_SLICE_IDR;
        unit->needs_sets = kind != KIND_SLICE;
        return true;
    }
    if (kind >= KIND_VPS)
        keep(sets, V4L2M2M_SET_VPS + (kind - KIND_VPS), unit, data + begin, end - begin);
    if (kind != KIND_UNKNOWN)
        unit->content = V4L2M2M_CONTENT_HEADERS;
    return false;
}

void v4l2m2m_unit_scan(enum encoder_codec codec, const uint8_t *data, size_t size_bytes,
                       struct v4l2m2m_sets *sets, struct v4l2m2m_unit *out)
{
    struct v4l2m2m_unit unit = {.content = V4L2M2M_CONTENT_NOTHING};
    bool is_first = true;
    size_t begin = annexb_find(data, size_bytes, 0);

    if (begin < size_bytes)
        unit.start_bytes = begin > 3 && data[begin - 4] == 0 ? begin - 4 : begin - 3; // zero_byte too
    unit.body_bytes = unit.start_bytes;
    for (; begin < size_bytes; begin = annexb_find(data, size_bytes, begin)) {
        if (data[begin] & 0x80) // forbidden_zero_bit
            break;
        enum kind kind = syntaxes[codec].kind_of(data + begin, size_bytes - begin);
        size_t end = kind >= KIND_SLICE ? size_bytes : annexb_end(data, size_bytes, begin);
        if (kind == KIND_AUD && is_first) {
            unit.aud_first = true;
            unit.body_bytes = end;
        }
        if (note(kind, data, begin, end, sets, &unit))
            break;
        is_first = false;
    }
    *out = unit;
}

bool v4l2m2m_unit_complete(enum encoder_codec codec, const struct v4l2m2m_unit *unit,
                           const struct v4l2m2m_sets *sets, uint8_t *room, size_t size_bytes,
                           const uint8_t **out, size_t *out_bytes)
{
    const struct syntax *syntax = &syntaxes[codec];
    bool needs_sets = unit->needs_sets && (unit->sets & syntax->sets) != syntax->sets;
    uint8_t *begin = room + V4L2M2M_HEADROOM_BYTES;
    const uint8_t *end = begin + size_bytes;

    // Where parameter sets go in, the device's delimiter is left out: one comes before them.
    begin += needs_sets ? unit->body_bytes : unit->start_bytes;
    for (uint32_t set = V4L2M2M_SETS; needs_sets && set-- > 0;) {
        if (!(syntax->sets & 1u << set))
            continue;
        if (sets->used_bytes[set] == 0)
            return false;
        begin -= sets->used_bytes[set];
        memcpy(begin, sets->bytes[set], sets->used_bytes[set]);
    }
    if (needs_sets || !unit->aud_first) {
        begin -= syntax->delimiter_bytes;
        memcpy(begin, syntax->delimiter, syntax->delimiter_bytes);
    }
    *out = begin;
    *out_bytes = (size_t)(end - begin);
    return true;
}
