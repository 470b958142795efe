// SPDX-License-Identifier: Apache-2.0
// The device's memory as input of the stand-in's encoder: registered once, mapped for each picture.
#include "session.h"

// What NvEncRegisterResource() gives; the mapped input is the struct itself, as those that were created.
static void *handle_of(struct input *input)
{
    return &input->is_resource;
}

static struct input *find_resource(struct session *session, void *handle)
{
    for (size_t i = 0; i < BUFFERS_MAX; i++) {
        struct input *input = &session->inputs[i];
        if (input->used && input->is_resource && handle == handle_of(input))
            return input;
    }
    return NULL;
}

static size_t size_of(const struct input *input)
{
    return (size_t)input->pitch_bytes * input->height_px * 3 / 2;
}

static bool use(const struct input *input, int registered, int mapped)
{
    return standin_memory_use((uintptr_t)input->memory, size_of(input), registered, mapped);
}

static NVENCSTATUS register_resource(struct session *session, NV_ENC_REGISTER_RESOURCE *params)
{
    struct input *input;

    CHECK_VERSION(session, params, NV_ENC_REGISTER_RESOURCE_VER);
    if (params->resourceType != NV_ENC_INPUT_RESOURCE_TYPE_CUDADEVICEPTR || params->subResourceIndex ||
        params->bufferUsage != NV_ENC_INPUT_IMAGE || params->pInputFencePoint || params->pOutputFencePoint)
        return session_refuse(session, NV_ENC_ERR_UNSUPPORTED_PARAM,
                              "NvEncRegisterResource: only pictures in CUDA's memory");
    NVENCSTATUS status =
        input_check(session, params->bufferFormat, params->width, params->height, "NvEncRegisterResource");
    if (status != NV_ENC_SUCCESS)
        return status;
    if (params->pitch % 4 != 0 ||
        params->pitch < params->width * (params->bufferFormat == NV_ENC_BUFFER_FORMAT_YUV420_10BIT ? 2 : 1))
        return session_refuse(session, NV_ENC_ERR_INVALID_PARAM, "NvEncRegisterResource: pitch %u",
                              (unsigned)params->pitch);
    input = input_room(session);
    if (!input)
        return NV_ENC_ERR_OUT_OF_MEMORY;
    *input = (struct input){.is_resource = true,
                            .format = params->bufferFormat,
                            .width_px = params->width,
                            .height_px = params->height,
                            .pitch_bytes = params->pitch,
                            .memory = params->resourceToRegister};
    if (!use(input, 1, 0)) {
        *input = (struct input){0};
        return session_refuse(session, NV_ENC_ERR_RESOURCE_REGISTER_FAILED,
                              "NvEncRegisterResource: the picture does not lie in the device's memory");
    }
    input->used = true;
    params->registeredResource = handle_of(input);
    return NV_ENC_SUCCESS;
}

SESSION_CALL(api_register, CALL_REGISTER, NEED_ENCODER, NV_ENC_REGISTER_RESOURCE *, register_resource)

static NVENCSTATUS unregister_resource(struct session *session, void *handle)
{
    struct input *input = find_resource(session, handle);

    if (!input)
        return session_refuse(session, NV_ENC_ERR_RESOURCE_NOT_REGISTERED,
                              "NvEncUnregisterResource: no such resource");
    if (input->mapped && !session->lost)
        return session_refuse(session, NV_ENC_ERR_INVALID_CALL, "NvEncUnregisterResource: it is mapped");
    (void)use(input, -1, input->mapped ? -1 : 0);
    *input = (struct input){0};
    return NV_ENC_SUCCESS;
}

SESSION_CALL(api_unregister, CALL_UNREGISTER, NEED_CONTEXT, NV_ENC_REGISTERED_PTR, unregister_resource)

static NVENCSTATUS map(struct session *session, NV_ENC_MAP_INPUT_RESOURCE *params)
{
    CHECK_VERSION(session, params, NV_ENC_MAP_INPUT_RESOURCE_VER);
    struct input *input = find_resource(session, params->registeredResource);
    if (!input || params->inputResource || params->subResourceIndex)
        return session_refuse(session, NV_ENC_ERR_RESOURCE_NOT_REGISTERED,
                              "NvEncMapInputResource: no such resource");
    if (input->mapped)
        return session_refuse(session, NV_ENC_ERR_MAP_FAILED, "NvEncMapInputResource twice");
    (void)use(input, 0, 1);
    input->mapped = true;
    params->mappedResource = input;
    params->mappedBufferFmt = input->format;
    return NV_ENC_SUCCESS;
}

SESSION_CALL(api_map, CALL_MAP, NEED_ENCODER, NV_ENC_MAP_INPUT_RESOURCE *, map)

static NVENCSTATUS unmap(struct session *session, void *buffer)
{
    struct input *input = find_input(session, buffer);

    if (!input || !input->is_resource)
        return session_refuse(session, NV_ENC_ERR_RESOURCE_NOT_MAPPED, "NvEncUnmapInputResource: not mapped");
    if (input->pictures > 0 && !session->end_of_stream && !session->lost)
        return session_refuse(session, NV_ENC_ERR_INVALID_CALL,
                              "NvEncUnmapInputResource: its picture was not fetched yet");
    (void)use(input, 0, -1);
    input->mapped = false;
    return NV_ENC_SUCCESS;
}

SESSION_CALL(api_unmap, CALL_UNMAP, NEED_CONTEXT, NV_ENC_INPUT_PTR, unmap)
