// SPDX-License-Identifier: Apache-2.0
#include "standin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <x264.h>

struct h264_codec {
    struct standin_codec base; // first
    x264_t *handle;
    x264_param_t param;
    int64_t pts;
};

// V4L2's menu of levels, in its order, as level_idc.
static const int level_idcs[] = {10, 9, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52};

static const char *profile_name(int profile)
{
    switch (profile) {
    case V4L2_MPEG_VIDEO_H264_PROFILE_BASELINE:
    case V4L2_MPEG_VIDEO_H264_PROFILE_CONSTRAINED_BASELINE:
        return "baseline";
    case V4L2_MPEG_VIDEO_H264_PROFILE_MAIN:
        return "main";
    default:
        return "high";
    }
}

static void set_rate(x264_param_t *param, int bitrate_bps, int vbv_kbytes)
{
    param->rc.i_rc_method = X264_RC_ABR;
    param->rc.i_bitrate = bitrate_bps / 1000;
    param->rc.i_vbv_max_bitrate = param->rc.i_bitrate;
    // Without a VBV of the client a second's worth, else x264 could not change its rate.
    param->rc.i_vbv_buffer_size = vbv_kbytes > 0 ? vbv_kbytes * 1024 / 125 : param->rc.i_bitrate;
    if (param->rc.i_vbv_buffer_size < 1)
        param->rc.i_vbv_buffer_size = 1;
}

// Real devices put out nothing at all when the level is too low for the size and rate.
static bool level_fits(const struct standin_settings *settings, int level_idc)
{
    uint64_t mbs = (uint64_t)((settings->width_px + 15) / 16) * ((settings->height_px + 15) / 16);

    for (const x264_level_t *level = x264_levels; level->level_idc; level++) {
        if (level->level_idc == level_idc)
            return mbs <= (uint64_t)level->frame_size &&
                   mbs * settings->rate_num <= (uint64_t)level->mbps * settings->rate_den;
    }
    return false;
}

static void h264_destroy(struct standin_codec *base)
{
    struct h264_codec *codec = (struct h264_codec *)base;

    if (codec->handle)
        x264_encoder_close(codec->handle);
    x264_param_cleanup(&codec->param);
    free(codec);
}

static void h264_set_rate(struct standin_codec *base, int bitrate_bps, int vbv_kbytes)
{
    struct h264_codec *codec = (struct h264_codec *)base;

    set_rate(&codec->param, bitrate_bps, vbv_kbytes);
    (void)x264_encoder_reconfig(codec->handle, &codec->param);
}

static size_t h264_headers(struct standin_codec *base, uint8_t *out, size_t capacity)
{
    struct h264_codec *codec = (struct h264_codec *)base;
    x264_nal_t *nals;
    int count;
    size_t size = 0;

    if (x264_encoder_headers(codec->handle, &nals, &count) < 0)
        return 0;
    for (int i = 0; i < count; i++) {
        bool wanted = nals[i].i_type == NAL_SPS || nals[i].i_type == NAL_PPS;
        if (wanted && size + (size_t)nals[i].i_payload <= capacity) {
            memcpy(out + size, nals[i].p_payload, (size_t)nals[i].i_payload);
            size += (size_t)nals[i].i_payload;
        }
    }
    return size;
}

static size_t h264_encode(struct standin_codec *base, const struct standin_raster *raster, bool idr,
                          const uint8_t **out, bool *was_idr)
{
    struct h264_codec *codec = (struct h264_codec *)base;
    x264_picture_t picture, coded;
    x264_nal_t *nals;
    int count;

    x264_picture_init(&picture);
    picture.img.i_csp = codec->param.i_csp;
    picture.img.i_plane = codec->param.i_csp == X264_CSP_NV12 ? 2 : 3;
    for (int i = 0; i < picture.img.i_plane; i++) {
        picture.img.plane[i] = raster->plane[i];
        picture.img.i_stride[i] = raster->stride_bytes[i];
    }
    picture.i_type = idr ? X264_TYPE_IDR : X264_TYPE_AUTO;
    picture.i_pts = codec->pts++;
    int size = x264_encoder_encode(codec->handle, &nals, &count, &picture, &coded);
    if (size <= 0)
        return 0;
    *out = nals[0].p_payload;
    *was_idr = coded.i_type == X264_TYPE_IDR;
    return (size_t)size;
}

static const struct standin_codec_ops h264_ops = {h264_destroy, h264_set_rate, h264_headers, h264_encode};

struct standin_codec *standin_h264_create(const struct standin_settings *settings)
{
    struct h264_codec *codec = calloc(1, sizeof *codec);
    x264_param_t *param = codec ? &codec->param : NULL;
    int level_idc = level_idcs[settings->level];

    if (!codec)
        return NULL;
    if (!level_fits(settings, level_idc)) {
        (void)standin_misuse(EINVAL, "level %d is too low for %ux%u at %u/%u", level_idc, settings->width_px,
                             settings->height_px, settings->rate_num, settings->rate_den);
        free(codec);
        return NULL;
    }
    (void)x264_param_default_preset(param, "superfast", "zerolatency");
    param->i_width = (int)settings->width_px;
    param->i_height = (int)settings->height_px;
    param->i_csp = settings->semi_planar ? X264_CSP_NV12 : X264_CSP_I420;
    param->i_threads = 1;
    param->i_bframe = 0;
    bool is_finite = settings->gop > 0 && settings->gop < X264_KEYINT_MAX_INFINITE;
    param->i_keyint_max = is_finite ? settings->gop : X264_KEYINT_MAX_INFINITE;
    param->i_scenecut_threshold = 0;
    param->b_repeat_headers = settings->repeat;
    param->b_aud = settings->delimiter;
    param->b_annexb = 1;
    param->b_stitchable = 1;
    param->b_vfr_input = 0;
    param->i_fps_num = param->i_timebase_den = settings->rate_num;
    param->i_fps_den = param->i_timebase_num = settings->rate_den;
    param->i_level_idc = level_idc;
    param->i_log_level = X264_LOG_ERROR;
    param->i_frame_reference = 1;
    set_rate(param, settings->bitrate_bps, settings->vbv_kbytes);
    (void)x264_param_apply_profile(param, profile_name(settings->profile));
    codec->handle = x264_encoder_open(param);
    codec->base.ops = &h264_ops;
    if (!codec->handle) {
        h264_destroy(&codec->base);
        return NULL;
    }
    return &codec->base;
}
