// SPDX-License-Identifier: Apache-2.0
#include "session.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GARBAGE_BYTES 700
#define NS_PER_MS 1000000
#define NS_PER_S 1000000000

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

struct input *find_input(struct session *session, void *buffer)
{
    for (size_t i = 0; i < BUFFERS_MAX; i++) {
        struct input *input = &session->inputs[i];
        if (buffer == input && input->used && (!input->is_resource || input->mapped))
            return input;
    }
    return NULL;
}

static struct output *find_output(struct session *session, void *buffer)
{
    for (size_t i = 0; i < BUFFERS_MAX; i++) {
        if (buffer == &session->outputs[i] && session->outputs[i].used)
            return &session->outputs[i];
    }
    return NULL;
}

static bool has_format(const struct session *session, NV_ENC_BUFFER_FORMAT wanted)
{
    NV_ENC_BUFFER_FORMAT list[LIST_MAX];
    uint32_t count = session->codec->formats(session, list);
    bool found = false;

    for (uint32_t i = 0; i < count; i++)
        found = found || list[i] == wanted;
    return found;
}

NVENCSTATUS input_check(struct session *session, NV_ENC_BUFFER_FORMAT format, uint32_t width_px,
                        uint32_t height_px, const char *call)
{
    bool is_10bit = format == NV_ENC_BUFFER_FORMAT_YUV420_10BIT;

    if (!has_format(session, format))
        return session_refuse(session, NV_ENC_ERR_UNSUPPORTED_PARAM,
                              "%s: an input format that is not in the codec's list", call);
    if (is_10bit != (session->codec->depth(&session->config) == 10))
        return session_refuse(session, NV_ENC_ERR_INVALID_PARAM,
                              "%s: an input format of another depth than pixelBitDepthMinus8 says", call);
    if (width_px != session->init.encodeWidth || height_px != session->init.encodeHeight)
        return session_refuse(session, NV_ENC_ERR_INVALID_PARAM, "%s: another size than the pictures", call);
    return NV_ENC_SUCCESS;
}

struct input *input_room(struct session *session)
{
    for (size_t i = 0; i < BUFFERS_MAX; i++) {
        if (!session->inputs[i].used)
            return &session->inputs[i];
    }
    return NULL;
}

static NVENCSTATUS create_input(struct session *session, NV_ENC_CREATE_INPUT_BUFFER *params)
{
    CHECK_VERSION(session, params, NV_ENC_CREATE_INPUT_BUFFER_VER);
    bool is_10bit = params->bufferFmt == NV_ENC_BUFFER_FORMAT_YUV420_10BIT;
    NVENCSTATUS status =
        input_check(session, params->bufferFmt, params->width, params->height, "NvEncCreateInputBuffer");
    if (status != NV_ENC_SUCCESS)
        return status;
    struct input *input = input_room(session);
    if (!input)
        return NV_ENC_ERR_OUT_OF_MEMORY;
    // Wider than the picture in any case, so that whoever ignores the pitch is found out.
    uint32_t pitch_bytes = (params->width * (is_10bit ? 2 : 1) + 64 + 255) & ~255u;
    uint8_t *memory = malloc((size_t)pitch_bytes * params->height * 3 / 2 + pitch_bytes);
    if (!memory)
        return NV_ENC_ERR_OUT_OF_MEMORY;
    *input = (struct input){.used = true,
                            .format = params->bufferFmt,
                            .width_px = params->width,
                            .height_px = params->height,
                            .pitch_bytes = pitch_bytes,
                            .memory = memory};
    params->inputBuffer = input;
    return NV_ENC_SUCCESS;
}

SESSION_CALL(api_create_input, CALL_CREATE_INPUT, NEED_ENCODER, NV_ENC_CREATE_INPUT_BUFFER *, create_input)

static NVENCSTATUS destroy_input(struct session *session, void *buffer)
{
    struct input *input = find_input(session, buffer);

    if (!input || input->is_resource)
        return session_refuse(session, NV_ENC_ERR_INVALID_PTR, "NvEncDestroyInputBuffer: no such buffer");
    if (input->locked && !session->lost)
        return session_refuse(session, NV_ENC_ERR_INVALID_CALL, "NvEncDestroyInputBuffer: it is locked");
    free(input->memory);
    *input = (struct input){0};
    return NV_ENC_SUCCESS;
}

