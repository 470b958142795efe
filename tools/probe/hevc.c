// SPDX-License-Identifier: Apache-2.0
#include "probe/hevc.h"

#include "probe/bits.h"

#include <string.h>

#define HEADER_BYTES 2
#define SPS_MAX_BYTES 1024
#define SIDE_MAX 16888 // samples; level 6.2 ends there

static void skip_bits(struct bits *b, unsigned n)
{
    for (; n > 32; n -= 32)
        bits_read(b, 32);
    bits_read(b, n);
}

// profile_tier_level(1, layers - 1), 7.3.3.
static void parse_profile(struct bits *b, unsigned layers, struct h264_sps *sps)
{
    bits_read(b, 3); // general_profile_space, general_tier_flag
    sps->profile_idc = bits_read(b, 5);
    skip_bits(b, 32 + 48); // compatibility flags, constraint flags
    sps->level_idc = bits_read(b, 8);
    unsigned present[8] = {0};
    for (unsigned i = 1; i < layers; i++)
        present[i] = bits_read(b, 2);
    for (unsigned i = layers; layers > 1 && i <= 8; i++)
        bits_read(b, 2);
    for (unsigned i = 1; i < layers; i++) {
        if (present[i] & 2)
            skip_bits(b, 88);
        if (present[i] & 1)
            skip_bits(b, 8);
    }
}

static void parse_size(struct bits *b, struct h264_sps *sps)
{
    unsigned chroma = bits_read_ue_max(b, 3);
    if (chroma == 3)
        bits_read(b, 1); // separate_colour_plane_flag
    sps->width_px = bits_read_ue_max(b, SIDE_MAX);
    sps->height_px = bits_read_ue_max(b, SIDE_MAX);
    if (!bits_read(b, 1)) // conformance_window_flag
        return;
    uint32_t cut[4];
    for (unsigned i = 0; i < 4; i++)
        cut[i] = bits_read_ue_max(b, SIDE_MAX);
    uint32_t cut_x = (cut[0] + cut[1]) * (chroma == 1 || chroma == 2 ? 2 : 1);
    uint32_t cut_y = (cut[2] + cut[3]) * (chroma == 1 ? 2 : 1);
    if (cut_x >= sps->width_px || cut_y >= sps->height_px) {
        b->broken = true;
        return;
    }
    sps->width_px -= cut_x;
    sps->height_px -= cut_y;
}

int hevc_parse_sps(const uint8_t *nal, size_t bytes, struct h264_sps *sps)
{
    if (bytes <= HEADER_BYTES || (nal[0] >> 1 & 0x3F) != HEVC_SPS)
        return CASTOR_ERR_INVALID;
    uint8_t rbsp[SPS_MAX_BYTES];
    size_t rbsp_bytes = h264_unescape(nal + HEADER_BYTES, bytes - HEADER_BYTES, rbsp, sizeof rbsp);
    struct bits b = {.data = rbsp, .count = rbsp_bytes * 8};
    struct h264_sps found = {0};
    bits_read(&b, 4); // sps_video_parameter_set_id
    unsigned layers = bits_read(&b, 3) + 1;
    bits_read(&b, 1); // sps_temporal_id_nesting_flag
    if (layers == 8)
        return CASTOR_ERR_INVALID;
    parse_profile(&b, layers, &found);
    found.id = bits_read_ue_max(&b, 15);
    parse_size(&b, &found);
    found.bit_depth = 8 + bits_read_ue_max(&b, 8);
    bits_read_ue_max(&b, 8); // bit_depth_chroma_minus8
    if (b.broken || found.width_px == 0 || found.height_px == 0)
        return CASTOR_ERR_INVALID;
    *sps = found;
    return CASTOR_OK;
}

struct state {
    bool vps, sps, pps;
    unsigned slice_type; // nal_unit_type of the first slice
};

static void inspect_slice(const struct h264_nal *nal, unsigned type, struct state *s, struct h264_au *au)
{
    bool first = nal->bytes > HEADER_BYTES && (nal->data[HEADER_BYTES] & 0x80);
    if (au->slices == 0) {
        s->slice_type = type;
        au->parameters_set = s->vps && s->sps && s->pps;
        au->idr = type == HEVC_IDR_W_RADL || type == HEVC_IDR_N_LP;
    }
    // One picture: one type, and only its first slice segment says that it is the first.
    au->malformed |= type != s->slice_type || first != (au->slices == 0);
    au->slices++;
}

static void inspect_nal(const struct h264_nal *nal, struct state *s, struct h264_au *au)
{
    unsigned type = nal->data[0] >> 1 & 0x3F;
    if (type <= HEVC_LAST_TRAILING || (type >= HEVC_FIRST_IRAP && type <= HEVC_LAST_IRAP)) {
        inspect_slice(nal, type, s, au);
    } else if (type == HEVC_PREFIX_SEI) {
        sei_parse_messages(nal->data + HEADER_BYTES, nal->bytes - HEADER_BYTES, &au->marks);
    } else if (type == HEVC_AUD) {
        au->auds++;
        au->aud_first |= au->nals == 0;
    } else if (type == HEVC_SPS) {
        s->sps = true;
        if (hevc_parse_sps(nal->data, nal->bytes, &au->sps) == CASTOR_OK)
            au->has_sps = true;
        else
            au->malformed = true;
    } else {
        s->vps |= type == HEVC_VPS;
        s->pps |= type == HEVC_PPS;
    }
}

void hevc_inspect(const uint8_t *data, size_t bytes, struct h264_au *au)
{
    memset(au, 0, sizeof *au);
    struct state s = {0};
    size_t pos = 0;
    struct h264_nal nal;
    while (h264_next_nal(data, bytes, &pos, &nal) == CASTOR_OK) {
        // forbidden_zero_bit, and nuh_temporal_id_plus1, which is never 0 (7.4.2.2).
        if (nal.bytes < HEADER_BYTES || (nal.data[0] & 0x80) || (nal.data[1] & 7) == 0) {
            au->malformed = true;
        } else if ((nal.data[0] & 1) == 0 && nal.data[1] >> 3 == 0) {
            inspect_nal(&nal, &s, au); // only the base layer is looked at
        }
        au->nals++;
    }
    au->malformed |= au->slices == 0 || au->auds > 1 || au->marks.malformed;
}
