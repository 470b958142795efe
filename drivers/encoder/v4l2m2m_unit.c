// SPDX-License-Identifier: Apache-2.0
#include "v4l2m2m_unit.h"

#include <string.h>

#include "annexb.h"

enum { NAL_SLICE = 1, NAL_PARTITION_A = 2, NAL_IDR = 5, NAL_SEI = 6, NAL_SPS = 7, NAL_PPS = 8, NAL_AUD = 9 };

// primary_pic_type 7 (any slices), then the stop bit: 7.3.2.4.
static const uint8_t delimiter[] = {0, 0, 0, 1, NAL_AUD, 0xF0};

static void keep(uint8_t *set, size_t *set_bytes, bool first_of_unit, const uint8_t *nal, size_t nal_bytes)
{
    if (first_of_unit)
        *set_bytes = 0;
    if (!annexb_append(set, V4L2M2M_SETS_MAX_BYTES, set_bytes, nal, nal_bytes))
        *set_bytes = 0; // half a list of parameter sets would be worse than none
}

void v4l2m2m_unit_scan(const uint8_t *data, size_t size_bytes, struct v4l2m2m_sets *sets,
                       struct v4l2m2m_unit *out)
{
    struct v4l2m2m_unit unit = {.content = V4L2M2M_CONTENT_NOTHING};
    bool is_first = true;
    size_t begin = annexb_find(data, size_bytes, 0);

    if (begin < size_bytes)
        unit.start_bytes = begin > 3 && data[begin - 4] == 0 ? begin - 4 : begin - 3; // zero_byte too
    unit.body_bytes = unit.start_bytes;
    for (; begin < size_bytes; begin = annexb_find(data, size_bytes, begin)) {
        uint8_t type = data[begin] & 0x1F;
        if (data[begin] & 0x80) // forbidden_zero_bit
            break;
        if (type == NAL_SLICE || type == NAL_PARTITION_A || type == NAL_IDR) {
            unit.content = V4L2M2M_CONTENT_PICTURE;
            unit.idr = type == NAL_IDR;
            break;
        }
        size_t end = annexb_end(data, size_bytes, begin);
        if (type == NAL_SPS) {
            keep(sets->sps, &sets->sps_bytes, !unit.sps, data + begin, end - begin);
            unit.sps = true;
        } else if (type == NAL_PPS) {
            keep(sets->pps, &sets->pps_bytes, !unit.pps, data + begin, end - begin);
            unit.pps = true;
        } else if (type == NAL_AUD && is_first) {
            unit.aud_first = true;
            unit.body_bytes = end;
        }
        if (type >= NAL_SEI && type <= 20)
            unit.content = V4L2M2M_CONTENT_HEADERS;
        is_first = false;
    }
    *out = unit;
}

bool v4l2m2m_unit_complete(const struct v4l2m2m_unit *unit, const struct v4l2m2m_sets *sets, uint8_t *room,
                           size_t size_bytes, const uint8_t **out, size_t *out_bytes)
{
    bool needs_sets = unit->idr && !(unit->sps && unit->pps);
    uint8_t *begin = room + V4L2M2M_HEADROOM_BYTES;
    const uint8_t *end = begin + size_bytes;

    if (needs_sets && (sets->sps_bytes == 0 || sets->pps_bytes == 0))
        return false;
    // Where parameter sets go in, the device's delimiter is left out: one comes before them.
    begin += needs_sets ? unit->body_bytes : unit->start_bytes;
    if (needs_sets) {
        begin -= sets->pps_bytes;
        memcpy(begin, sets->pps, sets->pps_bytes);
        begin -= sets->sps_bytes;
        memcpy(begin, sets->sps, sets->sps_bytes);
    }
    if (needs_sets || !unit->aud_first) {
        begin -= sizeof delimiter;
        memcpy(begin, delimiter, sizeof delimiter);
    }
    *out = begin;
    *out_bytes = (size_t)(end - begin);
    return true;
}
