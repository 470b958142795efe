// SPDX-License-Identifier: Apache-2.0
#include "standin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../hevc.h"

struct hevc_codec {
    struct standin_codec base; // first
    struct hevc_coder *coder;
    bool repeat;
    uint8_t *bytes; // of the picture coded last
    size_t capacity_bytes;
};

// V4L2's menu of levels, in its order: general_level_idc, MaxLumaPs and MaxLumaSr of tables A.8 and A.9.
static const struct {
    int idc;
    uint32_t picture_px;
    uint64_t px_per_s;
} levels[] = {
    {30, 36864, 552960},
    {60, 122880, 3686400},
    {63, 245760, 7372800},
    {90, 552960, 16588800},
    {93, 983040, 33177600},
    {120, 2228224, 66846720},
    {123, 2228224, 133693440},
    {150, 8912896, 267386880},
    {153, 8912896, 534773760},
    {156, 8912896, 1069547520},
    {180, 35651584, 1069547520},
    {183, 35651584, 2139095040},
    {186, 35651584, 4278190080ull},
};

static bool level_fits(const struct standin_settings *settings)
{
    uint64_t px = (uint64_t)settings->width_px * settings->height_px;

    return px <= levels[settings->level].picture_px &&
           px * settings->rate_num <= levels[settings->level].px_per_s * settings->rate_den;
}

static bool is_set(const x265_nal *nal)
{
    return nal->type == NAL_UNIT_VPS || nal->type == NAL_UNIT_SPS || nal->type == NAL_UNIT_PPS;
}

// The NAL units one behind the other; of the parameter sets those that are wanted.
static size_t join(const x265_nal *nals, uint32_t count, bool sets, bool others, uint8_t *out,
                   size_t capacity)
{
    size_t size = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (!(is_set(&nals[i]) ? sets : others) || size + nals[i].sizeBytes > capacity)
            continue;
        memcpy(out + size, nals[i].payload, nals[i].sizeBytes);
        size += nals[i].sizeBytes;
    }
    return size;
}

static void hevc_codec_destroy(struct standin_codec *base)
{
    struct hevc_codec *codec = (struct hevc_codec *)base;

    hevc_close(codec->coder);
    free(codec->bytes);
    free(codec);
}

static void hevc_codec_set_rate(struct standin_codec *base, int bitrate_bps, int vbv_kbytes)
{
    struct hevc_codec *codec = (struct hevc_codec *)base;

    hevc_set_rate(codec->coder, (uint32_t)bitrate_bps, (uint32_t)vbv_kbytes * 8192, 0);
}

static size_t hevc_codec_headers(struct standin_codec *base, uint8_t *out, size_t capacity)
{
    struct hevc_codec *codec = (struct hevc_codec *)base;
    x265_nal *nals = NULL;
    uint32_t count = 0;

    return hevc_headers(codec->coder, &nals, &count) ? join(nals, count, true, false, out, capacity) : 0;
}

static size_t hevc_codec_encode(struct standin_codec *base, const struct standin_raster *raster, bool idr,
                                const uint8_t **out, bool *was_idr)
{
    struct hevc_codec *codec = (struct hevc_codec *)base;
    struct hevc_picture picture = {.interleaved = raster->plane[2] == NULL};
    x265_nal *nals = NULL;
    uint32_t count = 0;

    for (int i = 0; i < 3; i++) {
        picture.plane[i] = raster->plane[i];
        picture.stride_bytes[i] = (uint32_t)raster->stride_bytes[i];
    }
    if (!hevc_encode(codec->coder, &picture, idr, &nals, &count, was_idr))
        return 0;
    *out = codec->bytes;
    return join(nals, count, codec->repeat, true, codec->bytes, codec->capacity_bytes);
}

static const struct standin_codec_ops hevc_ops = {hevc_codec_destroy, hevc_codec_set_rate, hevc_codec_headers,
                                                  hevc_codec_encode};

struct standin_codec *standin_hevc_create(const struct standin_settings *settings)
{
    const struct hevc_settings wanted = {
        .width_px = settings->width_px,
        .height_px = settings->height_px,
        .rate_num = settings->rate_num,
        .rate_den = settings->rate_den,
        .depth = settings->ten ? 10 : 8,
        .level_idc = levels[settings->level].idc,
        .high_tier = settings->high_tier,
        .aud = settings->delimiter,
        .gop_frames = settings->gop > 0 && settings->idr_refresh ? (uint32_t)settings->gop : 0,
    };
    struct hevc_codec *codec;

    if (!level_fits(settings)) {
        (void)standin_misuse(EINVAL, "level %d is too low for %ux%u at %u/%u", wanted.level_idc,
                             settings->width_px, settings->height_px, settings->rate_num, settings->rate_den);
        return NULL;
    }
    if ((settings->profile == V4L2_MPEG_VIDEO_HEVC_PROFILE_MAIN_10) != settings->ten) {
        (void)standin_misuse(EINVAL, "profile %d does not go with pictures of %d bits", settings->profile,
                             wanted.depth);
        return NULL;
    }
    codec = calloc(1, sizeof *codec);
    if (!codec)
        return NULL;
    *codec = (struct hevc_codec){.base.ops = &hevc_ops, .repeat = settings->repeat};
    codec->capacity_bytes = (size_t)settings->width_px * settings->height_px * 4;
    codec->bytes = malloc(codec->capacity_bytes);
    codec->coder = codec->bytes ? hevc_open(&wanted) : NULL;
    if (!codec->coder) {
        hevc_codec_destroy(&codec->base);
        return NULL;
    }
    hevc_codec_set_rate(&codec->base, settings->bitrate_bps, settings->vbv_kbytes);
    return &codec->base;
}
