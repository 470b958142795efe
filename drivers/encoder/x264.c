// SPDX-License-Identifier: Apache-2.0
// H.264 in software with libx264, in 8 and 10 bit: zero delay, coding on the caller's thread inside
// receive().
#include "drivers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <x264.h>

#include "software.h"

// Levels are chosen as if the rate was at least this, so that a changed bitrate does not change the SPS.
#define LEVEL_BITRATE_MIN_BPS 20000000u

struct x264_encoder {
    struct software_encoder software; // first
    x264_t *handle;
    x264_param_t param;
    x264_picture_t picture; // the frame that is lent; its planes are the pool's
    uint16_t *samples;      // P010: room for a picture as libx264 wants it; else NULL
    uint32_t vbv_ms;
};

static struct x264_encoder *from_base(struct encoder *base)
{
    return (struct x264_encoder *)base; // base is the first member of its first member
}

static int x264_devices(struct encoder_device *list, uint32_t capacity, uint32_t *count)
{
    return software_devices("libx264", list, capacity, count);
}

static int x264_probe(const char *device, struct encoder_caps *out, struct encoder_text *why)
{
    struct encoder_caps caps;
    int error = software_probe("x264", device, &caps, why);

    if (error != CASTOR_OK)
        return error;
    caps.pixels[ENCODER_CODEC_H264] = 1u << CASTOR_PIXEL_I420 | 1u << CASTOR_PIXEL_NV12;
    if (X264_BIT_DEPTH == 0) // the library has encoders for either depth
        caps.pixels[ENCODER_CODEC_H264] |= 1u << CASTOR_PIXEL_P010;
    caps.flags |= ENCODER_CAP_SET_BITRATE;
    *out = caps;
    return CASTOR_OK;
}

// x264 explains a refusal through its log only; the last line is kept for the operator.
static void keep_log_line(void *private, int level, const char *format, va_list arguments)
{
    struct encoder_text *text = private;

    if (level != X264_LOG_ERROR || !text)
        return;
    (void)vsnprintf(text->text, sizeof text->text, format, arguments);
    text->text[strcspn(text->text, "\n")] = '\0';
}

static void set_rate(x264_param_t *param, uint32_t bitrate_bps, uint32_t vbv_ms)
{
    param->rc.i_rc_method = X264_RC_ABR;
    param->rc.i_bitrate = (int)(bitrate_bps / 1000);
    param->rc.i_vbv_max_bitrate = param->rc.i_bitrate;
    param->rc.i_vbv_buffer_size = software_vbv_kbit(bitrate_bps, vbv_ms);
}

// Annex A: the lowest level that fits size, rate and bitrate (High profile: 1.25 times the table's).
static void set_level(x264_param_t *param, const struct encoder_config *config)
{
    uint64_t frame_mbs =
        (uint64_t)((config->format.width_px + 15) / 16) * ((config->format.height_px + 15) / 16);
    uint64_t mbs_per_s =
        (frame_mbs * config->format.rate.num + config->format.rate.den - 1) / config->format.rate.den;
    uint64_t rate_bps =
        config->bitrate_bps > LEVEL_BITRATE_MIN_BPS ? config->bitrate_bps : LEVEL_BITRATE_MIN_BPS;
    const x264_level_t *level = x264_levels;

    while (level[1].level_idc != 0 &&
           (level->level_idc == 9 || (uint64_t)level->frame_size < frame_mbs ||
            (uint64_t)level->mbps < mbs_per_s || (uint64_t)level->bitrate * 1250 < rate_bps))
        level++;
    param->i_level_idc = level->level_idc;
    int frames = (int)((uint64_t)level->dpb / frame_mbs);
    if (param->i_frame_reference > frames)
        param->i_frame_reference = frames > 0 ? frames : 1;
}