SESSION_CALL(api_destroy_input, CALL_DESTROY_INPUT, NEED_CONTEXT, NV_ENC_INPUT_PTR, destroy_input)

static NVENCSTATUS create_output(struct session *session, NV_ENC_CREATE_BITSTREAM_BUFFER *params)
{
    struct output *output = session->outputs;

    CHECK_VERSION(session, params, NV_ENC_CREATE_BITSTREAM_BUFFER_VER);
    while (output < session->outputs + BUFFERS_MAX && output->used)
        output++;
    if (output == session->outputs + BUFFERS_MAX)
        return NV_ENC_ERR_OUT_OF_MEMORY;
    *output = (struct output){.used = true};
    params->bitstreamBuffer = output;
    return NV_ENC_SUCCESS;
}

SESSION_CALL(api_create_output, CALL_CREATE_OUTPUT, NEED_ENCODER, NV_ENC_CREATE_BITSTREAM_BUFFER *,
             create_output)

static NVENCSTATUS destroy_output(struct session *session, void *buffer)
{
    struct output *output = find_output(session, buffer);

    if (!output)
        return session_refuse(session, NV_ENC_ERR_INVALID_PTR, "NvEncDestroyBitstreamBuffer: no such buffer");
    if (output->locked && !session->lost)
        return session_refuse(session, NV_ENC_ERR_INVALID_CALL, "NvEncDestroyBitstreamBuffer: it is locked");
    if (output->pending && !session->end_of_stream && !session->lost)
        return session_refuse(
            session, NV_ENC_ERR_INVALID_CALL,
            "NvEncDestroyBitstreamBuffer: a picture is on its way into it; say end of stream");
    free(output->bytes);
    *output = (struct output){0};
    return NV_ENC_SUCCESS;
}

SESSION_CALL(api_destroy_output, CALL_DESTROY_OUTPUT, NEED_CONTEXT, NV_ENC_OUTPUT_PTR, destroy_output)

static NVENCSTATUS lock_input(struct session *session, NV_ENC_LOCK_INPUT_BUFFER *params)
{
    CHECK_VERSION(session, params, NV_ENC_LOCK_INPUT_BUFFER_VER);
    struct input *input = find_input(session, params->inputBuffer);
    if (!input || input->is_resource)
        return session_refuse(session, NV_ENC_ERR_INVALID_PTR, "NvEncLockInputBuffer: no such buffer");
    if (input->locked)
        return session_refuse(session, NV_ENC_ERR_INVALID_CALL, "NvEncLockInputBuffer twice");
    if (input->pictures > 0)
        return session_refuse(session, NV_ENC_ERR_INVALID_CALL,
                              "NvEncLockInputBuffer: its picture was not fetched yet");
    input->locked = true;
    params->bufferDataPtr = input->memory;
    params->pitch = input->pitch_bytes;
    return NV_ENC_SUCCESS;
}

SESSION_CALL(api_lock_input, CALL_LOCK_INPUT, NEED_ENCODER, NV_ENC_LOCK_INPUT_BUFFER *, lock_input)

static NVENCSTATUS unlock_input(struct session *session, void *buffer)
{
    struct input *input = find_input(session, buffer);

    if (!input || !input->locked)
        return session_refuse(session, NV_ENC_ERR_INVALID_CALL, "NvEncUnlockInputBuffer: not locked");
    input->locked = false;
    return NV_ENC_SUCCESS;
}

SESSION_CALL(api_unlock_input, CALL_UNLOCK_INPUT, NEED_ENCODER, NV_ENC_INPUT_PTR, unlock_input)

