// SPDX-License-Identifier: Apache-2.0
// HEVC in software with libx265, in 8 and 10 bit: zero delay, coding on the caller's thread inside receive().
// A module, so that a box without libx265 lacks this driver and nothing else.
#include <stdio.h>
#include <stdlib.h>

#include <x265.h>

#include "hevc_level.h"
#include "module/module.h"
#include "software.h"

#define NAL_HEADER_BYTES 2
// Where general_level_idc is in the RBSP (7.3.2.1, 7.3.2.2, 7.3.3).
#define VPS_LEVEL_BYTE 15
#define SPS_LEVEL_BYTE 12

struct x265_session {
    struct software_encoder software; // first
    const x265_api *api;
    x265_encoder *handle;
    x265_param *param;
    x265_picture *picture; // the frame that is lent; its planes are the pool's
    x265_picture *coded;
    uint8_t *chroma;   // NV12 and P010: room for both chroma planes; else NULL
    char pools[12];    // param->numaPools
    uint8_t level_idc; // general_level_idc that the parameter sets name
};

static const struct encoder_driver encoder_x265; // below

static struct x265_session *from_base(struct encoder *base)
{
    return (struct x265_session *)base; // base is the first member of its first member
}

static int x265_devices(struct encoder_device *list, uint32_t capacity, uint32_t *count)
{
    return software_devices("libx265", list, capacity, count);
}

static int x265_probe(const char *device, struct encoder_caps *out, struct encoder_text *why)
{
    struct encoder_caps caps;
    uint32_t *pixels = &caps.pixels[ENCODER_CODEC_HEVC];
    int error = software_probe("x265", device, &caps, why);

    if (error != CASTOR_OK)
        return error;
    if (x265_api_get(8))
        *pixels |= 1u << CASTOR_PIXEL_I420 | 1u << CASTOR_PIXEL_NV12;
    if (x265_api_get(10))
        *pixels |= 1u << CASTOR_PIXEL_P010;
    if (!*pixels)
        return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED,
                                "x265: this libx265 has neither an 8-bit nor a 10-bit encoder; install the "
                                "distribution's libx265");
    *out = caps;
    return CASTOR_OK;
}

static void set_rate(x265_param *param, const struct encoder_config *config, const struct hevc_level *level)
{
    param->rc.rateControlMode = X265_RC_ABR;
    param->rc.bitrate = param->rc.vbvMaxBitrate = (int)(config->bitrate_bps / 1000);
    param->rc.vbvBufferSize = software_vbv_kbit(config->bitrate_bps, software_vbv_ms(config));
    param->levelIdc = level->idc / 3; // 10 times the level, as libx265 counts
    param->bHighTier = 0;
}

static void set_bitstream(x265_param *param, const struct encoder_config *config)
{
    param->keyframeMax = config->gop_frames ? (int)config->gop_frames : -1;
    param->keyframeMin = 1;
    param->scenecutThreshold = 0; // an IDR comes when asked for, and only then
    param->bOpenGOP = 0;
    param->bRepeatHeaders = 1;
    param->bAnnexB = 1;
    param->bEnableAccessUnitDelimiters = 1;
    param->bEmitHRDSEI = 0;
    param->bEmitInfoSEI = 0;
    param->vui.aspectRatioIdc = 1;
    param->vui.bEnableVideoSignalTypePresentFlag = 1;
    param->vui.bEnableVideoFullRangeFlag = 0;
    param->vui.bEnableColorDescriptionPresentFlag = 1;
    param->vui.colorPrimaries = 1; // BT.709, tables E.3 to E.5
    param->vui.transferCharacteristics = 1;
    param->vui.matrixCoeffs = 1;
    param->fpsNum = config->format.rate.num;
    param->fpsDenom = config->format.rate.den;
}

static void set_threads(struct x265_session *session, uint32_t threads)
{
    (void)snprintf(session->pools, sizeof session->pools, "%u", threads);
    session->param->numaPools = threads > 1 ? session->pools : "none";
    session->param->bEnableWavefront = threads > 1;
    session->param->frameNumThreads = 1; // more would delay frames
    session->param->maxSlices = 1;
}

static int make_param(struct x265_session *session, const struct encoder_config *config,
                      struct encoder_text *why)
{
    struct hevc_level level;
    x265_param *param = session->param;
    const char *preset = NULL;
    int error = software_check("x265", config, x265_preset_names, &preset, why);