static void set_bitstream(x264_param_t *param, const struct encoder_config *config)
{
    param->i_keyint_max = config->gop_frames ? (int)config->gop_frames : X264_KEYINT_MAX_INFINITE;
    param->i_scenecut_threshold = 0; // an IDR comes when asked for, and only then
    param->b_repeat_headers = 1;
    param->b_annexb = 1;
    param->b_aud = 1;
    param->b_stitchable = 1; // SPS and PPS depend on the configuration alone, equal on both paths
    param->i_nal_hrd = X264_NAL_HRD_NONE;
    param->rc.b_filler = 0;
    param->vui.i_sar_width = param->vui.i_sar_height = 1;
    param->vui.b_fullrange = 0;
    param->vui.i_colorprim = param->vui.i_transfer = param->vui.i_colmatrix = 1; // BT.709, table E-3 to E-5
    param->b_vfr_input = 0;
    param->i_fps_num = param->i_timebase_den = config->format.rate.num;
    param->i_fps_den = param->i_timebase_num = config->format.rate.den;
}

static int make_param(const struct encoder_config *config, struct encoder_text *why,
                      struct x264_encoder *encoder)
{
    x264_param_t *param = &encoder->param;
    const char *preset = NULL;
    int error = software_check("x264", config, x264_preset_names, &preset, why);

    if (error != CASTOR_OK)
        return error;
    if (x264_param_default_preset(param, preset, "zerolatency") != 0)
        return encoder_text_set(why, CASTOR_ERR_INTERNAL, "x264: does not know its own preset \"%s\"",
                                preset);
    param->i_width = (int)config->format.width_px;
    param->i_height = (int)config->format.height_px;
    param->i_bitdepth = (int)castor_pixel_bits(config->format.pixel);
    param->i_csp = config->format.pixel == CASTOR_PIXEL_I420 ? X264_CSP_I420 : X264_CSP_NV12;
    if (param->i_bitdepth > 8)
        param->i_csp |= X264_CSP_HIGH_DEPTH;
    param->i_threads = (int)software_threads(config);
    param->b_sliced_threads = 1;
    param->i_bframe = 0;
    set_bitstream(param, config);
    set_level(param, config);
    encoder->vbv_ms = software_vbv_ms(config);
    set_rate(param, config->bitrate_bps, encoder->vbv_ms);
    param->i_log_level = X264_LOG_ERROR;
    param->pf_log = keep_log_line;
    param->p_log_private = &encoder->software.base.fault;
    return x264_param_apply_profile(param, param->i_bitdepth > 8 ? "high10" : "high") == 0
               ? CASTOR_OK
               : CASTOR_ERR_INTERNAL;
}

static void x264_close(struct encoder *base)
{
    if (!base)
        return;
    struct x264_encoder *encoder = from_base(base);
    if (encoder->handle)
        x264_encoder_close(encoder->handle);
    x264_param_cleanup(&encoder->param);
    free(encoder->samples);
    free(encoder);
}

static int x264_open(const struct encoder_config *config, struct encoder **out, struct encoder_text *why)
{
    struct x264_encoder *encoder = calloc(1, sizeof *encoder);
    if (!encoder)
        return encoder_text_set(why, CASTOR_ERR_NO_MEMORY, "x264: out of memory");
    int error = make_param(config, why, encoder);
    if (error != CASTOR_OK)
        goto fail;
    if (config->format.pixel == CASTOR_PIXEL_P010) {
        encoder->samples = malloc((size_t)config->format.width_px * config->format.height_px * 3);
        error =
            encoder->samples ? CASTOR_OK : encoder_text_set(why, CASTOR_ERR_NO_MEMORY, "x264: out of memory");
    }
    if (error != CASTOR_OK)
        goto fail;
    encoder->handle = x264_encoder_open(&encoder->param);
    if (!encoder->handle) {
        error = encoder_text_set(why, CASTOR_ERR_UNSUPPORTED, "x264 refused these settings: %.150s",
                                 encoder->software.base.fault.text);
        goto fail;
    }
    x264_picture_init(&encoder->picture);
    encoder->picture.img.i_csp = encoder->param.i_csp;
    encoder->picture.img.i_plane = encoder->param.i_csp == X264_CSP_I420 ? 3 : 2;
    encoder->software.base.max_in_flight = 1;
    error = software_warm_up(&encoder->software.base, &encoder_driver_x264, &config->format, why);
    if (error != CASTOR_OK)
        goto fail;
    *out = &encoder->software.base;
    return CASTOR_OK;
fail:
    x264_close(&encoder->software.base);
    return error;
}

