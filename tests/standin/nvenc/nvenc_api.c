// SPDX-License-Identifier: Apache-2.0
// Stand-in for libnvidia-encode.so.1: its two exported functions, the table behind them, and the queries.
#include <string.h>

#include "session.h"

STANDIN_EXPORT NVENCSTATUS NvEncodeAPIGetMaxSupportedVersion(uint32_t *version);
STANDIN_EXPORT NVENCSTATUS NvEncodeAPICreateInstance(NV_ENCODE_API_FUNCTION_LIST *list);

static NVENCSTATUS begin_query(void *handle, enum standin_call call, const GUID *guid, const void *out,
                               const struct codec **codec, struct session **session)
{
    NVENCSTATUS status = session_enter(handle, call, NEED_SESSION, session);

    if (status == NV_ENC_SUCCESS && !out)
        return session_refuse(*session, NV_ENC_ERR_INVALID_PTR, "a query without a place for the answer");
    if (status == NV_ENC_SUCCESS && guid) {
        *codec = codec_find(*session, guid);
        if (!*codec)
            return session_refuse(*session, NV_ENC_ERR_UNSUPPORTED_PARAM,
                                  "a query for an unknown codec GUID");
    }
    return status;
}

// What the lists in the interface hold. Each gives how many.
union list {
    GUID guids[LIST_MAX];
    NV_ENC_BUFFER_FORMAT formats[LIST_MAX];
};

enum list_kind {
    LIST_CODECS,
    LIST_PROFILES,
    LIST_FORMATS,
};

static uint32_t fill_list(const struct session *session, const struct codec *codec, enum list_kind kind,
                          union list *out)
{
    const struct codec *const all[] = {&codec_hevc, &codec_h264};
    uint32_t count = 0;

    if (kind == LIST_PROFILES)
        return codec->profiles(session, out->guids);
    if (kind == LIST_FORMATS)
        return codec->formats(session, out->formats);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (codec_find(session, all[i]->guid))
            out->guids[count++] = *all[i]->guid;
    }
    return count;
}

// `out` NULL: the count alone is asked for.
static NVENCSTATUS answer_list(void *handle, enum standin_call call, const GUID *guid, enum list_kind kind,
                               void *out, uint32_t capacity, uint32_t *count)
{
    struct session *session;
    const struct codec *codec = NULL;
    union list list;
    size_t item_bytes = kind == LIST_FORMATS ? sizeof list.formats[0] : sizeof list.guids[0];
    NVENCSTATUS status = begin_query(handle, call, guid, count, &codec, &session);

    if (status == NV_ENC_SUCCESS) {
        *count = fill_list(session, codec, kind, &list);
        if (out && *count > capacity)
            *count = capacity;
        if (out)
            memcpy(out, &list, *count * item_bytes);
    }
    session_leave(session);
    return status;
}

static NVENCSTATUS get_guid_count(void *handle, uint32_t *count)
{
    return answer_list(handle, CALL_OTHER, NULL, LIST_CODECS, NULL, 0, count);
}

static NVENCSTATUS get_guids(void *handle, GUID *guids, uint32_t capacity, uint32_t *count)
{
    return answer_list(handle, CALL_GUIDS, NULL, LIST_CODECS, guids, capacity, count);
}

static NVENCSTATUS get_profile_count(void *handle, GUID codec, uint32_t *count)
{
    return answer_list(handle, CALL_OTHER, &codec, LIST_PROFILES, NULL, 0, count);
}

static NVENCSTATUS get_profiles(void *handle, GUID codec, GUID *guids, uint32_t capacity, uint32_t *count)
{
    return answer_list(handle, CALL_PROFILES, &codec, LIST_PROFILES, guids, capacity, count);
}

static NVENCSTATUS get_format_count(void *handle, GUID codec, uint32_t *count)
{
    return answer_list(handle, CALL_OTHER, &codec, LIST_FORMATS, NULL, 0, count);
}

static NVENCSTATUS get_formats(void *handle, GUID codec, NV_ENC_BUFFER_FORMAT *list, uint32_t capacity,
                               uint32_t *count)
{
    return answer_list(handle, CALL_FORMATS, &codec, LIST_FORMATS, list, capacity, count);
}

