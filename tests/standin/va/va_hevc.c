// SPDX-License-Identifier: Apache-2.0
// Codes HEVC with libx265, set up with the tools that the client's parameters name. Where the client packs
// all headers, its own stay, and only the slice data is libx265's: they are decoded as libx265 coded them
// only if every bit of the headers that matters to a decoder is right. As devices do, the stand-in writes the
// QP of the picture into the slice header where the client left the rate to it.
#include "va_standin.h"

#include <stdlib.h>
#include <string.h>

#include "../hevc.h"

#define NAL_HEADER_BYTES 2
#define VBV_UNUSED_KBIT 2000000
#define MERGE_CANDIDATES_MAX 5

struct va_hevc {
    struct hevc_coder *coder;
    struct hevc_sets own; // what libx265 says of the stream
    uint8_t *rbsp;        // of its slice
    size_t capacity;
};

struct tuning {
    const struct context *context;
    const struct config *config;
    bool hashes;
};

static void tune(x265_param *param, const void *opaque)
{
    const struct tuning *tuning = opaque;
    const VAEncSequenceParameterBufferHEVC *sequence = &tuning->context->hevc_sequence;
    const VAEncPictureParameterBufferHEVC *picture = &tuning->context->picture.hevc;
    unsigned min_cb = sequence->log2_min_luma_coding_block_size_minus3 + 3u;
    unsigned min_tb = sequence->log2_min_transform_block_size_minus2 + 2u;

    param->minCUSize = 1u << min_cb;
    param->maxCUSize = param->minCUSize << sequence->log2_diff_max_min_luma_coding_block_size;
    param->maxTUSize = 1u << (min_tb + sequence->log2_diff_max_min_transform_block_size);
    param->tuQTMaxInterDepth = sequence->max_transform_hierarchy_depth_inter + 1u;
    param->tuQTMaxIntraDepth = sequence->max_transform_hierarchy_depth_intra + 1u;
    param->bEnableAMP = param->bEnableRectInter = (int)sequence->seq_fields.bits.amp_enabled_flag;
    param->bEnableSAO = (int)sequence->seq_fields.bits.sample_adaptive_offset_enabled_flag;
    param->bEnableTemporalMvp = (int)sequence->seq_fields.bits.sps_temporal_mvp_enabled_flag;
    param->bEnableStrongIntraSmoothing = (int)sequence->seq_fields.bits.strong_intra_smoothing_enabled_flag;
    param->bEnableSignHiding = (int)picture->pic_fields.bits.sign_data_hiding_enabled_flag;
    param->bEnableTransformSkip = (int)picture->pic_fields.bits.transform_skip_enabled_flag;
    param->bEnableConstrainedIntra = (int)picture->pic_fields.bits.constrained_intra_pred_flag;
    param->limitModes = 1;
    param->limitTU = 4;
    param->bEnableWeightedPred = 0;
    param->bEnableLoopFilter = 1;
    param->maxNumMergeCand = MERGE_CANDIDATES_MAX;
    param->decodedPictureHashSEI = tuning->hashes ? 1 : 0;   // MD5
    if (picture->pic_fields.bits.cu_qp_delta_enabled_flag) { // for libx265 a matter of its rate control
        param->rc.rateControlMode = X265_RC_CRF;
        param->rc.rfConstant = 1; // it plans large pictures then, and leaves the QP of rows alone
        param->rc.aqMode = X265_AQ_NONE;
        param->rc.cuTree = 0;
        param->rc.vbvMaxBitrate = param->rc.vbvBufferSize = VBV_UNUSED_KBIT;
        param->rc.qgSize = param->maxCUSize >> picture->diff_cu_qp_delta_depth;
    }
}

static bool has_own_headers(const struct config *config)
{
    uint32_t all = VA_ENC_PACKED_HEADER_SEQUENCE | VA_ENC_PACKED_HEADER_SLICE;
    return (config->packed & all) != all;
}

static struct va_hevc *open_coder(const struct context *context, const struct config *config, bool hashes)
{
    const VAEncSequenceParameterBufferHEVC *sequence = &context->hevc_sequence;
    bool is_cropped = config->packed & VA_ENC_PACKED_HEADER_SEQUENCE;
    const struct hevc_sps *sps = &context->hevc_sets.sps;
    struct tuning tuning = {context, config, hashes};
    struct hevc_settings settings = {
        .width_px = sequence->pic_width_in_luma_samples - (is_cropped ? sps->win_right * 2 : 0),
        .height_px = sequence->pic_height_in_luma_samples - (is_cropped ? sps->win_bottom * 2 : 0),
        .rate_num = context->fps_num ? context->fps_num : sequence->vui_time_scale,
        .rate_den = context->fps_num ? context->fps_den : sequence->vui_num_units_in_tick,
        .depth = 8 + (int)sequence->seq_fields.bits.bit_depth_luma_minus8,
        .refs = 1,
        .level_idc = sequence->general_level_idc,
        .high_tier = sequence->general_tier_flag,
        .tune = tune,
        .context = &tuning,
    };
    struct va_hevc *hevc = calloc(1, sizeof *hevc);