static int x264_submit(struct encoder *base, const struct castor_frame *frame, uint32_t flags)
{
    struct x264_encoder *encoder = from_base(base);
    x264_picture_t *picture = &encoder->picture;
    bool idr = false;
    int error = software_take(base, frame, flags, &idr);

    if (error != CASTOR_OK)
        return error;
    for (int i = 0; i < picture->img.i_plane; i++) {
        picture->img.plane[i] = frame->plane[i];
        picture->img.i_stride[i] = (int)frame->stride_bytes[i];
    }
    picture->i_type = idr ? X264_TYPE_IDR : X264_TYPE_AUTO;
    picture->i_pts = encoder->software.pts;
    return CASTOR_OK;
}

// libx264 wants the 10 bits of a sample in the low bits of 16, P010 has them in the high ones.
static void lower_samples(struct x264_encoder *encoder)
{
    x264_image_t *image = &encoder->picture.img;
    const uint32_t row_samples = (uint32_t)encoder->param.i_width;
    uint16_t *to = encoder->samples;

    for (int plane = 0; plane < image->i_plane; plane++) {
        const uint8_t *row = image->plane[plane];
        const int from_stride_bytes = image->i_stride[plane];

        image->plane[plane] = (uint8_t *)to;
        image->i_stride[plane] = (int)(row_samples * sizeof *to);
        for (int y = 0; y < encoder->param.i_height >> plane; y++, row += from_stride_bytes) {
            const uint16_t *from = (const uint16_t *)(const void *)row;
            for (uint32_t x = 0; x < row_samples; x++)
                *to++ = from[x] >> 6;
        }
    }
}

static int x264_receive(struct encoder *base, struct encoder_output *out, int64_t deadline_ns)
{
    struct x264_encoder *encoder = from_base(base);
    x264_picture_t coded;
    x264_nal_t *nals = NULL;
    int nal_count = 0;

    (void)deadline_ns; // coding cannot be cut short; see ENCODER_CAP_SYNCHRONOUS
    int error = software_begin(base);
    if (error != CASTOR_OK)
        return error;
    if (encoder->samples)
        lower_samples(encoder);
    int size = x264_encoder_encode(encoder->handle, &nals, &nal_count, &encoder->picture, &coded);
    if (size < 0)
        return CASTOR_ERR_IO;
    if (size > 0 && coded.i_pts != encoder->picture.i_pts)
        return encoder_text_set(&base->fault, CASTOR_ERR_INTERNAL,
                                "x264: gave another picture than the one it was given");
    // x264.h: all payloads of one picture are sequential in memory
    *out = software_output(base, size > 0 ? nals[0].p_payload : NULL, (size_t)size,
                           size > 0 && coded.i_type == X264_TYPE_IDR);
    out->cpu_copies += encoder->samples != NULL;
    return CASTOR_OK;
}

static int x264_set_bitrate(struct encoder *base, uint32_t bitrate_bps)
{
    struct x264_encoder *encoder = from_base(base);

    set_rate(&encoder->param, bitrate_bps, encoder->vbv_ms);
    return x264_encoder_reconfig(encoder->handle, &encoder->param) == 0 ? CASTOR_OK : CASTOR_ERR_UNSUPPORTED;
}

const struct encoder_driver encoder_driver_x264 = {
    .name = "x264",
    .description = "H.264 in software (libx264)",
    .devices = x264_devices,
    .probe = x264_probe,
    .open = x264_open,
    .descriptor = software_descriptor,
    .submit = x264_submit,
    .receive = x264_receive,
    .set_bitrate = x264_set_bitrate,
    .flush = software_flush,
    .close = x264_close,
};