    if (error != CASTOR_OK)
        return error;
    if (session->api->param_default_preset(param, preset, "zerolatency") != 0)
        return encoder_text_set(why, CASTOR_ERR_INTERNAL, "x265: does not know its own preset \"%s\"",
                                preset);
    // A VBV that the level does not allow is libx265's to cut; the High tier is not written.
    if (!hevc_level_choose(&config->format, config->bitrate_bps, 0, &level) || level.high_tier)
        return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED,
                                "x265: no level of H.265 allows %u bit/s with this picture and frame rate",
                                config->bitrate_bps);
    param->logLevel = X265_LOG_ERROR;
    param->sourceWidth = (int)config->format.width_px;
    param->sourceHeight = (int)config->format.height_px;
    param->internalCsp = X265_CSP_I420;
    param->bframes = 0;
    param->lookaheadDepth = 0;
    set_threads(session, software_threads(config));
    set_bitstream(param, config);
    set_rate(param, config, &level);
    session->level_idc = level.idc;
    return CASTOR_OK;
}

static void x265_close(struct encoder *base)
{
    if (!base)
        return;
    struct x265_session *session = from_base(base);
    if (session->handle)
        session->api->encoder_close(session->handle);
    if (session->picture)
        session->api->picture_free(session->picture);
    if (session->coded)
        session->api->picture_free(session->coded);
    if (session->param)
        session->api->param_free(session->param);
    free(session->chroma);
    free(session);
}

// libx265 names the lowest level that size, frame rate and bitrate allow. A stream may name a higher one than
// it needs; so that the parameter sets depend on the format alone, and both paths write the same whatever
// bitrate they were opened with, the level is written over: byte `at` of the RBSP. It is never a byte of
// emulation prevention, nor is any byte around it because of it.
static void put_level(const x265_nal *nal, uint32_t at, uint8_t level_idc)
{
    uint32_t zeros = 0;
    uint32_t i = 0;

    while (i < nal->sizeBytes && nal->payload[i] == 0)
        i++;
    for (i += 1 + NAL_HEADER_BYTES; i < nal->sizeBytes; i++) {
        if (zeros >= 2 && nal->payload[i] == 3) {
            zeros = 0;
            continue;
        }
        if (at-- == 0) {
            nal->payload[i] = level_idc;
            return;
        }
        zeros = nal->payload[i] == 0 ? zeros + 1 : 0;
    }
}

// Codes session->picture. *size_bytes 0: nothing came out.
static int code(struct x265_session *session, const uint8_t **data, size_t *size_bytes)
{
    x265_nal *nals = NULL;
    uint32_t nal_count = 0;

    *size_bytes = 0;
    int result =
        session->api->encoder_encode(session->handle, &nals, &nal_count, session->picture, session->coded);
    if (result < 0)
        return encoder_text_set(&session->software.base.fault, CASTOR_ERR_IO,
                                "x265: coding a picture failed");
    if (result == 0 || nal_count == 0)
        return CASTOR_OK;
    if (session->coded->pts != session->picture->pts)
        return encoder_text_set(&session->software.base.fault, CASTOR_ERR_INTERNAL,
                                "x265: gave another picture than the one it was given");
    *data = nals[0].payload; // x265.h: all payloads of one picture are sequential in memory
    for (uint32_t i = 0; i < nal_count; i++) {
        *size_bytes += nals[i].sizeBytes;
        if (nals[i].type == NAL_UNIT_VPS)
            put_level(&nals[i], VPS_LEVEL_BYTE, session->level_idc);
        else if (nals[i].type == NAL_UNIT_SPS)
            put_level(&nals[i], SPS_LEVEL_BYTE, session->level_idc);
    }
    return CASTOR_OK;
}

static int allocate(struct x265_session *session, const struct encoder_config *config,
                    struct encoder_text *why)
{
    const size_t chroma_samples = (size_t)config->format.width_px * config->format.height_px / 2;

    session->api = x265_api_get((int)castor_pixel_bits(config->format.pixel));
    session->param = session->api ? session->api->param_alloc() : NULL;
    if (session->param)
        session->api->param_default(session->param); // or param_free() would follow wild pointers
    session->picture = session->api ? session->api->picture_alloc() : NULL;
    session->coded = session->api ? session->api->picture_alloc() : NULL;
    if (config->format.pixel != CASTOR_PIXEL_I420)
        session->chroma = malloc(chroma_samples * castor_pixel_bytes(config->format.pixel));
    if (!session->param || !session->picture || !session->coded ||
        (config->format.pixel != CASTOR_PIXEL_I420 && !session->chroma))
        return encoder_text_set(why, CASTOR_ERR_NO_MEMORY, "x265: out of memory");
    return CASTOR_OK;
}