    if (!hevc)
        return NULL;
    hevc->capacity = (size_t)settings.width_px * settings.height_px * 4 + 65536;
    hevc->rbsp = malloc(hevc->capacity * 2); // what libx265 wrote, and what is put together
    hevc->coder = hevc->rbsp ? hevc_open(&settings) : NULL;
    if (hevc->coder)
        return hevc;
    free(hevc->rbsp);
    free(hevc);
    return NULL;
}

static void set_rate(struct context *context, const struct config *config)
{
    int qp = context->picture.hevc.pic_init_qp + context->picture.hevc_slice.slice_qp_delta;

    hevc_set_rate(context->hevc->coder, context->bits_per_second, context->vbv_bits,
                  config->rate_control == VA_RC_CQP ? qp : 0);
    context->rate_changed = false;
}

static size_t start_code_bytes(const x265_nal *nal)
{
    return nal->payload[2] == 1 ? 3 : 4;
}

// Whether what libx265 codes with is what the client's headers say; else names what is not.
static const char *find_difference(const struct hevc_sets *own, const struct hevc_slice *own_slice,
                                   const struct hevc_sets *client, const struct hevc_slice *slice)
{
#define DIFFER(set, member)                                                                                  \
    if (own->set.member != client->set.member)                                                               \
    return #member
#define DIFFER_SLICE(member)                                                                                 \
    if (own_slice->member != slice->member)                                                                  \
    return #member
    DIFFER(sps, width);
    DIFFER(sps, height);
    DIFFER(sps, bit_depth_luma_minus8);
    DIFFER(sps, log2_min_cb_minus3);
    DIFFER(sps, log2_diff_cb);
    DIFFER(sps, log2_min_tb_minus2);
    DIFFER(sps, log2_diff_tb);
    DIFFER(sps, depth_inter);
    DIFFER(sps, depth_intra);
    DIFFER(sps, amp_enabled);
    DIFFER(sps, sao_enabled);
    DIFFER(sps, strong_intra_smoothing_enabled);
    DIFFER(pps, sign_data_hiding_enabled);
    DIFFER(pps, constrained_intra_pred);
    DIFFER(pps, transform_skip_enabled);
    DIFFER(pps, cu_qp_delta_enabled);
    DIFFER(pps, diff_cu_qp_delta_depth);
    DIFFER(pps, cb_qp_offset);
    DIFFER(pps, cr_qp_offset);
    DIFFER(pps, weighted_pred);
    DIFFER(pps, transquant_bypass_enabled);
    DIFFER(pps, deblocking_disabled);
    DIFFER(pps, beta_offset_div2);
    DIFFER(pps, tc_offset_div2);
    DIFFER(pps, log2_parallel_merge_level_minus2);
    DIFFER_SLICE(type);
    DIFFER_SLICE(sao_luma);
    DIFFER_SLICE(sao_chroma);
    DIFFER_SLICE(temporal_mvp_enabled);
    DIFFER_SLICE(num_ref_idx_l0_minus1);
    DIFFER_SLICE(delta_poc_s0_minus1);
    DIFFER_SLICE(cabac_init);
    DIFFER_SLICE(five_minus_max_num_merge_cand);
    return NULL;
}

static int slice_qp(const struct hevc_pps *pps, const struct hevc_slice *slice)
{
    return 26 + pps->init_qp_minus26 + slice->qp_delta;
}

// The client's slice header with libx265's QP, then byte_alignment() and libx265's data, all without
// emulation prevention.
static size_t join(struct va_hevc *hevc, const struct context *context, const struct config *config,
                   struct reader *header, const struct hevc_slice *slice, const struct hevc_slice *own,
                   size_t own_size)
{
    int qp_delta = slice_qp(&hevc->own.pps, own) - 26 - context->hevc_sets.pps.init_qp_minus26;
    struct writer out = {.bytes = hevc->rbsp + hevc->capacity};
    size_t data = own->end / 8 + 1; // byte_alignment() is one to eight bits

    memset(out.bytes, 0, READER_MAX_BYTES);
    if (config->rate_control == VA_RC_CQP && qp_delta != slice->qp_delta)
        (void)standin_misuse(VA_STATUS_SUCCESS, "libx265 coded with QP delta %d instead of %d", qp_delta,
                             slice->qp_delta);
    header->position = 0;
    while (header->position < slice->qp_delta_at)
        writer_put(&out, 1, reader_get(header, 1));
    writer_put_se(&out, qp_delta);
    header->position = slice->qp_delta_end;
    while (header->position < slice->end)
        writer_put(&out, 1, reader_get(header, 1));
    writer_put(&out, 1, 1);
    out.bits = (out.bits + 7) / 8 * 8;
    memcpy(out.bytes + out.bits / 8, hevc->rbsp + data, own_size - data);
    return out.bits / 8 + own_size - data;
}

static size_t remove_emulation(uint8_t *out, const uint8_t *bytes, size_t size)
{
    unsigned zeros = 0;
    size_t used = 0;

    for (size_t i = 0; i < size; i++) {
        if (zeros >= 2 && bytes[i] == 3) {
            zeros = 0;
            continue;
        }
        zeros = bytes[i] == 0 ? zeros + 1 : 0;
        out[used++] = bytes[i];
    }
    return used;
}

