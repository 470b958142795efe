// SPDX-License-Identifier: Apache-2.0
#include "nvenc_session.h"

#include <stdio.h>
#include <string.h>

#include "hal/time.h"

#define CLOSE_TRIES 500

int nvenc_session_failed(struct nvenc_session *session, const char *call, NVENCSTATUS status,
                         struct encoder_text *why)
{
    int error = nvenc_status_error(status);

    if (error == CASTOR_ERR_AGAIN)
        return error;
    if (error == CASTOR_ERR_LOST)
        session->lost = true;
    return encoder_text_set(why, error, "nvenc: %s: %s (%d)%s", call, nvenc_status_name(status), (int)status,
                            session->lost ? ": the device is gone; only a new process can be sure of it"
                                          : "");
}

int nvenc_session_device_name(const struct nvenc_library *library, CUdevice device,
                              char name[NVENC_DEVICE_NAME_BYTES])
{
    int domain = 0, bus = 0, slot = 0;

    if (library->device_get_attribute(&domain, CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID, device) != CUDA_SUCCESS ||
        library->device_get_attribute(&bus, CU_DEVICE_ATTRIBUTE_PCI_BUS_ID, device) != CUDA_SUCCESS ||
        library->device_get_attribute(&slot, CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID, device) != CUDA_SUCCESS)
        return CASTOR_ERR_IO;
    (void)snprintf(name, NVENC_DEVICE_NAME_BYTES, "%04x:%02x:%02x.0", (unsigned)domain, (unsigned)bus,
                   (unsigned)slot);
    return CASTOR_OK;
}

static int find_device(const struct nvenc_library *library, const char *wanted, CUdevice *out,
                       struct encoder_text *why)
{
    char name[NVENC_DEVICE_NAME_BYTES];
    int count = 0;
    CUresult result = library->init(0);

    if (result != CUDA_SUCCESS)
        return nvenc_library_failed(library, "cuInit", result, why);
    result = library->device_get_count(&count);
    if (result != CUDA_SUCCESS)
        return nvenc_library_failed(library, "cuDeviceGetCount", result, why);
    for (int i = 0; i < count; i++) {
        CUdevice device;
        if (library->device_get(&device, i) != CUDA_SUCCESS)
            continue;
        if (wanted[0] == '\0' ||
            (nvenc_session_device_name(library, device, name) == CASTOR_OK && strcmp(name, wanted) == 0)) {
            *out = device;
            return CASTOR_OK;
        }
    }
    return encoder_text_set(
        why, CASTOR_ERR_NOT_FOUND,
        "nvenc: there is no device \"%.60s\" (a PCI address such as 0000:01:00.0, or empty "
        "for the first); CUDA finds %d",
        wanted, count);
}

static int open_handle(struct nvenc_session *session, struct encoder_text *why)
{
    NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS params = {
        .version = NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS_VER,
        .deviceType = NV_ENC_DEVICE_TYPE_CUDA,
        .device = session->context,
        .apiVersion = NVENCAPI_VERSION,
    };
    NVENCSTATUS status = session->api.nvEncOpenEncodeSessionEx(&params, &session->handle);

    if (status == NV_ENC_SUCCESS)
        return CASTOR_OK;
    int error = nvenc_session_failed(session, "NvEncOpenEncodeSessionEx", status, why);
    if (error == CASTOR_ERR_NO_MEMORY)
        (void)encoder_text_set(why, error,
                               "nvenc: no further encoding session (%s): the system's limit may be reached; "
                               "end another encoder or use another driver",
                               nvenc_status_name(status));
    return error;
}

int nvenc_session_open(struct nvenc_session *session, const char *device, struct encoder_text *why)
{
    memset(session, 0, sizeof *session);
    int error = nvenc_library_get(&session->library, why);
    if (error == CASTOR_OK)
        error = nvenc_library_instance(session->library, &session->api, why);
    if (error == CASTOR_OK)
        error = find_device(session->library, device, &session->device, why);
    if (error != CASTOR_OK)
        return error;
    CUresult result =
        session->library->context_create(&session->context, CU_CTX_SCHED_BLOCKING_SYNC, session->device);
    if (result != CUDA_SUCCESS) {
        session->context = NULL;
        return nvenc_library_failed(session->library, "cuCtxCreate", result, why);
    }
    error = open_handle(session, why);
    if (error != CASTOR_OK)
        nvenc_session_close(session); // the header wants NvEncDestroyEncoder() even after a failure
    return error;
}

