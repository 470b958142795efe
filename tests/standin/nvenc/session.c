// SPDX-License-Identifier: Apache-2.0
#include "session.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SESSIONS_MAX 64

static struct session *sessions[SESSIONS_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

STANDIN_EXPORT unsigned castor_standin_live_sessions(void);

unsigned castor_standin_live_sessions(void)
{
    unsigned live = 0;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        live += sessions[i] != NULL;
    pthread_mutex_unlock(&lock);
    return live;
}

bool guid_is(const GUID *a, const GUID *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

NVENCSTATUS session_refuse(struct session *session, NVENCSTATUS status, const char *format, ...)
{
    char text[240];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (session)
        memcpy(session->last_error, text, sizeof text);
    standin_misuse("%s", text);
    return status;
}

static NVENCSTATUS status_of_fault(struct session *session, enum standin_kind kind, enum standin_call call)
{
    switch (kind) {
    case KIND_BUSY:
        return call == CALL_LOCK ? NV_ENC_ERR_LOCK_BUSY : NV_ENC_ERR_ENCODER_BUSY;
    case KIND_LOST:
        session->lost = true;
        return NV_ENC_ERR_DEVICE_NOT_EXIST;
    case KIND_FAIL:
        return NV_ENC_ERR_GENERIC;
    case KIND_OOM:
        return NV_ENC_ERR_OUT_OF_MEMORY;
    case KIND_KEY:
        return NV_ENC_ERR_INCOMPATIBLE_CLIENT_KEY;
    default:
        return NV_ENC_SUCCESS; // MORE and IGNORE are looked at by the call itself
    }
}

static struct session *find(void *handle)
{
    struct session *found = NULL;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        if (handle && sessions[i] == handle)
            found = handle;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

NVENCSTATUS session_enter(void *handle, enum standin_call call, enum session_need need, struct session **out)
{
    struct session *session = find(handle);

    *out = NULL;
    if (!session)
        return session_refuse(NULL, NV_ENC_ERR_INVALID_ENCODERDEVICE, "a call with no session's handle");
    if (atomic_exchange(&session->inside, true))
        return session_refuse(NULL, NV_ENC_ERR_INVALID_CALL, "two threads call one session at the same time");
    *out = session;
    bool destroys = call == CALL_DESTROY || call == CALL_DESTROY_INPUT || call == CALL_DESTROY_OUTPUT ||
                    call == CALL_UNMAP || call == CALL_UNREGISTER;
    if (session->lost && !destroys)
        return NV_ENC_ERR_DEVICE_NOT_EXIST;
    if (need != NEED_SESSION && standin_context_current() != session->context)
        return session_refuse(session, NV_ENC_ERR_INVALID_DEVICE,
                              "the session's CUDA context is not current on the calling thread");
    if (need == NEED_ENCODER && !session->initialized)
        return session_refuse(session, NV_ENC_ERR_ENCODER_NOT_INITIALIZED,
                              "a call that needs NvEncInitializeEncoder first");
    standin_faults_renew(&session->faults, false, session->pictures);
    return status_of_fault(session, standin_faults_enter(&session->faults, call), call);
}

void session_leave(struct session *session)
{
    if (session)
        atomic_store(&session->inside, false);
}

bool session_has_fault(const struct session *session, enum standin_kind kind, enum standin_call call)
{
    for (uint32_t i = 0; i < session->faults.count; i++) {
        const struct standin_fault *fault = &session->faults.list[i];
        if (fault->kind == kind && fault->call == call && session->faults.calls[call] == fault->at)
            return true;
    }
    return false;
}

static NVENCSTATUS check_open(NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS *params)
{
    CHECK_VERSION(NULL, params, NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS_VER);
    if (params->apiVersion != NVENCAPI_VERSION)
        return session_refuse(NULL, NV_ENC_ERR_INVALID_VERSION, "NvEncOpenEncodeSessionEx: apiVersion %08x",
                              (unsigned)params->apiVersion);
    if (params->deviceType != NV_ENC_DEVICE_TYPE_CUDA || !params->device || params->reserved)
        return session_refuse(NULL, NV_ENC_ERR_INVALID_DEVICE,
                              "NvEncOpenEncodeSessionEx: only a CUDA context is a device here");
    return NV_ENC_SUCCESS;
}

static NVENCSTATUS enlist(struct session *session)
{
    uint32_t limit = session->faults.session_limit;
    unsigned live = 0;
    size_t room = SESSIONS_MAX;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        live += sessions[i] != NULL;
        if (!sessions[i])
            room = i;
    }
    bool fits = room < SESSIONS_MAX && (limit == 0 || live < limit);
    if (fits)
        sessions[room] = session;
    pthread_mutex_unlock(&lock);
    return fits ? NV_ENC_SUCCESS : NV_ENC_ERR_OUT_OF_MEMORY;
}

NVENCSTATUS api_open(NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS *params, void **out)
{
    NVENCSTATUS status = check_open(params);

    if (status != NV_ENC_SUCCESS)
        return status;
    struct session *session = calloc(1, sizeof *session);
    if (!session)
        return NV_ENC_ERR_OUT_OF_MEMORY;
    standin_faults_read(&session->faults);
    standin_faults_renew(&session->faults, true, 0);
    status = status_of_fault(session, standin_faults_enter(&session->faults, CALL_OPEN), CALL_OPEN);
    session->context = params->device;
    if (status == NV_ENC_SUCCESS && !standin_context_use(session->context, 1))
        status = NV_ENC_ERR_INVALID_DEVICE;
    else if (status == NV_ENC_SUCCESS) {
        status = enlist(session);
        if (status != NV_ENC_SUCCESS)
            (void)standin_context_use(session->context, -1);
    }
    if (status != NV_ENC_SUCCESS) {
        free(session);
        return status;
    }
    session->live = true;
    *out = session;
    return NV_ENC_SUCCESS;
}

bool session_is_preset(const GUID *guid)
{
    const GUID presets[] = {NV_ENC_PRESET_P1_GUID, NV_ENC_PRESET_P2_GUID, NV_ENC_PRESET_P3_GUID,
                            NV_ENC_PRESET_P4_GUID, NV_ENC_PRESET_P5_GUID, NV_ENC_PRESET_P6_GUID,
                            NV_ENC_PRESET_P7_GUID};

    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
        if (guid_is(guid, &presets[i]))
            return true;
    }
    return false;
}

static bool has_profile(const struct session *session, const struct codec *codec, const GUID *wanted)
{
    GUID list[LIST_MAX];
    uint32_t count = codec->profiles(session, list);
    bool found = guid_is(wanted, &NV_ENC_CODEC_PROFILE_AUTOSELECT_GUID);

    for (uint32_t i = 0; i < count; i++)
        found = found || guid_is(wanted, &list[i]);
    return found;
}

static NVENCSTATUS check_config(struct session *session, const struct codec *codec,
                                const NV_ENC_INITIALIZE_PARAMS *params)
{
    const NV_ENC_CONFIG *config = params->encodeConfig;
    const NV_ENC_RC_PARAMS *rc = &config->rcParams;

    CHECK_VERSION(session, config, NV_ENC_CONFIG_VER);
    if (config->frameIntervalP > 1)
        return session_refuse(session, NV_ENC_ERR_UNSUPPORTED_PARAM,
                              "B frames, which the capabilities exclude");
    if (config->gopLength == NVENC_INFINITE_GOPLENGTH && config->frameIntervalP != 1)
        return session_refuse(session, NV_ENC_ERR_INVALID_PARAM, "an infinite GOP needs frameIntervalP 1");
    if (config->frameFieldMode != NV_ENC_PARAMS_FRAME_FIELD_MODE_FRAME)
        return session_refuse(session, NV_ENC_ERR_UNSUPPORTED_PARAM,
                              "fields, which the capabilities exclude");
    if (rc->rateControlMode == NV_ENC_PARAMS_RC_CBR && rc->averageBitRate == 0)
        return session_refuse(session, NV_ENC_ERR_INVALID_PARAM, "CBR without a bitrate");
    if (rc->enableLookahead || rc->reservedBitField1 || rc->reservedBitFields)
        return session_refuse(session, NV_ENC_ERR_UNSUPPORTED_PARAM, "lookahead or reserved bits");
    if (session->faults.without_vbv && rc->vbvBufferSize)
        return session_refuse(session, NV_ENC_ERR_UNSUPPORTED_PARAM,
                              "a VBV size, which the capabilities exclude");
    if (!has_profile(session, codec, &config->profileGUID))
        return session_refuse(session, NV_ENC_ERR_UNSUPPORTED_PARAM,
                              "a profile that is not in the codec's list");
    return codec->check(session, params);
}

static NVENCSTATUS check_initialize(struct session *session, const NV_ENC_INITIALIZE_PARAMS *params)
{
    CHECK_VERSION(session, params, NV_ENC_INITIALIZE_PARAMS_VER);
    const struct codec *codec = codec_find(session, &params->encodeGUID);
    if (!codec)
        return session_refuse(session, NV_ENC_ERR_UNSUPPORTED_PARAM, "a codec that is not in the list");
    if (!session_is_preset(&params->presetGUID))
        return session_refuse(session, NV_ENC_ERR_UNSUPPORTED_PARAM, "a preset that is not in the list");
    if (params->tuningInfo <= NV_ENC_TUNING_INFO_UNDEFINED || params->tuningInfo >= NV_ENC_TUNING_INFO_COUNT)
        return session_refuse(session, NV_ENC_ERR_INVALID_PARAM, "presets p1 to p7 need a tuning");
    if (params->encodeWidth < codec->width_min_px || params->encodeHeight < codec->height_min_px ||
        params->encodeWidth > codec->size_max_px || params->encodeHeight > codec->size_max_px)
        return session_refuse(session, NV_ENC_ERR_INVALID_PARAM, "a size outside of the capabilities");
    if (params->frameRateNum == 0 || params->frameRateDen == 0)
        return session_refuse(session, NV_ENC_ERR_INVALID_PARAM, "no frame rate");
    if (params->enableEncodeAsync)
        return session_refuse(session, NV_ENC_ERR_UNSUPPORTED_PARAM, "asynchronous mode: only on Windows");
    if (params->reservedBitFields || params->privData || params->privDataSize)
        return session_refuse(session, NV_ENC_ERR_INVALID_PARAM, "reserved members are not zero");
    if (!params->encodeConfig)
        return session_refuse(session, NV_ENC_ERR_INVALID_PARAM, "the stand-in wants an explicit config");
    return check_config(session, codec, params);
}

static NVENCSTATUS initialize(struct session *session, const NV_ENC_INITIALIZE_PARAMS *params)
{
    NVENCSTATUS status = check_initialize(session, params);

    if (status != NV_ENC_SUCCESS)
        return status;
    if (session->initialized)
        return session_refuse(session, NV_ENC_ERR_INVALID_CALL, "NvEncInitializeEncoder twice");
    session->init = *params;
    session->config = *params->encodeConfig;
    session->codec = codec_find(session, &params->encodeGUID);
    if (!session->codec->open(session))
        return session_refuse(session, NV_ENC_ERR_INVALID_PARAM,
                              "the encoder in software behind it refuses these settings");
    session->initialized = true;
    return NV_ENC_SUCCESS;
}

SESSION_CALL(api_initialize, CALL_INITIALIZE, NEED_CONTEXT, NV_ENC_INITIALIZE_PARAMS *, initialize)

static NVENCSTATUS reconfigure(struct session *session, const NV_ENC_RECONFIGURE_PARAMS *params)
{
    if (session_has_fault(session, KIND_IGNORE, CALL_RECONFIGURE))
        return NV_ENC_SUCCESS;
    CHECK_VERSION(session, params, NV_ENC_RECONFIGURE_PARAMS_VER);
    const NV_ENC_INITIALIZE_PARAMS *wanted = &params->reInitEncodeParams;
    NVENCSTATUS status = check_initialize(session, wanted);
    if (status != NV_ENC_SUCCESS)
        return status;
    if (!guid_is(&wanted->encodeGUID, &session->init.encodeGUID) ||
        !guid_is(&wanted->encodeConfig->profileGUID, &session->config.profileGUID) ||
        session->codec->depth(wanted->encodeConfig) != session->codec->depth(&session->config))
        return session_refuse(session, NV_ENC_ERR_UNSUPPORTED_PARAM,
                              "codec, profile or depth cannot be reconfigured");
    if (wanted->encodeConfig->gopLength != session->config.gopLength ||
        wanted->encodeConfig->frameIntervalP != session->config.frameIntervalP ||
        wanted->enablePTD != session->init.enablePTD ||
        wanted->maxEncodeWidth != session->init.maxEncodeWidth ||
        wanted->maxEncodeHeight != session->init.maxEncodeHeight)
        return session_refuse(session, NV_ENC_ERR_UNSUPPORTED_PARAM,
                              "GOP, picture type decision or maximum size cannot be reconfigured");
    if (wanted->encodeWidth != session->init.encodeWidth ||
        wanted->encodeHeight != session->init.encodeHeight)
        return session_refuse(session, NV_ENC_ERR_UNSUPPORTED_PARAM, "the stand-in keeps its size");
    if (session->faults.without_bitrate &&
        wanted->encodeConfig->rcParams.averageBitRate != session->config.rcParams.averageBitRate)
        return session_refuse(session, NV_ENC_ERR_UNSUPPORTED_PARAM,
                              "a new bitrate, which the capabilities exclude");
    session->config = *wanted->encodeConfig;
    session->idr_next = session->idr_next || params->resetEncoder || params->forceIDR;
    return session->codec->set_rate(session) ? NV_ENC_SUCCESS : NV_ENC_ERR_INVALID_PARAM;
}

SESSION_CALL(api_reconfigure, CALL_RECONFIGURE, NEED_ENCODER, NV_ENC_RECONFIGURE_PARAMS *, reconfigure)

static NVENCSTATUS check_destroy(struct session *session)
{
    unsigned buffers = 0;

    for (size_t i = 0; i < BUFFERS_MAX; i++)
        buffers += session->inputs[i].used + session->outputs[i].used;
    if (buffers > 0)
        return session_refuse(session, NV_ENC_SUCCESS, "NvEncDestroyEncoder: %u buffers still exist",
                              buffers);
    if (session->pictures > 0 && !session->end_of_stream && !session->lost)
        return session_refuse(session, NV_ENC_SUCCESS, "NvEncDestroyEncoder without an end of stream before");
    return NV_ENC_SUCCESS;
}

NVENCSTATUS api_destroy(void *handle)
{
    struct session *session;
    NVENCSTATUS status = session_enter(handle, CALL_DESTROY, NEED_CONTEXT, &session);

    if (status == NV_ENC_SUCCESS)
        status = check_destroy(session);
    if (status != NV_ENC_SUCCESS) {
        session_leave(session);
        return status;
    }
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        if (sessions[i] == session)
            sessions[i] = NULL;
    }
    pthread_mutex_unlock(&lock);
    if (session->codec)
        session->codec->close(session);
    for (size_t i = 0; i < BUFFERS_MAX; i++) {
        if (!session->inputs[i].is_resource)
            free(session->inputs[i].memory);
        free(session->outputs[i].bytes);
    }
    (void)standin_context_use(session->context, -1);
    free(session);
    return NV_ENC_SUCCESS;
}

const char *api_last_error(void *handle)
{
    struct session *session = find(handle);

    return session ? session->last_error : "";
}