static NVENCSTATUS check_picture(struct session *session, const NV_ENC_PIC_PARAMS *params)
{
    const struct input *input = find_input(session, params->inputBuffer);
    const struct output *output = find_output(session, params->outputBitstream);

    if (!input || !output)
        return session_refuse(session, NV_ENC_ERR_INVALID_PTR, "NvEncEncodePicture: no such buffer");
    if (input->locked)
        return session_refuse(session, NV_ENC_ERR_INVALID_PARAM, "NvEncEncodePicture: the input is locked");
    if (output->locked || output->pending)
        return session_refuse(session, NV_ENC_ERR_INVALID_PARAM,
                              "NvEncEncodePicture: the output still holds a picture");
    if (session->end_of_stream && session->collected != session->pictures)
        return session_refuse(session, NV_ENC_ERR_INVALID_CALL,
                              "NvEncEncodePicture after end of stream, before everything was fetched");
    if (params->inputWidth != input->width_px || params->inputHeight != input->height_px ||
        params->bufferFmt != input->format || params->inputPitch != input->pitch_bytes)
        return session_refuse(session, NV_ENC_ERR_INVALID_PARAM,
                              "NvEncEncodePicture: size, pitch or format is not that of the buffer");
    if (params->pictureStruct != NV_ENC_PIC_STRUCT_FRAME || params->completionEvent || params->alphaBuffer ||
        params->reservedBitFields)
        return session_refuse(session, NV_ENC_ERR_INVALID_PARAM,
                              "NvEncEncodePicture: fields, events, alpha or reserved bits");
    if ((params->encodePicFlags & NV_ENC_PIC_FLAG_FORCEIDR) && !session->init.enablePTD)
        return session_refuse(session, NV_ENC_ERR_INVALID_PARAM,
                              "NvEncEncodePicture: an IDR can be forced only with enablePTD");
    return NV_ENC_SUCCESS;
}

static void spoil(struct session *session, struct output *output)
{
    uint64_t number = session->pictures;
    uint64_t argument;

    if (standin_faults_picture(&session->faults, KIND_GARBAGE, number, &argument)) {
        output->size_bytes = output->size_bytes < GARBAGE_BYTES ? output->size_bytes : GARBAGE_BYTES;
        memset(output->bytes, 0xA5, output->size_bytes);
    }
    if (standin_faults_picture(&session->faults, KIND_DROP, number, &argument))
        output->size_bytes = 0;
    if (standin_faults_picture(&session->faults, KIND_STAMP, number, &argument))
        output->stamp++;
    if (standin_faults_picture(&session->faults, KIND_SLOW, number, &argument))
        output->ready_ns += (int64_t)argument * NS_PER_MS;
}

static NVENCSTATUS encode(struct session *session, const NV_ENC_PIC_PARAMS *params)
{
    NVENCSTATUS status = check_picture(session, params);
    uint64_t argument;

    if (status != NV_ENC_SUCCESS)
        return status;
    struct input *input = find_input(session, params->inputBuffer);
    struct output *output = find_output(session, params->outputBitstream);
    uint64_t number = session->pictures + 1;
    bool idr = (params->encodePicFlags & NV_ENC_PIC_FLAG_FORCEIDR) || session->idr_next || number == 1;
    if (number > 1 && standin_faults_picture(&session->faults, KIND_NOT_IDR, number, &argument))
        idr = false;
    bool asked = number == 1 || (params->encodePicFlags & NV_ENC_PIC_FLAG_OUTPUT_SPSPPS);
    bool headers = session->codec->has_headers(&session->config, asked);
    output->size_bytes = 0;
    if (!session->codec->encode(session, input, idr, headers, output))
        return NV_ENC_ERR_GENERIC;
    session->idr_next = session->end_of_stream = false;
    session->pictures = number;
    input->pictures++;
    output->pending = true;
    output->asked = false;
    output->order = number;
    output->input = input;
    output->stamp = params->inputTimeStamp;
    output->frame_index = params->frameIdx;
    output->ready_ns = now_ns();
    spoil(session, output);
    if (session_has_fault(session, KIND_MORE, CALL_ENCODE))
        return NV_ENC_ERR_NEED_MORE_INPUT;
    for (size_t i = 0; i < BUFFERS_MAX; i++)
        session->outputs[i].finished = session->outputs[i].pending;
    return NV_ENC_SUCCESS;
}