static int ability(const struct session *session, const struct codec *codec, NV_ENC_CAPS wanted)
{
    switch (wanted) {
    case NV_ENC_CAPS_SUPPORTED_RATECONTROL_MODES:
        return NV_ENC_PARAMS_RC_CBR | NV_ENC_PARAMS_RC_VBR;
    case NV_ENC_CAPS_SUPPORT_CUSTOM_VBV_BUF_SIZE:
        return !session->faults.without_vbv;
    case NV_ENC_CAPS_SUPPORT_DYN_BITRATE_CHANGE:
        return !session->faults.without_bitrate;
    case NV_ENC_CAPS_SUPPORT_MULTIPLE_REF_FRAMES:
        return 1;
    case NV_ENC_CAPS_WIDTH_MIN:
        return (int)codec->width_min_px;
    case NV_ENC_CAPS_HEIGHT_MIN:
        return (int)codec->height_min_px;
    case NV_ENC_CAPS_WIDTH_MAX:
    case NV_ENC_CAPS_HEIGHT_MAX:
        return (int)codec->size_max_px;
    case NV_ENC_CAPS_SUPPORT_CABAC:
        return codec->has_cabac;
    case NV_ENC_CAPS_SUPPORT_10BIT_ENCODE:
        return codec->has_10bit && !session->faults.without_10bit;
    case NV_ENC_CAPS_LEVEL_MIN:
        return (int)codec->level_min;
    case NV_ENC_CAPS_LEVEL_MAX:
        return (int)codec->level_max;
    case NV_ENC_CAPS_MB_PER_SEC_MAX:
        return 983040;
    case NV_ENC_CAPS_DYNAMIC_QUERY_ENCODER_CAPACITY:
        return 100; // as the header says for Linux
    default:
        return 0; // no B frames, no lookahead, no fields, no 4:4:4, no asynchronous mode, nothing newer
    }
}

static NVENCSTATUS get_caps(void *handle, GUID codec, NV_ENC_CAPS_PARAM *params, int *value)
{
    struct session *session;
    const struct codec *found = NULL;
    NVENCSTATUS status = begin_query(handle, CALL_CAPS, &codec, value, &found, &session);

    if (status == NV_ENC_SUCCESS && (!params || params->version != NV_ENC_CAPS_PARAM_VER))
        status = session_refuse(session, NV_ENC_ERR_INVALID_VERSION, "NvEncGetEncodeCaps: struct version");
    if (status == NV_ENC_SUCCESS)
        *value = ability(session, found, params->capsToQuery);
    session_leave(session);
    return status;
}

static void fill_preset(const struct codec *codec, NV_ENC_TUNING_INFO tuning, NV_ENC_CONFIG *config)
{
    bool low_latency =
        tuning == NV_ENC_TUNING_INFO_LOW_LATENCY || tuning == NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY;

    *config = (NV_ENC_CONFIG){.version = NV_ENC_CONFIG_VER};
    config->profileGUID = NV_ENC_CODEC_PROFILE_AUTOSELECT_GUID;
    config->gopLength = low_latency ? NVENC_INFINITE_GOPLENGTH : 250;
    config->frameIntervalP = 1;
    config->frameFieldMode = NV_ENC_PARAMS_FRAME_FIELD_MODE_FRAME;
    config->rcParams.version = NV_ENC_RC_PARAMS_VER;
    config->rcParams.rateControlMode = low_latency ? NV_ENC_PARAMS_RC_CBR : NV_ENC_PARAMS_RC_VBR;
    config->rcParams.averageBitRate = 2000000;
    config->rcParams.maxBitRate = low_latency ? 2000000 : 4000000;
    codec->fill_preset(config);
}

static NVENCSTATUS get_preset(void *handle, GUID codec, GUID preset, NV_ENC_TUNING_INFO tuning,
                              NV_ENC_PRESET_CONFIG *out)
{
    struct session *session;
    const struct codec *found = NULL;
    NVENCSTATUS status = begin_query(handle, CALL_PRESET, &codec, out, &found, &session);

    if (status == NV_ENC_SUCCESS &&
        (out->version != NV_ENC_PRESET_CONFIG_VER || out->presetCfg.version != NV_ENC_CONFIG_VER))
        status = session_refuse(session, NV_ENC_ERR_INVALID_VERSION,
                                "NvEncGetEncodePresetConfigEx: struct version, or that of the config inside");
    if (status == NV_ENC_SUCCESS && !session_is_preset(&preset))
        status = session_refuse(session, NV_ENC_ERR_UNSUPPORTED_PARAM, "an unknown preset GUID");
    if (status == NV_ENC_SUCCESS &&
        (tuning <= NV_ENC_TUNING_INFO_UNDEFINED || tuning >= NV_ENC_TUNING_INFO_COUNT))
        status = session_refuse(session, NV_ENC_ERR_INVALID_PARAM, "an unknown tuning");
    if (status == NV_ENC_SUCCESS)
        fill_preset(found, tuning, &out->presetCfg);
    session_leave(session);
    return status;
}

