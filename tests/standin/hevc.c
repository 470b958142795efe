// SPDX-License-Identifier: Apache-2.0
#include "hevc.h"

#include <math.h>
#include <stdlib.h>

#define NAL_HEADER_BYTES 2
// Where profile_tier_level() begins in the RBSP (7.3.2.1, 7.3.2.2), and its general_tier_flag and
// general_level_idc in it (7.3.3).
#define VPS_PTL_BYTE 4
#define SPS_PTL_BYTE 1
#define LEVEL_BYTE 11
#define TIER_BIT 0x20

#define QP_MIN 4
#define QP_MAX 51
// Of a device that is not told: so large that it shows.
#define DEFAULT_VBV_S 4

// Bits of a sample that the first P and the first I picture are taken to need, at QP_FIRST.
#define QP_FIRST 20
#define FIRST_P_BITS 2
#define FIRST_I_BITS 4

struct rate {
    double frame_bits, vbv_bits;
    double debt_bits; // spent more than the rate allows so far
    struct {
        int qp;
        double bits;
    } last[2]; // what P and I pictures needed
    int fixed_qp;
};

struct hevc_coder {
    const x265_api *api;
    x265_encoder *handle;
    x265_param *param;
    x265_picture *picture, *coded;
    struct hevc_settings settings;
    struct rate rate;
    uint8_t *chroma; // both components apart, as libx265 wants them
    int64_t pictures;
};

static void set_stream(const struct hevc_settings *settings, x265_param *param)
{
    param->sourceWidth = (int)settings->width_px;
    param->sourceHeight = (int)settings->height_px;
    param->fpsNum = settings->rate_num;
    param->fpsDenom = settings->rate_den;
    param->internalCsp = X265_CSP_I420;
    param->maxNumReferences = settings->refs > 0 ? settings->refs : 1;
    param->keyframeMax = settings->gop_frames > 0 ? (int)settings->gop_frames : -1;
    param->keyframeMin = 1;
    param->scenecutThreshold = 0;
    param->bOpenGOP = 0;
    param->bframes = 0;
    param->bRepeatHeaders = 1;
    param->bAnnexB = 1;
    param->bEnableAccessUnitDelimiters = settings->aud;
    param->bEmitInfoSEI = 0;
    param->vui.bEnableVideoSignalTypePresentFlag = settings->has_video_signal;
    param->vui.videoFormat = settings->video_format;
    param->vui.bEnableVideoFullRangeFlag = settings->full_range;
    param->vui.bEnableColorDescriptionPresentFlag = settings->has_colours;
    param->vui.colorPrimaries = settings->primaries;
    param->vui.transferCharacteristics = settings->transfer;
    param->vui.matrixCoeffs = settings->matrix;
}

static bool allocate(struct hevc_coder *coder)
{
    const struct hevc_settings *settings = &coder->settings;
    size_t samples = (size_t)settings->width_px * settings->height_px / 2;

    coder->param = coder->api->param_alloc();
    // Before anything fails, since param_free() would follow wild pointers in what was not set.
    bool is_set =
        coder->param && coder->api->param_default_preset(coder->param, "ultrafast", "zerolatency") == 0;
    coder->picture = coder->api->picture_alloc();
    coder->coded = coder->api->picture_alloc();
    coder->chroma = malloc(settings->depth > 8 ? samples * 2 : samples);
    return is_set && coder->picture && coder->coded && coder->chroma;
}

struct hevc_coder *hevc_open(const struct hevc_settings *settings)
{
    struct hevc_coder *coder = calloc(1, sizeof *coder);

