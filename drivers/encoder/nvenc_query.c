// SPDX-License-Identifier: Apache-2.0
#include "nvenc_query.h"

#include <string.h>

#define LIST_MAX 32

// A list of the device, as far as it was asked for.
struct list {
    GUID guids[LIST_MAX];
    NV_ENC_BUFFER_FORMAT formats[LIST_MAX];
    uint32_t count;
};

static bool has_guid(const struct list *list, const GUID *wanted)
{
    for (uint32_t i = 0; i < list->count && i < LIST_MAX; i++) {
        if (memcmp(&list->guids[i], wanted, sizeof *wanted) == 0)
            return true;
    }
    return false;
}

static bool has_format(const struct list *list, NV_ENC_BUFFER_FORMAT wanted)
{
    for (uint32_t i = 0; i < list->count && i < LIST_MAX; i++) {
        if (list->formats[i] == wanted)
            return true;
    }
    return false;
}

// What the header does not name an ability for counts as not there.
static uint32_t ask(struct nvenc_session *session, const GUID *codec, NV_ENC_CAPS ability)
{
    NV_ENC_CAPS_PARAM param = {.version = NV_ENC_CAPS_PARAM_VER, .capsToQuery = ability};
    int value = 0;

    if (session->api.nvEncGetEncodeCaps(session->handle, *codec, &param, &value) != NV_ENC_SUCCESS)
        return 0;
    return value > 0 ? (uint32_t)value : 0;
}

// The pixel formats that come in a layout it takes and are coded in a profile it has.
static int query_pixels(struct nvenc_session *session, enum encoder_codec codec, uint32_t *pixels,
                        struct encoder_text *why)
{
    const GUID *guid = nvenc_config_codec(codec);
    struct list list = {.count = 0};
    NVENCSTATUS status =
        session->api.nvEncGetInputFormats(session->handle, *guid, list.formats, LIST_MAX, &list.count);

    if (status != NV_ENC_SUCCESS)
        return nvenc_session_failed(session, "NvEncGetInputFormats", status, why);
    struct list profiles = {.count = 0};
    status = session->api.nvEncGetEncodeProfileGUIDs(session->handle, *guid, profiles.guids, LIST_MAX,
                                                     &profiles.count);
    if (status != NV_ENC_SUCCESS)
        return nvenc_session_failed(session, "NvEncGetEncodeProfileGUIDs", status, why);
    // Of H.264 the interface has 8 bits only.
    bool ten_bit = codec == ENCODER_CODEC_HEVC && ask(session, guid, NV_ENC_CAPS_SUPPORT_10BIT_ENCODE) > 0;
    for (uint32_t pixel = CASTOR_PIXEL_I420; pixel < CASTOR_PIXEL_END; pixel++) {
        if (has_format(&list, nvenc_config_buffer_format(pixel)) &&
            has_guid(&profiles, nvenc_config_profile(codec, pixel)) &&
            (castor_pixel_bits(pixel) == 8 || ten_bit))
            *pixels |= 1u << pixel;
    }
    return CASTOR_OK;
}

static uint32_t largest(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint32_t smallest(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static int query_codec(struct nvenc_session *session, enum encoder_codec codec, struct encoder_caps *caps,
                       struct encoder_text *why)
{
    const GUID *guid = nvenc_config_codec(codec);
    struct nvenc_abilities *abilities = &session->abilities[codec];
    int error = query_pixels(session, codec, &caps->pixels[codec], why);

    if (error != CASTOR_OK || caps->pixels[codec] == 0)
        return error;
    *abilities = (struct nvenc_abilities){
        .custom_vbv = ask(session, guid, NV_ENC_CAPS_SUPPORT_CUSTOM_VBV_BUF_SIZE) > 0,
        .change_bitrate = ask(session, guid, NV_ENC_CAPS_SUPPORT_DYN_BITRATE_CHANGE) > 0,
        .cabac = ask(session, guid, NV_ENC_CAPS_SUPPORT_CABAC) > 0,
        .multiple_refs = ask(session, guid, NV_ENC_CAPS_SUPPORT_MULTIPLE_REF_FRAMES) > 0,
    };
    caps->min_width_px = largest(caps->min_width_px, ask(session, guid, NV_ENC_CAPS_WIDTH_MIN));
    caps->min_height_px = largest(caps->min_height_px, ask(session, guid, NV_ENC_CAPS_HEIGHT_MIN));
    caps->max_width_px = smallest(caps->max_width_px, ask(session, guid, NV_ENC_CAPS_WIDTH_MAX));
    caps->max_height_px = smallest(caps->max_height_px, ask(session, guid, NV_ENC_CAPS_HEIGHT_MAX));
    if (!abilities->change_bitrate)
        caps->flags &= ~(uint32_t)ENCODER_CAP_SET_BITRATE;
    if (!abilities->custom_vbv)
        caps->flags &= ~(uint32_t)ENCODER_CAP_VBV;
    // NV_ENC_CAPS_MB_PER_SEC_MAX is of all sessions together, so what this one may take is left unknown.
    return CASTOR_OK;
}

int nvenc_query(struct nvenc_session *session, struct encoder_caps *out, struct encoder_text *why)
{
    struct encoder_caps caps = {
        .max_width_px = UINT32_MAX,
        .max_height_px = UINT32_MAX,
        .flags = ENCODER_CAP_FORCE_IDR | ENCODER_CAP_SET_BITRATE | ENCODER_CAP_VBV,
    };
    struct list codecs = {.count = 0};
    uint32_t offered = 0;
    NVENCSTATUS status =
        session->api.nvEncGetEncodeGUIDs(session->handle, codecs.guids, LIST_MAX, &codecs.count);

    if (status != NV_ENC_SUCCESS)
        return nvenc_session_failed(session, "NvEncGetEncodeGUIDs", status, why);
    for (enum encoder_codec codec = ENCODER_CODEC_H264; codec < ENCODER_CODEC_END; codec++) {
        if (!has_guid(&codecs, nvenc_config_codec(codec)))
            continue;
        int error = query_codec(session, codec, &caps, why);
        if (error != CASTOR_OK)
            return error;
        offered |= caps.pixels[codec];
    }
    if (!offered)
        return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED,
                                "nvenc: this device encodes neither H.264 nor HEVC from 4:2:0");
    *out = caps;
    return CASTOR_OK;
}