int nvenc_session_open_error(int error, struct encoder_text *why)
{
    if (error == CASTOR_ERR_AGAIN)
        return encoder_text_set(why, CASTOR_ERR_BUSY, "nvenc: the device is busy; try again");
    return error == CASTOR_ERR_LOST ? CASTOR_ERR_IO : error;
}

static int create_outputs(struct nvenc_session *session, struct encoder_text *why)
{
    for (uint32_t i = 0; i < NVENC_BUFFERS; i++) {
        NV_ENC_CREATE_BITSTREAM_BUFFER output = {.version = NV_ENC_CREATE_BITSTREAM_BUFFER_VER};
        NVENCSTATUS status = session->api.nvEncCreateBitstreamBuffer(session->handle, &output);
        if (status != NV_ENC_SUCCESS)
            return nvenc_session_failed(session, "NvEncCreateBitstreamBuffer", status, why);
        session->output[i] = output.bitstreamBuffer;
    }
    return CASTOR_OK;
}

int nvenc_session_start(struct nvenc_session *session, const struct encoder_config *config,
                        const GUID *preset, struct encoder_text *why)
{
    const GUID *codec = nvenc_config_codec(config->codec);
    NV_ENC_PRESET_CONFIG found = {.version = NV_ENC_PRESET_CONFIG_VER,
                                  .presetCfg = {.version = NV_ENC_CONFIG_VER}};
    NVENCSTATUS status = session->api.nvEncGetEncodePresetConfigEx(
        session->handle, *codec, *preset, NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY, &found);

    if (status != NV_ENC_SUCCESS)
        return nvenc_session_failed(session, "NvEncGetEncodePresetConfigEx", status, why);
    session->config = found.presetCfg;
    nvenc_config_fill(config, &session->abilities[config->codec], &session->config);
    session->format = config->format;
    session->buffer_format = nvenc_config_buffer_format(config->format.pixel);
    session->init = (NV_ENC_INITIALIZE_PARAMS){
        .version = NV_ENC_INITIALIZE_PARAMS_VER,
        .encodeGUID = *codec,
        .presetGUID = *preset,
        .tuningInfo = NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY,
        .encodeWidth = config->format.width_px,
        .encodeHeight = config->format.height_px,
        .darWidth = config->format.width_px,
        .darHeight = config->format.height_px,
        .maxEncodeWidth = config->format.width_px,
        .maxEncodeHeight = config->format.height_px,
        .frameRateNum = config->format.rate.num,
        .frameRateDen = config->format.rate.den,
        .enablePTD = 1, // without it no IDR can be forced
        .encodeConfig = &session->config,
    };
    status = session->api.nvEncInitializeEncoder(session->handle, &session->init);
    if (status != NV_ENC_SUCCESS)
        return nvenc_session_failed(session, "NvEncInitializeEncoder", status, why);
    int error = nvenc_input_open(session, config, why);
    return error == CASTOR_OK ? create_outputs(session, why) : error;
}

int nvenc_session_encode(struct nvenc_session *session, uint32_t buffer, uint64_t id, bool idr,
                         bool *finished, struct encoder_text *why)
{
    NV_ENC_PIC_PARAMS params = {
        .version = NV_ENC_PIC_PARAMS_VER,
        .inputWidth = session->init.encodeWidth,
        .inputHeight = session->init.encodeHeight,
        .inputPitch = session->input.places[buffer].pitch_bytes,
        .encodePicFlags = idr ? NV_ENC_PIC_FLAG_FORCEIDR | NV_ENC_PIC_FLAG_OUTPUT_SPSPPS : 0,
        .frameIdx = (uint32_t)id,
        .inputTimeStamp = id, // opaque to the device; names the picture when it comes out
        .inputBuffer = session->input.places[buffer].picture,
        .outputBitstream = session->output[buffer],
        .bufferFmt = session->input.places[buffer].format,
        .pictureStruct = NV_ENC_PIC_STRUCT_FRAME,
    };
    NVENCSTATUS status = session->api.nvEncEncodePicture(session->handle, &params);

    if (status != NV_ENC_SUCCESS && status != NV_ENC_ERR_NEED_MORE_INPUT)
        return nvenc_session_failed(session, "NvEncEncodePicture", status, why);
    session->draining = false;
    *finished = status == NV_ENC_SUCCESS;
    return CASTOR_OK;
}