    if (!coder)
        return NULL;
    coder->settings = *settings;
    coder->api = x265_api_get(settings->depth);
    if (!coder->api || !allocate(coder))
        goto fail;
    coder->param->logLevel = X265_LOG_ERROR;
    coder->param->frameNumThreads = 1; // more would delay pictures
    coder->param->numaPools = "none";
    coder->param->bEnableWavefront = 0;
    coder->param->rc.rateControlMode = X265_RC_CQP;
    coder->param->rc.ipFactor = 1;
    set_stream(settings, coder->param);
    if (settings->tune)
        settings->tune(coder->param, settings->context);
    coder->handle = coder->api->encoder_open(coder->param);
    if (!coder->handle)
        goto fail;
    coder->api->picture_init(coder->param, coder->picture);
    coder->picture->bitDepth = settings->depth > 8 ? 16 : 8;
    double samples = (double)settings->width_px * settings->height_px;
    coder->rate.last[0].qp = coder->rate.last[1].qp = QP_FIRST;
    coder->rate.last[0].bits = FIRST_P_BITS * samples;
    coder->rate.last[1].bits = FIRST_I_BITS * samples;
    return coder;
fail:
    hevc_close(coder);
    return NULL;
}

void hevc_close(struct hevc_coder *coder)
{
    if (!coder)
        return;
    if (coder->handle)
        coder->api->encoder_close(coder->handle);
    if (coder->picture)
        coder->api->picture_free(coder->picture);
    if (coder->coded)
        coder->api->picture_free(coder->coded);
    if (coder->param)
        coder->api->param_free(coder->param);
    free(coder->chroma);
    free(coder);
}

void hevc_set_rate(struct hevc_coder *coder, uint32_t bitrate_bps, uint32_t vbv_bits, int qp)
{
    struct rate *rate = &coder->rate;

    rate->frame_bits = (double)bitrate_bps * coder->settings.rate_den / coder->settings.rate_num;
    rate->vbv_bits = vbv_bits > 0 ? vbv_bits : (double)DEFAULT_VBV_S * bitrate_bps;
    rate->debt_bits = fmin(rate->debt_bits, rate->vbv_bits / 2);
    rate->fixed_qp = qp;
}

// What is owed is paid back while the VBV drains; an IDR may take a third of it. Six steps of the quantizer
// halve the bits; the other way they may be four times as many, where grain appears.
static int choose_qp(const struct rate *rate, bool idr)
{
    double pay_frames = fmax(rate->vbv_bits / rate->frame_bits, 1);
    double target_bits = idr ? rate->vbv_bits / 3 : rate->frame_bits - rate->debt_bits / pay_frames;
    double room_bits = rate->vbv_bits - fmax(rate->debt_bits, 0);

    if (rate->fixed_qp > 0)
        return rate->fixed_qp;
    target_bits = fmax(fmin(target_bits, room_bits * 3 / 4), rate->frame_bits / 16);
    double halvings = log2(rate->last[idr].bits / target_bits);
    double qp = rate->last[idr].qp + ceil(halvings * (halvings > 0 ? 6 : 3));
    return (int)fmax(QP_MIN, fmin(QP_MAX, qp));
}

// P pictures differ; their mean is what counts.
static void learn(struct rate *rate, bool idr, int qp, uint64_t bits)
{
    double before_bits = rate->last[idr].bits * exp2((rate->last[idr].qp - qp) / 6.0);

    rate->last[idr].qp = qp;
    rate->last[idr].bits = idr ? (double)bits : (before_bits + (double)bits) / 2;
    rate->debt_bits = fmax(rate->debt_bits + (double)bits - rate->frame_bits, -rate->vbv_bits / 4);
}

static void split_chroma(struct hevc_coder *coder, const uint8_t *from, uint32_t from_stride_bytes)
{
    uint32_t width = coder->settings.width_px / 2;
    uint32_t height = coder->settings.height_px / 2;
    uint16_t *u16 = (uint16_t *)coder->chroma, *v16 = u16 + (size_t)width * height;
    uint8_t *u8 = coder->chroma, *v8 = u8 + (size_t)width * height;

    for (uint32_t y = 0; y < height; y++, from += from_stride_bytes) {
        size_t row = (size_t)y * width;
        for (uint32_t x = 0; x < width; x++) {
            if (coder->settings.depth > 8) {
                u16[row + x] = ((const uint16_t *)from)[2 * x];
                v16[row + x] = ((const uint16_t *)from)[2 * x + 1];
            } else {
                u8[row + x] = from[2 * x];
                v8[row + x] = from[2 * x + 1];
            }
        }
    }
    uint32_t stride_bytes = coder->settings.depth > 8 ? 2 * width : width;
    coder->picture->planes[1] = coder->chroma;
    coder->picture->planes[2] = coder->chroma + (size_t)stride_bytes * height;
    coder->picture->stride[1] = coder->picture->stride[2] = (int)stride_bytes;
}