static NVENCSTATUS end_stream(struct session *session, const NV_ENC_PIC_PARAMS *params)
{
    if (params->encodePicFlags != NV_ENC_PIC_FLAG_EOS || params->inputBuffer || params->outputBitstream ||
        params->completionEvent)
        return session_refuse(session, NV_ENC_ERR_INVALID_PARAM,
                              "NvEncEncodePicture: an end of stream comes alone, without buffers");
    session->end_of_stream = true;
    for (size_t i = 0; i < BUFFERS_MAX; i++)
        session->outputs[i].finished = session->outputs[i].pending;
    return NV_ENC_SUCCESS;
}

NVENCSTATUS api_encode(void *handle, NV_ENC_PIC_PARAMS *params)
{
    struct session *session;
    bool ends = params && (params->encodePicFlags & NV_ENC_PIC_FLAG_EOS);
    NVENCSTATUS status = session_enter(handle, ends ? CALL_EOS : CALL_ENCODE, NEED_ENCODER, &session);

    if (status == NV_ENC_SUCCESS && (!params || params->version != NV_ENC_PIC_PARAMS_VER))
        status = session_refuse(session, NV_ENC_ERR_INVALID_VERSION, "NvEncEncodePicture: struct version");
    if (status == NV_ENC_SUCCESS)
        status = ends ? end_stream(session, params) : encode(session, params);
    session_leave(session);
    return status;
}

static NVENCSTATUS check_lock(struct session *session, const struct output *output)
{
    if (!output)
        return session_refuse(session, NV_ENC_ERR_INVALID_PTR, "NvEncLockBitstream: no such buffer");
    if (output->locked)
        return session_refuse(session, NV_ENC_ERR_INVALID_CALL, "NvEncLockBitstream twice");
    if (!output->pending)
        return session_refuse(session, NV_ENC_ERR_INVALID_PARAM,
                              "NvEncLockBitstream: no picture was encoded");
    if (!output->finished)
        return session_refuse(session, NV_ENC_ERR_INVALID_PARAM, "NvEncLockBitstream after NEED_MORE_INPUT");
    if (output->order != session->collected + 1)
        return session_refuse(session, NV_ENC_ERR_INVALID_CALL, "NvEncLockBitstream out of order");
    return NV_ENC_SUCCESS;
}

static NVENCSTATUS lock_output(struct session *session, NV_ENC_LOCK_BITSTREAM *params)
{
    CHECK_VERSION(session, params, NV_ENC_LOCK_BITSTREAM_VER);
    struct output *output = find_output(session, params->outputBitstream);
    NVENCSTATUS status = check_lock(session, output);
    if (status != NV_ENC_SUCCESS)
        return status;
    int64_t wait_ns = output->ready_ns - now_ns();
    bool busy = params->doNotWait && (!output->asked || wait_ns > 0);
    output->asked = true;
    if (busy)
        return NV_ENC_ERR_LOCK_BUSY;
    if (wait_ns > 0) {
        struct timespec left = {wait_ns / NS_PER_S, wait_ns % NS_PER_S};
        (void)nanosleep(&left, NULL);
    }
    output->locked = true;
    output->pending = output->finished = false;
    output->input->pictures--;
    session->collected++;
    params->bitstreamBufferPtr = output->bytes;
    params->bitstreamSizeInBytes = (uint32_t)output->size_bytes;
    params->outputTimeStamp = output->stamp;
    params->frameIdx = output->frame_index;
    params->pictureType = output->type;
    params->pictureStruct = NV_ENC_PIC_STRUCT_FRAME;
    params->hwEncodeStatus = 2;
    params->frameAvgQP = 26;
    return NV_ENC_SUCCESS;
}

SESSION_CALL(api_lock, CALL_LOCK, NEED_ENCODER, NV_ENC_LOCK_BITSTREAM *, lock_output)

static NVENCSTATUS unlock_output(struct session *session, void *buffer)
{
    struct output *output = find_output(session, buffer);

    if (!output || !output->locked)
        return session_refuse(session, NV_ENC_ERR_INVALID_CALL, "NvEncUnlockBitstream: not locked");
    output->locked = false;
    return NV_ENC_SUCCESS;
}

SESSION_CALL(api_unlock, CALL_UNLOCK, NEED_ENCODER, NV_ENC_OUTPUT_PTR, unlock_output)