int nvenc_session_collect(struct nvenc_session *session, uint32_t buffer, uint8_t *bytes,
                          size_t capacity_bytes, struct nvenc_picture *out, struct encoder_text *why)
{
    // Nothing ends a call that waits, so it must not wait.
    NV_ENC_LOCK_BITSTREAM locked = {
        .version = NV_ENC_LOCK_BITSTREAM_VER,
        .doNotWait = 1,
        .outputBitstream = session->output[buffer],
    };
    NVENCSTATUS status = session->api.nvEncLockBitstream(session->handle, &locked);

    if (status != NV_ENC_SUCCESS)
        return nvenc_session_failed(session, "NvEncLockBitstream", status, why);
    size_t size_bytes = locked.bitstreamBufferPtr ? locked.bitstreamSizeInBytes : 0;
    if (size_bytes > 0)
        memcpy(bytes, locked.bitstreamBufferPtr, size_bytes < capacity_bytes ? size_bytes : capacity_bytes);
    status = session->api.nvEncUnlockBitstream(session->handle, session->output[buffer]);
    if (status != NV_ENC_SUCCESS)
        return nvenc_session_failed(session, "NvEncUnlockBitstream", status, why);
    *out = (struct nvenc_picture){.id = locked.outputTimeStamp, .size_bytes = size_bytes};
    return CASTOR_OK;
}

int nvenc_session_set_rate(struct nvenc_session *session, const struct encoder_config *config,
                           uint32_t bitrate_bps, struct encoder_text *why)
{
    NV_ENC_RECONFIGURE_PARAMS params = {.version = NV_ENC_RECONFIGURE_PARAMS_VER};

    nvenc_config_rate(config, &session->abilities[config->codec], bitrate_bps, &session->config.rcParams);
    params.reInitEncodeParams = session->init; // with the pointer to the whole configuration
    NVENCSTATUS status = session->api.nvEncReconfigureEncoder(session->handle, &params);
    if (status == NV_ENC_SUCCESS || nvenc_status_error(status) == CASTOR_ERR_AGAIN)
        return nvenc_status_error(status);
    // What cannot change on the way may do so with a reset, which costs an IDR.
    params.resetEncoder = 1;
    params.forceIDR = 1;
    status = session->api.nvEncReconfigureEncoder(session->handle, &params);
    return status == NV_ENC_SUCCESS ? CASTOR_OK
                                    : nvenc_session_failed(session, "NvEncReconfigureEncoder", status, why);
}

int nvenc_session_drain(struct nvenc_session *session, struct encoder_text *why)
{
    NV_ENC_PIC_PARAMS params = {.version = NV_ENC_PIC_PARAMS_VER, .encodePicFlags = NV_ENC_PIC_FLAG_EOS};

    if (session->draining)
        return CASTOR_OK;
    NVENCSTATUS status = session->api.nvEncEncodePicture(session->handle, &params);
    if (status != NV_ENC_SUCCESS)
        return nvenc_session_failed(session, "NvEncEncodePicture (end of stream)", status, why);
    session->draining = true;
    return CASTOR_OK;
}

// Before everything goes. A device that is busy tells nobody when it no longer is.
static int last_drain(struct nvenc_session *session, struct encoder_text *why)
{
    const struct timespec pause = {.tv_nsec = (long)CASTOR_NS_PER_MS};
    int error = nvenc_session_drain(session, why);

    for (int i = 0; error == CASTOR_ERR_AGAIN && i < CLOSE_TRIES; i++) {
        (void)nanosleep(&pause, NULL);
        error = nvenc_session_drain(session, why);
    }
    return error;
}

// The order of the header: end of stream, buffers, session, context.
void nvenc_session_close(struct nvenc_session *session)
{
    struct encoder_text ignored;

    if (session->output[0] && !session->lost && last_drain(session, &ignored) != CASTOR_OK)
        session->lost = true; // and everything else goes all the same
    nvenc_input_close(session);
    for (uint32_t i = 0; i < NVENC_BUFFERS; i++) {
        if (session->output[i])
            (void)session->api.nvEncDestroyBitstreamBuffer(session->handle, session->output[i]);
    }
    if (session->handle)
        (void)session->api.nvEncDestroyEncoder(session->handle);
    if (session->context)
        (void)session->library->context_destroy(session->context);
    memset(session, 0, sizeof *session);
}