static int x265_open(const struct encoder_config *config, struct encoder **out, struct encoder_text *why)
{
    struct x265_session *session = calloc(1, sizeof *session);
    if (!session)
        return encoder_text_set(why, CASTOR_ERR_NO_MEMORY, "x265: out of memory");
    int error = allocate(session, config, why);
    if (error == CASTOR_OK)
        error = make_param(session, config, why);
    if (error != CASTOR_OK)
        goto fail;
    session->handle = session->api->encoder_open(session->param);
    if (!session->handle) {
        error = encoder_text_set(why, CASTOR_ERR_UNSUPPORTED,
                                 "x265 refused these settings; its own words are in the log");
        goto fail;
    }
    session->api->picture_init(session->param, session->picture);
    if (config->format.pixel == CASTOR_PIXEL_P010)
        session->picture->bitDepth = 16; // it takes the high bits of deeper samples, as P010 has them
    session->software.base.max_in_flight = 1;
    error = software_warm_up(&session->software.base, &encoder_x265, &config->format, why);
    if (error != CASTOR_OK)
        goto fail;
    *out = &session->software.base;
    return CASTOR_OK;
fail:
    x265_close(&session->software.base);
    return error;
}

static int x265_submit(struct encoder *base, const struct castor_frame *frame, uint32_t flags)
{
    struct x265_session *session = from_base(base);
    x265_picture *picture = session->picture;
    bool idr = false;
    int error = software_take(base, frame, flags, &idr);

    if (error != CASTOR_OK)
        return error;
    for (int i = 0; i < 3; i++) { // of NV12 and P010, the chroma planes are made by receive()
        picture->planes[i] = frame->plane[i];
        picture->stride[i] = (int)frame->stride_bytes[i];
    }
    picture->sliceType = idr ? X265_TYPE_IDR : X265_TYPE_AUTO;
    picture->pts = session->software.pts;
    return CASTOR_OK;
}

static void split_row(const uint8_t *from, uint32_t samples, uint8_t *u, uint8_t *v)
{
    for (uint32_t x = 0; x < samples; x++) {
        u[x] = from[2 * x];
        v[x] = from[2 * x + 1];
    }
}

static void split_deep_row(const uint16_t *from, uint32_t samples, uint16_t *u, uint16_t *v)
{
    for (uint32_t x = 0; x < samples; x++) {
        u[x] = from[2 * x];
        v[x] = from[2 * x + 1];
    }
}

// libx265 wants the chroma planes one by one, NV12 and P010 have them interleaved.
static void split_chroma(struct x265_session *session)
{
    const bool deep = session->picture->bitDepth > 8;
    const uint32_t samples = (uint32_t)session->param->sourceWidth / 2;
    const uint32_t rows = (uint32_t)session->param->sourceHeight / 2;
    const size_t stride_bytes = (size_t)samples * (deep ? 2 : 1);
    const uint8_t *from = session->picture->planes[1];
    uint8_t *u = session->chroma;
    uint8_t *v = u + stride_bytes * rows;

    for (uint32_t y = 0; y < rows; y++, from += session->picture->stride[1]) {
        if (deep)
            split_deep_row((const void *)from, samples, (void *)(u + y * stride_bytes),
                           (void *)(v + y * stride_bytes));
        else
            split_row(from, samples, u + y * stride_bytes, v + y * stride_bytes);
    }
    session->picture->planes[1] = u;
    session->picture->planes[2] = v;
    session->picture->stride[1] = session->picture->stride[2] = (int)stride_bytes;
}

static int x265_receive(struct encoder *base, struct encoder_output *out, int64_t deadline_ns)
{
    struct x265_session *session = from_base(base);
    const uint8_t *data = NULL;
    size_t size_bytes = 0;

    (void)deadline_ns; // coding cannot be cut short; see ENCODER_CAP_SYNCHRONOUS
    int error = software_begin(base);
    if (error != CASTOR_OK)
        return error;
    if (session->chroma)
        split_chroma(session);
    error = code(session, &data, &size_bytes);
    if (error != CASTOR_OK)
        return error;
    *out = software_output(base, data, size_bytes, session->coded->sliceType == X265_TYPE_IDR);
    out->cpu_copies += session->chroma != NULL;
    return CASTOR_OK;
}

// x265_encoder_reconfig() takes another rate, answers that all is well, and goes on at the old one (measured
// with libx265 3.5 without delay: 2000 kbit/s stayed 2000 when 600 and 3000 were asked for).
static int x265_set_bitrate(struct encoder *base, uint32_t bitrate_bps)
{
    return encoder_text_set(&base->fault, CASTOR_ERR_UNSUPPORTED,
                            "x265: changes its rate only by opening again; %u bit/s is not taken on",
                            bitrate_bps);
}

static const struct encoder_driver encoder_x265 = {
    .name = "x265",
    .description = "HEVC in software (libx265)",
    .devices = x265_devices,
    .probe = x265_probe,
    .open = x265_open,
    .descriptor = software_descriptor,
    .submit = x265_submit,
    .receive = x265_receive,
    .set_bitrate = x265_set_bitrate,
    .flush = software_flush,
    .close = x265_close,
};

DRIVER_MODULE(encoder_x265)
