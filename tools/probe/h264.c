// SPDX-License-Identifier: Apache-2.0
#include "probe/h264.h"

#include <string.h>

// Offset of the next 00 00 01, or `bytes`.
static size_t find_start_code(const uint8_t *data, size_t bytes, size_t pos)
{
    while (pos + 3 <= bytes) {
        const uint8_t *one = memchr(data + pos + 2, 1, bytes - pos - 2);
        if (one == NULL)
            return bytes;
        pos = (size_t)(one - data) - 2;
        if (data[pos] == 0 && data[pos + 1] == 0)
            return pos;
        pos++;
    }
    return bytes;
}

int h264_next_nal(const uint8_t *data, size_t bytes, size_t *pos, struct h264_nal *nal)
{
    for (;;) {
        size_t start = find_start_code(data, bytes, *pos);
        if (start == bytes)
            return CASTOR_ERR_END;
        start += 3;
        size_t end = find_start_code(data, bytes, start);
        *pos = end;
        while (end > start && data[end - 1] == 0)
            end--;
        if (end == start)
            continue;
        nal->data = data + start;
        nal->bytes = end - start;
        nal->type = data[start] & 0x1F;
        return CASTOR_OK;
    }
}

size_t h264_unescape(const uint8_t *data, size_t bytes, uint8_t *out, size_t room)
{
    size_t written = 0;
    unsigned zeros = 0;
    for (size_t i = 0; i < bytes && written < room; i++) {
        if (zeros >= 2 && data[i] == 3) {
            zeros = 0;
            continue;
        }
        zeros = data[i] == 0 ? zeros + 1 : 0;
        out[written++] = data[i];
    }
    return written;
}

static void inspect_nal(const struct h264_nal *nal, struct h264_au *au, bool *sps, bool *pps)
{
    switch (nal->type) {
    case H264_SLICE:
    case H264_IDR: {
        bool idr = nal->type == H264_IDR;
        if (au->slices > 0 && idr != au->idr)
            au->malformed = true;
        if (au->slices == 0)
            au->parameters_set = *sps && *pps;
        au->idr |= idr;
        au->slices++;
        break;
    }
    case H264_SEI:
        sei_parse(nal->data, nal->bytes, &au->marks);
        break;
    case H264_SPS:
        *sps = true;
        if (h264_parse_sps(nal->data, nal->bytes, &au->sps) == CASTOR_OK)
            au->has_sps = true;
        else
            au->malformed = true;
        break;
    case H264_PPS:
        *pps = true;
        break;
    case H264_AUD:
        au->auds++;
        au->aud_first |= au->nals == 0;
        break;
    default:
        break;
    }
}

void h264_inspect(const uint8_t *data, size_t bytes, struct h264_au *au)
{
    memset(au, 0, sizeof *au);
    bool sps = false;
    bool pps = false;
    size_t pos = 0;
    struct h264_nal nal;
    while (h264_next_nal(data, bytes, &pos, &nal) == CASTOR_OK) {
        if (nal.data[0] & 0x80)
            au->malformed = true;
        inspect_nal(&nal, au, &sps, &pps);
        au->nals++;
    }
    au->malformed |= au->slices == 0 || au->auds > 1 || au->marks.malformed;
}