static NVENCSTATUS get_sequence_params(void *handle, NV_ENC_SEQUENCE_PARAM_PAYLOAD *params)
{
    struct session *session;
    struct codec_headers headers = {0};
    NVENCSTATUS status = session_enter(handle, CALL_OTHER, NEED_SESSION, &session);

    if (status == NV_ENC_SUCCESS && (!params || params->version != NV_ENC_SEQUENCE_PARAM_PAYLOAD_VER))
        status =
            session_refuse(session, NV_ENC_ERR_INVALID_VERSION, "NvEncGetSequenceParams: struct version");
    if (status == NV_ENC_SUCCESS && !session->initialized)
        status =
            session_refuse(session, NV_ENC_ERR_ENCODER_NOT_INITIALIZED, "NvEncGetSequenceParams too early");
    if (status == NV_ENC_SUCCESS) {
        headers =
            (struct codec_headers){.bytes = params->spsppsBuffer, .capacity_bytes = params->inBufferSize};
        if (!session->codec->headers(session, &headers))
            status = NV_ENC_ERR_NOT_ENOUGH_BUFFER;
    }
    if (status == NV_ENC_SUCCESS)
        *params->outSPSPPSPayloadSize = headers.size_bytes;
    session_leave(session);
    return status;
}

static NVENCSTATUS set_streams(void *handle, NV_ENC_CUSTREAM_PTR input, NV_ENC_CUSTREAM_PTR output)
{
    struct session *session;
    NVENCSTATUS status = session_enter(handle, CALL_OTHER, NEED_CONTEXT, &session);

    (void)input;
    (void)output;
    session_leave(session);
    return status;
}

static NVENCSTATUS open_deprecated(void *device, uint32_t type, void **encoder)
{
    (void)device;
    (void)type;
    (void)encoder;
    return session_refuse(NULL, NV_ENC_ERR_INVALID_CALL, "NvEncOpenEncodeSession is deprecated");
}

NVENCSTATUS NvEncodeAPIGetMaxSupportedVersion(uint32_t *version)
{
    struct standin_faults faults;

    standin_faults_read(&faults);
    uint32_t major = faults.version_major ? faults.version_major : NVENCAPI_MAJOR_VERSION;
    uint32_t minor = faults.version_major ? faults.version_minor : NVENCAPI_MINOR_VERSION;
    *version = major << 4 | minor;
    return NV_ENC_SUCCESS;
}

NVENCSTATUS NvEncodeAPICreateInstance(NV_ENCODE_API_FUNCTION_LIST *list)
{
    struct standin_faults faults;

    standin_faults_read(&faults);
    if (standin_faults_enter(&faults, CALL_INSTANCE) != KIND_NONE)
        return NV_ENC_ERR_GENERIC;
    CHECK_VERSION(NULL, list, NV_ENCODE_API_FUNCTION_LIST_VER);
    *list = (NV_ENCODE_API_FUNCTION_LIST){
        .version = NV_ENCODE_API_FUNCTION_LIST_VER,
        .nvEncOpenEncodeSession = open_deprecated,
        .nvEncOpenEncodeSessionEx = api_open,
        .nvEncGetEncodeGUIDCount = get_guid_count,
        .nvEncGetEncodeGUIDs = get_guids,
        .nvEncGetEncodeProfileGUIDCount = get_profile_count,
        .nvEncGetEncodeProfileGUIDs = get_profiles,
        .nvEncGetInputFormatCount = get_format_count,
        .nvEncGetInputFormats = get_formats,
        .nvEncGetEncodeCaps = get_caps,
        .nvEncGetEncodePresetConfigEx = get_preset,
        .nvEncGetSequenceParams = get_sequence_params,
        .nvEncSetIOCudaStreams = set_streams,
        .nvEncInitializeEncoder = api_initialize,
        .nvEncReconfigureEncoder = api_reconfigure,
        .nvEncDestroyEncoder = api_destroy,
        .nvEncGetLastErrorString = api_last_error,
        .nvEncCreateInputBuffer = api_create_input,
        .nvEncDestroyInputBuffer = api_destroy_input,
        .nvEncCreateBitstreamBuffer = api_create_output,
        .nvEncDestroyBitstreamBuffer = api_destroy_output,
        .nvEncLockInputBuffer = api_lock_input,
        .nvEncUnlockInputBuffer = api_unlock_input,
        .nvEncRegisterResource = api_register,
        .nvEncUnregisterResource = api_unregister,
        .nvEncMapInputResource = api_map,
        .nvEncUnmapInputResource = api_unmap,
        .nvEncEncodePicture = api_encode,
        .nvEncLockBitstream = api_lock,
        .nvEncUnlockBitstream = api_unlock,
    };
    return NV_ENC_SUCCESS;
}