static VAStatus put_slice(struct context *context, const struct config *config, const x265_nal *nal,
                          const struct packed *packed, struct coded *out)
{
    struct va_hevc *hevc = context->hevc;
    size_t begin = start_code_bytes(nal) + NAL_HEADER_BYTES, own_size, at;
    struct reader header, own_header;
    struct hevc_slice slice, own;

    if (nal->sizeBytes - begin > hevc->capacity - READER_MAX_BYTES)
        return VA_STATUS_ERROR_NOT_ENOUGH_BUFFER;
    own_size = remove_emulation(hevc->rbsp, nal->payload + begin, nal->sizeBytes - begin);
    reader_open(&own_header, hevc->rbsp, own_size, own_size * 8, false);
    at = reader_last_nal(packed->bytes, packed->size);
    reader_open(&header, packed->bytes + at + NAL_HEADER_BYTES, packed->size - at - NAL_HEADER_BYTES,
                packed->parameters.bit_length - (at + NAL_HEADER_BYTES) * 8,
                packed->parameters.has_emulation_bytes);
    if (!hevc_read_slice(&own_header, nal->type, &hevc->own.sps, &hevc->own.pps, &own) ||
        !hevc_read_slice(&header, packed->bytes[at] >> 1, &context->hevc_sets.sps, &context->hevc_sets.pps,
                         &slice))
        return standin_misuse(VA_STATUS_ERROR_ENCODING_ERROR, "a slice header of libx265's cannot be read");
    const char *difference = find_difference(&hevc->own, &own, &context->hevc_sets, &slice);
    if (difference)
        return standin_misuse(VA_STATUS_ERROR_ENCODING_ERROR, "libx265 does not code with the client's %s",
                              difference);
    coded_put(out, packed->bytes, at + NAL_HEADER_BYTES); // with what the client wrote in front
    size_t size = join(hevc, context, config, &header, &slice, &own, own_size);
    coded_put_escaped(out, hevc->rbsp + hevc->capacity, size);
    return VA_STATUS_SUCCESS;
}

static VAStatus put_picture(struct context *context, const struct config *config, const x265_nal *nals,
                            uint32_t count, struct coded *out)
{
    const struct picture *picture = &context->picture;
    const struct packed *header = NULL;
    VAStatus status = VA_STATUS_SUCCESS;

    for (unsigned i = 0; i < picture->packed_count && !header; i++) {
        if (picture->packed[i].parameters.type == VAEncPackedHeaderSlice)
            header = &picture->packed[i];
        else
            coded_put(out, picture->packed[i].bytes, picture->packed[i].size);
    }
    for (uint32_t i = 0; i < count && status == VA_STATUS_SUCCESS; i++) {
        if (nals[i].type < HEVC_VPS)
            status = put_slice(context, config, &nals[i], header, out);
        else if (nals[i].type == NAL_UNIT_SUFFIX_SEI)
            coded_put(out, nals[i].payload, nals[i].sizeBytes);
    }
    return status;
}

VAStatus standin_code_hevc(const struct standin *standin, struct context *context,
                           const struct config *config, const struct surface *surface, bool idr,
                           struct coded *out)
{
    struct hevc_picture picture = {.plane = {surface->plane[0], surface->plane[1]},
                                   .stride_bytes = {surface->pitch[0], surface->pitch[1]},
                                   .interleaved = true};
    uint32_t count = 0;
    x265_nal *nals = NULL;
    bool is_idr = false, is_first = !context->hevc;

    if (is_first)
        context->hevc = open_coder(context, config, standin->hashes);
    if (!context->hevc)
        return standin_misuse(VA_STATUS_ERROR_ENCODING_ERROR, "libx265 refuses what the parameters say");
    if (is_first || context->rate_changed)
        set_rate(context, config);
    if (!hevc_encode(context->hevc->coder, &picture, idr, &nals, &count, &is_idr))
        return VA_STATUS_ERROR_ENCODING_ERROR;
    // A fault may have made another picture than the headers are for; libx265 has no B slices like these.
    bool keeps_headers = !has_own_headers(config) && !standin->is_gpb && idr == context->picture.idr;
    if (keeps_headers) {
        if (is_idr &&
            !hevc_read_sets(nals[0].payload, nals[0].sizeBytes + nals[1].sizeBytes + nals[2].sizeBytes,
                            &context->hevc->own))
            return standin_misuse(VA_STATUS_ERROR_ENCODING_ERROR, "libx265's parameter sets cannot be read");
        return put_picture(context, config, nals, count, out);
    }
    for (uint32_t i = 0; i < count; i++)
        coded_put(out, nals[i].payload, nals[i].sizeBytes);
    return VA_STATUS_SUCCESS;
}

void standin_hevc_close(struct context *context)
{
    if (!context->hevc)
        return;
    hevc_close(context->hevc->coder);
    free(context->hevc->rbsp);
    free(context->hevc);
    context->hevc = NULL;
}