static void set_planes(struct hevc_coder *coder, const struct hevc_picture *from)
{
    for (int i = 0; i < 3; i++) {
        coder->picture->planes[i] = (void *)(uintptr_t)from->plane[i]; // libx265 only reads
        coder->picture->stride[i] = (int)from->stride_bytes[i];
    }
    if (from->interleaved)
        split_chroma(coder, from->plane[1], from->stride_bytes[1]);
}

// Byte `at` of a NAL unit's RBSP, or NULL.
static uint8_t *rbsp_byte(const x265_nal *nal, uint32_t at)
{
    uint32_t i = 0, zeros = 0;

    while (i < nal->sizeBytes && nal->payload[i] == 0)
        i++;
    for (i += 1 + NAL_HEADER_BYTES; i < nal->sizeBytes; i++) {
        bool is_emulation = zeros >= 2 && nal->payload[i] == 3;
        if (!is_emulation && at-- == 0)
            return &nal->payload[i];
        zeros = nal->payload[i] == 0 ? zeros + 1 : 0;
    }
    return NULL;
}

// libx265 writes the lowest level that the pictures need, a device the one that it was told.
static void put_level(const struct hevc_coder *coder, const x265_nal *nals, uint32_t count)
{
    for (uint32_t i = 0; i < count && coder->settings.level_idc > 0; i++) {
        bool is_vps = nals[i].type == NAL_UNIT_VPS;
        uint32_t ptl = is_vps ? VPS_PTL_BYTE : SPS_PTL_BYTE;
        if (!is_vps && nals[i].type != NAL_UNIT_SPS)
            continue;
        uint8_t *tier = rbsp_byte(&nals[i], ptl), *level = rbsp_byte(&nals[i], ptl + LEVEL_BYTE);
        if (!tier || !level)
            continue;
        *tier = (uint8_t)((*tier & ~TIER_BIT) | (coder->settings.high_tier ? TIER_BIT : 0));
        *level = (uint8_t)coder->settings.level_idc;
    }
}

bool hevc_encode(struct hevc_coder *coder, const struct hevc_picture *picture, bool idr, x265_nal **nals,
                 uint32_t *count, bool *is_idr)
{
    uint32_t gop_frames = coder->settings.gop_frames;
    uint64_t bits = 0;

    idr = idr || coder->pictures == 0 || (gop_frames > 0 && coder->pictures % gop_frames == 0);
    int qp = choose_qp(&coder->rate, idr);
    set_planes(coder, picture);
    coder->picture->sliceType = idr ? X265_TYPE_IDR : X265_TYPE_P;
    coder->picture->pts = coder->pictures++;
    coder->picture->forceqp = qp + 1;
    *count = 0;
    if (coder->api->encoder_encode(coder->handle, nals, count, coder->picture, coder->coded) != 1)
        return false;
    put_level(coder, *nals, *count);
    for (uint32_t i = 0; i < *count; i++)
        bits += 8ull * (*nals)[i].sizeBytes;
    learn(&coder->rate, idr, qp, bits);
    *is_idr = coder->coded->sliceType == X265_TYPE_IDR;
    return true;
}

bool hevc_headers(struct hevc_coder *coder, x265_nal **nals, uint32_t *count)
{
    *count = 0;
    if (coder->api->encoder_headers(coder->handle, nals, count) < 0)
        return false;
    put_level(coder, *nals, *count);
    return *count > 0;
}
