// SPDX-License-Identifier: Apache-2.0
#include "test_probe_stream.h"

#include <assert.h>
#include <string.h>

#define PACKET 188

static uint32_t crc32_mpeg(const uint8_t *p, size_t bytes)
{
    uint32_t crc = 0xFFFFFFFF;
    for (size_t i = 0; i < bytes; i++) {
        for (int bit = 7; bit >= 0; bit--) {
            uint32_t top = crc >> 31 ^ (uint32_t)(p[i] >> bit & 1);
            crc = crc << 1 ^ (top ? 0x04C11DB7 : 0);
        }
    }
    return crc;
}

static uint8_t *new_packet(struct stream *s)
{
    assert(s->bytes + PACKET <= STREAM_BYTES);
    uint8_t *p = s->data + s->bytes;
    memset(p, 0xFF, PACKET);
    s->bytes += PACKET;
    return p;
}

static void put_section(struct stream *s, uint16_t pid, const uint8_t *section, size_t bytes)
{
    uint8_t *p = new_packet(s);
    p[0] = 0x47;
    p[1] = (uint8_t)(0x40 | pid >> 8);
    p[2] = (uint8_t)pid;
    p[3] = 0x10 | s->cc[pid];
    s->cc[pid] = (s->cc[pid] + 1) & 0x0F;
    p[4] = 0;
    memcpy(p + 5, section, bytes);
    uint32_t crc = crc32_mpeg(section, bytes);
    for (int i = 0; i < 4; i++)
        p[5 + bytes + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
}

void stream_tables(struct stream *s, bool pat, bool pmt)
{
    static const uint8_t pat_section[] = {0x00, 0xB0, 13, 0, 1, 0xC1, 0, 0, 0, 1, 0xF0, 0x00};
    const uint8_t type = s->hevc ? 0x24 : 0x1B;
    const uint8_t pmt_section[] = {0x02, 0xB0, 18,   0,    1,    0xC1, 0,    0,   0xE1,
                                   0x00, 0xF0, 0x00, type, 0xE1, 0x00, 0xF0, 0x00};
    if (pat)
        put_section(s, 0, pat_section, sizeof pat_section);
    if (pmt)
        put_section(s, STREAM_PMT_PID, pmt_section, sizeof pmt_section);
}

void stream_frame_init(struct stream_frame *f, uint64_t sequence)
{
    bool idr = sequence % 10 == 0;
    *f = (struct stream_frame){
        .sequence = sequence,
        .capture_us = 1700000000000000 + (int64_t)sequence * 100000 / 3,
        .pts_90k = 90000 + sequence * STREAM_FRAME_90K,
        .pcr_27m = 27000000 / 2 + sequence * STREAM_FRAME_90K * 300,
        .identity = true,
        .idr = idr,
        .aud = true,
        .sps = idr,
        .pps = idr,
        .random_access = idr,
        .pcr = true,
        .has_pts = true,
        .width_mbs = 40,
        .slice_bytes = 400,
    };
}

// Start code, then the payload with emulation prevention; returns the length.
static size_t put_nal(uint8_t *out, const uint8_t *rbsp, size_t bytes)
{
    static const uint8_t start[] = {0, 0, 0, 1};
    memcpy(out, start, sizeof start);
    size_t used = sizeof start;
    unsigned zeros = 0;
    for (size_t i = 0; i < bytes; i++) {
        if (zeros >= 2 && rbsp[i] <= 3) {
            out[used++] = 3;
            zeros = 0;
        }
        zeros = rbsp[i] == 0 ? zeros + 1 : 0;
        out[used++] = rbsp[i];
    }
    return used;
}

size_t stream_sei(const struct stream_frame *f, uint8_t *out)
{
    uint8_t rbsp[80] = {f->hevc ? 0x4E : 0x06, 0x01};
    size_t used = f->hevc ? 2 : 1;
    if (f->capture_us > 0) {
        uint64_t t = (uint64_t)f->capture_us;
        uint8_t *p = rbsp + used;
        p[0] = 5;
        p[1] = 28;
        memcpy(p + 2, "MISPmicrosectime", 16);
        p[18] = 0x1F;
        for (int i = 0; i < 4; i++) {
            p[19 + 3 * i] = (uint8_t)(t >> (56 - 16 * i));
            p[20 + 3 * i] = (uint8_t)(t >> (48 - 16 * i));
            if (i < 3)
                p[21 + 3 * i] = 0xFF;
        }
        used += 30;
    }
    if (f->identity) {
        uint8_t *p = rbsp + used;
        p[0] = 5;
        p[1] = 32;
        memcpy(p + 2, "castor-frame-id1", 16);
        p[18] = f->path;
        for (int i = 0; i < 4; i++)
            p[22 + i] = (uint8_t)(f->epoch >> (24 - 8 * i));
        for (int i = 0; i < 8; i++)
            p[26 + i] = (uint8_t)(f->sequence >> (56 - 8 * i));
        used += 34;
    }
    rbsp[used++] = 0x80;
    return put_nal(out, rbsp, used);
}

struct bit_writer {
    uint8_t *data;
    size_t pos;
};

static void put_bit(struct bit_writer *w, unsigned bit)
{
    if (bit)
        w->data[w->pos / 8] |= (uint8_t)(0x80 >> w->pos % 8);
    w->pos++;
}

static void put_ue(struct bit_writer *w, unsigned value)
{
    unsigned code = value + 1;
    unsigned length = 0;
    while (code >> (length + 1))
        length++;
    for (unsigned i = 0; i < length; i++)
        put_bit(w, 0);
    for (unsigned i = length + 1; i-- > 0;)
        put_bit(w, code >> i & 1);
}

static size_t put_sps(uint8_t *out, unsigned width_mbs)
{
    uint8_t rbsp[32] = {0x67, 66, 0xC0, 30};
    struct bit_writer w = {rbsp, 32};
    put_ue(&w, 0); // seq_parameter_set_id
    put_ue(&w, 0); // log2_max_frame_num_minus4
    put_ue(&w, 2); // pic_order_cnt_type
    put_ue(&w, 1); // max_num_ref_frames
    put_bit(&w, 0);
    put_ue(&w, width_mbs - 1);
    put_ue(&w, 22);
    put_bit(&w, 1); // frame_mbs_only_flag
    put_bit(&w, 1);
    put_bit(&w, 1); // frame_cropping_flag: 368 rows, 360 shown
    put_ue(&w, 0);
    put_ue(&w, 0);
    put_ue(&w, 0);
    put_ue(&w, 4);
    put_bit(&w, 0); // vui_parameters_present_flag
    put_bit(&w, 1);
    return put_nal(out, rbsp, (w.pos + 7) / 8);
}

static size_t put_hevc_unit(uint8_t *out, const struct stream_frame *f)
{
    static const uint8_t aud[] = {0x46, 0x01, 0x50};
    static const uint8_t vps[] = {0x40, 0x01, 0x0C, 0x01};
    // Main profile, level 4.1; 640x368 coded, 360 rows shown.
    static const uint8_t sps[] = {0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x00, 0x90, 0x00, 0x00, 0x00,
                                  0x00, 0x00, 0x7B, 0xA0, 0x05, 0x02, 0x01, 0x71, 0xF2, 0xE5, 0x80};
    static const uint8_t pps[] = {0x44, 0x01, 0xC1, 0x73};
    uint8_t slice[4096];
    size_t used = 0;
    if (f->aud)
        used += put_nal(out + used, aud, sizeof aud);
    if (f->sps) {
        used += put_nal(out + used, vps, sizeof vps);
        used += put_nal(out + used, sps, sizeof sps);
    }
    if (f->pps)
        used += put_nal(out + used, pps, sizeof pps);
    if (f->identity || f->capture_us > 0)
        used += stream_sei(f, out + used);
    assert(f->slice_bytes <= sizeof slice);
    memset(slice, 0xA5, f->slice_bytes); // first_slice_segment_in_pic_flag is set
    slice[0] = f->idr ? 0x26 : 0x02;
    slice[1] = 0x01;
    return used + put_nal(out + used, slice, f->slice_bytes);
}

static size_t put_access_unit(uint8_t *out, const struct stream_frame *f)
{
    if (f->hevc)
        return put_hevc_unit(out, f);
    static const uint8_t aud[] = {0x09, 0xF0};
    static const uint8_t pps[] = {0x68, 0xCE, 0x3C, 0x80};
    uint8_t slice[4096];
    size_t used = 0;
    if (f->aud)
        used += put_nal(out + used, aud, sizeof aud);
    if (f->sps)
        used += put_sps(out + used, f->width_mbs);
    if (f->pps)
        used += put_nal(out + used, pps, sizeof pps);
    if (f->identity || f->capture_us > 0)
        used += stream_sei(f, out + used);
    assert(f->slice_bytes <= sizeof slice);
    memset(slice, 0xA5, f->slice_bytes);
    slice[0] = f->idr ? 0x65 : 0x41;
    return used + put_nal(out + used, slice, f->slice_bytes);
}

static void put_timestamp(uint8_t *p, uint64_t t)
{
    p[0] = (uint8_t)(0x21 | (t >> 29 & 0x0E));
    p[1] = (uint8_t)(t >> 22);
    p[2] = (uint8_t)(t >> 14 | 1);
    p[3] = (uint8_t)(t >> 7);
    p[4] = (uint8_t)(t << 1 | 1);
}

// One packet of the PES packet; returns the bytes of payload taken.
static size_t put_video_packet(struct stream *s, const struct stream_frame *f, bool first, const uint8_t *pes,
                               size_t bytes)
{
    uint8_t *p = new_packet(s);
    size_t field = first && (f->pcr || f->random_access) ? (f->pcr ? 8 : 2) : 0;
    size_t take = bytes < PACKET - 4 - field ? bytes : PACKET - 4 - field;
    size_t filled = PACKET - 4 - take; // adaptation field with its length byte
    p[0] = 0x47;
    p[1] = (uint8_t)((first ? 0x40 : 0) | STREAM_VIDEO_PID >> 8);
    p[2] = (uint8_t)STREAM_VIDEO_PID;
    p[3] = (uint8_t)((filled > 0 ? 0x30 : 0x10) | s->cc[STREAM_VIDEO_PID]);
    s->cc[STREAM_VIDEO_PID] = (s->cc[STREAM_VIDEO_PID] + 1) & 0x0F;
    if (filled > 0)
        p[4] = (uint8_t)(filled - 1);
    if (filled > 1)
        p[5] = (uint8_t)(first ? (f->random_access ? 0x40 : 0) | (f->pcr ? 0x10 : 0) : 0);
    if (first && f->pcr) {
        uint64_t base = f->pcr_27m / 300;
        uint64_t extension = f->pcr_27m % 300;
        for (int i = 0; i < 4; i++)
            p[6 + i] = (uint8_t)(base >> (25 - 8 * i));
        p[10] = (uint8_t)(base << 7 | 0x7E | extension >> 8);
        p[11] = (uint8_t)extension;
    }
    memcpy(p + 4 + filled, pes, take);
    return take;
}

void stream_frame(struct stream *s, const struct stream_frame *f)
{
    uint8_t pes[16384] = {0, 0, 1, 0xE0, 0, 0, 0x80, 0, 0};
    size_t used = 9;
    if (f->has_pts) {
        pes[7] = 0x80;
        pes[8] = 5;
        put_timestamp(pes + 9, f->pts_90k);
        used += 5;
    }
    if (f->broken_pes)
        pes[2] = 2;
    used += put_access_unit(pes + used, f);
    size_t sent = 0;
    while (sent < used)
        sent += put_video_packet(s, f, sent == 0, pes + sent, used - sent);
}

void stream_good(struct stream *s, uint64_t first, uint64_t last)
{
    for (uint64_t n = first; n <= last; n++) {
        struct stream_frame f;
        stream_frame_init(&f, n);
        f.hevc = s->hevc;
        if (f.idr)
            stream_tables(s, true, true);
        stream_frame(s, &f);
    }
}

uint8_t *stream_packet(struct stream *s, size_t index)
{
    assert((index + 1) * PACKET <= STREAM_BYTES);
    return s->data + index * PACKET;
}

size_t stream_packets(const struct stream *s)
{
    return s->bytes / PACKET;
}

void stream_remove(struct stream *s, size_t index)
{
    uint8_t *p = stream_packet(s, index);
    memmove(p, p + PACKET, s->bytes - (index + 1) * PACKET);
    s->bytes -= PACKET;
}

void stream_repeat(struct stream *s, size_t index)
{
    assert(s->bytes + PACKET <= STREAM_BYTES);
    uint8_t *p = stream_packet(s, index);
    memmove(p + PACKET, p, s->bytes - index * PACKET);
    s->bytes += PACKET;
}

size_t stream_find(const struct stream *s, size_t index, uint16_t pid, bool unit_start)
{
    for (size_t i = index; i < stream_packets(s); i++) {
        const uint8_t *p = s->data + i * PACKET;
        if (((p[1] & 0x1F) << 8 | p[2]) == pid && !!(p[1] & 0x40) == unit_start)
            return i;
    }
    assert(!"no such packet");
    return 0;
}
