// SPDX-License-Identifier: Apache-2.0
#include "base/nal.h"

#include <string.h>

// Searching for the rarest of its bytes lets the C library's vectorised memchr do the work: coded slices are
// close to random bytes, where 01 comes every 256.
size_t nal_find_start_code(const uint8_t *data, size_t size_bytes, size_t from)
{
    size_t at = from + 2;
    while (at < size_bytes) {
        const uint8_t *hit = memchr(data + at, 1, size_bytes - at);
        if (hit == NULL)
            return NAL_NOT_FOUND;
        at = (size_t)(hit - data);
        if (data[at - 1] == 0 && data[at - 2] == 0)
            return at - 2;
        at++;
    }
    return NAL_NOT_FOUND;
}

size_t nal_begin(const uint8_t *data, size_t start)
{
    return start > 0 && data[start - 1] == 0 ? start - 1 : start;
}

bool nal_next(const uint8_t *data, size_t size_bytes, size_t *position, struct nal_span *out)
{
    size_t start = nal_find_start_code(data, size_bytes, *position);
    size_t begin = 0;
    size_t end = 0;
    while (start != NAL_NOT_FOUND) {
        begin = start + NAL_START_CODE_BYTES;
        end = nal_find_start_code(data, size_bytes, begin);
        if (end != begin)
            break;
        start = end; // a start code right behind another: no NAL unit between them
    }
    if (start == NAL_NOT_FOUND || begin >= size_bytes)
        return false;
    if (end == NAL_NOT_FOUND)
        end = size_bytes;
    size_t trimmed = end;
    while (trimmed > begin + 1 && data[trimmed - 1] == 0)
        trimmed--;
    out->data = data + begin;
    out->size_bytes = trimmed - begin;
    out->start_bytes = nal_begin(data, start);
    *position = end;
    return true;
}

uint32_t nal_read_bit(struct nal_bits *r)
{
    if (r->left == 0) {
        if (r->zeros >= 2 && r->at_bytes < r->size_bytes && r->data[r->at_bytes] == 3) {
            r->at_bytes++;
            r->zeros = 0;
        }
        if (r->at_bytes >= r->size_bytes) {
            r->broken = true;
            return 0;
        }
        r->current = r->data[r->at_bytes++];
        r->zeros = r->current == 0 ? r->zeros + 1 : 0;
        r->left = 8;
    }
    r->left--;
    return (r->current >> r->left) & 1u;
}

uint32_t nal_read_bits(struct nal_bits *r, uint32_t count)
{
    uint32_t value = 0;
    while (count-- > 0)
        value = value << 1 | nal_read_bit(r);
    return value;
}

uint32_t nal_read_ue(struct nal_bits *r)
{
    uint32_t zeros = 0;
    while (!r->broken && nal_read_bit(r) == 0) {
        if (++zeros > 31) {
            r->broken = true;
            return 0;
        }
    }
    return r->broken ? 0 : (uint32_t)((UINT64_C(1) << zeros) - 1 + nal_read_bits(r, zeros));
}

int32_t nal_read_se(struct nal_bits *r)
{
    uint32_t k = nal_read_ue(r);
    return (k & 1) != 0 ? (int32_t)(k / 2 + 1) : -(int32_t)(k / 2);
}

uint32_t nal_read_ue_limited(struct nal_bits *r, uint32_t max)
{
    uint32_t value = nal_read_ue(r);
    if (value > max)
        r->broken = true;
    return r->broken ? 0 : value;
}

void nal_read_cropping(struct nal_bits *r, uint32_t chroma, bool fields, struct nal_sps *sps)
{
    uint32_t unit_x = chroma == 1 || chroma == 2 ? 2 : 1;
    uint32_t unit_y = (chroma == 1 ? 2 : 1) * (fields ? 2 : 1);
    uint32_t cut_x = unit_x * nal_read_ue_limited(r, sps->width_px);
    cut_x += unit_x * nal_read_ue_limited(r, sps->width_px);
    uint32_t cut_y = unit_y * nal_read_ue_limited(r, sps->height_px);
    cut_y += unit_y * nal_read_ue_limited(r, sps->height_px);
    if (cut_x >= sps->width_px || cut_y >= sps->height_px) {
        r->broken = true;
        return;
    }
    sps->width_px -= cut_x;
    sps->height_px -= cut_y;
}

int nal_escape(const uint8_t *rbsp, size_t size_bytes, uint8_t *out, size_t out_capacity_bytes,
               size_t *out_size_bytes)
{
    size_t written = 0;
    uint32_t zeros = 0;
    for (size_t i = 0; i < size_bytes; i++) {
        if (zeros >= 2 && rbsp[i] <= 3) {
            if (written >= out_capacity_bytes)
                return CASTOR_ERR_FULL;
            out[written++] = 3;
            zeros = 0;
        }
        if (written >= out_capacity_bytes)
            return CASTOR_ERR_FULL;
        out[written++] = rbsp[i];
        zeros = rbsp[i] == 0 ? zeros + 1 : 0;
    }
    *out_size_bytes = written;
    return CASTOR_OK;
}
